#include "build/words.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct pair pairs[] = {{"A", "one two"}, {"E", ""}, {"P", "/usr/local/bin"}, {"A", "a b"}};
static const struct pairs env = {pairs, 4, 4};

static void expands(void **state)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
	} rows[] = {
		{"$A", "a b"},
		{"${A}x", "a bx"},
		{"'$A'", "$A"},
		{"\"$A\"", "a b"},
		{"\\$A", "$A"},
		{"\"\\$A \\x\"", "$A \\x"},
		{"${U:-d}", "d"},
		{"${E:-d}", "d"},
		{"${E-d}", ""},
		{"${E:+d}", ""},
		{"${E+d}", "d"},
		{"${U:-${P}}", "/usr/local/bin"},
		{"${U?gone}", NULL},
		{"${E:?}", NULL},
		{"${P#*/}", "usr/local/bin"},
		{"${P##*/}", "bin"},
		{"${P%/*}", "/usr/local"},
		{"${P%%/*}", ""},
		{"${P/local/x}", "/usr/x/bin"},
		{"${P//\\//:}", ":usr:local:bin"},
		{"${P:#x}", NULL},
		{"${}", NULL},
		{"${A", NULL},
		{"'open", NULL},
		{"\"open", NULL},
		{"$", "$"},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		auto_arena a = {0};
		struct words w = {.escape = '\\', .env = &env};
		const char *word = NULL;
		struct err e;
		int r = words_expand(&a, &w, rows[i].in, &word, NULL, &e);

		assert_int_equal(r < 0, rows[i].out == NULL);
		if (rows[i].out)
			assert_string_equal(word, rows[i].out);
	}
}

static void splits(void **state)
{
	auto_arena a = {0};
	struct words w = {.escape = '\\', .env = &env};
	struct strings list = {0};
	struct err e;

	assert_int_equal(words_expand(&a, &w, "x $A 'c d' e\\ f", NULL, &list, &e), 0);
	assert_int_equal(list.n, 5);
	assert_string_equal(list.v[1], "a");
	assert_string_equal(list.v[3], "c d");
	assert_string_equal(list.v[4], "e f");
}

static void tells_what_is_unset(void **state)
{
	auto_arena a = {0};
	struct strings unset = {0};
	struct words w = {.escape = '`', .env = &env, .unmatched = &unset, .skip_unset = true};
	const char *word;
	struct err e;

	assert_int_equal(words_expand(&a, &w, "$A $U ${V:-x} `$A", &word, NULL, &e), 0);
	assert_string_equal(word, "a b $U ${V:-x} $A");
	assert_int_equal(unset.n, 2);
	assert_string_equal(unset.v[1], "V");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expands),
		cmocka_unit_test(splits),
		cmocka_unit_test(tells_what_is_unset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
