/*
 * The foreground of `up`: starts services while their lines are on the screen, until all have
 * exited, one has (with --abort-on-*), or Ctrl-C: the first stops, the second kills.
 */
#pragma once
#include "base/json.h"
#include "cli/cli.h"
#include "cli/logmux.h"

struct follow {
	const struct project *project;
	json_t *start;        /* the "up" request; taken. NULL: everything runs already */
	struct strings named; /* to be stopped at the end; none: all */
	struct strings services;
	struct logmux_style style;
	int timeout; /* seconds to stop, -1: the services' own */
	bool abort_on_exit, abort_on_failure;
	const char *exit_code_from;
	bool timeline;                   /* once everything is started */
	const struct watching *watching; /* NULL: files are not watched */
};

/* The exit code of `up`. */
int follow_run(struct cli *c, struct follow *f, struct err *e) must_check;
