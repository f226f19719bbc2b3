#include "compose/render.h"
#include "compose/node.h"
#include <errno.h>

static int unknown_service(const struct project *p, const char *name, struct err *e)
{
	const char *names[128], *best;
	size_t count = 0;

	for (size_t i = 0; i < p->services.n && count < countof(names); i++)
		names[count++] = p->services.v[i].name;
	best = text_nearest(name, names, count);
	err_set(e, ENOENT, "no such service: %s", name);
	if (strings_have(&p->disabled, name))
		return err_hint(e, "no active profile enables it");
	return best ? err_hint(e, "did you mean \"%s\"?", best) : -e->code;
}

/* The service and, depth first, all that it depends on. */
static int select_service(struct arena *a, const struct project *p, const char *name,
			  struct strings *out, struct err *e)
{
	const struct service *s = project_service(p, name);

	if (!s)
		return unknown_service(p, name, e);
	if (strings_have(out, name))
		return 0;
	*vec_push(a, out) = name;
	for (size_t i = 0; i < s->depends_on.n; i++) {
		int r = project_service(p, s->depends_on.v[i].service)
				? select_service(a, p, s->depends_on.v[i].service, out, e)
				: 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static bool used_by(const struct node *services, const char *group, const char *name)
{
	for (size_t i = 0; services && i < services->kids.n; i++) {
		const struct node *list = node_get(services->kids.v[i], group);
		const struct node *build = node_path(services->kids.v[i], "build.secrets");

		for (size_t j = 0; list && j < list->kids.n; j++) {
			const struct node *k = list->kids.v[j];

			if (k->key ? !strcmp(k->key, name) : node_is(node_get(k, "source"), name))
				return true;
		}
		for (size_t j = 0; build && !strcmp(group, "secrets") && j < build->kids.n; j++) {
			if (node_is(node_get(build->kids.v[j], "source"), name))
				return true;
		}
	}
	return false;
}

static void keep_named(struct arena *a, struct node *tree, const struct strings *names)
{
	static const char *const groups[] = {"networks", "volumes", "secrets", "configs", "models"};
	struct node *services = node_get(tree, "services");

	for (size_t i = services->kids.n; i-- > 0;) {
		if (!strings_have(names, services->kids.v[i]->key))
			node_remove(services, services->kids.v[i]->key);
	}
	for (size_t g = 0; g < countof(groups); g++) {
		struct node *map = node_get(tree, groups[g]);

		for (size_t i = map ? map->kids.n : 0; i-- > 0;) {
			if (!used_by(services, groups[g], map->kids.v[i]->key))
				node_remove(map, map->kids.v[i]->key);
		}
		if (map && !map->kids.n)
			node_remove(tree, groups[g]);
	}
	(void)a;
}

static int only_json_numbers(const struct node *n, struct err *e)
{
	int r = 0;

	if (n->kind == NODE_SCALAR && n->type == TYPE_FLOAT && strpbrk(n->text, "IN"))
		return node_fail(n, e, "JSON has no number %s", n->text);
	for (size_t i = 0; i < n->kids.n && !r; i++)
		r = only_json_numbers(n->kids.v[i], e);
	return r;
}

int render_config(const struct project *p, const struct render_options *o, struct buf *out,
		  struct err *e)
{
	auto_arena a = {0};
	struct strings names = {0};
	struct node *tree = o->model ? p->model : p->tree;
	int r = 0;

	for (size_t i = 0; i < o->services.n && !r && !o->model; i++)
		r = select_service(&a, p, o->services.v[i], &names, e);
	if (r < 0)
		return r;
	if (names.n) {
		tree = node_copy(&a, tree);
		keep_named(&a, tree, &names);
	}
	if (!o->json) {
		render_yaml(tree, !o->model, out);
		return 0;
	}
	r = only_json_numbers(tree, e);
	if (r < 0)
		return r;
	render_tree(tree, o->model ? RENDER_MODEL : RENDER_JSON, out);
	buf_char(out, '\n');
	return 0;
}

static void key_lines(const struct node *map, struct buf *out)
{
	for (size_t i = 0; map && i < map->kids.n; i++)
		buf_printf(out, "%s\n", map->kids.v[i]->key);
}

static void model_lines(const struct node *map, struct buf *out)
{
	for (size_t i = 0; map && i < map->kids.n; i++) {
		const char *model = node_get_text(map->kids.v[i], "model");

		buf_printf(out, "%s\n", model ? model : map->kids.v[i]->key);
	}
}

static void image_lines(const struct project *p, struct buf *out)
{
	for (size_t i = 0; i < p->services.n; i++) {
		const struct service *s = &p->services.v[i];

		if (s->image && *s->image)
			buf_printf(out, "%s\n", s->image);
		else
			buf_printf(out, "%s%c%s\n", p->name, project_separator(p), s->name);
	}
}

void render_names(const struct project *p, enum render_list what, struct buf *out)
{
	static const char *const groups[] = {[RENDER_SERVICES] = "services",
					     [RENDER_VOLUMES] = "volumes",
					     [RENDER_NETWORKS] = "networks"};

	if (what == RENDER_MODELS)
		model_lines(node_get(p->tree, "models"), out);
	else if (what < RENDER_MODELS)
		key_lines(node_get(p->tree, groups[what]), out);
	else if (what == RENDER_IMAGES)
		image_lines(p, out);
	for (size_t i = 0; what == RENDER_PROFILES && i < p->all_profiles.n; i++)
		buf_printf(out, "%s\n", p->all_profiles.v[i]);
	for (size_t i = 0; what == RENDER_ENVIRONMENT && i < p->environment.n; i++)
		buf_printf(out, "%s=%s\n", p->environment.v[i].key, p->environment.v[i].value);
}

int render_hashes(const struct project *p, const struct strings *services, struct buf *out,
		  struct err *e)
{
	bool all = !services->n || !strcmp(services->v[0], "*");

	for (size_t i = 0; i < services->n && !all; i++) {
		if (!project_service(p, services->v[i]))
			return unknown_service(p, services->v[i], e);
	}
	for (size_t i = 0; i < p->services.n; i++) {
		const struct service *s = &p->services.v[i];

		if (all || strings_have(services, s->name))
			buf_printf(out, "%s %s\n", s->name, s->hash);
	}
	return 0;
}
