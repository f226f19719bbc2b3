#include "compose/interpolate.h"
#include "compose/loading.h"
#include "compose/service.h"
#include <errno.h>
#include <fcntl.h>

struct asking {
	struct loading *l;
	const struct node *at;
	const char *from;
};

static const char *lookup(void *arg, const char *name)
{
	struct asking *q = arg;

	return loading_env(q->l, name);
}

static void seen(void *arg, const char *name, const char *op, const char *word, const char *value)
{
	struct asking *q = arg;
	struct loading *l = q->l;

	*vec_push(l->a, &l->p->uses) = (struct variable_use){
		name, op, word, value, node_place(l->a, q->at->file, q->at->line, q->at->col)};
	q->from = q->from ? arena_printf(l->a, "%s, ${%s}", q->from, name)
			  : arena_printf(l->a, "${%s}", name);
	if (!value && !*op)
		walk_notice(&l->w, q->at, "the variable %s is not set and becomes empty text",
			    name);
}

static int interpolate_tree(struct loading *l, struct node *n, struct err *e)
{
	struct asking q = {l, n, NULL};
	struct interpolation i = {
		.lookup = lookup, .seen = seen, .arg = &q, .lenient = l->o->lenient};
	int r;

	if (n->kind == NODE_SCALAR) {
		if (n->type != TYPE_STR || !strchr(n->text, '$'))
			return 0;
		r = interpolate(l->a, n->text, &i, &n->text, e);
		n->from = q.from;
		return r < 0 ? err_at(e, "%s:%d:%d", n->file, n->line, n->col) : 0;
	}
	vec_each(k, &n->kids) {
		r = interpolate_tree(l, *k, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- required variables that are not set, all of them ------------------------------------- */

struct lacking {
	struct loading *l;
	struct strings names;
};

static const char *lookup_lacking(void *arg, const char *name)
{
	struct lacking *a = arg;

	return loading_env(a->l, name);
}

static void seen_lacking(void *arg, const char *name, const char *op, const char *word,
			 const char *value)
{
	struct lacking *a = arg;
	bool set = value && (*op != ':' || *value);

	if (!set && strchr(op, '?') && !strings_have(&a->names, name))
		*vec_push(a->l->a, &a->names) = name;
}

static void collect_lacking(struct lacking *a, const struct node *n)
{
	struct interpolation i = {
		.lookup = lookup_lacking, .seen = seen_lacking, .arg = a, .lenient = true};
	const char *text;
	struct err ignored;

	if (n->kind == NODE_SCALAR && n->type == TYPE_STR &&
	    interpolate(a->l->a, n->text, &i, &text, &ignored) < 0)
		return; /* another mistake: for the next look */
	vec_each(k, &n->kids)
		collect_lacking(a, *k);
}

/* The message names the first, as docker compose's does; the hint all, so that one look is enough.
 */
static int interpolate_doc(struct loading *l, struct node *doc, struct err *e)
{
	struct lacking all = {.l = l};
	auto_buf b = {0};
	int r = interpolate_tree(l, doc, e);

	if (r != -ENOENT)
		return r;
	collect_lacking(&all, doc);
	if (all.names.n < 2)
		return r;
	vec_each(name, &all.names)
		buf_printf(&b, "%s%s", b.n ? ", " : "", *name);
	return err_hint(e, "set these in the environment or in .env: %.200s", b.p);
}

static int read_docs(struct loading *l, const char *path, struct nodes *docs, struct err *e)
{
	struct span text;
	int r;

	r = loading_read(l, path, &text, e);
	if (r < 0)
		return r;
	return node_parse(l->a, path, text, docs, e);
}

static int prepare_doc(struct loading *l, struct node **doc, struct err *e)
{
	int r = 0;

	if ((*doc)->kind != NODE_MAP)
		return node_fail(*doc, e,
				 "a compose file is a mapping: services, networks, volumes ...");
	if (!l->o->no_interpolate)
		r = interpolate_doc(l, *doc, e);
	if (!r)
		r = schema_expand(&l->w, &compose_row, doc, e);
	if (!r && node_get(*doc, "version")) {
		walk_notice(&l->w, node_get(*doc, "version"),
			    "\"version\" is obsolete and ignored, remove it to avoid confusion");
		node_remove(*doc, "version");
	}
	return r;
}

/* ---- extends ------------------------------------------------------------------------------ */

struct link { /* one step of a chain of extends */
	const struct link *up;
	const char *file, *service;
	int depth;
};

static int circle(const struct link *at, const struct link *again, const struct node *n,
		  struct err *e)
{
	auto_buf b = {0};

	buf_str(&b, again->service);
	for (; at; at = at->up) {
		buf_printf(&b, " < %s", at->service);
		if (!strcmp(at->service, again->service) && !strcmp(at->file, again->file))
			break;
	}
	node_fail(n, e, "services extend each other in a circle: %.200s", b.p);
	return err_hint(e, "take one \"extends\" out");
}

static int check_chain(const struct link *link, const struct node *n, struct err *e)
{
	for (const struct link *up = link->up; up; up = up->up) {
		if (!strcmp(up->file, link->file) && !strcmp(up->service, link->service))
			return circle(link->up, link, n, e);
	}
	if (link->depth > CHAIN_LIMIT)
		return node_fail(n, e, "more than %d services extend each other", CHAIN_LIMIT);
	return 0;
}

static int no_service(const struct node *services, const char *name, const struct node *n,
		      const char *file, struct err *e)
{
	const char *names[64], *best;
	size_t count = 0;

	for (size_t i = 0; services && i < services->kids.n && count < countof(names); i++)
		names[count++] = services->kids.v[i]->key;
	best = text_nearest(name, names, count);
	node_fail(n, e, "there is no service \"%s\" to extend in %s", name, file);
	return best ? err_hint(e, "did you mean \"%s\"?", best) : -e->code;
}

static int extend(struct loading *l, struct node *services, struct node *more, const char *name,
		  const char *dir, const struct link *up, struct err *e);

/* The base service from another file, its paths made relative to that file's directory. */
static int base_elsewhere(struct loading *l, struct node *ext, const char *dir,
			  const struct link *link, struct node **base, struct err *e)
{
	struct node *file = node_get(ext, "file"), *services = NULL;
	const char *name = node_get_text(ext, "service");
	const char *path = filepath_join(l->a, dir, file->text);
	const char *inner = filepath_dir(l->a, path);
	struct nodes docs = {0};
	int r = read_docs(l, path, &docs, e);

	if (r < 0)
		return *e->at ? r : err_at(e, "%s:%d:%d", file->file, file->line, file->col);
	vec_each(doc, &docs) {
		l->w.over = true;
		r = prepare_doc(l, doc, e);
		l->w.over = false;
		if (r < 0)
			return r;
		services = node_get(*doc, "services");
		*base = node_get(services, name);
		if (*base)
			break;
	}
	if (!*base)
		return no_service(services, name, node_get(ext, "service"), path, e);
	r = extend(l, services, NULL, name, inner, link, e);
	if (r < 0)
		return r;
	*base = node_get(services, name);
	if (l->o->no_path_resolution)
		inner = filepath_dir(l->a, file->text);
	place_service(l, *base, inner);
	return 0;
}

static int extend(struct loading *l, struct node *services, struct node *more, const char *name,
		  const char *dir, const struct link *up, struct err *e)
{
	struct node *svc = node_get(services, name), *ext = node_get(svc, "extends");
	struct node *base = NULL, *file = node_get(ext, "file");
	const char *want = node_get_text(ext, "service");
	struct link link = {up, svc ? svc->file : "", name, up ? up->depth + 1 : 0};
	int r;

	if (!ext || ext->mark == MARK_RESET || ext->kind != NODE_MAP)
		return 0;
	if (!want)
		return node_fail(ext, e, "\"extends\" names no service");
	r = check_chain(&link, ext, e);
	if (r < 0)
		return r;
	if (file && strcmp(filepath_join(l->a, dir, file->text), svc->file)) {
		r = base_elsewhere(l, ext, dir, &link, &base, e);
	} else {
		base = node_get(services, want);
		if (!base)
			base = node_get(more, want);
		if (!base)
			return no_service(services, want, node_get(ext, "service"), "this file", e);
		r = extend(l, services, more, want, dir, &link, e);
		base = node_get(services, want) ? node_get(services, want) : base;
	}
	if (r < 0)
		return r;
	base = node_copy(l->a, base);
	node_remove(svc, "extends");
	base->key_line = svc->key_line;
	base->key_col = svc->key_col;
	r = schema_merge(l->a, &service_row, &base, svc, e);
	base->file = svc->file;
	base->line = svc->line;
	base->col = svc->col;
	base->mark = svc->mark;
	node_set(l->a, services, name, base);
	return r;
}

static int extend_all(struct loading *l, struct node *doc, struct node *tree, const char *dir,
		      struct err *e)
{
	struct node *services = node_get(doc, "services");

	if (!services || services->kind != NODE_MAP)
		return 0;
	for (size_t i = 0; i < services->kids.n; i++) {
		int r = extend(l, services, node_get(tree, "services"), services->kids.v[i]->key,
			       dir, NULL, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- include ------------------------------------------------------------------------------ */

static int include_env(struct loading *l, struct node *inc, const char *dir, const char *sub,
		       struct err *e)
{
	struct node *files = node_get(inc, "env_file");
	const char *path;

	if (!files) {
		path = filepath_join(l->a, sub, ".env");
		return access(path, F_OK) ? 0 : loading_env_file(l, path, e);
	}
	vec_each(f, &files->kids) {
		int r;

		path = filepath_join(l->a, dir, (*f)->text);
		if (!strcmp(path, "/dev/null"))
			continue;
		r = loading_env_file(l, path, e);
		if (r < 0)
			return *e->at ? r
				      : err_at(e, "%s:%d:%d", (*f)->file, (*f)->line, (*f)->col);
	}
	return 0;
}

static int in_circle(struct loading *l, const char *path, const struct node *at, struct err *e)
{
	if (l->include_stack.n > CHAIN_LIMIT)
		return node_fail(at, e, "includes are nested more than %d deep", CHAIN_LIMIT);
	if (!strings_have(&l->include_stack, path))
		return 0;
	node_fail(at, e, "%s includes itself", path);
	return err_hint(e, "take one \"include\" out");
}

static int include_one(struct loading *l, struct node *inc, const char *dir, struct node **tree,
		       struct err *e)
{
	struct node *paths = node_get(inc, "path"), *outer = l->env, *sub = NULL;
	const char *given = node_get_text(inc, "project_directory"), *project, *first;
	size_t depth = l->include_stack.n;
	int r;

	if (!paths || !paths->kids.n)
		return 0;
	first = filepath_join(l->a, dir, paths->kids.v[0]->text);
	project = given ? filepath_join(l->a, dir, given) : filepath_dir(l->a, first);
	r = in_circle(l, first, inc, e);
	if (r < 0)
		return r;
	l->env = node_copy(l->a, outer);
	r = include_env(l, inc, dir, project, e);
	for (size_t i = 0; i < paths->kids.n && !r; i++) {
		const char *path = filepath_join(l->a, dir, paths->kids.v[i]->text);

		*vec_push(l->a, &l->include_stack) = path;
		r = source_load(l, path, project, &sub, e);
		if (r < 0 && !*e->at)
			err_at(e, "%s:%d:%d", inc->file, inc->line, inc->col);
	}
	l->include_stack.n = depth;
	if (!r && sub) {
		node_remove(sub, "name");
		if (l->o->no_path_resolution)
			project = given ? given : filepath_dir(l->a, paths->kids.v[0]->text);
		place_tree(l, sub, project);
		r = *tree ? schema_merge(l->a, &compose_row, tree, sub, e) : 0;
		if (!*tree)
			*tree = sub;
	}
	l->env = outer;
	return r;
}

/* What were lists in one file are mappings for the next: their names must be names. */
static int merge_docs(struct loading *l, struct node **tree, struct node *over, struct err *e)
{
	int r = schema_merge(l->a, &compose_row, tree, over, e);
	struct node *services = node_get(*tree, "services");

	for (size_t i = 0; services && i < services->kids.n && !r; i++) {
		const struct node *on = node_get(services->kids.v[i], "depends_on");
		const struct node *networks = node_get(services->kids.v[i], "networks");

		r = on ? schema_check_names(on, e) : 0;
		if (!r && networks)
			r = schema_check_names(networks, e);
	}
	return r;
}

/* What is included lies beneath the file that includes it. */
static int include_all(struct loading *l, struct node **doc, const char *dir, struct err *e)
{
	struct node *list = node_get(*doc, "include"), *below = NULL;
	int r = 0;

	if (!list || list->kind != NODE_SEQ)
		return 0;
	for (size_t i = 0; i < list->kids.n && !r; i++)
		r = include_one(l, list->kids.v[i], dir, &below, e);
	node_remove(*doc, "include");
	if (r || !below)
		return r;
	r = merge_docs(l, &below, *doc, e);
	*doc = below;
	return r;
}

static int add_doc(struct loading *l, struct node *doc, const char *dir, struct node **tree,
		   struct err *e)
{
	int r;

	l->w.over = *tree != NULL;
	r = prepare_doc(l, &doc, e);
	l->w.over = false;
	if (!r)
		r = include_all(l, &doc, dir, e);
	if (!r)
		r = extend_all(l, doc, *tree, dir, e);
	if (r < 0)
		return r;
	if (*tree)
		r = merge_docs(l, tree, doc, e);
	else
		*tree = doc;
	schema_drop_resets(*tree);
	schema_unique(l->a, &compose_row, *tree);
	return r;
}

int source_load(struct loading *l, const char *path, const char *dir, struct node **tree,
		struct err *e)
{
	struct nodes docs = {0};
	int r = read_docs(l, path, &docs, e);

	if (r < 0)
		return r;
	if (!docs.n && !*tree) {
		err_set(e, EINVAL, "the compose file is empty");
		return err_at(e, "%s", path);
	}
	vec_each(doc, &docs) {
		r = add_doc(l, *doc, dir, tree, e);
		if (r < 0)
			return r;
	}
	return 0;
}
