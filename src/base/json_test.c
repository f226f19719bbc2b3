#include "base/attr.h"
#include "base/file.h"
#include "base/json.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct row {
	const char *text;
	int code;
	const char *why; /* NULL: it is read */
} rows[] = {
	{"{\"a\": [1, {\"b\": \"[[[{{{\"}]}", 0, NULL},
	{"{\"a\": \"\\\"[\"}", 0, NULL},
	{"", EINVAL, "not valid JSON: line 1, column 0: "},
	{"{\"a\": 1, \"a\": 2}", EINVAL, "not valid JSON: line 1, column 12: duplicate"},
	{"{\n\"a\": }", EINVAL, "not valid JSON: line 2, column 6: "},
};

static void test_read(void **state)
{
	for (size_t i = 0; i < countof(rows); i++) {
		auto_json *j = NULL;
		struct err e = {0};
		int r = json_read(rows[i].text, strlen(rows[i].text), &j, &e);

		assert_int_equal(r, -rows[i].code);
		assert_int_equal(!j, rows[i].code != 0);
		if (rows[i].why)
			assert_memory_equal(e.why, rows[i].why, strlen(rows[i].why));
	}
}

static void test_depth(void **state)
{
	char text[2 * 65 + 1] = {0};

	for (size_t depth = 64; depth <= 65; depth++) {
		auto_json *j = NULL;
		struct err e;

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		assert_int_equal(json_read(text, 2 * depth, &j, &e), depth > 64 ? -EINVAL : 0);
	}
}

static void test_file(void **state)
{
	char path[] = "/tmp/berth-json-test-XXXXXX";
	auto_fd int fd = mkstemp(path);
	auto_json *j = NULL;
	struct err e;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "{\"a\": 7}", 8), 8);
	assert_int_equal(json_read_file(path, 8, &j, &e), 0);
	assert_int_equal(json_int_or(j, "a", 0), 7);
	assert_int_equal(json_read_file(path, 7, &j, &e), -EFBIG);
	assert_non_null(strstr(e.what, path));
	assert_int_equal(ftruncate(fd, 4), 0);
	assert_int_equal(json_read_file(path, 8, &j, &e), -EINVAL);
	assert_non_null(strstr(e.what, path));
	unlink(path);
	assert_int_equal(json_read_file(path, 8, &j, &e), -ENOENT);
	assert_int_equal(json_int_or(j, "a", 0), 7); /* untouched by what failed */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
