/* References from the command line, compose files, registries. What is accepted must print and
 * parse to itself, and be safe as a path. */
#include "image/ref.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena a = {0};
	struct ref r, again;
	struct err e;
	char *s = arena_strndup(&a, (const char *)data, size);

	if (strlen(s) != size || ref_parse(&a, s, &r, &e) < 0)
		return 0;
	if (ref_parse(&a, ref_full(&a, &r), &again, &e) < 0 ||
	    strcmp(ref_full(&a, &r), ref_full(&a, &again)))
		abort();
	if (strstr(r.path, "..") || strstr(r.domain, "..") || *r.path == '/' || *r.path == '.')
		abort();
	return 0;
}
