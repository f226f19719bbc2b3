#include "image/fetch.h"
#include "base/file.h"
#include "base/sys.h"
#include "base/when.h"
#include "image/intake.h"
#include "image/place.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { AT_ONCE = 4, TRIES = 5, TRIES_MAX = 100, REPLAY = 256 << 10 };
static const int64_t report_ns = 100 * NS_PER_MSEC;

/* clang-format off */
enum phase { WAITING, DOWNLOADING, RETRYING, UNPACKING, DONE, EXISTS, FAILED };
static const char *const phase_names[] = {
	[WAITING] = "waiting", [DOWNLOADING] = "downloading", [RETRYING] = "retrying",
	[UNPACKING] = "unpacking", [DONE] = "done", [EXISTS] = "exists", [FAILED] = "failed",
};
/* clang-format on */

/* From a child to us; below PIPE_BUF, so whole. */
struct message {
	size_t layer;
	enum phase phase;
	int64_t done, total;
	struct err err;
};
_Static_assert(sizeof(struct message) <= 4096, "a message must fit into PIPE_BUF");

struct child {
	struct fetch *f;
	size_t layer;
	int out;
	const struct descriptor *d;
	const char *diff_id;
	int64_t reported_ns, before; /* before: bytes from earlier tries */
	bool resumed;                /* from an earlier process */
};

static void report(struct child *c, enum phase phase, int64_t done, const struct err *why)
{
	struct message m = {.layer = c->layer, .phase = phase, .done = done, .total = c->d->size};

	if (why)
		m.err = *why;
	sys_write_all(c->out, &m, sizeof(m));
	c->reported_ns = when_mono_ns();
}

static int on_progress(void *arg, int64_t received, int64_t sent)
{
	struct child *c = arg;

	if (when_mono_ns() - c->reported_ns >= report_ns)
		report(c, DOWNLOADING, c->before + received, NULL);
	return 0;
}

static void on_retry(void *arg, const char *why, int in_s)
{
	struct child *c = arg;
	struct err e = {0};

	err_set(&e, EAGAIN, "%.300s", why);
	report(c, RETRYING, c->before, &e);
}

/* What an earlier process got goes through the chain again; then the file grows on. */
static int replay(struct child *c, struct intake *in, int fd, struct err *e)
{
	auto_free char *part = malloc(REPLAY);
	ssize_t n;
	int r = 0;

	while (!r && (n = sys_read(fd, part, REPLAY)) > 0) {
		r = intake_write(in, part, (size_t)n, e);
		c->before += n;
	}
	c->resumed = c->before > 0;
	return r;
}

static int receive(struct child *c, struct intake *in, struct err *e)
{
	struct limit_sink limit;
	struct registry_blob b = {.path = c->f->path,
				  .digest = c->d->digest,
				  .size = c->d->size,
				  .to = &limit.sink,
				  .progress = on_progress,
				  .progress_arg = c};
	int r = 0;

	limit_sink_init(&limit, in->head, c->d->size - c->before, "the layer as announced");
	for (int n = 0, total = 0; c->before < c->d->size; n++, total++) {
		b.from = c->before;
		r = registry_blob(c->f->registry, &b, e);
		c->before += b.received;
		if (b.received > 0)
			n = 0; /* it moves: the tries count from here */
		if (r != -EAGAIN || n + 1 >= TRIES || total > TRIES_MAX)
			break;
		registry_wait(c->f->registry, n, b.wait_s, e);
	}
	if (r == -EAGAIN)
		e->code = EIO;
	return r == -EAGAIN ? -EIO : r;
}

static int bring(struct child *c, struct arena *a, const char *partial, struct err *e)
{
	auto_fd int fd = sys_open(AT_FDCWD, partial, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	struct intake_want want = {.diff_id = c->diff_id,
				   .blob = c->d->digest,
				   .media_type = c->d->media_type,
				   .keep_blob = true,
				   .blob_path = partial};
	struct intake in;
	struct layer layer;
	struct stat st;
	int r;

	c->before = 0;
	if (fd < 0)
		return err_set(e, -fd, "cannot open %s: %s", partial, strerror(-fd));
	if (fstat(fd, &st) < 0 || (st.st_size > c->d->size && ftruncate(fd, 0) < 0))
		return err_set(e, errno, "cannot use %s: %s", partial, strerror(errno));
	r = intake_begin(&in, -1, e);
	if (!r)
		r = replay(c, &in, fd, e);
	in.blob.fd = fd;
	if (!r)
		r = intake_blame(&in, receive(c, &in, e), e);
	if (!r) {
		report(c, UNPACKING, c->d->size, NULL);
		r = intake_end(&in, &want, a, &layer, e);
	}
	intake_done(&in);
	return r;
}

static int bring_locked(struct child *c, struct arena *a, struct err *e)
{
	auto_fd int lock = -1;
	struct layer have;
	char *partial;
	int r;

	report(c, WAITING, 0, NULL);
	r = intake_lock(a, c->diff_id, &lock, e);
	if (!r)
		r = layer_find(a, c->diff_id, &have, e);
	if (r != LAYER_ABSENT)
		return r < 0 ? r : EXISTS;
	r = place_partial(a, c->d->digest, &partial, e);
	if (r < 0)
		return r;
	r = bring(c, a, partial, e);
	/* Wrong bytes are not kept; what was gone on with may be to blame, so once more whole. */
	if (r == -EBADMSG || r == -EINVAL) {
		bool resumed = c->resumed;

		unlink(partial);
		if (resumed)
			r = bring(c, a, partial, e);
		if (r == -EBADMSG || r == -EINVAL)
			unlink(partial);
	}
	return r < 0 ? r : DONE;
}

static _Noreturn void work(struct child *c)
{
	struct registry *r = c->f->registry;
	struct arena a = {0};
	struct err e = {0};
	int result;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	r->retrying = on_retry;
	r->arg = c;
	result = registry_reopen(r, &e);
	if (!result)
		result = bring_locked(c, &a, &e);
	if (result < 0)
		err_wrap(&e, "layer %.19s", c->d->digest);
	report(c, result < 0 ? FAILED : (enum phase)result, c->d->size, result < 0 ? &e : NULL);
	_exit(0);
}

struct running {
	struct fetch *f;
	int in, out;
	pid_t pids[LAYERS_MAX];
	size_t next, active;
	struct err *e;
	int result;
};

static void tell(struct fetch *f, const struct message *m)
{
	const char *id = f->layers->v[m->layer].digest;

	if (f->progress && f->progress->step)
		f->progress->step(f->progress, id, phase_names[m->phase], m->done, m->total);
}

static int start_next(struct running *run)
{
	struct child c = {.f = run->f, .layer = run->next, .out = run->out};
	struct clone_args args = {.exit_signal = SIGCHLD};
	pid_t pid;

	c.d = &run->f->layers->v[run->next];
	c.diff_id = run->f->diff_ids->v[run->next];
	if (run->f->progress && run->f->progress->begin)
		run->f->progress->begin(run->f->progress, "layer", c.d->digest);
	pid = sys_clone3(&args, sizeof(args));
	if (!pid) {
		close(run->in);
		work(&c);
	}
	if (pid < 0)
		return err_set(run->e, -pid, "cannot start a process: %s", strerror(-pid));
	run->pids[run->next++] = pid;
	run->active++;
	return 0;
}

static void end_child(struct running *run, size_t layer)
{
	int status;

	while (waitpid(run->pids[layer], &status, 0) < 0 && errno == EINTR)
		;
	run->pids[layer] = 0;
	run->active--;
}

/* The first failure ends the others: what they have stays for the next time. */
static void end_all(struct running *run)
{
	for (size_t i = 0; i < run->next; i++) {
		if (!run->pids[i])
			continue;
		kill(run->pids[i], SIGKILL);
		end_child(run, i);
	}
}

static void on_message(struct running *run, const struct message *m)
{
	tell(run->f, m);
	if (m->phase < DONE)
		return;
	end_child(run, m->layer);
	if (m->phase == DONE)
		run->f->brought++;
	if (m->phase == FAILED && !run->result) {
		*run->e = m->err;
		run->result = -m->err.code;
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
		if (!run->result)
			run->result = err_set(run->e, EIO, "the process for layer %.19s died",
					      run->f->layers->v[i].digest);
	}
}

static void run_turn(struct running *run)
{
	struct pollfd p = {.fd = run->in, .events = POLLIN};
	struct message m;

	if (poll(&p, 1, 1000) == 0) {
		look_for_dead(run);
		return;
	}
	if (p.revents & POLLIN && sys_read_full(run->in, &m, sizeof(m)) == sizeof(m))
		on_message(run, &m);
}

int fetch_layers(struct arena *a, struct fetch *f, struct err *e)
{
	struct running *run = arena_new(a, struct running);
	int fds[2], r = sys_pipe(fds, 0);

	if (r < 0)
		return err_set(e, -r, "cannot make a pipe: %s", strerror(-r));
	*run = (struct running){.f = f, .in = fds[0], .out = fds[1], .e = e};
	while (!run->result && (run->active || run->next < f->layers->n)) {
		if (run->next < f->layers->n && run->active < AT_ONCE)
			run->result = start_next(run);
		else
			run_turn(run);
	}
	end_all(run);
	close(fds[0]);
	close(fds[1]);
	return run->result;
}
