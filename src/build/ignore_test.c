#include "build/ignore.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct row {
	const char *file, *path;
	bool ignored;
};

static const struct row rows[] = {
	{"*.log", "a.log", true},
	{"*.log", "d/a.log", false},
	{"**/*.log", "d/e/a.log", true},
	{"**/*.log", "a.log", true},
	{"node_modules", "node_modules/x/y", true},
	{"/dist/", "dist/a", true},
	{"a/../b", "b", true},
	{"*\n!keep", "keep/x", false},
	{"*\n!keep", "other", true},
	{"d/**\n!d/a", "d/a", false},
	{"d/**\n!d/a", "d/b/c", true},
	{"# x\n\n  spaced  ", "spaced", true},
	{"[a-c].txt", "b.txt", true},
	{"[e-é\\]].txt", "].txt", true},
	{"[^a-c].txt", "b.txt", false},
	{"x\\*y", "x*y", true},
	{"x\\*y", "xzy", false},
	{"?.c", "\xc3\xa9.c", true},
	{"a/**/z", "a/z", true},
	{"a/**/z", "a/b/c/z", true},
	{"a/**/z", "a/bz", false},
};

/* The walk's way must agree with the look at a whole path. */
static bool by_steps(struct arena *a, const struct ignore *ig, const char *path)
{
	char *above = NULL;
	bool ignored = false;

	for (size_t i = 1; path[i - 1]; i++) {
		char *own;

		if (path[i] && path[i] != '/')
			continue;
		own = arena_alloc(a, ig->patterns.n + 1);
		ignored = ignore_step(ig, arena_strndup(a, path, i), above, own);
		above = own;
	}
	return ignored;
}

static void matches(void **state)
{
	for (size_t i = 0; i < countof(rows); i++) {
		auto_arena a = {0};
		struct strings lines = {0};
		struct ignore ig;
		struct err e;

		ignore_lines(&a, span_of(rows[i].file), &lines);
		assert_int_equal(ignore_make(&a, &lines, &ig, &e), 0);
		if (ignore_match(&a, &ig, rows[i].path) != rows[i].ignored)
			fail_msg("\"%s\" on %s", rows[i].file, rows[i].path);
		assert_int_equal(by_steps(&a, &ig, rows[i].path), rows[i].ignored);
	}
}

static void refuses(void **state)
{
	static const char *const bad[] = {"!", "[", "a[", "[]a]", "[a-]", "[z-a]", "[é-e]", "x\\"};

	for (size_t i = 0; i < countof(bad); i++) {
		auto_arena a = {0};
		struct strings one = {(const char **)(uintptr_t)&bad[i], 1, 1};
		struct ignore ig;
		struct err e;

		assert_int_equal(ignore_make(&a, &one, &ig, &e), -EINVAL);
	}
}

static void knows_where_exceptions_may_be(void **state)
{
	auto_arena a = {0};
	struct strings lines = {0};
	struct ignore ig;
	struct err e;

	ignore_lines(&a, span_of("*\n!src/keep/**"), &lines);
	assert_int_equal(ignore_make(&a, &lines, &ig, &e), 0);
	assert_true(ignore_may_return(&ig, "src"));
	assert_true(ignore_may_return(&ig, "src/keep/deep"));
	assert_false(ignore_may_return(&ig, "node_modules"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches),
		cmocka_unit_test(refuses),
		cmocka_unit_test(knows_where_exceptions_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
