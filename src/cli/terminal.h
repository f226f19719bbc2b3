/*
 * The user's terminal lent to a process in a container: raw mode, window size, signals; given
 * back on every way out.
 */
#pragma once
#include "base/err.h"
#include "cli/cli.h"
#include "runtime/launch.h"

void terminal_size(unsigned short *rows, unsigned short *cols); /* 0, 0: no terminal */

struct attend {
	bool tty;                /* l->tty_fd is to be shown and typed into */
	const char *detach_keys; /* "ctrl-p,ctrl-q"; NULL: none */
	bool no_stdin;
};
enum { ATTEND_DETACHED = 256 };
/* Stays with a child of ours until it ends: its exit code, or ATTEND_DETACHED. Closes l's fds. */
int terminal_attend(struct launch *l, const struct attend *how, struct err *e) must_check;

/*
 * The same for a process that the supervisor looks after: `in` and `out` (the master of a
 * terminal may be both, -1: none), its end told by `events` (a readable descriptor).
 */
struct attend_remote {
	int tty_fd;
	int events;
	int (*on_events)(void *arg); /* 1: it has ended; -errno */
	void (*on_signal)(void *arg, int sig);
	void *arg;
	const struct attend *how;
};
int terminal_attend_remote(const struct attend_remote *a, struct err *e) must_check;

/* Prints the error now and returns the exit code that belongs to it (126, 127). */
int terminal_failed(struct cli *c, const struct err *e, int code);
