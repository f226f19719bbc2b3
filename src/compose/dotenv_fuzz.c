#include "compose/dotenv.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	auto_arena a = {0};
	struct pairs out = {0};
	struct span s = {(const char *)data, n};
	struct err e = {0};

	if (dotenv_parse(&a, "f", s, NULL, NULL, &out, &e) < 0)
		out.n = 0;
	if (!dotenv_parse_raw(&a, s, NULL, NULL, &out) && out.n > 2 * n + 2)
		abort();
	return 0;
}
