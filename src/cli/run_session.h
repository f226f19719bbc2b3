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
	bool tty, quiet, detach, no_stdin;
};

int run_session(struct cli *c, struct run_session *s, struct err *e) must_check;
