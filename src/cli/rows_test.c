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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(shown_is_what_runs)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
