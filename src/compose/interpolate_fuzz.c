#include "compose/interpolate.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *lookup(void *arg, const char *name)
{
	(void)arg;
	return *name == 'A' ? "value" : *name == 'E' ? "" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	auto_arena a = {0};
	struct interpolation i = {.lookup = lookup, .dry = n & 1};
	const char *out;
	struct err e = {0};

	if (!interpolate(&a, arena_strndup(&a, (const char *)data, n), &i, &out, &e) && !out)
		abort();
	return 0;
}
