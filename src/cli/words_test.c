#include "base/vec.h"
#include "cli/words.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static void splits(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{"", ""},
		{"a b", "[a][b]"},
		{"  sh -c 'echo \"x y\"' ", "[sh][-c][echo \"x y\"]"},
		{"a\\ b \"c\\\"d\" ''", "[a b][c\"d][]"},
		{"x'y'z", "[xyz]"},
		{"'open", "a quote is not closed"},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		auto_arena a = {0};
		struct strings words = {0};
		struct err e = {0};
		auto_buf b = {0};

		buf_str(&b, "");
		if (words_split(&a, rows[i].in, &words, &e) < 0)
			buf_str(&b, e.why);
		else
			vec_each(w, &words)
				buf_printf(&b, "[%s]", *w);
		assert_string_equal(b.p, rows[i].want);
	}
}

static void ports(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{"80", "||80|tcp"},
		{"8080:80", "|8080|80|tcp"},
		{"127.0.0.1:8080:80/udp", "127.0.0.1|8080|80|udp"},
		{"[::1]:8080:80", "::1|8080|80|tcp"},
		{"127.0.0.1::80", "127.0.0.1||80|tcp"},
		{"8080-8090:80", "|8080-8090|80|tcp"},
		{"0", "\"0\" is no port"},
		{"x:80", "\"x:80\" is no port"},
		{"80/icmp", "\"80/icmp\" is no port"},
		{"70000", "\"70000\" is no port"},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		auto_arena a = {0};
		struct err e = {0};
		json_t *raw = NULL;

		if (words_port(&a, rows[i].in, &raw, &e) < 0) {
			assert_string_equal(e.why, rows[i].want);
			continue;
		}
		auto_json *p = raw;
		assert_string_equal(arena_printf(&a, "%s|%s|%lld|%s",
						 json_string_or(p, "host_ip", "?"),
						 json_string_or(p, "published", "?"),
						 (long long)json_int_or(p, "target", -1),
						 json_string_or(p, "protocol", "?")),
				    rows[i].want);
	}
}

static void volumes(void **state)
{
	char cwd[4096], want[4200];
	auto_arena a = {0};

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(want, sizeof(want), "%s/data:/x:ro", cwd);
	assert_string_equal(words_volume(&a, "./data:/x:ro"), want);
	assert_string_equal(words_volume(&a, "data:/x"), "data:/x");
	assert_string_equal(words_volume(&a, "/abs:/x"), "/abs:/x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(splits), cmocka_unit_test(ports),
					   cmocka_unit_test(volumes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
