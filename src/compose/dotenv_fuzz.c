#include "compose/dotenv.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	auto_arena a = {0};
	struct dotenv how = {.file = "f"};
	struct pairs out = {0};
	struct span s = {(const char *)data, n};
	struct err e = {0};

	if (dotenv_parse(&a, &how, s, &out, &e) < 0)
		out.n = 0;
	if (!dotenv_parse_raw(&a, &how, s, &out, &e) && out.n > 2 * n + 2)
		abort();
	return 0;
}
