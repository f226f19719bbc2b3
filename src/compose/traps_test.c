/* Each silent trap of Compose: what is written, and what is said about it. */
#include "base/file.h"
#include "compose/load.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
	const char *service, *want; /* want: part of the only warning; NULL: none */
} traps[] = {
	{"image: x", NULL},
	{"{image: x, command: 'a && b'}", "before the unquoted"},
	{"{image: x, command: 'a > f'}", "before the unquoted"},
	{"{image: x, command: ['a', '&&', 'b']}", NULL},
	{"{image: x, command: 'sh -c \"a && b\"'}", NULL},
	{"{image: x, entrypoint: 'a | b'}", "before the unquoted"},
	{"{image: x, secrets: [{source: s, mode: 440}]}", "decimal"},
	{"{image: x, secrets: [{source: s, mode: 0440}]}", NULL},
	{"{image: x, secrets: [{source: s, mode: '0440'}]}", NULL},
	{"{image: x, volumes: ['v:/a']}", "drive letter"},
	{"{image: x, volumes: ['vol:/a']}", NULL},
	{"{image: x, volumes: ['vol:/a:bogus']}", "\"bogus\" is not known"},
	{"{image: x, volumes: ['ab']}", "not an absolute path"},
	{"{image: x, restart: bogus}", "bogus"},
	{"{image: x, restart: 'on-failure:x'}", "on-failure:x"},
	{"{image: x, restart: 'always:3'}", "always:3"},
	{"{image: x, restart: 'on-failure:3'}", NULL},
	{"{image: x, ports: ['80:80', '80:81']}", "published twice"},
	{"{image: x, ports: ['80:80', '80:80/udp', '127.0.0.1:81:80', '127.0.0.2:81:80']}", NULL},
	{"{image: x, network_mode: host, ports: ['80:80']}", "no effect with network_mode"},
	{"{image: x, environment: {PASSWORD: 'pa$word'}}", "word is not set"},
	{"{image: x, environment: {PASSWORD: 'pa$$word'}}", NULL},
	{"{image: x, env_file: e.env}", "word is not set"},
	{"{image: x, tty: yes}", "write true or false"},
	{"{image: x, healthcheck: {test: a, start_interval: 1s}}", "start_period"},
	{"{image: x, healthcheck: {test: a, start_interval: 1s, start_period: 9s}}", NULL},
	{"{image: x, annotations: {a: b}}", "\"annotations\" has no effect"},
};

static int load(struct arena *a, const char *dir, const char *service, bool strict,
		struct project **p, struct err *e)
{
	static const char *const env[] = {"HOME=/", NULL};
	struct load_options o = {.cwd = dir, .environ = env, .strict = strict};
	const char *text = arena_printf(a,
					"services:\n  a: %s\nvolumes: {v: , vol: }\n"
					"secrets: {s: {file: ./f}}\n",
					service);

	if (*service != '{')
		text = arena_printf(a, "services: {a: {%s}}\n", service);
	assert_int_equal(file_replace(AT_FDCWD, arena_printf(a, "%s/compose.yaml", dir), text,
				      strlen(text), 0644, FILE_FAST, e),
			 0);
	return project_load(a, &o, p, e);
}

static void check(const char *dir, const char *service, const char *want)
{
	auto_arena a = {0};
	struct project *p, *again;
	struct strings all;
	struct err e = {0};

	if (load(&a, dir, service, false, &p, &e) < 0)
		fail_msg("%s: %s", service, e.why);
	all = p->notices;
	vec_each(w, &p->warnings)
		*vec_push(&a, &all) = *w;
	if (all.n != (want != NULL))
		fail_msg("%s gave %zu warnings: %s", service, all.n, all.n ? all.v[0] : "");
	if (want && !strstr(all.v[0], want))
		fail_msg("%s gave %s", service, all.v[0]);
	assert_int_equal(load(&a, dir, service, true, &again, &e) < 0, want != NULL);
}

static void test_traps(void **state)
{
	char dir[] = "/tmp/berth-lint.XXXXXX";
	auto_arena a = {0};
	struct err e = {0};

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(file_replace(AT_FDCWD, arena_printf(&a, "%s/e.env", dir), "P=pa$word\n",
				      10, 0644, FILE_FAST, &e),
			 0);
	for (size_t i = 0; i < countof(traps); i++)
		check(dir, traps[i].service, traps[i].want);
	assert_int_equal(file_remove_tree(AT_FDCWD, dir, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_traps)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
