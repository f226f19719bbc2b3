#include "compose/node.h"
#include "compose/render.h"
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	auto_arena a = {0};
	auto_buf out = {0};
	struct nodes docs = {0};
	struct err e = {0};

	if (node_parse(&a, "f", (struct span){(const char *)data, n}, &docs, &e) < 0)
		return 0;
	vec_each(d, &docs) {
		render_yaml(*d, true, &out);
		render_tree(*d, RENDER_JSON, &out);
		node_copy(&a, *d);
	}
	return 0;
}
