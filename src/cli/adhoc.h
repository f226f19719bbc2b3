/*
 * A container without a compose file: `run IMAGE`, docker's `run`. Its flags are written as the
 * service of a small compose file, so that one loader checks and decides everything.
 */
#pragma once
#include "base/json.h"
#include "cli/cli.h"

struct adhoc {
	const char *image, *name;
	bool rm;
	json_t *service_extra;   /* further attributes of the service, or NULL; borrowed */
	json_t *top_extra;       /* further top-level sections, or NULL; borrowed */
	const char *service;     /* out */
	const char *container;   /* out: its name */
	struct project *project; /* out of up_prepare() */
	char *file;              /* out: the compose file written */
};

/* Writes the file below BERTH_RUN and makes it the project of c. */
int adhoc_project(struct cli *c, struct adhoc *a, struct err *e) must_check;
/* Takes the project away again; returns `code`. */
int adhoc_end(struct cli *c, struct adhoc *a, int code);
