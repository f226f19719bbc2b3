#include "base/proc.h"
#include "base/sys.h"
#include "base/when.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static _Noreturn void become(const struct proc *p, int in, int out)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	sys_close_from(3, 0);
	execvp(p->argv[0], (char *const *)(uintptr_t)p->argv);
	_exit(errno == ENOENT ? 127 : 126);
}

struct exchange {
	const struct proc *p;
	int in, out;
	size_t sent;
	struct buf got;
};

static void feed(struct exchange *x)
{
	ssize_t n = write(x->in, x->p->input.p + x->sent, x->p->input.n - x->sent);

	if (n > 0)
		x->sent += (size_t)n;
	if (x->sent == x->p->input.n || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(x->in);
		x->in = -1;
	}
}

static int drain(struct exchange *x)
{
	char part[8192];
	ssize_t n = sys_read(x->out, part, sizeof(part));

	if (n > 0 && x->got.n < x->p->limit) {
		size_t room = x->p->limit - x->got.n;

		buf_add(&x->got, part, (size_t)n < room ? (size_t)n : room);
	}
	return n <= 0 && n != -EAGAIN;
}

static int talk(struct exchange *x)
{
	int64_t end = when_mono_ns() + x->p->timeout_ns, left;

	for (;;) {
		struct pollfd fds[2] = {{x->out, POLLIN, 0}, {x->in, POLLOUT, 0}};

		left = end - when_mono_ns();
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(fds, 2, (int)(left / NS_PER_MSEC) + 1) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents)
			feed(x);
		if (fds[0].revents && drain(x))
			return 0;
	}
}

int proc_run(struct arena *a, const struct proc *p, int *status, struct span *output, struct err *e)
{
	int in[2], out[2], r;
	struct exchange x = {.p = p};
	pid_t pid;

	if (sys_pipe(in, 0) < 0 || sys_pipe(out, 0) < 0)
		return err_set(e, errno, "cannot run %s: %s", p->argv[0], strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	pid = fork();
	if (pid == 0)
		become(p, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	x.in = in[1];
	x.out = out[0];
	if (!p->input.n) {
		close(x.in);
		x.in = -1;
	} else {
		fcntl(x.in, F_SETFL, O_NONBLOCK);
	}
	r = pid < 0 ? -errno : talk(&x);
	if (x.in >= 0)
		close(x.in);
	close(x.out);
	if (r < 0 && pid > 0)
		kill(pid, SIGKILL);
	if (pid > 0 && waitpid(pid, status, 0) < 0 && !r)
		r = -errno;
	output->n = x.got.n;
	output->p = buf_take(a, &x.got);
	if (r == -ETIMEDOUT)
		return err_set(e, ETIMEDOUT, "%s did not finish in time", p->argv[0]);
	if (r < 0)
		return err_set(e, -r, "cannot run %s: %s", p->argv[0], strerror(-r));
	return 0;
}
