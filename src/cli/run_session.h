/*
 * A container in the foreground: the "run" request sent, dependencies shown as they come, the
 * terminal or our three descriptors lent, signals passed on, its exit code returned.
 */
#pragma once
#include "base/json.h"
#include "cli/cli.h"

struct run_session {
	const char *project;
	json_t *msg; /* the request; taken */
	bool tty, quiet, detach, no_stdin, keep_signals;
	const char *detach_keys; /* NULL: none. Only a terminal can be left. */
	char id[72];             /* out: of the container, when it runs */
	bool left;               /* out: by these keys; the container runs on */
};

int run_session(struct cli *c, struct run_session *s, struct err *e) must_check;
