#include "base/when.h"
#include "supervise/status.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void fill(struct arena *a, struct status *s)
{
	*s = (struct status){.project = "p",
			     .name = "p-web-1",
			     .id = "abc",
			     .service = "web",
			     .dir = "/r",
			     .run_dir = "/n",
			     .log_dir = "/l",
			     .number = 7,
			     .state = STATE_RUNNING,
			     .exit_code = 137,
			     .oom_killed = true,
			     .pid = 42,
			     .start_time = UINT64_MAX,
			     .health = HEALTH_UNHEALTHY,
			     .failing_streak = 3};
	*vec_push(a, &s->ports) = (struct status_port){"0.0.0.0", "tcp", 8080, 80};
	*vec_push(a, &s->labels) = (struct pair){"k", "v"};
	*vec_push(a, &s->command) = "sleep";
	*vec_push(a, &s->command) = "1000";
	*vec_push(a, &s->probes) = (struct status_probe){1, 2, -1, "timed out"};
	struct status_net *n = vec_push(a, &s->networks);
	n->name = "p_default";
	*vec_push(a, &n->aliases) = "db";
}

static void round_trip(void **state)
{
	auto_arena a = {0};
	struct status s, back;
	struct err e;

	fill(&a, &s);
	auto_json *j = status_to_json(&s, true);
	assert_int_equal(status_from_json(&a, j, &back, &e), 0);
	assert_string_equal(back.name, "p-web-1");
	assert_int_equal(back.number, 7);
	assert_int_equal(back.state, STATE_RUNNING);
	assert_int_equal(back.exit_code, 137);
	assert_true(back.oom_killed);
	assert_true(back.start_time == UINT64_MAX);
	assert_int_equal(back.health, HEALTH_UNHEALTHY);
	assert_int_equal(back.probes.v[0].exit_code, -1);
	assert_string_equal(back.probes.v[0].output, "timed out");
	assert_int_equal(back.ports.v[0].host_port, 8080);
	assert_string_equal(back.networks.v[0].aliases.v[0], "db");
	assert_string_equal(back.labels.v[0].value, "v");
	assert_string_equal(back.command.v[1], "1000");
	assert_null(back.netns);
}

static void broken_states_are_refused(void **state)
{
	static const char *const texts[] = {
		"{}", "{\"state\":1}", "{\"state\":\"running\"}",
		"{\"state\":\"running\",\"name\":\"x\",\"service\":\"y\",\"id\":\"z\"}"};

	for (size_t i = 0; i < countof(texts); i++) {
		auto_arena a = {0};
		auto_json *j = NULL;
		struct status s;
		struct err e;

		assert_int_equal(json_read(texts[i], strlen(texts[i]), &j, &e), 0);
		assert_int_equal(status_from_json(&a, j, &s, &e), -EINVAL);
	}
}

static void words(void **state)
{
	auto_arena a = {0};
	struct status s;

	fill(&a, &s);
	s.started_ns = when_wall_ns() - 180 * NS_PER_SEC;
	assert_string_equal(status_text(&a, &s), "Up 3 minutes (unhealthy)");
	s.state = STATE_EXITED;
	s.exit_code = 1;
	s.finished_ns = when_wall_ns() - 7200 * NS_PER_SEC;
	assert_string_equal(status_text(&a, &s), "Exited (1) 2 hours ago");
	s.state = STATE_RESTARTING;
	s.attempts = 3;
	s.next_restart_ns = when_wall_ns() + 3600 * NS_PER_SEC;
	s.pause_ns = 3500 * NS_PER_MSEC; /* it cannot be more */
	assert_string_equal(status_text(&a, &s), "Restarting (1) in 4s, attempt 3");
	s.state = STATE_PAUSED;
	assert_string_equal(status_text(&a, &s), "Up 3 minutes (Paused)");
	assert_string_equal(status_name(STATE_STOPPING), "running");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(broken_states_are_refused),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
