#include "base/when.h"
#include "supervise/life.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Every cell, as text: a change of the table must be made here too. */
static void every_cell(void **state)
{
	static const char *const table[LIFE_STATES][LIFE_EVENTS] = {
		/* clang-format off */
		/*            UP          DOWN       KILL       PAUSE    RESUME STARTED FAILED    EXITED    UNHEALTHY  TIMER */
		[DOWN]     = {"starting", 0,         0,         0,       0,     0,      0,        0,        0,         0},
		[STARTING] = {0,          "stopping", "stopping", 0,     0,     "up",   "waiting", "waiting", 0,       0},
		[UP]       = {0,          "stopping", "stopping", "paused", 0,  0,      0,        "waiting", "healing", 0},
		[PAUSED]   = {0,          "stopping", "stopping", 0,     "up",  0,      0,        "waiting", 0,        0},
		[STOPPING] = {0,          0,         "stopping", 0,      0,     0,      "down",   "down",   0,         "stopping"},
		[HEALING]  = {0,          "stopping", "stopping", 0,     0,     0,      0,        "waiting", 0,        "healing"},
		[WAITING]  = {"starting", "down",    "down",    0,       0,     0,      0,        0,        0,         "starting"},
		/* clang-format on */
	};

	for (int s = 0; s < LIFE_STATES; s++) {
		for (int ev = 0; ev < LIFE_EVENTS; ev++) {
			struct life_step step =
				life_next((enum life_state)s, (enum life_event)ev, true);

			if (table[s][ev])
				assert_string_equal(life_name(step.next), table[s][ev]);
			else
				assert_true(step.next == (enum life_state)s &&
					    step.act == ACT_NONE);
		}
	}
}

/* From any state, "down" then the grace timer then the exit ends in DOWN. */
static void always_stoppable(void **state)
{
	for (int s = 0; s < LIFE_STATES; s++) {
		enum life_state at = life_next((enum life_state)s, WANT_DOWN, true).next;

		at = life_next(at, TIMER, true).next;
		at = life_next(at, EXITED, true).next;
		assert_int_equal(at, DOWN);
	}
}

static void without_leave_it_ends(void **state)
{
	struct life_step step = life_next(UP, EXITED, false);

	assert_int_equal(step.next, DOWN);
	assert_int_equal(step.act, ACT_ENDED);
	assert_int_equal(life_next(STARTING, FAILED, false).next, DOWN);
}

static void policies(void **state)
{
	static const struct {
		enum restart when;
		int64_t max;
		int code;
		int64_t attempts;
		bool manual, answer;
	} cases[] = {
		{RESTART_NO, 0, 1, 0, false, false},
		{RESTART_ALWAYS, 0, 0, 1000, false, true},
		{RESTART_ALWAYS, 0, 0, 0, true, false},
		{RESTART_ON_FAILURE, 0, 0, 0, false, false},
		{RESTART_ON_FAILURE, 0, 1, 99, false, true},
		{RESTART_ON_FAILURE, 3, 1, 2, false, true},
		{RESTART_ON_FAILURE, 3, 1, 3, false, false},
		{RESTART_UNLESS_STOPPED, 0, 137, 5, false, true},
		{RESTART_UNLESS_STOPPED, 0, 137, 5, true, false},
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct restart_policy p = {.when = cases[i].when, .max_attempts = cases[i].max};

		assert_int_equal(
			life_may_restart(&p, cases[i].code, cases[i].attempts, cases[i].manual),
			cases[i].answer);
	}
}

static void back_off_doubles_and_resets(void **state)
{
	struct restart_policy p = {.when = RESTART_ALWAYS, .delay_ns = -1, .window_ns = -1};
	int64_t memory = 0;

	assert_int_equal(life_back_off(&p, 0, &memory), 100 * NS_PER_MSEC);
	assert_int_equal(life_back_off(&p, 0, &memory), 200 * NS_PER_MSEC);
	for (int i = 0; i < 20; i++)
		life_back_off(&p, 9 * NS_PER_SEC, &memory);
	assert_int_equal(life_back_off(&p, 0, &memory), 60 * NS_PER_SEC);
	assert_int_equal(life_back_off(&p, 10 * NS_PER_SEC, &memory), 100 * NS_PER_MSEC);
	p.delay_ns = 5 * NS_PER_SEC;
	assert_int_equal(life_back_off(&p, 0, &memory), 5 * NS_PER_SEC);
}

static void after_a_reboot(void **state)
{
	static const struct {
		enum restart when;
		const char *back; /* running, running but stopped by hand, exited, exited by hand,
				     new */
	} rows[] = {
		{RESTART_NO, "-----"},
		{RESTART_ALWAYS, "++++-"},
		{RESTART_UNLESS_STOPPED, "+----"},
		{RESTART_ON_FAILURE, "+----"},
	};
	static const struct {
		bool running, manual, ever;
	} cases[] = {{true, false, true},
		     {true, true, true},
		     {false, false, true},
		     {false, true, true},
		     {false, false, false}};

	for (size_t r = 0; r < countof(rows); r++) {
		struct restart_policy p = {.when = rows[r].when};

		for (size_t c = 0; c < countof(cases); c++)
			assert_int_equal(life_comes_back(&p, cases[c].running, cases[c].manual,
							 cases[c].ever),
					 rows[r].back[c] == '+');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell),       cmocka_unit_test(after_a_reboot),
		cmocka_unit_test(always_stoppable), cmocka_unit_test(without_leave_it_ends),
		cmocka_unit_test(policies),         cmocka_unit_test(back_off_doubles_and_resets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
