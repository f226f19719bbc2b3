/*
 * Runs a helper program to its end: output capped, deadline kept. Not for containers.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

struct proc {
	const char *const *argv; /* NULL-terminated; looked up in PATH */
	struct span input;       /* for its standard input */
	size_t limit;            /* bytes of output kept */
	int64_t timeout_ns;      /* then it is killed: -ETIMEDOUT */
};

/* *status as waitpid has it; output is stdout and stderr together, in the arena. */
int proc_run(struct arena *a, const struct proc *p, int *status, struct span *output,
	     struct err *e) must_check;
