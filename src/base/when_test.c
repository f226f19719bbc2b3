#include "base/when.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void durations(void **state)
{
	static const struct {
		const char *in;
		int64_t ns;
		const char *out;
	} rows[] = {
		{"30s", 30 * NS_PER_SEC, "30s"},
		{"1m30s", 90 * NS_PER_SEC, "1m30s"},
		{"1d", 86400 * NS_PER_SEC, "24h0m0s"},
		{"1h5m", 3900 * NS_PER_SEC, "1h5m0s"},
		{"1.5s", 1500 * NS_PER_MSEC, "1.5s"},
		{"100ms", 100 * NS_PER_MSEC, "100ms"},
		{"10us", 10000, "10\xc2\xb5s"},
		{"0s", 0, "0s"},
		{"2w", 14 * 86400 * NS_PER_SEC, "336h0m0s"},
		{"1h0m0.5s", 3600 * NS_PER_SEC + NS_PER_SEC / 2, "1h0m0.5s"},
	};
	static const char *const bad[] = {"", "10", "s", "1 s", "1x", "5m 3s", "1..5s", "ten"};
	char buf[40];
	struct err e;

	for (size_t i = 0; i < countof(rows); i++) {
		int64_t ns = -1;

		assert_int_equal(when_parse_duration(rows[i].in, &ns, &e), 0);
		assert_true(ns == rows[i].ns);
		assert_string_equal(when_format_duration(ns, buf), rows[i].out);
	}
	for (size_t i = 0; i < countof(bad); i++) {
		int64_t ns;

		assert_int_equal(when_parse_duration(bad[i], &ns, &e), -EINVAL);
	}
}

static void sizes(void **state)
{
	static const struct {
		const char *in;
		int64_t bytes;
	} rows[] = {
		{"0", 0},          {"512", 512},   {"64m", 64 << 20}, {"1.5k", 1536},
		{"1 GB", 1 << 30}, {"2KiB", 2048}, {"1b", 1},         {"-1", -1},
	};
	static const char *const bad[] = {"", "m", "1x", "1Gi", "0x10", "nan", "inf", "1bb", "1mm"};
	struct err e;

	for (size_t i = 0; i < countof(rows); i++) {
		int64_t v = -2;

		assert_int_equal(size_parse(rows[i].in, &v, &e), 0);
		assert_true(v == rows[i].bytes);
	}
	for (size_t i = 0; i < countof(bad); i++) {
		int64_t v;

		assert_int_equal(size_parse(bad[i], &v, &e), -EINVAL);
	}
	int64_t v;

	assert_int_equal(size_parse("1e20g", &v, &e), -ERANGE);
	assert_int_equal(size_parse("-5", &v, &e), -ERANGE);
}

static void times(void **state)
{
	char buf[40];
	struct err e;
	int64_t ns = 0;

	assert_string_equal(when_rfc3339(NS_PER_SEC + 5, buf), "1970-01-01T00:00:01.000000005Z");
	assert_int_equal(when_parse_rfc3339("1970-01-01T02:00:01.5+02:00", &ns, &e), 0);
	assert_true(ns == NS_PER_SEC + NS_PER_SEC / 2);
	assert_int_equal(when_parse_rfc3339("yesterday", &ns, &e), -EINVAL);
	assert_string_equal(when_human(61 * NS_PER_SEC, buf), "About a minute");
	assert_string_equal(when_human(3 * 3600 * NS_PER_SEC, buf), "3 hours");
	assert_string_equal(when_human(5 * NS_PER_SEC, buf), "5 seconds");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
