#include "image/crew.h"
#include "base/sys.h"
#include "base/when.h"
#include "image/interrupt.h"
#include "image/place.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { AT_ONCE = 4 };
static const int64_t tell_ns = 100 * NS_PER_MSEC;

/* clang-format off */
static const char *const phase_names[] = {
	[CREW_WAITING] = "waiting", [CREW_DOWNLOADING] = "downloading",
	[CREW_RETRYING] = "retrying", [CREW_UNPACKING] = "unpacking", [CREW_PUSHING] = "pushing",
	[CREW_DONE] = "done", [CREW_EXISTS] = "exists", [CREW_MOUNTED] = "mounted",
	[CREW_FAILED] = "failed",
};
/* clang-format on */

/* From a child to us; below PIPE_BUF, so whole. */
struct message {
	size_t place;
	enum crew_phase phase;
	int64_t done;
	struct err err;
};
_Static_assert(sizeof(struct message) <= 4096, "a message must fit into PIPE_BUF");

void crew_tell(struct crew_member *m, enum crew_phase phase, int64_t done, const struct err *why)
{
	struct message msg = {.place = m->place, .phase = phase, .done = done};

	if (why)
		msg.err = *why;
	sys_write_all(m->out, &msg, sizeof(msg));
	m->told_ns = when_mono_ns();
}

void crew_tell_often(struct crew_member *m, enum crew_phase phase, int64_t done)
{
	if (when_mono_ns() - m->told_ns >= tell_ns)
		crew_tell(m, phase, done, NULL);
}

struct running {
	struct crew *crew;
	int in, out;
	pid_t *pids;
	size_t next, active;
	struct interrupt interrupt;
	struct err *e;
	int result;
};

static _Noreturn void work(struct crew *c, struct crew_member *m)
{
	struct err e = {0};
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	interrupt_forget();
	r = c->work(c->arg, m, &e);
	if (r < 0 && !c->what)
		err_wrap(&e, "layer %.19s", m->job->id);
	crew_tell(m, r < 0 ? CREW_FAILED : (enum crew_phase)r, m->job->total, r < 0 ? &e : NULL);
	_exit(0);
}

static int start_next(struct running *run)
{
	struct crew *c = run->crew;
	struct crew_member m = {&c->jobs[run->next], run->next, run->out, 0};
	struct clone_args args = {.exit_signal = SIGCHLD};
	pid_t pid;

	if (c->progress && c->progress->begin)
		c->progress->begin(c->progress, c->what ? c->what : "layer", m.job->id);
	pid = sys_clone3(&args, sizeof(args));
	if (!pid) {
		close(run->in);
		close(run->interrupt.fd);
		work(c, &m);
	}
	if (pid < 0)
		return err_set(run->e, -pid, "cannot start a process: %s", strerror(-pid));
	run->pids[run->next++] = pid;
	run->active++;
	return 0;
}

static void end_child(struct running *run, size_t place)
{
	int status;

	while (waitpid(run->pids[place], &status, 0) < 0 && errno == EINTR)
		;
	run->pids[place] = 0;
	run->active--;
}

/* Asked, not killed: a child that has children of its own ends them first. */
static void end_all(struct arena *a, struct running *run)
{
	bool half_done = run->active > 0;

	for (size_t i = 0; i < run->next; i++)
		if (run->pids[i])
			kill(run->pids[i], SIGTERM);
	for (size_t i = 0; i < run->next; i++)
		if (run->pids[i])
			end_child(run, i);
	if (half_done)
		place_sweep(a);
}

static void on_message(struct running *run, const struct message *m)
{
	struct crew *c = run->crew;
	const struct crew_job *job = &c->jobs[m->place];

	if (c->progress && c->progress->step)
		c->progress->step(c->progress, job->id, phase_names[m->phase], m->done, job->total);
	if (m->phase < CREW_DONE)
		return;
	end_child(run, m->place);
	if (m->phase == CREW_DONE)
		c->done++;
	if (m->phase == CREW_FAILED && !run->result) {
		*run->e = m->err;
		run->result = -m->err.code;
		c->failed = m->place;
	}
}

/* A child that was killed says nothing more. */
static void look_for_dead(struct running *run)
{
	int status;

	for (size_t i = 0; i < run->next; i++) {
		if (!run->pids[i] || waitpid(run->pids[i], &status, WNOHANG) <= 0)
			continue;
		run->pids[i] = 0;
		run->active--;
		if (run->result)
			continue;
		run->crew->failed = i;
		run->result =
			err_set(run->e, EIO, "the process for %s %.19s died",
				run->crew->what ? run->crew->what : "layer", run->crew->jobs[i].id);
	}
}

static void run_turn(struct running *run)
{
	struct pollfd p[] = {{.fd = run->in, .events = POLLIN},
			     {.fd = run->interrupt.fd, .events = POLLIN}};
	struct message m;

	if (poll(p, countof(p), 1000) == 0) {
		look_for_dead(run);
		return;
	}
	if (p[1].revents & POLLIN)
		interrupt_take(&run->interrupt);
	if (run->interrupt.signal)
		run->result = err_set(run->e, EINTR, "interrupted");
	else if (p[0].revents & POLLIN && sys_read_full(run->in, &m, sizeof(m)) == sizeof(m))
		on_message(run, &m);
}

int crew_run(struct arena *a, struct crew *c, struct err *e)
{
	struct running run = {.crew = c, .e = e};
	int fds[2], r = sys_pipe(fds, 0);

	if (r < 0)
		return err_set(e, -r, "cannot make a pipe: %s", strerror(-r));
	c->failed = c->n;
	run.in = fds[0];
	run.out = fds[1];
	run.pids = arena_alloc(a, c->n * sizeof(*run.pids));
	run.result = interrupt_begin(&run.interrupt, e);
	while (!run.result && (run.active || run.next < c->n)) {
		if (run.next < c->n && run.active < AT_ONCE)
			run.result = start_next(&run);
		else
			run_turn(&run);
	}
	end_all(a, &run);
	close(fds[0]);
	close(fds[1]);
	interrupt_end(&run.interrupt);
	return run.result;
}
