#include "cli/pulls.h"
#include "base/sys.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "image/pull.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum kind { KIND_STEP, KIND_NOTE, KIND_END };

/* Below PIPE_BUF, so that the children's messages never mix. */
struct message {
	enum kind kind;
	int place;
	char id[80], phase[32];
	int64_t done, total;
	struct err err; /* KIND_END, code 0: it went well; KIND_NOTE: why is the line */
};

struct sender {
	struct progress_sink sink;
	int fd, place;
};

static void tell(struct sender *s, struct message *m)
{
	m->place = s->place;
	/* Where nobody reads any more, the signal of the command's end is on its way. */
	(void)!sys_write_all(s->fd, m, sizeof(*m));
}

static void on_step(struct progress_sink *sink, const char *id, const char *phase, int64_t done,
		    int64_t total)
{
	struct message m = {.kind = KIND_STEP, .done = done, .total = total};

	snprintf(m.id, sizeof(m.id), "%s", id);
	snprintf(m.phase, sizeof(m.phase), "%s", phase);
	tell((struct sender *)sink, &m);
}

static void on_note(struct progress_sink *sink, const char *line)
{
	struct message m = {.kind = KIND_NOTE};

	snprintf(m.err.why, sizeof(m.err.why), "%s", line);
	tell((struct sender *)sink, &m);
}

static void child(int fd, int place, const struct pull_want *w, bool push)
{
	struct sender s = {{.step = on_step, .note = on_note}, fd, place};
	struct pull_options o = {
		.platform = w->platform, .progress = &s.sink, .only_missing = w->only_missing};
	struct push_options po = {.progress = &s.sink};
	struct message end = {.kind = KIND_END};
	struct image *image;
	auto_arena a = {0};
	int r;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	r = push ? push_image(&a, w->ref, &po, &end.err)
		 : pull_image(&a, w->ref, &o, &image, &end.err);
	if (r >= 0)
		end.err = (struct err){0};
	tell(&s, &end);
	_exit(end.err.code != 0);
}

struct work {
	struct cli *cli;
	const struct pull_wants *wants;
	const struct pulls_options *options;
	struct progress *progress;
	int pipe[2];
	pid_t *pids;
	size_t started, ended, running;
	int failures;
	struct err first;
};

static int start_one(struct work *w, struct err *e)
{
	const struct pull_want *want = &w->wants->v[w->started];
	pid_t pid;

	progress_set(w->progress, NULL, want->label, PROGRESS_WORKING,
		     w->options->push ? "Pushing" : "Pulling");
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return err_set(e, errno, "cannot start a process: %s", strerror(errno));
	if (!pid) {
		close(w->pipe[0]);
		child(w->pipe[1], (int)w->started, want, w->options->push);
	}
	w->pids[w->started++] = pid;
	w->running++;
	return 0;
}

static void show_step(struct work *w, const struct message *m)
{
	bool done = !strcmp(m->phase, "done") || !strcmp(m->phase, "exists") ||
		    !strcmp(m->phase, "mounted");
	const char *colon = strchr(m->id, ':');
	char id[16], phase[32];

	/* Layers of two images are often the same: one line each. */
	snprintf(id, sizeof(id), "%.12s", colon ? colon + 1 : m->id);
	snprintf(phase, sizeof(phase), "%s", m->phase);
	if (phase[0] >= 'a' && phase[0] <= 'z')
		phase[0] = (char)(phase[0] - 'a' + 'A');
	progress_set(w->progress, w->wants->v[m->place].label, id,
		     done ? PROGRESS_DONE : PROGRESS_WORKING, phase);
	if (!done && m->total > 0)
		progress_bytes(w->progress, id, m->done, m->total);
}

static void show_end(struct work *w, const struct message *m)
{
	const char *label = w->wants->v[m->place].label;
	bool goes_on = w->options->keep_going || w->wants->v[m->place].optional;

	w->ended++;
	w->running--;
	waitpid(w->pids[m->place], NULL, 0);
	w->pids[m->place] = 0;
	if (!m->err.code) {
		progress_set(w->progress, NULL, label, PROGRESS_DONE,
			     w->options->push ? "Pushed" : "Pulled");
		return;
	}
	progress_set(w->progress, NULL, label, goes_on ? PROGRESS_WARNING : PROGRESS_ERROR,
		     m->err.why);
	if (goes_on || w->failures++)
		return;
	w->first = m->err;
	if (w->wants->v[m->place].built_by)
		(void)err_hint(&w->first, "it is built here: berth build %s",
			       w->wants->v[m->place].built_by);
}

/* Every child holds the pipe's end: it closes only when all are gone, told or killed. */
static int drain(struct work *w, size_t limit, struct err *e)
{
	while (w->ended < w->wants->n) {
		struct message m;
		int n;

		while (w->started < w->wants->n && w->running < limit) {
			n = start_one(w, e);
			if (n < 0)
				return n;
		}
		if (w->started == w->wants->n && w->pipe[1] >= 0) {
			close(w->pipe[1]);
			w->pipe[1] = -1;
		}
		n = sys_read_full(w->pipe[0], &m, sizeof(m));
		if (n != (int)sizeof(m))
			return err_set(e, EIO, "a download was ended by somebody else");
		if (m.kind == KIND_STEP)
			show_step(w, &m);
		else if (m.kind == KIND_NOTE && w->options->notes)
			puts(m.err.why);
		else if (m.kind == KIND_NOTE && w->cli->global.verbose)
			progress_note(w->progress, m.err.why);
		else if (m.kind == KIND_END)
			show_end(w, &m);
	}
	return 0;
}

int pulls_run(struct cli *c, const struct pull_wants *wants, const struct pulls_options *o,
	      struct err *e)
{
	size_t limit = c->global.parallel > 0 ? (size_t)c->global.parallel : 8;
	struct work w = {.cli = c, .wants = wants, .options = o, .pipe = {-1, -1}};
	int r;

	vec_each(want, wants) {
		if (c->global.dry_run)
			printf("%s %s\n", o->push ? "push" : "pull", want->ref);
	}
	if (!wants->n || c->global.dry_run)
		return 0;
	r = sys_pipe(w.pipe, O_CLOEXEC);
	if (r < 0)
		return err_set(e, -r, "cannot make a pipe: %s", strerror(-r));
	w.pids = arena_alloc(&c->arena, wants->n * sizeof(*w.pids));
	w.progress = progress_new(c, o->push ? "Pushing" : "Pulling", o->quiet);
	r = drain(&w, limit, e);
	progress_end(w.progress);
	for (size_t i = 0; i < w.started; i++) {
		if (w.pids[i])
			waitpid(w.pids[i], NULL, 0);
	}
	close(w.pipe[0]);
	if (w.pipe[1] >= 0)
		close(w.pipe[1]);
	if (r >= 0 && w.failures) {
		*e = w.first;
		r = -e->code;
	}
	return r;
}
