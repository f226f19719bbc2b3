#include "base/err.h"
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void wraps_outermost_first(void **state)
{
	struct err e;

	assert_int_equal(err_set(&e, ENOENT, "no %s", "file"), -ENOENT);
	assert_int_equal(err_wrap(&e, "read config"), -ENOENT);
	assert_int_equal(err_wrap(&e, "start \"web\""), -ENOENT);
	assert_string_equal(e.what, "start \"web\": read config");
	assert_string_equal(e.why, "no file");
}

static void fits_a_pipe_write(void **state)
{
	assert_true(sizeof(struct err) <= PIPE_BUF);
}

static void cuts_what_is_too_long(void **state)
{
	char big[1000];
	struct err e;

	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	err_set(&e, EIO, "%s", big);
	for (int i = 0; i < 10; i++)
		err_wrap(&e, "%s", big);
	assert_int_equal(strlen(e.what), sizeof(e.what) - 1);
	assert_int_equal(strlen(e.why), sizeof(e.why) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wraps_outermost_first),
		cmocka_unit_test(fits_a_pipe_write),
		cmocka_unit_test(cuts_what_is_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
