/*
 * What is left of what was removed. A container may have written a million files, and a volume may
 * hold as many: taking them away at once would keep names, health checks and everybody else
 * waiting. So a few hundred go at once; the rest is moved aside by one rename, which is also what
 * a crash can be told from, and a process of its own goes on. `down` and `rm` wait for it.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/tree.h"
#include "base/when.h"
#include "supervise/apply.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { AT_ONCE = 512 };

static char *aside(struct arena *a, const struct supervisor *s)
{
	return arena_printf(a, "%s/removed", s->root_dir);
}

bool remains_left(const struct supervisor *s)
{
	return s->remains.worker.running;
}

/* In the child. What it does again after a crash finds less to do. */
static int take_away(const void *dir, int keep)
{
	return -tree_remove(AT_FDCWD, dir);
}

static int on_end(struct watch *w, uint32_t events)
{
	struct supervisor *s = container_of(w, struct supervisor, remains.worker.ended);
	auto_arena a = {0};
	int status = 0, code;

	if (worker_reap(&s->remains.worker, &status) < 0)
		return 0;
	code = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	if (code && code != ENOTEMPTY) { /* which is: something came while it ended */
		log_warn("%s: %s", aside(&a, s), strerror(code));
		s->remains.code = code;
	} else {
		remains_resume(s);
	}
	supervisor_kick(s);
	return 0;
}

static void start(struct supervisor *s, const char *dir)
{
	int r = worker_start(&s->remains.worker, s->loop, -1, take_away, dir, on_end);

	if (r >= 0)
		return;
	log_warn("what was removed goes at once: %s", strerror(-r));
	r = tree_remove(AT_FDCWD, dir);
	if (r < 0)
		log_warn("%s: %s", dir, strerror(-r));
}

void remains_resume(struct supervisor *s)
{
	auto_arena a = {0};

	if (!remains_left(s) && rmdir(aside(&a, s)) < 0 && errno != ENOENT)
		start(s, aside(&a, s));
}

char *remains_place(struct arena *a, struct supervisor *s)
{
	char *dir = aside(a, s);

	(void)!mkdir(dir, 0700);
	return arena_printf(a, "%s/%lld-%u", dir, (long long)when_wall_ns(), s->remains.serial++);
}

int remains_remove(struct supervisor *s, const char *path, struct err *e)
{
	auto_arena a = {0};
	size_t left = AT_ONCE;
	int r = tree_remove_some(AT_FDCWD, path, &left);

	/* More than once: the child may just end, and take the directory along. */
	for (int k = 0; r == -EAGAIN && k < 3; k++) {
		if (!rename(path, remains_place(&a, s))) {
			remains_resume(s);
			return 0;
		}
		if (errno != ENOENT)
			break;
	}
	return r == -EAGAIN ? file_remove_tree(AT_FDCWD, path, e)
	       : r < 0      ? err_set(e, -r, "cannot remove %s: %s", path, strerror(-r))
			    : 0;
}

/* Who is told that something went can count on it. */
bool remains_settled(struct job *j)
{
	int *code = &j->of->remains.code;

	if (j->options.goal != GOAL_DOWN && j->options.goal != GOAL_RM)
		return true;
	if (remains_left(j->of))
		return false;
	if (*code)
		job_warn(j, arena_printf(&j->arena, "not all of what was removed could be: %s",
					 strerror(*code)));
	*code = 0;
	return true;
}
