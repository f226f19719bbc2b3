#include "base/worker.h"
#include "base/sys.h"
#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void in_child(pid_t parent, int keep, int (*work)(const void *arg, int keep),
		     const void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* which died before it was asked for */
		_exit(0);
	if (keep > 3)
		sys_close_range(3, keep - 1);
	sys_close_from(keep > 2 ? keep + 1 : 3, 0);
	_exit(work(arg, keep));
}

int worker_start(struct worker *w, struct loop *l, int keep, int (*work)(const void *arg, int keep),
		 const void *arg, int (*on_ended)(struct watch *w, uint32_t events))
{
	pid_t parent = getpid(), pid = fork();
	int pidfd, r;

	if (pid < 0)
		return -errno;
	if (!pid)
		in_child(parent, keep, work, arg);
	pidfd = r = sys_pidfd_open(pid);
	if (r >= 0)
		r = loop_watch(l, &w->ended, pidfd, EPOLLIN, on_ended);
	if (r < 0) { /* nobody would learn of its end */
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		if (pidfd >= 0)
			close(pidfd);
		return r;
	}
	w->pidfd = pidfd;
	w->running = true;
	return 0;
}

int worker_reap(struct worker *w, int *status)
{
	int r = sys_pidfd_wait(w->pidfd, WNOHANG, status);

	if (r == -EAGAIN)
		return r;
	loop_unwatch(&w->ended);
	close(w->pidfd);
	w->running = false;
	return 0;
}

void worker_kill(const struct worker *w)
{
	if (w->running)
		sys_pidfd_signal(w->pidfd, SIGKILL);
}
