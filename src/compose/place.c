/* Relative paths: every one is relative to the directory of the project that wrote it. */
#include "compose/loading.h"
#include <limits.h>
#include <stdlib.h>

const char *filepath_clean(struct arena *a, const char *path)
{
	struct strings parts = {0};
	struct span rest = span_of(path), part;
	bool absolute = *path == '/';
	auto_buf b = {0};

	for (bool more = *path; more;) {
		more = span_cut(&rest, '/', &part);
		if (!part.n || span_is(part, "."))
			continue;
		if (span_is(part, "..") && parts.n && strcmp(parts.v[parts.n - 1], ".."))
			parts.n--;
		else if (!span_is(part, "..") || !absolute)
			*vec_push(a, &parts) = span_dup(a, part);
	}
	if (absolute)
		buf_char(&b, '/');
	for (size_t i = 0; i < parts.n; i++)
		buf_printf(&b, "%s%s", i ? "/" : "", parts.v[i]);
	return b.n ? buf_take(a, &b) : ".";
}

const char *filepath_join(struct arena *a, const char *dir, const char *name)
{
	if (*name == '/')
		return filepath_clean(a, name);
	return filepath_clean(a, arena_printf(a, "%s/%s", dir, name));
}

const char *filepath_dir(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));
}

static const char *with_home(struct loading *l, const char *path)
{
	const char *home;

	if (*path != '~')
		return path;
	home = loading_env(l, "HOME");
	return home ? filepath_join(l->a, home, path[1] == '/' ? path + 2 : path + 1) : path;
}

static bool is_windows(const char *s)
{
	return text_starts(s, "\\\\") || (s[0] && s[1] == ':' && s[2] == '\\');
}

static void place(struct loading *l, struct node *n, const char *base)
{
	const char *path;

	if (!n || n->kind != NODE_SCALAR || n->type == TYPE_NULL || !*n->text)
		return;
	path = with_home(l, n->text);
	if (*path != '/' && !is_windows(path))
		path = filepath_join(l->a, base, path);
	n->text = path;
}

static bool is_remote(const char *s)
{
	static const char *const starts[] = {"https://",    "http://", "git://",  "ssh://",
					     "github.com/", "git@",    "service:"};

	for (size_t i = 0; i < countof(starts); i++) {
		if (text_starts(s, starts[i]))
			return true;
	}
	return strstr(s, "://");
}

static void place_context(struct loading *l, struct node *n, const char *base)
{
	if (node_text(n) && !is_remote(n->text))
		place(l, n, base);
}

static void place_contexts(struct loading *l, struct node *n, const char *base)
{
	if (!n)
		return;
	vec_each(k, &n->kids) {
		const char *eq =
			n->kind == NODE_SEQ && node_text(*k) ? strchr((*k)->text, '=') : NULL;
		struct node value = **k;

		if (n->kind == NODE_MAP) {
			place_context(l, *k, base);
		} else if (eq) {
			value.text = eq + 1;
			place_context(l, &value, base);
			(*k)->text = arena_printf(l->a, "%.*s=%s", (int)(eq - (*k)->text),
						  (*k)->text, value.text);
		}
	}
}

static void place_watch(struct loading *l, struct node *develop, const char *base)
{
	struct node *watch = node_get(develop, "watch");
	char real[PATH_MAX];

	if (!watch)
		return;
	vec_each(k, &watch->kids) {
		struct node *path = node_get(*k, "path");

		place(l, path, base);
		if (node_text(path) && !l->o->no_path_resolution && realpath(path->text, real))
			path->text = arena_strndup(l->a, real, strlen(real));
	}
}

static void place_list(struct loading *l, struct node *list, const char *key, const char *base)
{
	if (!list)
		return;
	vec_each(k, &list->kids)
		place(l, key ? node_get(*k, key) : *k, base);
}

void place_service(struct loading *l, struct node *service, const char *base)
{
	struct node *build = node_get(service, "build"), *mounts = node_get(service, "volumes");

	if (service->kind != NODE_MAP)
		return;
	place_context(l, node_get(build, "context"), base);
	place_contexts(l, node_get(build, "additional_contexts"), base);
	place_contexts(l, node_get(build, "ssh"), base);
	place_list(l, node_get(service, "env_file"), "path", base);
	place_list(l, node_get(service, "label_file"), NULL, base);
	place_watch(l, node_get(service, "develop"), base);
	if (!mounts)
		return;
	vec_each(k, &mounts->kids) {
		if (node_is(node_get(*k, "type"), "bind"))
			place(l, node_get(*k, "source"), base);
	}
}

static void place_files(struct loading *l, struct node *group, const char *base)
{
	if (!group)
		return;
	vec_each(k, &group->kids)
		place(l, node_get(*k, "file"), base);
}

void place_tree(struct loading *l, struct node *tree, const char *base)
{
	struct node *services = node_get(tree, "services"), *volumes = node_get(tree, "volumes");

	if (services) {
		vec_each(k, &services->kids)
			place_service(l, *k, base);
	}
	place_files(l, node_get(tree, "secrets"), base);
	place_files(l, node_get(tree, "configs"), base);
	if (!volumes)
		return;
	vec_each(k, &volumes->kids) {
		struct node *opts = node_get(*k, "driver_opts");
		const char *driver = node_get_text(*k, "driver");

		if (opts && (!driver || !strcmp(driver, "local")) &&
		    node_is(node_get(opts, "o"), "bind"))
			place(l, node_get(opts, "device"), base);
	}
}
