#include "base/text.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void numbers(void **state)
{
	static const struct {
		const char *in;
		int r;
		int64_t out;
	} rows[] = {
		{"0", 0, 0},
		{"42", 0, 42},
		{"-7", 0, -7},
		{"9223372036854775807", 0, INT64_MAX},
		{"-9223372036854775808", 0, INT64_MIN},
		{"9223372036854775808", -ERANGE, 0},
		{"", -EINVAL, 0},
		{"-", -EINVAL, 0},
		{"+1", -EINVAL, 0},
		{" 1", -EINVAL, 0},
		{"1 ", -EINVAL, 0},
		{"0x1", -EINVAL, 0},
		{"99999999999999999999", -ERANGE, 0},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		int64_t v = 0;

		assert_int_equal(text_to_i64(rows[i].in, &v), rows[i].r);
		assert_true(v == rows[i].out);
	}
}

static void cuts(void **state)
{
	struct span s = span_of("a:b:"), head;

	assert_true(span_cut(&s, ':', &head) && span_is(head, "a"));
	assert_true(span_cut(&s, ':', &head) && span_is(head, "b"));
	assert_false(span_cut(&s, ':', &head));
	assert_true(span_is(head, "") && !s.n);
	assert_true(span_is(span_trim(span_of(" \tx y ")), "x y"));
}

static void nearest(void **state)
{
	static const char *const words[] = {"restart", "ports", "profiles", "image"};

	assert_string_equal(text_nearest("restrat", words, countof(words)), "restart");
	assert_string_equal(text_nearest("port", words, countof(words)), "ports");
	assert_string_equal(text_nearest("imgae", words, countof(words)), "image");
	assert_null(text_nearest("healthcheck", words, countof(words)));
	assert_null(text_nearest("x", words, countof(words)));
}

static void escapes(void **state)
{
	static const struct {
		const char *in, *json, *shell, *terminal;
	} rows[] = {
		{"plain", "\"plain\"", "plain", "plain"},
		{"it's", "\"it's\"", "'it'\\''s'", "it's"},
		{"a\"\\\n\x1b[31m", "\"a\\\"\\\\\\n\\u001b[31m\"", "'a\"\\\n\x1b[31m'",
		 "a\"\\\\x0a\\x1b[31m"},
		{"\xff!", "\"\\ufffd!\"", "'\xff!'", "\\xff!"},
		{"\xc2\x9b", "\"\xc2\x9b\"", "'\xc2\x9b'", "\\x9b"},
		{"\xc3\xa9", "\"\xc3\xa9\"", "'\xc3\xa9'", "\xc3\xa9"},
		{"", "\"\"", "''", ""},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		auto_buf json = {0}, shell = {0}, terminal = {0};

		buf_json(&json, rows[i].in, strlen(rows[i].in));
		buf_shell(&shell, rows[i].in);
		buf_add(&terminal, "", 0);
		buf_terminal(&terminal, rows[i].in, strlen(rows[i].in));
		assert_string_equal(json.p, rows[i].json);
		assert_string_equal(shell.p, rows[i].shell);
		assert_string_equal(terminal.p, rows[i].terminal);
	}
}

static void utf8(void **state)
{
	assert_true(text_is_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10));
	assert_false(text_is_utf8("\xc0\x80", 2));     /* overlong */
	assert_false(text_is_utf8("\xed\xa0\x80", 3)); /* surrogate */
	assert_false(text_is_utf8("\xe2\x82", 2));     /* cut short */
}

static void names(void **state)
{
	static const char *const bad[] = {"",
					  "a",
					  ".",
					  "..",
					  "../x",
					  "a/b",
					  "ab/../x",
					  "-a",
					  ".ab",
					  "a b",
					  "a\nb",
					  "a\033[m",
					  "\xc3\xa9\xc3\xa9"};
	char name[250];

	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		assert_false(text_is_name(bad[i]));
	assert_true(text_is_name("a1"));
	assert_true(text_is_name("Web_1.two-3"));
	memset(name, 'n', sizeof(name));
	name[241] = 0;
	assert_false(text_is_name(name));
	name[240] = 0;
	assert_true(text_is_name(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers), cmocka_unit_test(cuts), cmocka_unit_test(nearest),
		cmocka_unit_test(escapes), cmocka_unit_test(utf8), cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
