#include "build/copy.h"
#include "build/graph.h"
#include "build/lint.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct made {
	struct arena a;
	struct dockerfile d;
	struct recipe r;
	struct graph g;
	struct err e;
	int code;
};

static int any_image(void *arg, const char *ref, const char *platform, struct image **out,
		     struct err *e)
{
	struct image *img = arena_new(arg, struct image);

	img->os = "linux";
	img->architecture = "amd64";
	*vec_push(arg, &img->env) = "PATH=/bin";
	*out = img;
	return 0;
}

static void make(struct made *m, const char *text, const char *target)
{
	struct graph_input in = {.target = target,
				 .platform = "linux/amd64",
				 .build_platform = "linux/amd64",
				 .image = any_image,
				 .arg = &m->a};

	memset(m, 0, sizeof(*m));
	*vec_push(&m->a, &in.args) = (struct pair){"GIVEN", "g"};
	assert_int_equal(dockerfile_parse(&m->a, "f", span_of(text), &m->d, &m->e), 0);
	assert_int_equal(recipe_read(&m->a, &m->d, &m->r, &m->e), 0);
	m->code = graph_make(&m->a, &m->r, &in, &m->g, &m->e);
}

static void carries_arguments_and_environment(void **state)
{
	struct made m;
	const struct step *s;

	make(&m,
	     "ARG V=1\nFROM a AS b\nARG V\nARG GIVEN=no\nENV E=${V}2\nWORKDIR /w\nRUN x\n"
	     "FROM b\nRUN [\"y\"]\nUSER u:g\nEXPOSE 80 7-8/UDP\n",
	     NULL);
	assert_int_equal(m.code, 0);
	assert_int_equal(m.g.target, 1);
	s = &m.g.stages.v[0].steps.v[1];
	assert_string_equal(s->argv.v[2], "x");
	assert_string_equal(s->cwd, "/w");
	assert_string_equal(config_env(&s->env, "E"), "12");
	assert_string_equal(config_env(&s->env, "GIVEN"), "g");
	assert_string_equal(m.g.stages.v[0].config.history.v[4].created_by,
			    "RUN |2 V=1 GIVEN=g /bin/sh -c x # buildkit");
	const struct config *c = &m.g.stages.v[1].config;

	assert_string_equal(c->user, "u:g");
	assert_int_equal(c->exposed.n, 3);
	assert_null(config_env(&c->env, "V"));
	arena_free(&m.a);
}

static void needs_only_what_the_target_needs(void **state)
{
	struct made m;

	make(&m, "FROM a AS x\nFROM a AS y\nFROM x AS z\nCOPY --from=0 a b\n", "z");
	assert_int_equal(m.code, 0);
	assert_true(m.g.stages.v[0].needed && m.g.stages.v[2].needed);
	assert_false(m.g.stages.v[1].needed);
	arena_free(&m.a);
}

static void refuses(void **state)
{
	static const char *const rows[] = {
		"FROM $NONE\n",
		"FROM a AS x\nCOPY --from=x a b\n",
		"FROM a AS x\nCOPY --from=y a b\nFROM x AS y\n",
		"FROM a\nCOPY http://x/y /z\n",
		"FROM a\nCOPY --from=$V a b\n",
		"FROM a\nCOPY --from=9 a b\n",
		"FROM a\nRUN --mount=type=tmpfs,target=/ x\n",
		"FROM a\nRUN --mount=type=odd,target=/x x\n",
		"FROM a\nRUN --mount=type=bind,target=/x,sharing=locked x\n",
		"FROM a\nCOPY --chmod=99999 a b\n",
		"FROM a\nSTOPSIGNAL SIGNOPE\n",
		"FROM a\nEXPOSE http\n",
		"ARG SOURCE_DATE_EPOCH=yesterday\nFROM a\n",
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct made m;

		make(&m, rows[i], NULL);
		if (m.code >= 0)
			fail_msg("accepted: %s", rows[i]);
		assert_true(*m.e.why);
		arena_free(&m.a);
	}
}

static void advises(void **state)
{
	struct made m;
	struct lint l;

	make(&m, "# check=skip=FromAsCasing\nFROM a as B\nENV TOKEN $X\nCMD x\n", NULL);
	assert_int_equal(m.code, 0);
	lint_run(&m.a, &m.r, &m.g, &(struct lint_options){0}, &l);
	assert_int_equal(l.n, 5);
	assert_string_equal(l.v[0].rule, "StageNameCasing");
	assert_string_equal(l.v[1].rule, "LegacyKeyValueFormat");
	assert_string_equal(l.v[2].rule, "SecretsUsedInArgOrEnv");
	assert_string_equal(l.v[3].rule, "UndefinedVar");
	assert_int_equal(l.v[4].line, 4);
	assert_string_equal(lint_url(&m.a, "JSONArgsRecommended"),
			    "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/");
	arena_free(&m.a);
}

static void changes_modes(void **state)
{
	static const struct {
		const char *chmod;
		unsigned from, to;
	} rows[] = {
		{NULL, 0644, 0644},   {"0750", 0644, 0750},    {"u+x", 0644, 0744},
		{"go-r", 0644, 0600}, {"a=r", 0777, 0444},     {"u+s,o+t", 0755, 04755},
		{"+X", 0644, 0644},   {"+X", 0744, 0755},      {"+t", 0755, 01755},
		{"g=u", 0600, 0660},  {"u=rw,+X", 0755, 0755},
	};

	for (size_t i = 0; i < countof(rows); i++)
		assert_int_equal(copy_mode(rows[i].chmod, rows[i].from), rows[i].to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_arguments_and_environment),
		cmocka_unit_test(needs_only_what_the_target_needs),
		cmocka_unit_test(refuses),
		cmocka_unit_test(advises),
		cmocka_unit_test(changes_modes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
