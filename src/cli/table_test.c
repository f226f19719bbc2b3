#include "base/json.h"
#include "cli/table.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct column columns[] = {{"NAME", "Name"}, {"STATE", "State"}, {0}};
static const char sample[] = "[{\"Name\":\"web-1\",\"State\":\"running\",\"B\":1},"
			     "{\"Name\":\"d\xc3\xbc\\u001b\",\"State\":\"\",\"B\":2}]";

/* clang-format off */
static const struct {
	const char *format;
	enum table_json how;
	const char *want;
} tests[] = {
	{NULL, TABLE_LINES, "NAME     STATE\nweb-1    running\nd\xc3\xbc\\x1b\n"},
	{"json", TABLE_LINES, "{\"B\":1,\"Name\":\"web-1\",\"State\":\"running\"}\n"
	 "{\"B\":2,\"Name\":\"d\xc3\xbc\\u001B\",\"State\":\"\"}\n"},
	{"json", TABLE_ARRAY, "[{\"Name\":\"web-1\",\"State\":\"running\",\"B\":1},"
	 "{\"Name\":\"d\xc3\xbc\\u001B\",\"State\":\"\",\"B\":2}]\n"},
	{"{{.State}}/{{.B}}", TABLE_LINES, "running/1\n/2\n"},
	{"table {{.B}}\\t{{.State}}", TABLE_LINES, "B   STATE\n1   running\n2\n"},
};
/* clang-format on */

static void prints(void **state)
{
	auto_json *rows = json_loads(sample, 0, NULL);

	assert_non_null(rows);
	for (size_t i = 0; i < countof(tests); i++) {
		char *text = NULL;
		size_t n = 0;
		struct err e = {0};
		FILE *out = open_memstream(&text, &n);

		assert_int_equal(table_print(out, tests[i].format, columns, rows, tests[i].how, &e),
				 0);
		fclose(out);
		assert_string_equal(text, tests[i].want);
		free(text);
	}
}

static void refuses(void **state)
{
	auto_json *rows = json_array();
	struct err e = {0};

	assert_int_equal(table_print(stdout, "yaml", columns, rows, TABLE_LINES, &e), -EINVAL);
	assert_string_equal(e.why, "unknown format \"yaml\"");
}

static void refuses_what_no_row_has(void **state)
{
	static const char *const texts[] = {"{{.Nmae}}", "table {{.Name}}\t{{.Nmae}}",
					    "{{if .Nmae}}x{{end}}", "{{$.Nmae}}"};
	auto_json *rows = json_loads(sample, 0, NULL), *none = json_array();
	struct err e = {0};

	for (size_t i = 0; i < countof(texts); i++) {
		assert_int_equal(table_print(stdout, texts[i], columns, rows, TABLE_LINES, &e),
				 -EINVAL);
		assert_string_equal(e.why, "template: there is no .Nmae here");
		assert_string_equal(e.hint, "did you mean {{.Name}}?");
	}
	assert_int_equal(table_print(stdout, texts[0], columns, none, TABLE_LINES, &e), 0);
}

int main(void)
{
	const struct CMUnitTest all[] = {cmocka_unit_test(prints), cmocka_unit_test(refuses),
					 cmocka_unit_test(refuses_what_no_row_has)};

	return cmocka_run_group_tests(all, NULL, NULL);
}
