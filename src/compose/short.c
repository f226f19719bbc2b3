#include "compose/short.h"
#include <ctype.h>

static struct node *map_with(struct walk *w, const char *key, struct node *n)
{
	struct node *map = node_new(w->a, NODE_MAP, n);

	node_set(w->a, map, key, node_str(w->a, n->text, n));
	return map;
}

static void put(struct walk *w, struct node *map, const char *key, const char *text,
		enum node_type type)
{
	node_set(w->a, map, key, node_typed(w->a, type, text, map));
}

static void put_default(struct walk *w, struct node *map, const char *key, const char *text,
			enum node_type type)
{
	if (!node_get(map, key))
		put(w, map, key, text, type);
}

int short_build(struct walk *w, struct node **n, struct err *e)
{
	(void)e;
	if ((*n)->kind == NODE_SCALAR)
		*n = map_with(w, "context", *n);
	return 0;
}

int short_extends(struct walk *w, struct node **n, struct err *e)
{
	(void)e;
	if ((*n)->kind == NODE_SCALAR)
		*n = map_with(w, "service", *n);
	return 0;
}

int short_include(struct walk *w, struct node **n, struct err *e)
{
	(void)e;
	if ((*n)->kind == NODE_SCALAR && !node_null(*n))
		*n = map_with(w, "path", *n);
	return 0;
}

static int text_entry(const struct node *k, const char *what, struct err *e)
{
	if (k->kind == NODE_SCALAR && k->type == TYPE_STR)
		return 0;
	node_fail(k, e, "%s takes texts", what);
	return k->kind == NODE_SCALAR ? err_hint(e, "quote it: \"%s\"", k->text) : -e->code;
}

int short_depends_on(struct walk *w, struct node **n, struct err *e)
{
	struct node *map = node_new(w->a, NODE_MAP, *n);

	if ((*n)->kind == NODE_MAP) {
		vec_each(k, &(*n)->kids) {
			if ((*k)->kind == NODE_MAP)
				put_default(w, *k, "required", "true", TYPE_BOOL);
		}
		return 0;
	}
	vec_each(k, &(*n)->kids) {
		struct node *dep = node_new(w->a, NODE_MAP, *k);
		int r = text_entry(*k, "depends_on", e);

		if (r < 0)
			return r;
		dep->key_line = (*k)->line;
		dep->key_col = (*k)->col;
		put(w, dep, "condition", "service_started", TYPE_STR);
		put(w, dep, "required", "true", TYPE_BOOL);
		node_set(w->a, map, (*k)->text, dep);
	}
	*n = map;
	return 0;
}

int short_name_map(struct walk *w, struct node **n, struct err *e)
{
	struct node *map = node_new(w->a, NODE_MAP, *n);

	if ((*n)->kind == NODE_MAP)
		return 0;
	vec_each(k, &(*n)->kids) {
		struct node *v = node_typed(w->a, TYPE_NULL, "", *k);
		int r = text_entry(*k, "this list", e);

		if (r < 0)
			return r;
		if (node_get(map, (*k)->text))
			return node_fail(*k, e, "\"%s\" is listed twice", (*k)->text);
		v->key_line = (*k)->line;
		v->key_col = (*k)->col;
		node_set(w->a, map, (*k)->text, v);
	}
	*n = map;
	return 0;
}

int short_env_files(struct walk *w, struct node **n, struct err *e)
{
	struct node *seq = node_new(w->a, NODE_SEQ, *n);

	(void)e;
	if ((*n)->kind == NODE_SCALAR)
		node_push(w->a, seq, *n);
	else
		seq = *n;
	for (size_t i = 0; i < seq->kids.n; i++) {
		struct node *k = seq->kids.v[i];

		if (k->kind == NODE_SCALAR && !node_null(k))
			k = map_with(w, "path", k);
		if (k->kind == NODE_MAP)
			put_default(w, k, "required", "true", TYPE_BOOL);
		seq->kids.v[i] = k;
	}
	*n = seq;
	return 0;
}

int short_file_ref(struct walk *w, struct node **n, struct err *e)
{
	(void)e;
	if ((*n)->kind == NODE_SCALAR)
		*n = map_with(w, "source", *n);
	return 0;
}

int short_secret_ref(struct walk *w, struct node **n, struct err *e)
{
	const char *source;
	int r = short_file_ref(w, n, e);

	source = node_get_text(*n, "source");
	if (source)
		put_default(w, *n, "target", arena_printf(w->a, "/run/secrets/%s", source),
			    TYPE_STR);
	return r;
}

int short_count(struct walk *w, struct node **n, struct err *e)
{
	int64_t v;

	if (w->raw)
		return 0;
	if (node_is(*n, "all")) {
		*n = node_typed(w->a, TYPE_INT, "-1", *n);
		return 0;
	}
	if ((*n)->type == TYPE_STR && text_to_i64((*n)->text, &v)) {
		node_fail(*n, e, "\"count\" takes a number or \"all\", not \"%s\"", (*n)->text);
		return -e->code;
	}
	if ((*n)->type == TYPE_STR)
		*n = node_typed(w->a, TYPE_INT, arena_printf(w->a, "%lld", (long long)v), *n);
	return 0;
}

static void put_count(struct walk *w, struct node *map)
{
	put_default(w, map, "count", w->raw ? "all" : "-1", w->raw ? TYPE_STR : TYPE_INT);
}

int short_device_request(struct walk *w, struct node **n, struct err *e)
{
	if (node_get(*n, "count") && node_get(*n, "device_ids"))
		return node_fail(*n, e, "\"count\" and \"device_ids\" exclude each other");
	if (!node_get(*n, "device_ids"))
		put_count(w, *n);
	return 0;
}

int short_gpus(struct walk *w, struct node **n, struct err *e)
{
	struct node *seq = node_new(w->a, NODE_SEQ, *n), *one = node_new(w->a, NODE_MAP, *n);

	if ((*n)->kind == NODE_SEQ)
		return 0;
	if (strcmp((*n)->text, "all")) {
		node_fail(*n, e, "\"gpus\" takes \"all\" or a list, not \"%s\"", (*n)->text);
		return -e->code;
	}
	put_count(w, one);
	node_push(w->a, seq, one);
	*n = seq;
	return 0;
}

/* volumes, networks, secrets, configs: {external: {name: x}} is {name: x, external: true} */
int short_external(struct walk *w, struct node **n, struct err *e)
{
	struct node *external = node_get(*n, "external"), *name, *old;

	if (!external || external->kind != NODE_MAP)
		return 0;
	name = node_get(external, "name");
	old = node_get(*n, "name");
	vec_each(k, &external->kids) {
		if (strcmp((*k)->key, "name") && !schema_extension((*k)->key)) {
			node_fail_key(*k, e, "no attribute is called \"%s\" here", (*k)->key);
			return err_hint(e, "write \"external: true\" and \"name\" beside it");
		}
	}
	walk_notice(w, external,
		    "external.name is deprecated: write \"external: true\" and \"name\" beside it");
	if (name && old &&
	    strcmp(node_text(old) ? old->text : "", node_text(name) ? name->text : ""))
		return node_fail(old, e, "\"name\" and \"external.name\" conflict: keep \"name\"");
	if (name)
		node_set(w->a, *n, "name", node_copy(w->a, name));
	node_set(w->a, *n, "external", node_typed(w->a, TYPE_BOOL, "true", external));
	return 0;
}

int short_device(struct walk *w, struct node **n, struct err *e)
{
	const char *parts[3] = {NULL, NULL, "rwm"};
	struct span rest, head;
	struct node *map;
	size_t count = 0;

	if ((*n)->kind != NODE_SCALAR)
		return 0;
	rest = span_of((*n)->text);
	for (bool more = true; more; count++) {
		more = span_cut(&rest, ':', &head);
		if (count == 3) {
			node_fail(*n, e, "\"%s\" has too many parts", (*n)->text);
			return err_hint(e, "write SOURCE:TARGET:PERMISSIONS, or the long form");
		}
		parts[count] = span_dup(w->a, head);
	}
	map = map_with(w, "source", *n);
	put(w, map, "source", parts[0], TYPE_STR);
	put(w, map, "target", parts[1] && *parts[1] ? parts[1] : parts[0], TYPE_STR);
	put(w, map, "permissions", parts[2], TYPE_STR);
	*n = map;
	return 0;
}

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.-", c));
}

/* docker compose asks only that a name is somewhere in it. */
int short_container_name(struct walk *w, struct node **n, struct err *e)
{
	(void)w;
	for (const char *s = (*n)->text; *s; s++) {
		if (isalnum((unsigned char)*s) && name_char(s[1]))
			return 0;
	}
	node_fail(*n, e, "\"%s\" is no name of a container", (*n)->text);
	return err_hint(e, "a name has two characters or more: letters, digits, dots, hyphens");
}

int short_pull_policy(struct walk *w, struct node **n, struct err *e)
{
	static const char *const words[] = {"always",  "never",   "build", "if_not_present",
					    "missing", "refresh", "daily", "weekly"};
	const char *every = strstr((*n)->text, "every_"), *best;

	(void)w;
	for (size_t i = 0; i < countof(words); i++) {
		if (strstr((*n)->text, words[i]))
			return 0;
	}
	if (every && isdigit((unsigned char)every[6]) &&
	    strpbrk(every + 6 + strspn(every + 6, "0123456789"), "wdhms") ==
		    every + 6 + strspn(every + 6, "0123456789"))
		return 0;
	best = text_nearest((*n)->text, words, countof(words));
	node_fail(*n, e, "\"%s\" is not a value of \"pull_policy\"", (*n)->text);
	if (best)
		return err_hint(e, "did you mean \"%s\"?", best);
	return err_hint(e, "it takes always, missing, never, build, daily, weekly or every_12h");
}

/* "${DNS:-}" in a list is no entry. */
int short_filled(struct walk *w, struct node **n, struct err *e)
{
	size_t kept = 0;

	(void)w, (void)e;
	vec_each(k, &(*n)->kids) {
		if ((*k)->kind != NODE_SCALAR || *(*k)->text)
			(*n)->kids.v[kept++] = *k;
	}
	(*n)->kids.n = kept;
	return 0;
}

/* [name=value] as {name: value} */
int short_equals(struct walk *w, struct node **n, struct err *e)
{
	struct node *map = node_new(w->a, NODE_MAP, *n);

	if ((*n)->kind == NODE_MAP)
		return 0;
	vec_each(k, &(*n)->kids) {
		const char *eq = (*k)->kind == NODE_SCALAR ? strchr((*k)->text, '=') : NULL;

		if (!eq && w->raw)
			return 0;
		if (!eq) {
			node_fail(*k, e, "an entry has no value");
			return err_hint(e, "write NAME=VALUE");
		}
		node_set(w->a, map, arena_strndup(w->a, (*k)->text, (size_t)(eq - (*k)->text)),
			 node_str(w->a, eq + 1, *k));
	}
	*n = map;
	return 0;
}

int short_ssh(struct walk *w, struct node **n, struct err *e)
{
	struct node *was = *n, *map = node_new(w->a, NODE_MAP, was);
	int r;

	if (was->kind == NODE_MAP)
		return 0;
	for (size_t i = 0; i < was->kids.n; i++) {
		const struct node *k = was->kids.v[i];
		const char *eq = k->text ? strchr(k->text, '=') : NULL;

		r = text_entry(k, "ssh", e);
		if (r < 0)
			return r;
		if (!eq && strcmp(k->text, "default")) {
			node_fail(k, e, "\"%s\" is no ssh key", k->text);
			return err_hint(e, "write default, or ID=PATH");
		}
		node_set(w->a, map, arena_strndup(w->a, k->text, strcspn(k->text, "=")),
			 eq ? node_str(w->a, eq + 1, k) : node_typed(w->a, TYPE_NULL, "", k));
	}
	*n = map;
	return 0;
}

/* {id: path} as [id=path] */
int short_ssh_list(struct walk *w, struct node *n, struct node **out, struct err *e)
{
	(void)e;
	*out = node_new(w->a, NODE_SEQ, n);
	vec_each(k, &n->kids) {
		const char *text = (*k)->text;

		if (n->kind == NODE_MAP)
			text = node_null(*k) || !*text
				       ? (*k)->key
				       : arena_printf(w->a, "%s=%s", (*k)->key, text);
		node_push(w->a, *out, node_str(w->a, text, *k));
	}
	return 0;
}

int short_ulimit(struct walk *w, struct node **n, struct err *e)
{
	int64_t v;

	if ((*n)->kind != NODE_SCALAR)
		return 0;
	if (text_to_i64((*n)->text, &v) || (w->raw && (*n)->type == TYPE_STR))
		return node_fail(*n, e, "a limit is a whole number, not \"%s\"", (*n)->text);
	*n = node_typed(w->a, TYPE_INT, arena_printf(w->a, "%lld", (long long)v), *n);
	return 0;
}

/* 0 is written out for readers of YAML; JSON has it as {}, as docker compose prints it. */
int short_ulimit_pair(struct walk *w, struct node *n, struct node **out, struct err *e)
{
	static const char *const names[] = {"soft", "hard"};

	(void)e;
	*out = n;
	if (n->kind == NODE_SCALAR && strcmp(n->text, "0"))
		return 0;
	*out = node_new(w->a, NODE_MAP, n);
	(*out)->record = true;
	for (size_t i = 0; i < countof(names); i++) {
		const struct node *v = n->kind == NODE_MAP ? node_get(n, names[i]) : n;
		struct node *copy = node_typed(w->a, TYPE_INT, v ? v->text : "0", n);

		copy->yaml_only = !strcmp(copy->text, "0");
		node_set(w->a, *out, names[i], copy);
	}
	return 0;
}

/* An env_file that must exist and has no format is printed as its path. */
int short_env_path(struct walk *w, struct node *n, struct node **out, struct err *e)
{
	const struct node *path = node_get(n, "path"), *format = node_get(n, "format");

	(void)e;
	*out = n;
	if (node_text(path) && node_true(node_get(n, "required")) && !format)
		*out = node_str(w->a, path->text, path);
	return 0;
}

/* Octal text as a number; a number stays as it is. */
int short_mode(struct walk *w, struct node **n, struct err *e)
{
	unsigned long v;
	char *end;

	if ((*n)->type != TYPE_STR || w->raw)
		return 0;
	v = strtoul((*n)->text, &end, 8);
	if (end == (*n)->text || *end || v > 07777) {
		node_fail(*n, e, "\"%s\" is not a file mode", (*n)->text);
		return err_hint(e, "write it in octal: \"01777\"");
	}
	*n = node_typed(w->a, TYPE_INT, arena_printf(w->a, "%lu", v), *n);
	return 0;
}

/* Options of a provider are lists of texts. */
int short_options(struct walk *w, struct node *n, struct node **out, struct err *e)
{
	(void)e;
	*out = node_new(w->a, NODE_MAP, n);
	vec_each(k, &n->kids) {
		struct node *seq = node_new(w->a, NODE_SEQ, *k);

		vec_each(v, &(*k)->kids)
			node_push(w->a, seq, node_str(w->a, (*v)->text, *v));
		if ((*k)->kind == NODE_SCALAR)
			node_push(w->a, seq, node_str(w->a, (*k)->text, *k));
		node_set(w->a, *out, (*k)->key, seq);
	}
	node_sort(*out);
	return 0;
}

/* ---- extra_hosts -------------------------------------------------------------------------- */

static void push_host(struct walk *w, struct node *list, const char *host, const char *ip,
		      const struct node *at)
{
	size_t n = strlen(ip);
	const char *text;

	if (n > 1 && *ip == '[' && ip[n - 1] == ']') {
		ip++;
		n -= 2;
	}
	text = arena_printf(w->a, "%s=%.*s", host, (int)n, ip);
	node_push(w->a, list, node_str(w->a, text, at));
}

static int host_line(struct walk *w, struct node *list, const struct node *k, struct err *e)
{
	const char *sep = strchr(k->text, '=');

	if (!sep)
		sep = strchr(k->text, ':');
	if (!sep || sep == k->text) {
		node_fail(k, e, "\"%s\" has no address", k->text);
		return err_hint(e, "write HOST=ADDRESS");
	}
	push_host(w, list, arena_strndup(w->a, k->text, (size_t)(sep - k->text)), sep + 1, k);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp((*(struct node *const *)a)->text, (*(struct node *const *)b)->text);
}

int short_hosts(struct walk *w, struct node *n, struct node **out, struct err *e)
{
	struct node *list = node_new(w->a, NODE_SEQ, n);

	vec_each(k, &n->kids) {
		int r = n->kind == NODE_SEQ ? host_line(w, list, *k, e) : 0;

		if (r < 0)
			return r;
		if (n->kind == NODE_MAP && (*k)->kind == NODE_SCALAR)
			push_host(w, list, (*k)->key, (*k)->text, *k);
		vec_each(ip, &(*k)->kids)
			push_host(w, list, (*k)->key, (*ip)->text, *ip);
	}
	if (list->kids.n > 1)
		qsort(list->kids.v, list->kids.n, sizeof(*list->kids.v), by_text);
	*out = list;
	return 0;
}

/* ---- what makes two entries one ----------------------------------------------------------- */

static const char *attr(const struct node *n, const char *name, const char *otherwise)
{
	const char *t = node_get_text(n, name);

	return t ? t : otherwise;
}

const char *short_port_key(struct arena *a, const struct node *n)
{
	if (n->kind == NODE_SCALAR)
		return n->text;
	return arena_printf(a, "%s:%s:%s/%s", attr(n, "host_ip", "0.0.0.0"),
			    attr(n, "published", ""), attr(n, "target", ""),
			    attr(n, "protocol", "tcp"));
}

const char *short_mount_key(struct arena *a, const struct node *n)
{
	(void)a;
	return n->kind == NODE_MAP ? attr(n, "target", "") : n->text;
}

const char *short_secret_key(struct arena *a, const struct node *n)
{
	const char *target = node_get_text(n, "target");

	return target ? target : arena_printf(a, "/run/secrets/%s", attr(n, "source", ""));
}

const char *short_config_key(struct arena *a, const struct node *n)
{
	const char *target = node_get_text(n, "target");

	return target ? target : arena_printf(a, "/%s", attr(n, "source", ""));
}

const char *short_path_key(struct arena *a, const struct node *n)
{
	(void)a;
	return attr(n, "path", "");
}

const char *short_subnet_key(struct arena *a, const struct node *n)
{
	(void)a;
	return node_get_text(n, "subnet");
}

const char *short_text_key(struct arena *a, const struct node *n)
{
	(void)a;
	return n->kind == NODE_SCALAR ? n->text : NULL;
}
