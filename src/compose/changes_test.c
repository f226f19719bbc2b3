#include "compose/changes.h"
#include "compose/node.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* clang-format off */
static const struct row {
	const char *then, *now, *want; /* lines, joined by | */
} rows[] = {
	{"{image: a}", "{image: a}", ""},
	{"{image: a}", "{image: b}", "image: \"a\" -> \"b\""},
	{"{environment: {A: x, B: y}}", "{environment: {A: z, C: y}}",
	 "environment.A: \"x\" -> \"z\"|environment.B: \"y\" -> nothing|"
	 "environment.C: nothing -> \"y\""},
	{"{environment: {DB_PASSWORD: x}}", "{environment: {DB_PASSWORD: y}}",
	 "environment.DB_PASSWORD: another value"},
	{"{}", "{environment: {API_TOKEN: y}}", "environment: added"},
	{"{environment: {URL: \"pg://u:geheim@h/d\"}}", "{environment: {URL: \"pg://u@h/d\"}}",
	 "environment.URL: another value"},
	{"{command: [a, b]}", "{command: [a, c]}", "command: [\"a\",\"b\"] -> [\"a\",\"c\"]"},
	{"{command: [a, --password=b]}", "{command: [a]}", "command: another value"},
	{"{ports: [{target: 80}, {target: 81}]}", "{ports: [{target: 80}, {target: 82}]}",
	 "ports: {\"target\": 81} -> nothing|ports: nothing -> {\"target\": 82}"},
	{"{ports: [{target: 80}, {target: 81}]}", "{ports: [{target: 81}, {target: 80}]}",
	 "ports: another order"},
	{"{deploy: {replicas: 1, resources: {limits: {memory: 1}}}}",
	 "{deploy: {replicas: 2, resources: {limits: {memory: 2}}}}",
	 "deploy.resources.limits.memory: 1 -> 2"},
	{"{build: x, depends_on: {a: {}}, tty: true}", "{build: y, tty: false}",
	 "tty: true -> false"},
	{"{healthcheck: {test: [NONE]}}", "{}", "healthcheck: {\"test\": [\"NONE\"]} -> nothing"},
	{"{user: a}", "{user: [a]}", "user: \"a\" -> [\"a\"]"},
	{"{user: a}",
	 "{user: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}",
	 "user: \"a\" -> "
	 "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..."},
};
/* clang-format on */

static struct node *parse(struct arena *a, const char *text)
{
	struct nodes docs = {0};
	struct err e = {0};

	assert_int_equal(node_parse(a, "x", span_of(text), &docs, &e), 0);
	return docs.v[0];
}

static void every_row(void **state)
{
	(void)state;
	for (size_t k = 0; k < countof(rows); k++) {
		auto_arena a = {0};
		struct strings out = {0};
		auto_buf b = {0};

		changes_of_service(&a, parse(&a, rows[k].then), parse(&a, rows[k].now), &out);
		buf_str(&b, "");
		for (size_t i = 0; i < out.n; i++)
			buf_printf(&b, "%s%s", i ? "|" : "", out.v[i]);
		assert_string_equal(b.p, rows[k].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_row)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
