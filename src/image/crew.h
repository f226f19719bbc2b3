/*
 * Layers (or whole images) travelling side by side: one forked child a layer, four at a time, each
 * with its own memory and connection, telling this process through one pipe how far it is. The
 * first failure ends the others; what they have stays for the next time.
 */
#pragma once
#include "base/err.h"
#include "image/pull.h"

enum crew_phase {
	CREW_WAITING,
	CREW_DOWNLOADING,
	CREW_RETRYING,
	CREW_UNPACKING,
	CREW_PUSHING,
	CREW_DONE, /* from here on the ends */
	CREW_EXISTS,
	CREW_MOUNTED,
	CREW_FAILED
};

struct crew_job {
	const char *id; /* of the layer, for the user */
	int64_t total;
};

/* The child's side. */
struct crew_member {
	const struct crew_job *job;
	size_t place; /* of the job in the list */
	int out;
	int64_t told_ns;
};
void crew_tell(struct crew_member *m, enum crew_phase phase, int64_t done, const struct err *why);
/* Only now and then. */
void crew_tell_often(struct crew_member *m, enum crew_phase phase, int64_t done);

struct crew {
	const struct crew_job *jobs;
	size_t n;
	const char *what; /* the jobs are, and their errors say so themselves; NULL: "layer" */
	/* In a child: the phase that it ended with, or -errno. */
	int (*work)(void *arg, struct crew_member *m, struct err *e);
	void *arg;
	struct progress_sink *progress;
	size_t done;   /* out: how many ended with CREW_DONE */
	size_t failed; /* out, of a failure: whose it is, or n where nobody knows */
};
int crew_run(struct arena *a, struct crew *c, struct err *e) must_check;
