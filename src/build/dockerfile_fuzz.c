/* Any bytes as a Dockerfile: read, cut into stages, every word expanded. */
#include "build/dockerfile.h"
#include "build/stage.h"
#include "build/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expand(struct arena *a, const struct strings *s)
{
	struct pair one = {"X", "a b/c"};
	struct pairs env = {&one, 1, 1};
	struct words w = {.escape = '\\', .env = &env};
	struct strings list = {};
	const char *word;
	struct err e;

	for (size_t i = 0; i < s->n; i++)
		if (words_expand(a, &w, s->v[i], &word, &list, &e) < 0)
			continue;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena a = {};
	auto_buf ast = {};
	struct dockerfile d;
	struct recipe r;
	struct err e;

	if (size > 65536)
		return 0;
	if (dockerfile_parse(&a, "Dockerfile", (struct span){(const char *)data, size}, &d, &e) < 0)
		return 0;
	dockerfile_dump(&d, &ast);
	vec_each(in, &d.list)
		expand(&a, &in->args);
	if (recipe_read(&a, &d, &r, &e) == 0)
		vec_each(s, &r.stages)
			expand(&a, &s->in->args);
	return 0;
}
