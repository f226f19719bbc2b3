#include "base/base64.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
	struct span bytes;
	const char *text;
} rows[] = {
	{{"", 0}, ""},        {{"f", 1}, "Zg=="},        {{"fo", 2}, "Zm8="},
	{{"foo", 3}, "Zm9v"}, {{"foob", 4}, "Zm9vYg=="}, {{"\xff\0\xfe", 3}, "/wD+"},
};

static void there_and_back(void **state)
{
	auto_arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_buf b = {0};

		assert_string_equal(base64_encode(&a, rows[i].bytes), rows[i].text);
		assert_int_equal(base64_decode(rows[i].text, &b), 0);
		assert_int_equal(b.n, rows[i].bytes.n);
		if (b.n)
			assert_memory_equal(b.p, rows[i].bytes.p, b.n);
	}
}

static void refuses(void **state)
{
	static const char *const bad[] = {"Zg*=", "Z", "Zm9vY", "Zm 9"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		auto_buf b = {0};

		assert_int_equal(base64_decode(bad[i], &b), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back),
					   cmocka_unit_test(refuses)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
