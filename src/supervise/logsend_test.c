#include "supervise/logsend.h"
#include "supervise/supervisor.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void formats(void **state)
{
	static const struct {
		const char *format, *want;
	} rows[] = {
		{"", "<30>Jan  2 03:04:05 web[7]: hello\n"},
		{"rfc3164", "<30>Jan  2 03:04:05 HOST web[7]: hello\n"},
		{"rfc5424", "<30>1 2026-01-02T03:04:05Z HOST web 7 web - hello\n"},
		{"rfc5424micro", "<30>1 2026-01-02T03:04:05.678901Z HOST web 7 web - hello\n"},
	};
	char host[65] = "", want[256];

	setenv("TZ", "UTC", 1);
	gethostname(host, sizeof(host) - 1);
	for (size_t k = 0; k < countof(rows); k++) {
		const char *at = strstr(rows[k].want, "HOST");
		auto_buf b = {0};

		snprintf(want, sizeof(want), "%.*s%s%s",
			 at ? (int)(at - rows[k].want) : (int)strlen(rows[k].want), rows[k].want,
			 at ? host : "", at ? at + 4 : "");
		logsend_syslog(&b, rows[k].format, 30, INT64_C(1767323045678901234), "web", 7,
			       span_of("hello\n"));
		assert_string_equal(b.p, want);
	}
}

static void tags(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} rows[] = {
		{"plain", "plain"},
		{"{{.Name}}/{{ .ID }}", "p-web-1/0123456789ab"},
		{"{{.FullID}}", "0123456789abcdef"},
		{"{{.ImageName}}", "busybox"},
		{"{{.Name", "{{.Name"},
		{"{{.Nonsense}}", NULL},
	};
	struct instance i = {
		.st = {.name = "p-web-1", .id = "0123456789abcdef", .image = "busybox"}};
	struct err e;

	for (size_t k = 0; k < countof(rows); k++) {
		auto_buf b = {0};
		int r = logsend_tag(&i, rows[k].text, &b, &e);

		assert_int_equal(r < 0, rows[k].want == NULL);
		if (rows[k].want)
			assert_string_equal(b.p, rows[k].want);
	}
}

static void attributes(void **state)
{
	static struct pair labels[] = {{"a", "1"}, {"b", "\"2\""}};
	static struct pair variables[] = {{"V", "x"}, {"W", NULL}};
	static struct pair options[] = {{"labels", "b, nothing"}, {"env", "V,W"}};
	struct service svc = {.environment = {variables, 2, 2}, .log_options = {options, 2, 2}};
	struct instance i = {.svc = &svc, .st = {.labels = {labels, 2, 2}}};
	auto_buf b = {0};

	logsend_attributes(&i, &b);
	assert_string_equal(b.p, "{\"b\":\"\\\"2\\\"\",\"V\":\"x\",\"W\":\"\"}");
}

/* A name that both options mean is told once. */
static void attributes_by_pattern(void **state)
{
	static struct pair labels[] = {{"app.one", "1"}, {"app.two", "2"}, {"other", "3"}};
	static struct pair variables[] = {{"AB", "x"}, {"B", "y"}, {"C", "z"}};
	static struct pair options[] = {
		{"labels", "app.one"}, {"labels-regex", "^app[.]"}, {"env-regex", "B$"}};
	struct service svc = {.environment = {variables, 3, 3}, .log_options = {options, 3, 3}};
	struct instance i = {.svc = &svc, .st = {.labels = {labels, 3, 3}}};
	auto_buf b = {0};

	logsend_attributes(&i, &b);
	assert_string_equal(b.p, "{\"app.one\":\"1\",\"app.two\":\"2\",\"AB\":\"x\",\"B\":\"y\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(tags),
		cmocka_unit_test(attributes),
		cmocka_unit_test(attributes_by_pattern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
