#include "cli/rows.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* What ps shows without -a has a process to exec in, or had one and gets it again. */
static void shown_is_what_runs(void **state)
{
	(void)state;
	for (enum status_state s = STATE_CREATED; s <= STATE_DEAD; s++) {
		const char *word = rows_state(&(struct status){.state = s});

		assert_int_equal(rows_runs(s), !strcmp(word, "running") ||
						       !strcmp(word, "paused") ||
						       !strcmp(word, "restarting"));
	}
	assert_false(rows_runs(STATE_STARTING));
}

/* As docker's DisplayablePorts prints the same. */
static void ports_in_dockers_order(void **state)
{
	struct status_port given[] = {
		{.host_ip = "0.0.0.0", .protocol = "tcp", .host_port = 8082, .port = 82},
		{.host_ip = "0.0.0.0", .protocol = "udp", .host_port = 53, .port = 53},
		{.protocol = "tcp", .port = 9001},
		{.host_ip = "127.0.0.1", .protocol = "tcp", .host_port = 7000, .port = 7000},
		{.protocol = "tcp", .port = 9000},
		{.host_ip = "127.0.0.1", .protocol = "tcp", .host_port = 7001, .port = 7001},
		{.host_ip = "::1", .protocol = "tcp", .host_port = 8080, .port = 80},
	};
	struct status s = {.ports = {given, 7, 7}};
	struct arena a = {0};
	json_t *rows = rows_publishers(&a, &s), *first = json_array_get(rows, 0);

	(void)state;
	assert_string_equal(rows_ports(&a, &s),
			    "0.0.0.0:53->53/udp, 127.0.0.1:7000-7001->7000-7001/tcp, "
			    "9000-9001/tcp, [::1]:8080->80/tcp, 0.0.0.0:8082->82/tcp");
	assert_string_equal(rows_ports(&a, &(struct status){0}), "");
	s.ports.n = 1;
	s.networks.v = &(struct status_net){.ip6 = "fd00::2"};
	s.networks.n = 1;
	assert_string_equal(rows_ports(&a, &s), "0.0.0.0:8082->82/tcp, [::]:8082->82/tcp");
	s.networks.n = 0;
	assert_string_equal(rows_ports(&a, &s), "0.0.0.0:8082->82/tcp");
	assert_int_equal(json_array_size(rows), 7);
	assert_string_equal(json_string_value(json_object_get(first, "URL")), "");
	assert_int_equal(json_integer_value(json_object_get(first, "TargetPort")), 9000);
	json_decref(rows);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(shown_is_what_runs),
					   cmocka_unit_test(ports_in_dockers_order)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
