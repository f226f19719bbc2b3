/* up --watch: the same as the watch command, beside the logs. */
#pragma once
#include "cli/watch_rules.h"
#include <sys/types.h>

struct cli;

struct watching {
	struct project *project;
	struct watch_uses rules;
	bool prune, quiet;
};

/* Reads the rules and says what is wrong with them. services: none is all. */
int watch_plan(struct cli *c, struct project *p, const struct strings *services,
	       struct watching *out, struct err *e) must_check;
/* Acts upon changes in a child of ours that ends with us. Returns its pid. */
pid_t watch_fork(struct cli *c, const struct watching *w);
