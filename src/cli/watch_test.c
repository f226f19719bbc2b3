#include "cli/watch_rules.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct ignore patterns(struct arena *a, const char *lines)
{
	struct strings words = {0};
	struct ignore out = {0};
	struct err e;

	ignore_lines(a, span_of(lines), &words);
	assert_int_equal(ignore_make(a, &words, &out, &e), 0);
	return out;
}

static void paths_meet_rules(void **state)
{
	static const struct {
		const char *root, *target, *include, *ignore, *hidden, *path, *goes; /* NULL: no */
	} rows[] = {
		{"/p/src", "/app", "", "", "", "/p/src/a", "/app/a"},
		{"/p/src", "/app/", "", "", "", "/p/src/d/a", "/app/d/a"},
		{"/p/src", "/app", "", "", "", "/p/src2/a", NULL},
		{"/p/src", "/app", "", "", "", "/p/src", "/app"},
		{"/p/one", "/etc/one", "", "", "", "/p/one", "/etc/one"},
		{"/p/src", "/app", "*.js", "", "", "/p/src/a.js", "/app/a.js"},
		{"/p/src", "/app", "*.js", "", "", "/p/src/d/a.js", NULL},
		{"/p/src", "/app", "**/*.js", "", "", "/p/src/d/a.js", "/app/d/a.js"},
		{"/p/src", "/app", "", "tmp", "", "/p/src/tmp/x", NULL},
		{"/p/src", "/app", "", "", "src/tmp", "/p/src/tmp/x", NULL},
		{"/p/src", "/app", "", "", "tmp", "/p/src/tmp/x", "/app/tmp/x"},
		{"/", "/app", "", "", "", "/x", "/app/x"},
	};
	auto_arena a = {0};

	for (size_t i = 0; i < countof(rows); i++) {
		struct watch_rule r = {
			.path = rows[i].root, .target = rows[i].target, .action = "sync"};
		struct watch_use u = {.rule = &r,
				      .context = "/p",
				      .include = patterns(&a, rows[i].include),
				      .ignore = patterns(&a, rows[i].ignore),
				      .hidden = patterns(&a, rows[i].hidden)};

		assert_int_equal(watch_meets(&a, &u, rows[i].path), !!rows[i].goes);
		if (rows[i].goes)
			assert_string_equal(watch_target(&a, &u, rows[i].path), rows[i].goes);
	}
}

static void directories_are_skipped(void **state)
{
	auto_arena a = {0};
	struct watch_rule r = {.path = "/p", .action = "rebuild"};
	struct watch_use u = {.rule = &r, .ignore = patterns(&a, "node_modules\nd\n!d/keep")};
	struct watch_uses all = {&u, 1, 1};

	assert_true(watch_skips(&all, "/p/node_modules/x"));
	assert_true(watch_skips(&all, "/q"));
	assert_false(watch_skips(&all, "/p/src"));
	assert_false(watch_skips(&all, "/p/d")); /* something in it is wanted */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_meet_rules),
		cmocka_unit_test(directories_are_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
