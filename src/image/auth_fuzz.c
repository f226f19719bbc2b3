/* docker's config.json and what a credential helper prints; "registry.test:5000" is asked for. */
#include "image/auth.h"
#include <string.h>

/* Text that ends where it says, and that goes into a header as it is meant. */
static void look_at(struct arena *a, const struct credentials *c)
{
	if (!c->user != !c->password)
		__builtin_trap();
	if (c->user && strpbrk(auth_basic(a, c), "\r\n"))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const domains[] = {"docker.io", "registry.test:5000"};
	auto_arena a = {0};
	struct span text = {(const char *)data, size};
	struct credentials c = {0};
	const char *helper;
	struct err e;

	for (size_t i = 0; i < countof(domains); i++)
		if (!auth_read_config(&a, text, domains[i], &helper, &c, &e))
			look_at(&a, &c);
	c = (struct credentials){0};
	if (!auth_read_answer(&a, text, &c, &e))
		look_at(&a, &c);
	return 0;
}
