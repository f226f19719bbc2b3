#include "build/path.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void cleans(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"", "."},
		{"/", "/"},
		{"/..", "/"},
		{"a/../..", ".."},
		{"../a", "../a"},
		{"a//b/./c", "a/b/c"},
		{"/a/../../b", "/b"},
		{"a/b/..", "a"},
		{"a/..", "."},
		{"../../x/..", "../.."},
		{"./", "."},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		auto_arena a = {};

		assert_string_equal(path_clean(&a, rows[i].in), rows[i].out);
	}
}

static void joins(void **state)
{
	auto_arena a = {};

	assert_string_equal(path_join(&a, "/app", "x/"), "/app/x");
	assert_string_equal(path_join(&a, "/app", "/x"), "/x");
	assert_string_equal(path_join(&a, "/app", "../../x"), "/x");
	assert_string_equal(path_last("/a/b"), "b");
	assert_string_equal(path_dir(&a, "/a/b"), "/a");
	assert_string_equal(path_dir(&a, "b"), ".");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(cleans), cmocka_unit_test(joins)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
