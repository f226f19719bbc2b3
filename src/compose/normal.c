/* What nobody writes and everybody means: defaults, names, implied dependencies, env files. */
#include "base/file.h"
#include "compose/dotenv.h"
#include "compose/loading.h"
#include <fcntl.h>

static void set_text(struct loading *l, struct node *map, const char *key, const char *text)
{
	node_set(l->a, map, key, node_str(l->a, text, map));
}

/* ---- networks ----------------------------------------------------------------------------- */

static bool join_default(struct loading *l, struct node *service)
{
	struct node *networks = node_get(service, "networks");

	if (node_get(service, "provider") || node_get(service, "network_mode"))
		return false;
	if (networks && networks->kids.n)
		return node_get(networks, "default");
	networks = node_new(l->a, NODE_MAP, service);
	node_set(l->a, networks, "default", node_typed(l->a, TYPE_NULL, "", service));
	node_set(l->a, service, "networks", networks);
	return true;
}

static void normal_networks(struct loading *l, struct node *tree)
{
	struct node *services = node_get(tree, "services"), *networks = node_get(tree, "networks");
	bool used = false;

	if (services) {
		vec_each(k, &services->kids)
			used |= join_default(l, *k);
	}
	if (!used || node_get(networks, "default"))
		return;
	if (!networks) {
		networks = node_new(l->a, NODE_MAP, tree);
		node_set(l->a, tree, "networks", networks);
	}
	node_set(l->a, networks, "default", node_typed(l->a, TYPE_NULL, "", tree));
}

/* ---- dependencies ------------------------------------------------------------------------- */

static void depend(struct loading *l, struct node *service, const char *on, bool restart)
{
	struct node *deps = node_get(service, "depends_on"), *dep;

	if (!deps) {
		deps = node_new(l->a, NODE_MAP, service);
		node_set(l->a, service, "depends_on", deps);
	}
	if (node_get(deps, on))
		return;
	dep = node_new(l->a, NODE_MAP, service);
	dep->from = "implied";
	set_text(l, dep, "condition", "service_started");
	node_set(l->a, dep, "restart",
		 node_typed(l->a, TYPE_BOOL, restart ? "true" : "false", dep));
	node_set(l->a, dep, "required", node_typed(l->a, TYPE_BOOL, "true", dep));
	node_set(l->a, deps, on, dep);
}

static void implied(struct loading *l, struct node *service)
{
	static const char *const spaces[] = {"network_mode", "ipc", "pid", "uts", "cgroup"};
	struct node *links = node_get(service, "links"), *from = node_get(service, "volumes_from");

	for (size_t i = 0; links && i < links->kids.n; i++) {
		const char *t = links->kids.v[i]->text, *colon = strchr(t, ':');

		/* SERVICE:ALIAS; with a second colon it is no such thing */
		if (colon && !strchr(colon + 1, ':'))
			t = arena_strndup(l->a, t, (size_t)(colon - t));
		depend(l, service, t, true);
	}
	for (size_t i = 0; i < countof(spaces); i++) {
		const char *t = node_get_text(service, spaces[i]);

		if (t && text_starts(t, "service:"))
			depend(l, service, t + 8, true);
	}
	for (size_t i = 0; from && i < from->kids.n; i++) {
		const char *t = from->kids.v[i]->text;

		if (!text_starts(t, "container:"))
			depend(l, service, arena_strndup(l->a, t, strcspn(t, ":")), false);
	}
}

/* ---- pass-through variables --------------------------------------------------------------- */

/* NAME alone takes its value from the environment; where that has none it stays, or goes. */
static void pass_through(struct loading *l, struct node *vars, bool keep)
{
	size_t kept = 0;

	for (size_t i = 0; vars && i < vars->kids.n; i++) {
		struct node *k = vars->kids.v[i];
		bool alone =
			vars->kind == NODE_MAP ? node_null(k) : k->text && !strchr(k->text, '=');
		const char *name = vars->kind == NODE_MAP ? k->key : k->text;
		/* docker compose knows no environment where values stay as they are. */
		const char *value = alone && !l->o->no_interpolate ? loading_env(l, name) : NULL;

		if (alone && !value && !keep)
			continue;
		if (value) {
			const char *key = k->key;
			int line = k->key_line, col = k->key_col;

			k = node_str(l->a,
				     vars->kind == NODE_MAP
					     ? value
					     : arena_printf(l->a, "%s=%s", name, value),
				     k);
			k->key = key;
			k->key_line = line;
			k->key_col = col;
			k->from = "the environment";
		}
		vars->kids.v[kept++] = k;
	}
	if (vars && kept != vars->kids.n) {
		vars->kids.n = kept;
		vars->index = NULL;
	}
}

static void normal_service(struct loading *l, struct node *service)
{
	struct node *build = node_get(service, "build");
	struct node *policy = node_get(service, "pull_policy");

	if (node_is(policy, "if_not_present"))
		set_text(l, service, "pull_policy", "missing");
	if (build && build->kind == NODE_MAP) {
		if (!node_get(build, "dockerfile") && !node_get(build, "dockerfile_inline"))
			set_text(l, build, "dockerfile", "Dockerfile");
		pass_through(l, node_get(build, "args"), false);
	}
	if (!l->o->no_interpolate)
		pass_through(l, node_get(service, "environment"), true);
	implied(l, service);
}

/* `build: {}` builds the directory of the project; mount targets are clean paths. */
void normal_paths(struct loading *l, struct node *tree)
{
	struct node *services = node_get(tree, "services");

	for (size_t i = 0; services && i < services->kids.n; i++) {
		struct node *build = node_get(services->kids.v[i], "build");
		struct node *mounts = node_get(services->kids.v[i], "volumes");

		if (build && build->kind == NODE_MAP && !node_get(build, "context"))
			set_text(l, build, "context", ".");
		for (size_t j = 0; mounts && j < mounts->kids.n; j++) {
			struct node *target = node_get(mounts->kids.v[j], "target");

			if (node_text(target) && *target->text)
				target->text = filepath_clean(l->a, target->text);
		}
	}
}

/* ---- names -------------------------------------------------------------------------------- */

static void name_resources(struct loading *l, struct node *tree, const char *group)
{
	struct node *map = node_get(tree, group);

	for (size_t i = 0; map && i < map->kids.n; i++) {
		struct node *k = map->kids.v[i];

		if (node_null(k)) {
			struct node *made = node_new(l->a, NODE_MAP, k);

			made->key_line = k->key_line;
			made->key_col = k->key_col;
			node_set(l->a, map, k->key, made);
			k = made;
		}
		if (k->kind != NODE_MAP || node_get(k, "name"))
			continue;
		set_text(l, k, "name",
			 node_true(node_get(k, "external"))
				 ? k->key
				 : arena_printf(l->a, "%s_%s", l->name, k->key));
	}
}

int normal_tree(struct loading *l, struct node *tree, struct err *e)
{
	static const char *const groups[] = {"networks", "volumes", "configs", "secrets"};
	struct node *services = node_get(tree, "services");

	(void)e;
	normal_networks(l, tree);
	if (services) {
		vec_each(k, &services->kids)
			normal_service(l, *k);
	}
	for (size_t i = 0; i < countof(groups); i++)
		name_resources(l, tree, groups[i]);
	return 0;
}

/* `scale` is what deploy.replicas says, where there is a deploy. */
void normal_replicas(struct loading *l, struct node *tree)
{
	struct node *services = node_get(tree, "services");

	for (size_t i = 0; services && i < services->kids.n; i++) {
		struct node *scale = node_get(services->kids.v[i], "scale");
		struct node *deploy = node_get(services->kids.v[i], "deploy");

		if (scale && deploy && deploy->kind == NODE_MAP && !node_get(deploy, "replicas"))
			node_set(l->a, deploy, "replicas", node_copy(l->a, scale));
	}
}

/* ---- env_file, label_file ----------------------------------------------------------------- */

struct seeing {
	struct loading *l;
	struct node *environment;
};

static const char *see(void *arg, const char *name)
{
	struct seeing *s = arg;
	const char *v = loading_env(s->l, name);
	struct node *own = v || !s->environment ? NULL : node_get(s->environment, name);

	return v ? v : node_text(own);
}

static int read_env(struct loading *l, struct seeing *s, const struct node *file, bool raw,
		    struct pairs *out, struct err *e)
{
	/* a file of labels knows no variables but its own */
	struct dotenv how = {file->text, s ? see : NULL, s, &l->p->warnings};
	struct span text;
	int r = file_read(l->a, AT_FDCWD, file->text, FILE_LIMIT, &text, e);

	if (r < 0)
		return err_at(e, "%s:%d:%d", file->file, file->line, file->col);
	r = (raw ? dotenv_parse_raw : dotenv_parse)(l->a, &how, text, out, e);
	return r < 0 ? err_wrap(e, "read env_file") : 0;
}

static void under(struct loading *l, struct node *service, const char *key,
		  const struct pairs *vars, const struct node *at)
{
	struct node *map = node_new(l->a, NODE_MAP, at), *own = node_get(service, key);

	vec_each(v, vars) {
		struct node *n = node_str(l->a, v->value, at);

		n->from = at->text;
		node_set(l->a, map, v->key, n);
	}
	for (size_t i = 0; own && i < own->kids.n; i++)
		node_set(l->a, map, own->kids.v[i]->key, own->kids.v[i]);
	node_sort(map);
	if (map->kids.n)
		node_set(l->a, service, key, map);
}

static struct node *env_path(struct node *entry)
{
	return entry->kind == NODE_SCALAR ? entry : node_get(entry, "path");
}

static int one_env_file(struct loading *l, struct seeing *s, struct node *entry, struct pairs *vars,
			struct err *e)
{
	struct node *path = env_path(entry), *format = node_get(entry, "format");

	if (!node_text(path))
		return 0;
	if (access(path->text, F_OK)) {
		if (node_is(node_get(entry, "required"), "false"))
			return 0;
		node_fail(path, e, "env file %s not found", path->text);
		return err_hint(e, "make it, or write {path: %s, required: false}", path->text);
	}
	if (node_text(format) && *format->text && strcmp(format->text, "raw"))
		return node_fail(format, e, "env_file knows no format \"%s\"", format->text);
	return read_env(l, s, path, node_is(format, "raw"), vars, e);
}

static int service_labels(struct loading *l, struct node *service, struct err *e)
{
	struct node *labels = node_get(service, "label_file");
	struct pairs vars = {0};

	for (size_t i = 0; labels && i < labels->kids.n; i++) {
		int r = read_env(l, NULL, labels->kids.v[i], false, &vars, e);

		if (r < 0)
			return r;
	}
	if (labels)
		under(l, service, "labels", &vars, labels->kids.n ? labels->kids.v[0] : labels);
	node_remove(service, "label_file");
	return 0;
}

static int service_environment(struct loading *l, struct node *service, struct err *e)
{
	struct node *files = node_get(service, "env_file");
	struct seeing s = {l, node_get(service, "environment")};
	struct pairs vars = {0};
	int r = 0;

	if (l->o->no_env_resolution)
		return service_labels(l, service, e);
	pass_through(l, s.environment, true);
	for (size_t i = 0; files && i < files->kids.n && !r; i++)
		r = one_env_file(l, &s, files->kids.v[i], &vars, e);
	if (r < 0)
		return r;
	if (files)
		under(l, service, "environment", &vars,
		      files->kids.n ? env_path(files->kids.v[0]) : files);
	node_remove(service, "env_file");
	return service_labels(l, service, e);
}

int normal_environment(struct loading *l, struct node *tree, struct err *e)
{
	struct node *services = node_get(tree, "services");
	bool files = false;

	for (size_t i = 0; services && i < services->kids.n; i++) {
		struct node *s = services->kids.v[i];
		int r;

		files |= node_get(s, "env_file") || node_get(s, "label_file");
		r = service_environment(l, s, e);
		if (r < 0)
			return r;
	}
	return files;
}
