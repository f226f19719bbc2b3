#include "base/links.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_first_name(void **state)
{
	auto_arena a = {0};
	struct links l = {0};
	struct stat one = {.st_dev = 1, .st_ino = 5}, other_disk = {.st_dev = 2, .st_ino = 5};
	char name[] = "first";

	assert_null(links_seen(&a, &l, &one, name));
	name[0] = 'X'; /* the caller's buffer goes on changing */
	assert_string_equal(links_seen(&a, &l, &one, "second"), "first");
	assert_string_equal(links_seen(&a, &l, &one, "third"), "first");
	assert_null(links_seen(&a, &l, &other_disk, ""));
	assert_string_equal(links_seen(&a, &l, &other_disk, "x"), "");
}

static void test_many(void **state)
{
	auto_arena a = {0};
	struct links l = {0};

	for (int pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < 50000; i++) {
			struct stat st = {.st_dev = i % 3, .st_ino = (uint64_t)i << i % 20};
			char name[16];
			const char *was;

			snprintf(name, sizeof(name), "f%u", i);
			was = links_seen(&a, &l, &st, name);
			if (pass == 0 && was)
				continue; /* two of the numbers are the same */
			if (pass == 0)
				assert_null(was);
			else
				assert_non_null(was);
		}
	}
	assert_true(l.n * 2 <= l.cap);
	assert_true(l.n > 40000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_name),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
