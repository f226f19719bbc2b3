#include "cli/command.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct sample {
	bool all, quiet;
	int tail;
	const char *format, *name;
	struct strings env;
};

/* clang-format off */
static const struct opt rows[] = {
	{'a', "all",    OPT_FLAG, offsetof(struct sample, all),    NULL,         "all"},
	{'q', "quiet",  OPT_FLAG, offsetof(struct sample, quiet),  NULL,         "quiet"},
	{'n', "tail",   OPT_INT,  offsetof(struct sample, tail),   "N",          "lines"},
	{0,   "format", OPT_WORD, offsetof(struct sample, format), "table|json", "form"},
	{0,   "name",   OPT_STR,  offsetof(struct sample, name),   "NAME",       "name"},
	{'e', "env",    OPT_LIST, offsetof(struct sample, env),    "K=V",        "variables"},
	{0},
};
/* clang-format on */

/* Parses a line split at blanks and prints what came out, words last. */
static char *outcome(struct arena *a, const char *line, bool words_end)
{
	struct sample s = {.tail = -1};
	struct parse p = {.arena = a, .opts = rows, .into = &s, .words_end_options = words_end};
	char *argv[16], *copy = arena_printf(a, "%s", line), *save = NULL;
	struct err e = {0};
	auto_buf b = {0};
	int argc = 0;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	if (command_parse(&p, &argc, argv, &e) < 0)
		return arena_printf(a, "%s|%s", e.why, e.hint);
	buf_printf(&b, "%d%d%d %d %s %s e%zu", s.all, s.quiet, p.help, s.tail,
		   s.format ? s.format : "-", s.name ? s.name : "-", s.env.n);
	for (int i = 0; i < argc; i++)
		buf_printf(&b, " %s", argv[i]);
	return buf_take(a, &b);
}

static void parses(void **state)
{
	static const struct {
		const char *line;
		bool words_end;
		const char *want;
	} tests[] = {
		{"web db", false, "000 -1 - - e0 web db"},
		{"web -a db", false, "100 -1 - - e0 web db"},
		{"-aq", false, "110 -1 - - e0"},
		{"--all=false -q=true", false, "010 -1 - - e0"},
		{"-n5", false, "000 5 - - e0"},
		{"-n 5 x", false, "000 5 - - e0 x"},
		{"-n=5", false, "000 5 - - e0"},
		{"-an 7", false, "100 7 - - e0"},
		{"--tail=-1", false, "000 -1 - - e0"},
		{"--format json --name=a=b", false, "000 -1 json a=b e0"},
		{"-e A=1 -eB=2 --env C", false, "000 -1 - - e3"},
		{"-a web -q", true, "100 -1 - - e0 web -q"},
		{"-- -a", false, "000 -1 - - e0 -a"},
		{"-", false, "000 -1 - - e0 -"},
		{"--help", false, "001 -1 - - e0"},
		{"-ah", false, "101 -1 - - e0"},
		{"--al", false, "unknown flag: --al|did you mean --all?"},
		{"-x", false, "unknown shorthand flag: 'x' in -x|"},
		{"--tail", false, "flag needs an argument: --tail|"},
		{"-n", false, "flag needs an argument: 'n' in -n|"},
		{"--tail=many", false, "--tail takes a number, not \"many\"|"},
		{"--tail=99999999999", false, "--tail takes a number, not \"99999999999\"|"},
		{"--format yaml", false, "--format takes one of table|json, not \"yaml\"|"},
		{"--all=maybe", false, "--all is yes or no, not \"maybe\"|"},
	};

	for (size_t i = 0; i < countof(tests); i++) {
		auto_arena a = {0};

		assert_string_equal(outcome(&a, tests[i].line, tests[i].words_end), tests[i].want);
	}
}

/* Rows that a typo could break: names twice, letters twice, a word list that is missing. */
static void check_rows(const struct command *c)
{
	for (const struct opt *o = c->opts; o && o->name; o++) {
		assert_true(o->off < c->size);
		assert_true(o->type != OPT_WORD || o->value);
		for (const struct opt *p = o + 1; p->name; p++) {
			assert_string_not_equal(o->name, p->name);
			assert_true(!o->letter || o->letter != p->letter);
		}
	}
}

static void every_command_is_whole(void **state)
{
	for (const struct command *const *c = commands; *c; c++) {
		assert_non_null((*c)->brief);
		assert_true((*c)->run || (*c)->sub);
		check_rows(*c);
		for (const struct command *const *s = (*c)->sub; s && *s; s++) {
			assert_non_null((*s)->run);
			check_rows(*s);
		}
		for (const struct command *const *d = c + 1; *d; d++)
			assert_true(strcmp((*c)->name, (*d)->name) || (*c)->world != (*d)->world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(every_command_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
