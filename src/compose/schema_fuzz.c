/* Every walk over a file and a second one after the line "%%%": expand, merge, check, decode. */
#include "compose/loading.h"
#include "compose/render.h"
#include "compose/service.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct node *tree(struct loading *l, struct span s)
{
	struct nodes docs = {0};
	struct err e = {0};

	if (node_parse(l->a, "f", s, &docs, &e) < 0 || !docs.n || docs.v[0]->kind != NODE_MAP)
		return NULL;
	return schema_expand(&l->w, &compose_row, &docs.v[0], &e) < 0 ? NULL : docs.v[0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	auto_arena a = {0};
	auto_buf out = {0};
	struct load_options o = {.no_path_resolution = true};
	struct project p = {0};
	struct loading l = {.a = &a, .o = &o, .p = &p, .name = "fuzz"};
	const char *text = (const char *)data, *cut = memmem(data, n, "%%%", 3);
	struct node *base, *over;
	struct err e = {0};

	l.w = (struct walk){.a = &a, .raw = n & 1, .warnings = &p.warnings};
	l.env = node_new(&a, NODE_MAP, NULL);
	base = tree(&l, (struct span){text, cut ? (size_t)(cut - text) : n});
	over = cut ? tree(&l, (struct span){cut + 3, n - (size_t)(cut - text) - 3}) : NULL;
	if (!base || (over && schema_merge(&a, &compose_row, &base, over, &e) < 0))
		return 0;
	schema_drop_resets(base);
	schema_unique(&a, &compose_row, base);
	if (schema_check(&a, &compose_row, base, &e) < 0 || check_resources(base, &e) < 0)
		return 0;
	normal_paths(&l, base);
	place_tree(&l, base, "/dir");
	if (normal_tree(&l, base, &e) < 0)
		return 0;
	render_tree(base, RENDER_MODEL, &out);
	if (l.w.raw || schema_settle(&l.w, &compose_row, base, &p.tree, &e) < 0)
		return 0;
	if (check_project(&l, p.tree, &e) < 0 || project_decode(&a, &p, &e) < 0)
		return 0;
	render_yaml(p.tree, true, &out);
	render_tree(p.tree, RENDER_JSON, &out);
	return 0;
}
