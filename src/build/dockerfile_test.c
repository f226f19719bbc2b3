#include "build/dockerfile.h"
#include "build/stage.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void dumps(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"FROM a AS b\n", "(from \"a\" \"AS\" \"b\")\n"},
		{"from a\nrun x \\\n# c\n\n  y\n", "(from \"a\")\n(run \"x   y\")\n"},
		{"# escape=`\nFROM a\nRUN x `\n y\n", "(from \"a\")\n(run \"x  y\")\n"},
		{"FROM a\nCMD [\"x\", \"\\u0041\"]\n", "(from \"a\")\n(cmd \"x\" \"A\")\n"},
		{"FROM a\nENV A=b C=\"d e\"\nENV old style v\n",
		 "(from \"a\")\n(env \"A\" \"b\" \"=\" \"C\" \"\\\"d e\\\"\" \"=\")\n"
		 "(env \"old\" \"style v\" \"\")\n"},
		{"FROM a\nCOPY --from=x --chown=\"1 2\" a /b\n",
		 "(from \"a\")\n(copy [\"--from=x\" \"--chown=1 2\"] \"a\" \"/b\")\n"},
		{"FROM a\nONBUILD RUN x\n", "(from \"a\")\n(onbuild (run \"x\"))\n"},
		{"\xef\xbb\xbf"
		 "FROM a\r\n",
		 "(from \"a\")\n"},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		auto_arena a = {0};
		auto_buf b = {0};
		struct dockerfile d;
		struct err e;

		assert_int_equal(dockerfile_parse(&a, "f", span_of(rows[i].in), &d, &e), 0);
		dockerfile_dump(&d, &b);
		assert_string_equal(b.p, rows[i].out);
	}
}

static void reads_heredocs(void **state)
{
	auto_arena a = {0};
	struct dockerfile d;
	struct recipe r;
	struct err e;
	const char *text =
		"FROM a\nCOPY <<A <<-'B' /x/\none $V\nA\n\ttwo\n\tB\nRUN <<E cat\nhi\nE\n";

	assert_int_equal(dockerfile_parse(&a, "f", span_of(text), &d, &e), 0);
	assert_int_equal(d.list.n, 3);
	assert_int_equal(d.list.v[2].line, 7);
	assert_int_equal(recipe_read(&a, &d, &r, &e), 0);
	const struct copy *c = &r.stages.v[0].actions.v[0].copy;

	assert_int_equal(c->files.n, 2);
	assert_string_equal(c->files.v[0].content, "one $V\n");
	assert_true(c->files.v[0].expand);
	assert_string_equal(c->files.v[1].content, "two\n");
	assert_false(c->files.v[1].expand);
}

static void refuses_with_the_line(void **state)
{
	static const struct {
		const char *in, *at;
	} rows[] = {
		{"# only\n", "f:1"},
		{"FROM a\nRUN <<E\nno end\n", "f:2"},
		{"FROM a\n\nCMD [ \"a\", [ \"b\" ] ]\n", "f:3"},
		{"FROM a\nFOO x\n", "f:2"},
		{"FROM a\nCOPY --nope a b\n", "f:2"},
		{"FROM a\nCOPY a\n", "f:2"},
		{"FROM a\nENV x\n", "f:2"},
		{"FROM a b\n", "f:1"},
		{"FROM a AS 1x\n", "f:1"},
		{"RUN x\n", "f:1"},
		{"FROM a\nONBUILD ONBUILD RUN x\n", "f:2"},
		{"FROM a\nHEALTHCHECK --interval=1ns CMD x\n", "f:2"},
		{"FROM a\nRUN --network=moon x\n", "f:2"},
		{"FROM a\nSHELL x\n", "f:2"},
		{"# escape=x\nFROM a\n", "f:1"},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		auto_arena a = {0};
		struct dockerfile d;
		struct recipe r;
		struct err e = {0};
		int n = dockerfile_parse(&a, "f", span_of(rows[i].in), &d, &e);

		if (n == 0)
			n = recipe_read(&a, &d, &r, &e);
		assert_true(n < 0);
		assert_string_equal(e.at, rows[i].at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dumps),
		cmocka_unit_test(reads_heredocs),
		cmocka_unit_test(refuses_with_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
