#include "compose/load.h"
#include "base/file.h"
#include "compose/dotenv.h"
#include "compose/interpolate.h"
#include "compose/loading.h"
#include "compose/service.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

extern char **environ;

/* ---- environment -------------------------------------------------------------------------- */

const char *loading_env(const struct loading *l, const char *name)
{
	return node_text(node_get(l->env, name));
}

static const char *lookup(void *arg, const char *name)
{
	return loading_env(arg, name);
}

int loading_env_file(struct loading *l, const char *path, struct err *e)
{
	struct dotenv how = {path, lookup, l, &l->p->notices};
	struct pairs vars = {0};
	struct node *earlier;
	struct span text;
	struct stat st;
	int r;

	if (stat(path, &st) < 0) {
		err_set(e, errno, "couldn't find env file: %s", path);
		return err_hint(e, "--env-file and env_file must name files that exist");
	}
	if (S_ISDIR(st.st_mode)) {
		err_set(e, EISDIR, "%s is a directory, not an env file", path);
		return -e->code;
	}
	r = file_read(l->a, AT_FDCWD, path, FILE_LIMIT, &text, e);
	if (!r)
		r = dotenv_parse(l->a, &how, text, &vars, e);
	if (r < 0)
		return r;
	/* The last of a name in a file wins over those before it, none over the environment. */
	earlier = node_copy(l->a, l->env);
	vec_each(v, &vars) {
		struct node *n = node_str(l->a, v->value, NULL);

		n->from = path;
		if (!node_get(earlier, v->key))
			node_set(l->a, l->env, v->key, n);
	}
	return 0;
}

static void read_environ(struct loading *l)
{
	const char *const *vars = l->o->environ ? l->o->environ : (const char *const *)environ;

	l->env = node_new(l->a, NODE_MAP, NULL);
	for (; vars && *vars; vars++) {
		const char *eq = strchr(*vars, '=');

		if (eq && eq != *vars)
			node_set(l->a, l->env, arena_strndup(l->a, *vars, (size_t)(eq - *vars)),
				 node_str(l->a, eq + 1, NULL));
	}
}

static bool is_yes(const char *s)
{
	return s &&
	       (!strcmp(s, "1") || !strcmp(s, "true") || !strcmp(s, "True") || !strcmp(s, "TRUE"));
}

static void split(struct arena *a, const char *text, const char *sep, struct strings *out)
{
	while (text && *text) {
		size_t n = strcspn(text, sep);

		if (n)
			*vec_push(a, out) = span_dup(a, span_trim((struct span){text, n}));
		text += n + (text[n] != '\0');
	}
}

/* .env beside the project, or what --env-file named: later files win over earlier ones. */
static int dotenv_files(struct loading *l, const char *dir, struct err *e)
{
	struct strings files = l->o->env_files;
	struct node *before;
	const char *path;
	struct stat st;
	int r = 0;

	if (!files.n)
		split(l->a, loading_env(l, "COMPOSE_ENV_FILES"), ",", &files);
	if (!files.n) {
		path = filepath_join(l->a, dir, ".env");
		if (is_yes(loading_env(l, "COMPOSE_DISABLE_ENV_FILE")) || stat(path, &st) < 0 ||
		    S_ISDIR(st.st_mode))
			return 0;
		if (!strings_have(&l->p->env_files, path))
			*vec_push(l->a, &l->p->env_files) = path;
		return loading_env_file(l, path, e);
	}
	before = l->env;
	for (size_t i = files.n; i-- > 0 && !r;) {
		path = filepath_join(l->a, l->cwd, files.v[i]);
		r = loading_env_file(l, path, e);
	}
	(void)before;
	for (size_t i = 0; i < files.n && !l->p->env_files.n; i++)
		*vec_push(l->a, &l->p->env_files) = filepath_join(l->a, l->cwd, files.v[i]);
	return r;
}

/* ---- files and directories ---------------------------------------------------------------- */

static const char *const defaults[] = {"compose.yaml", "compose.yml", "docker-compose.yml",
				       "docker-compose.yaml"};
static const char *const overrides[] = {"compose.override.yml", "compose.override.yaml",
					"docker-compose.override.yml",
					"docker-compose.override.yaml"};

static const char *first_of(struct loading *l, const char *dir, const char *const *names, size_t n)
{
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *path = filepath_join(l->a, dir, names[i]);

		if (access(path, F_OK))
			continue;
		if (found)
			*vec_push(l->a, &l->p->notices) =
				arena_printf(l->a, "%s: not read, %s comes first", path, found);
		else
			found = path;
	}
	return found;
}

static int discover(struct loading *l, const char *dir, struct err *e)
{
	const char *found = NULL, *over;

	for (const char *at = dir;; at = filepath_dir(l->a, at)) {
		found = first_of(l, at, defaults, countof(defaults));
		if (found || !strcmp(at, "/") || !strcmp(at, "."))
			break;
	}
	if (!found) {
		err_set(e, ENOENT, "no configuration file provided: not found");
		return err_hint(e, "there is no compose.yaml in %s or above it; name one with -f",
				dir);
	}
	*vec_push(l->a, &l->p->files) = found;
	over = first_of(l, filepath_dir(l->a, found), overrides, countof(overrides));
	if (over)
		*vec_push(l->a, &l->p->files) = over;
	return 0;
}

static const char *working_dir(struct loading *l, const struct strings *files)
{
	if (l->o->project_directory)
		return filepath_join(l->a, l->cwd, l->o->project_directory);
	for (size_t i = 0; i < files->n; i++) {
		if (strcmp(files->v[i], "-"))
			return filepath_dir(l->a, filepath_join(l->a, l->cwd, files->v[i]));
	}
	return l->cwd;
}

static int find_files(struct loading *l, struct err *e)
{
	struct strings files = l->o->files;
	const char *sep;
	int r;

	r = dotenv_files(l, working_dir(l, &files), e);
	if (r < 0)
		return r;
	if (!files.n && loading_env(l, "COMPOSE_FILE")) {
		sep = loading_env(l, "COMPOSE_PATH_SEPARATOR");
		split(l->a, loading_env(l, "COMPOSE_FILE"), sep && *sep ? sep : ":", &files);
	}
	vec_each(f, &files)
		*vec_push(l->a, &l->p->files) =
			strcmp(*f, "-") ? filepath_join(l->a, l->cwd, *f) : "-";
	if (!files.n) {
		r = discover(l, working_dir(l, &files), e);
		if (r < 0)
			return r;
	}
	l->p->dir = working_dir(l, &l->p->files);
	return dotenv_files(l, l->p->dir, e);
}

int loading_read(struct loading *l, const char *path, struct span *out, struct err *e)
{
	int r;

	if (strcmp(path, "-"))
		return file_read(l->a, AT_FDCWD, path, FILE_LIMIT, out, e);
	r = l->input_read ? 0 : file_read_fd(l->a, 0, FILE_LIMIT, &l->input, e);
	l->input_read |= !r;
	*out = l->input;
	return r;
}

/* ---- name --------------------------------------------------------------------------------- */

static const char *normal_name(struct arena *a, const char *s)
{
	char *out = arena_strndup(a, s, strlen(s));
	size_t n = 0;

	for (; *s; s++) {
		char c = (char)tolower((unsigned char)*s);

		if (islower((unsigned char)c) || isdigit((unsigned char)c) ||
		    ((c == '-' || c == '_') && n))
			out[n++] = c;
	}
	out[n] = '\0';
	return out;
}

static int bad_name(const char *name, struct err *e)
{
	err_set(e, EINVAL, "invalid project name \"%s\"", name);
	return err_hint(
		e, "a name holds lower-case letters, digits, hyphens and underscores, and starts "
		   "with a letter or digit");
}

/* -p, then COMPOSE_PROJECT_NAME, then `name:` of the last file that has one, then the directory. */
static int name_project(struct loading *l, const char *from_files, struct err *e)
{
	const char *name = l->o->project_name, *slash;

	if (!name || !*name)
		name = loading_env(l, "COMPOSE_PROJECT_NAME");
	if (name && *name) {
		if (strcmp(normal_name(l->a, name), name))
			return bad_name(name, e);
	} else if (from_files && *from_files) {
		name = normal_name(l->a, from_files);
	} else {
		slash = strrchr(l->p->dir, '/');
		name = normal_name(l->a, slash ? slash + 1 : l->p->dir);
	}
	if (!*name) {
		err_set(e, EINVAL, "project name must not be empty");
		return err_hint(e, "give one with -p or with \"name:\" in the file");
	}
	l->name = name;
	l->p->name = name;
	node_set(l->a, l->env, "COMPOSE_PROJECT_NAME", node_str(l->a, name, NULL));
	return 0;
}

/* A line at the margin that starts with a name, or with what is no block style. */
static bool may_have_name(struct span s)
{
	bool any = false;
	struct span line;

	while (s.n) {
		span_cut(&s, '\n', &line);
		if (!line.n || *line.p == '#' || *line.p == '\r')
			continue;
		if (strchr("n{\"'?&!-%", *line.p) || (!any && *line.p == ' '))
			return true;
		any = true;
	}
	return false;
}

/* The name comes before everything else, since values may ask for it. */
static int peek_name(struct loading *l, const char **out, struct err *e)
{
	struct interpolation i = {.lookup = lookup, .arg = l};
	struct nodes docs = {0};
	struct span text;
	int r;

	*out = NULL;
	vec_each(f, &l->p->files) {
		docs.n = 0;
		r = loading_read(l, *f, &text, e);
		if (r < 0)
			return r;
		if (!may_have_name(text))
			continue;
		r = node_parse(l->a, *f, text, &docs, e);
		if (r < 0)
			return r;
		vec_each(d, &docs) {
			const char *name = node_get_text(*d, "name");

			if (!name || !*name)
				continue;
			r = l->o->no_interpolate ? 0 : interpolate(l->a, name, &i, &name, e);
			if (r < 0)
				return r;
			*out = name;
		}
	}
	return 0;
}

/* ---- profiles, unused things -------------------------------------------------------------- */

static bool is_active(const struct loading *l, const struct strings *active, struct node *svc)
{
	struct node *own = node_get(svc, "profiles");

	if (l->o->all_profiles || !own || !own->kids.n || strings_have(active, "*"))
		return true;
	vec_each(p, &own->kids) {
		if (strings_have(active, (*p)->text))
			return true;
	}
	return false;
}

static void choose_services(struct loading *l, struct node *tree)
{
	struct node *services = node_get(tree, "services"), *kept;
	struct strings active = {0};

	vec_each(p, &l->o->profiles)
		*vec_push(l->a, &active) = *p;
	if (!active.n)
		split(l->a, loading_env(l, "COMPOSE_PROFILES"), ",", &active);
	if (!active.n)
		*vec_push(l->a, &active) = ""; /* "${NAME:-}" as a profile is always on */
	vec_each(name, &l->o->enable) {
		struct node *own = node_get(node_get(services, *name), "profiles");

		for (size_t i = 0; own && i < own->kids.n; i++)
			*vec_push(l->a, &active) = own->kids.v[i]->text;
	}
	if (!services)
		return;
	kept = node_new(l->a, NODE_MAP, services);
	for (size_t i = 0; i < services->kids.n; i++) {
		struct node *k = services->kids.v[i], *own = node_get(k, "profiles");

		for (size_t j = 0; own && j < own->kids.n; j++) {
			if (!strings_have(&l->p->all_profiles, own->kids.v[j]->text))
				*vec_push(l->a, &l->p->all_profiles) = own->kids.v[j]->text;
		}
		if (is_active(l, &active, k))
			node_set(l->a, kept, k->key, k);
		else
			*vec_push(l->a, &l->p->disabled) = k->key;
	}
	node_set(l->a, tree, "services", kept);
}

static bool uses(const struct node *list, const char *attr, const char *name)
{
	for (size_t i = 0; list && i < list->kids.n; i++) {
		const struct node *k = list->kids.v[i];

		if (attr ? node_is(node_get(k, attr), name) : !strcmp(k->key, name))
			return true;
	}
	return false;
}

static bool is_used(const struct node *services, const char *group, const char *name)
{
	for (size_t i = 0; services && i < services->kids.n; i++) {
		const struct node *s = services->kids.v[i];
		bool named = !strcmp(group, "networks") || !strcmp(group, "models");

		if (uses(node_get(s, group), named ? NULL : "source", name))
			return true;
		if (!strcmp(group, "secrets") &&
		    uses(node_get(node_get(s, "build"), "secrets"), "source", name))
			return true;
	}
	return false;
}

static void prune(struct loading *l, struct node *tree)
{
	static const char *const groups[] = {"networks", "volumes", "secrets", "configs", "models"};
	struct node *services = node_get(tree, "services");

	for (size_t i = 0; i < countof(groups) && !l->o->all_resources; i++) {
		struct node *map = node_get(tree, groups[i]), *kept;

		if (!map)
			continue;
		kept = node_new(l->a, NODE_MAP, map);
		kept->yaml_only = map->yaml_only;
		vec_each(k, &map->kids) {
			if (is_used(services, groups[i], (*k)->key))
				node_set(l->a, kept, (*k)->key, *k);
		}
		if (kept->kids.n)
			node_set(l->a, tree, groups[i], kept);
		else
			node_remove(tree, groups[i]);
	}
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int settle(struct loading *l, struct node *tree, struct err *e)
{
	int r;

	if (!l->o->no_consistency)
		normal_replicas(l, tree);
	r = schema_settle(&l->w, &compose_row, tree, &l->p->tree, e);
	if (r < 0)
		return r;
	choose_services(l, l->p->tree);
	if (!l->o->no_consistency)
		r = check_project(l, l->p->tree, e);
	if (r < 0)
		return r;
	/* a hash is of the labels, wherever they stand */
	if (!l->o->no_env_resolution || !l->o->no_hash) {
		struct node *again = l->p->tree;

		r = normal_environment(l, again, e);
		if (r == 1) /* attributes came in: put them in their place */
			r = schema_settle(&l->w, &compose_row, again, &l->p->tree, e);
		if (r < 0)
			return r;
	}
	prune(l, l->p->tree);
	return 0;
}

static int merged_tree(struct loading *l, struct node **tree, struct err *e)
{
	const char *from_files;
	int r = peek_name(l, &from_files, e);

	if (!r)
		r = name_project(l, from_files, e);
	vec_each(f, &l->p->files) {
		if (r < 0)
			return r;
		l->include_stack.n = 0;
		*vec_push(l->a, &l->include_stack) = *f;
		r = source_load(l, *f, l->p->dir, tree, e);
	}
	if (r < 0)
		return r;
	if (*tree && !(*tree)->kids.n) {
		err_set(e, EINVAL, "the compose file is empty");
		return err_at(e, "%s", l->p->files.v[0]);
	}
	r = schema_check(l->a, &compose_row, *tree, e);
	if (!r)
		r = check_resources(*tree, e);
	if (r < 0)
		return r;
	normal_paths(l, *tree);
	if (!l->o->no_path_resolution)
		place_tree(l, *tree, l->p->dir);
	if (!l->o->no_normalize || !from_files || !node_get(*tree, "name"))
		node_set(l->a, *tree, "name", node_str(l->a, l->name, *tree));
	return l->o->no_normalize ? 0 : normal_tree(l, *tree, e);
}

static void keep_environment(struct loading *l)
{
	node_sort(l->env);
	l->p->env = l->env;
	vec_each(k, &l->env->kids)
		*vec_push(l->a, &l->p->environment) = (struct pair){(*k)->key, (*k)->text};
}

int project_load(struct arena *a, const struct load_options *o, struct project **out, struct err *e)
{
	struct loading l = {.a = a, .o = o, .p = arena_new(a, struct project)};
	struct node *tree = NULL;
	char *cwd = o->cwd ? NULL : getcwd(NULL, 0);
	int r;

	l.p->compat = o->compat;
	l.w = (struct walk){.a = a,
			    .raw = o->no_interpolate,
			    .notices = &l.p->notices,
			    .warnings = &l.p->warnings};
	l.cwd = o->cwd ? filepath_join(a, "/", o->cwd)
		: cwd  ? arena_strndup(a, cwd, strlen(cwd))
		       : "/";
	free(cwd);
	read_environ(&l);
	r = find_files(&l, e);
	if (!r)
		r = merged_tree(&l, &tree, e);
	if (r < 0)
		return r;
	keep_environment(&l);
	l.p->model = o->no_interpolate ? tree : NULL;
	if (!o->no_interpolate) {
		r = settle(&l, tree, e);
		if (!r)
			r = project_decode(a, l.p, e);
		if (!r && !o->no_hash)
			project_hash(l.p);
		if (!r)
			lint(&l);
	}
	if (r < 0)
		return r;
	if (o->strict && (l.p->notices.n || l.p->warnings.n)) {
		err_set(e, EINVAL, "%s", (l.p->notices.n ? l.p->notices : l.p->warnings).v[0]);
		return err_hint(e, "--strict takes a warning for an error");
	}
	*out = l.p;
	return 0;
}
