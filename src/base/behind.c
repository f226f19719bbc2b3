#include "base/behind.h"
#include "base/sys.h"
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int keep_only(const int *fds, size_t n, int kept[BEHIND_FDS])
{
	int floor = 0;

	for (size_t i = 0; i < n; i++)
		floor = fds[i] >= floor ? fds[i] + 1 : floor;
	for (size_t i = 0; i < n; i++) {
		kept[i] = sys_dup_above(fds[i], floor);
		if (kept[i] < 0)
			return kept[i];
	}
	sys_close_from(floor + (int)n, 0);
	return floor ? sys_close_range(0, floor - 1) : 0;
}

int behind_run(void (*fn)(const void *arg, const int *fds), const void *arg, const int *fds,
	       size_t n)
{
	struct clone_args args = {.exit_signal =
					  0}; /* whoever waits for any child is not disturbed */
	int kept[BEHIND_FDS], status = 1, pid;

	/* Twice, so that the caller never has a child to reap. */
	pid = sys_clone3(&args, sizeof(args));
	if (pid > 0) {
		while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
			;
		return status ? -EAGAIN : 0;
	}
	if (pid < 0)
		return pid;
	pid = sys_clone3(&args, sizeof(args));
	if (pid)
		_exit(pid < 0);
	prctl(PR_SET_NAME, "berth-settle");
	setsid();
	signal(SIGPIPE, SIG_IGN);
	if (!keep_only(fds, n, kept))
		fn(arg, kept);
	_exit(0);
}
