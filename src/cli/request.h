/*
 * Asking a project's supervisor for something while the user watches: events become lines of
 * progress, warnings are printed, and --dry-run turns the request into the plan it would make.
 */
#pragma once
#include "base/json.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "supervise/client.h"

enum { REQUEST_NO_SUPERVISOR = 1 };

struct request {
	json_t *msg;       /* taken: released by request_send() */
	const char *title; /* of the progress: "Running" */
	bool quiet;
	const int *fds; /* to send along */
	size_t n_fds;
	/* Sees events first; 1: it was for me. May be NULL. */
	int (*each)(void *arg, const json_t *msg);
	void *arg;
};

/* {"do": what, "services": [words]} */
json_t *request_new(const char *what, int argc, char **argv);
/* Returns 0 with *code, or REQUEST_NO_SUPERVISOR where `how` did not start one. */
int request_send(struct cli *c, const char *project, enum client_how how, struct request *r,
		 int *code, struct err *e) must_check;
/* An event of the protocol as a line of progress. */
void request_show(struct progress *p, const json_t *msg);
/* Adds "timeout_ns" where seconds >= 0 (-1: not given). */
void request_timeout(json_t *msg, int seconds);
