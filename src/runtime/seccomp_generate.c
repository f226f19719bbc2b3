/* Runs while berth is built: prints the default filter as a C array. */
#include "runtime/seccomp_rules.h"
#include <linux/filter.h>
#include <stdio.h>

int main(void)
{
	auto_arena a = {0};
	struct seccomp_rules rules;
	struct filter f;
	struct err e;

	seccomp_default_rules(&a, rights_default(), &rules);
	if (seccomp_compile(&a, &rules, &f, &e) < 0) {
		fprintf(stderr, "%s\n", e.why);
		return 1;
	}
	printf("static const struct sock_filter default_code[] = {\n");
	for (size_t i = 0; i < f.n; i++) {
		const struct sock_filter *s = (const struct sock_filter *)f.code + i;

		printf("\t{0x%x, %u, %u, 0x%x},\n", s->code, s->jt, s->jf, s->k);
	}
	printf("};\n");
	return 0;
}
