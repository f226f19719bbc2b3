#include "base/when.h"
#include "cli/time.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void moments(void **state)
{
	static const struct {
		const char *in;
		int64_t ns;
	} rows[] = {
		{"0", 0},
		{"1700000000", 1700000000 * NS_PER_SEC},
		{"1700000000.25", 1700000000 * NS_PER_SEC + NS_PER_SEC / 4},
		{"2023-11-14T22:13:20Z", 1700000000 * NS_PER_SEC},
		{"2023-11-14T22:13:20", 1700000000 * NS_PER_SEC},
		{"2023-11-14T23:13:20+01:00", 1700000000 * NS_PER_SEC},
		{"2023-11-14", 1699920000 * NS_PER_SEC},
		{"2023-11-14T22:13", 1699999980 * NS_PER_SEC},
	};
	struct err e = {0};
	int64_t ns, before;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(time_parse(rows[i].in, &ns, &e), 0);
		assert_true(ns == rows[i].ns);
	}
	before = when_wall_ns();
	assert_int_equal(time_parse("10m", &ns, &e), 0);
	assert_true(ns >= before - 600 * NS_PER_SEC);
	assert_true(ns <= when_wall_ns() - 600 * NS_PER_SEC);
	assert_int_equal(time_parse("yesterday", &ns, &e), -EINVAL);
	assert_string_equal(e.why, "\"yesterday\" is no moment in time");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(moments)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
