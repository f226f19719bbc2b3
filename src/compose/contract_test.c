#include "base/file.h"
#include "compose/contract.h"
#include "compose/explain.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char file[] = "name: p\n"
			   "x-berth:\n"
			   "  env:\n"
			   "    required: [NEEDED, TOKEN]\n"
			   "    properties:\n"
			   "      WORKERS: {type: integer, maximum: 64}\n"
			   "      TOKEN: {pattern: '^[0-9]+$', secret: true}\n"
			   "      MODE: {enum: [dev, prod]}\n"
			   "      PORT: {format: port}\n"
			   "      ONLY_PROD: {const: x, profile: prod}\n"
			   "    dependentRequired: {WORKERS: [POOL]}\n"
			   "services:\n"
			   "  web: {image: \"a:${TAG:-latest}\", environment: {A: \"${TOKEN}\"}}\n";

static struct project *load(struct arena *a, const char *const *env, const char *text)
{
	char dir[] = "/tmp/berth-contract.XXXXXX";
	struct load_options o = {.environ = env};
	struct project *p = NULL;
	struct err e = {0};

	assert_non_null(mkdtemp(dir));
	o.cwd = dir;
	assert_int_equal(file_replace(AT_FDCWD, arena_printf(a, "%s/compose.yaml", dir), text,
				      strlen(text), 0644, FILE_FAST, &e),
			 0);
	if (project_load(a, &o, &p, &e) < 0)
		fail_msg("%s %s", e.at, e.why);
	assert_int_equal(file_remove_tree(AT_FDCWD, dir, &e), 0);
	return p;
}

static void test_violations(void **state)
{
	static const char *const bad[] = {"WORKERS=100", "TOKEN=s3cret", "MODE=prd",
					  "PORT=0",      "ONLY_PROD=y",  NULL};
	static const char *const good[] = {"WORKERS=8", "TOKEN=42", "MODE=prod",   "PORT=80",
					   "NEEDED=1",  "POOL=2",   "ONLY_PROD=x", NULL};
	static const char *const want[] = {
		"NEEDED is not set",    "WORKERS must be at most 64",
		"TOKEN does not match", "MODE is none of",
		"PORT must be a port",  "POOL is not set, but needed by WORKERS"};
	auto_arena a = {0};
	struct strings found = {0}, none = {0}, prod = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(contract_check(&a, load(&a, bad, file), &none, &found, &e), 0);
	assert_int_equal(found.n, countof(want));
	for (size_t i = 0; i < found.n; i++) {
		assert_true(text_starts(found.v[i], want[i]));
		assert_null(strstr(found.v[i], "s3cret"));
	}
	found.n = 0;
	*vec_push(&a, &prod) = "prod";
	assert_int_equal(contract_check(&a, load(&a, bad, file), &prod, &found, &e), 0);
	assert_int_equal(found.n, countof(want) + 1);
	found.n = 0;
	assert_int_equal(contract_check(&a, load(&a, good, file), &prod, &found, &e), 0);
	assert_int_equal(found.n, 0);
}

static void test_conditions(void **state)
{
	static const char *const prod[] = {"MODE=prod", "DB_PASSWROD=x", NULL};
	static const char *const dev[] = {"MODE=dev", NULL};
	static const char text[] =
		"name: p\nservices: {w: {image: a}}\nx-berth: {env: {allOf: [{if: {required: "
		"[MODE], "
		"properties: {MODE: {const: prod}}}, then: {required: [DB_PASSWORD]}, "
		"else: {required: [DEBUG]}}]}}\n";
	auto_arena a = {0};
	struct strings found = {0}, none = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(contract_check(&a, load(&a, prod, text), &none, &found, &e), 0);
	assert_int_equal(found.n, 1);
	assert_true(text_starts(found.v[0], "DB_PASSWORD is not set; is DB_PASSWROD meant?"));
	found.n = 0;
	assert_int_equal(contract_check(&a, load(&a, dev, text), &none, &found, &e), 0);
	assert_int_equal(found.n, 1);
	assert_true(text_starts(found.v[0], "DEBUG is not set"));
	assert_true(contract_check(&a,
				   load(&a, dev,
					"name: p\nservices: {w: {image: a}}\n"
					"x-berth: {env: {allOf: {}}}\n"),
				   &none, &found, &e) < 0);
}

/* What decides has its default; what is asked for must be set all the same. */
static void test_defaults_decide(void **state)
{
	static const char *const none_set[] = {NULL}, *const prod[] = {"MODE=prod", NULL};
	static const char text[] =
		"name: p\nservices: {w: {image: a}}\nx-berth: {env: {properties: {MODE: {default: "
		"dev}, "
		"PORT: {default: 80}}, required: [PORT], "
		"if: {properties: {MODE: {const: prod}}}, then: {required: [CERT]}}}\n";
	auto_arena a = {0};
	struct strings found = {0}, none = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(contract_check(&a, load(&a, none_set, text), &none, &found, &e), 0);
	assert_int_equal(found.n, 1);
	assert_true(text_starts(found.v[0], "PORT is not set"));
	found.n = 0;
	assert_int_equal(contract_check(&a, load(&a, prod, text), &none, &found, &e), 0);
	assert_int_equal(found.n, 2);
	assert_true(text_starts(found.v[1], "CERT is not set"));
}

static void test_notes(void **state)
{
	static const char *const env[] = {NULL};
	auto_arena a = {0};
	struct strings notes = {0};
	struct project *p =
		load(&a, env,
		     "name: p\nservices:\n  db: {image: a, ports: ['5433:5432']}\n"
		     "  web: {image: a, environment: [U=postgres://u:p@localhost:5433/d, "
		     "V=http://localhost:1]}\n  host: {image: a, network_mode: host, "
		     "environment: ['U=http://127.0.0.1:5433']}\n");

	(void)state;
	contract_notes(&a, p, &notes);
	assert_int_equal(notes.n, 1);
	assert_non_null(strstr(notes.v[0], "db answers at db:5432"));
}

static void test_wrong_contract(void **state)
{
	static const char *const env[] = {NULL};
	auto_arena a = {0};
	struct strings found = {0}, none = {0};
	struct err e = {0};
	struct project *p = load(&a, env,
				 "name: p\nservices: {w: {image: a}}\n"
				 "x-berth: {env: {properties: {A: {patern: x}}}}\n");

	(void)state;
	assert_true(contract_check(&a, p, &none, &found, &e) < 0);
	assert_non_null(strstr(e.hint, "pattern"));
}

static void test_example_and_explain(void **state)
{
	static const char *const env[] = {"TOKEN=1", NULL};
	auto_arena a = {0};
	auto_buf example = {0}, why = {0};
	struct project *p = load(&a, env, file);
	struct err e = {0};

	(void)state;
	assert_int_equal(contract_example(p, &example, &e), 0);
	assert_non_null(strstr(example.p, "\nNEEDED=\n"));
	assert_non_null(strstr(example.p, "\n# TAG=latest\n"));
	assert_null(strstr(example.p, "TOKEN=1"));
	assert_int_equal(explain(p, "TAG", &why, &e), 0);
	assert_non_null(strstr(why.p, "the default \"latest\" is taken"));
	assert_int_equal(explain(p, "services.web.environment.A", &why, &e), 0);
	assert_non_null(strstr(why.p, "out of ${TOKEN}"));
	assert_int_equal(explain(p, "services.web.stop_signal", &why, &e), 0);
	assert_non_null(strstr(why.p, "services.web.stop_signal (text)\n"));
	assert_non_null(strstr(why.p, "not set in this project\n"));
	assert_true(explain(p, "no.such.thing", &why, &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_violations),      cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_defaults_decide), cmocka_unit_test(test_notes),
		cmocka_unit_test(test_wrong_contract),  cmocka_unit_test(test_example_and_explain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
