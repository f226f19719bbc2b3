#include "base/attr.h"
#include "base/sys.h"
#include "base/worker.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct run {
	struct worker worker;
	struct loop *loop;
	int status, other;
};

static int on_ended(struct watch *w, uint32_t events)
{
	struct run *run = container_of(w, struct run, worker.ended);

	if (worker_reap(&run->worker, &run->status) < 0)
		return 0;
	loop_stop(run->loop, 0);
	return 0;
}

/* Says what it sees: whether another descriptor of its maker's is open here. */
static int look(const void *arg, int keep)
{
	const struct run *run = arg;
	char seen = fcntl(run->other, F_GETFD) < 0 ? 'c' : 'o';

	return write(keep, &seen, 1) == 1 ? 7 : 1;
}

static int stay(const void *arg, int keep)
{
	while (pause() < 0)
		;
	return 0;
}

static void start(struct run *run, int keep, int (*work)(const void *arg, int keep))
{
	struct err e;

	assert_int_equal(loop_new(&run->loop, &e), 0);
	assert_int_equal(worker_start(&run->worker, run->loop, keep, work, run, on_ended), 0);
	assert_true(run->worker.running);
}

static void end(struct run *run)
{
	struct err e;

	assert_int_equal(loop_run(run->loop, &e), 0);
	assert_false(run->worker.running);
	loop_free(run->loop);
}

static void test_result_and_descriptors(void **state)
{
	/* The kept one above, below and between those that go. */
	for (int order = 0; order < 2; order++) {
		struct run run = {0};
		int tube[2], low;
		char seen = 0;

		low = open("/dev/null", O_RDONLY);
		assert_int_equal(sys_pipe(tube, 0), 0);
		run.other = order ? low : tube[0];
		start(&run, tube[1], look);
		end(&run);
		assert_int_equal(read(tube[0], &seen, 1), 1);
		assert_int_equal(seen, 'c');
		assert_true(WIFEXITED(run.status));
		assert_int_equal(WEXITSTATUS(run.status), 7);
		close(tube[0]);
		close(tube[1]);
		close(low);
	}
}

static void test_killed(void **state)
{
	struct run run = {0};

	worker_kill(&run.worker); /* none yet */
	start(&run, -1, stay);
	worker_kill(&run.worker);
	end(&run);
	assert_true(WIFSIGNALED(run.status));
	assert_int_equal(WTERMSIG(run.status), SIGKILL);
}

/* Whose end nobody would learn of is ended: loop_watch() fails on a loop whose epoll is gone. */
static void test_not_watched(void **state)
{
	struct run run = {0};
	struct err e;
	int next = open("/dev/null", O_RDONLY), r;

	close(next);
	assert_int_equal(loop_new(&run.loop, &e), 0);
	close(next); /* the lowest free one, which epoll_create1 took */
	r = worker_start(&run.worker, run.loop, -1, stay, &run, on_ended);
	assert_true(r < 0);
	assert_false(run.worker.running);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(open("/dev/null", O_RDONLY), next); /* which loop_free() closes */
	loop_free(run.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_result_and_descriptors),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_not_watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
