#include "base/sys.h"
#include "base/when.h"
#include "runtime/cgroup.h"
#include "runtime/exec.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

enum { MAX_OUTPUT = 4096 };

static const int64_t dying_ns = 5 * NS_PER_SEC; /* what is not gone then waits in the kernel */

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void task_kill(struct task *t)
{
	auto_arena a = {0};
	struct err ignored;

	if (!t->running)
		return;
	if (cgroup_kill(arena_printf(&a, "%s/%s", t->of->st.cgroup, t->sub), &ignored) < 0)
		sys_pidfd_signal(t->launch.pidfd, SIGKILL);
}

static void finish(struct task *t, int code)
{
	auto_arena a = {0};
	struct err ignored;

	loop_unwatch(&t->sync);
	loop_unwatch(&t->exited);
	loop_unwatch(&t->output);
	loop_timer_drop(&t->deadline);
	shut(&t->launch.sync_fd);
	shut(&t->launch.pidfd);
	shut(&t->out);
	/* What the probe left running goes with it. */
	char *group = arena_printf(&a, "%s/%s", t->of->st.cgroup, t->sub);
	(void)!(cgroup_kill(group, &ignored) < 0);
	(void)!(cgroup_remove(group, &ignored) < 0);
	t->running = false;
	if (!t->stuck)
		t->done(t, code);
}

static void take_output(struct task *t)
{
	char chunk[4096];
	ssize_t n;

	/* Read on when the cap is reached, so that the writer never blocks. */
	while ((n = sys_read(t->out, chunk, sizeof(chunk))) > 0) {
		size_t room = t->text.n < MAX_OUTPUT ? MAX_OUTPUT - t->text.n : 0;

		buf_add(&t->text, chunk, (size_t)n < room ? (size_t)n : room);
		if ((size_t)n > room && t->text.n == MAX_OUTPUT)
			buf_str(&t->text, "...");
		if (n < (ssize_t)sizeof(chunk))
			break;
	}
	if (!n)
		loop_unwatch(&t->output);
}

static int on_output(struct watch *w, uint32_t events)
{
	take_output(container_of(w, struct task, output));
	return 0;
}

static int on_exit_(struct watch *w, uint32_t events)
{
	struct task *t = container_of(w, struct task, exited);
	int status = 0, code;

	if (sys_pidfd_wait(t->launch.pidfd, WNOHANG, &status) == -EAGAIN)
		return 0;
	take_output(t);
	code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	finish(t, t->timed_out ? -1 : code);
	return 0;
}

static int on_sync(struct watch *w, uint32_t events)
{
	struct task *t = container_of(w, struct task, sync);
	struct err e = {0};
	int r = launch_finish(&t->launch, &e), status;

	if (r == -EAGAIN)
		return 0;
	loop_unwatch(w);
	if (r == 0)
		return 0;
	buf_printf(&t->text, "%s%s%s", e.what, *e.what ? ": " : "", e.why);
	(void)sys_pidfd_wait(t->launch.pidfd, 0, &status);
	finish(t, launch_exit_code(&e));
	return 0;
}

static int on_deadline(struct timer *timer)
{
	struct task *t = container_of(timer, struct task, deadline);

	if (t->timed_out) {
		t->stuck = true;
		t->done(t, -1);
		return 0;
	}
	t->timed_out = true;
	task_kill(t);
	loop_timer_in(t->of->of->loop, timer, dying_ns, on_deadline);
	return 0;
}

static void words(struct arena *a, const struct argv *command, struct strings *out)
{
	vec_each(w, &command->words)
		*vec_push(a, out) = *w;
}

int task_run(struct task *t, struct instance *i, const struct argv *command, const struct hook *h,
	     int64_t timeout_ns, const char *sub, void (*done)(struct task *t, int code),
	     struct err *e)
{
	auto_arena a = {0};
	auto_fd int null = sys_open(AT_FDCWD, "/dev/null", O_RDONLY, 0);
	struct exec_spec s = {.target = (pid_t)i->st.pid,
			      .start_time = i->st.start_time,
			      .state_file = i->st.runtime_file,
			      .sub_cgroup = sub};
	int tube[2], r;

	if (t->running)
		return err_set(e, EBUSY, "the previous one still runs");
	words(&a, command, &s.argv);
	if (h) {
		s.user = h->user;
		s.cwd = h->working_dir;
		s.privileged = h->privileged;
		vec_each(p, &h->environment)
			*vec_push(&a, &s.env) =
				arena_printf(&a, "%s=%s", p->key, p->value ? p->value : "");
	}
	r = null < 0 ? null : sys_pipe(tube, 0);
	if (r < 0)
		return err_set(e, -r, "pipe: %s", strerror(-r));
	s.stdio[0] = null;
	s.stdio[1] = s.stdio[2] = tube[1];
	t->text.n = 0;
	t->start_ns = when_wall_ns();
	t->timed_out = t->stuck = false;
	r = exec_begin(&s, &t->launch, e);
	close(tube[1]);
	if (r < 0) {
		close(tube[0]);
		return r;
	}
	t->of = i;
	t->out = tube[0];
	t->done = done;
	t->running = true;
	strncpy(t->sub, sub, sizeof(t->sub) - 1);
	fcntl(t->out, F_SETFL, O_NONBLOCK);
	r = loop_watch(i->of->loop, &t->output, t->out, EPOLLIN, on_output);
	if (!r)
		r = loop_watch(i->of->loop, &t->sync, t->launch.sync_fd, EPOLLIN, on_sync);
	if (!r)
		r = loop_watch(i->of->loop, &t->exited, t->launch.pidfd, EPOLLIN, on_exit_);
	if (timeout_ns > 0)
		loop_timer_in(i->of->loop, &t->deadline, timeout_ns, on_deadline);
	return r < 0 ? err_set(e, -r, "watch: %s", strerror(-r)) : 0;
}
