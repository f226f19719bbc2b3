/*
 * Several images at once: one forked child an image, each with its own connection and memory,
 * telling this process through one pipe what to draw.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

struct cli;

struct pull_want {
	const char *ref, *platform, *label; /* label: what the user calls it, "web Pulled" */
	const char *built_by;               /* NULL, or the service that can build it */
	bool only_missing;                  /* do not ask the registry where it is here */
	bool optional;                      /* a failure is a warning: what is here will do */
};
struct pull_wants {
	struct pull_want *v;
	size_t n, cap;
};

struct pulls_options {
	bool quiet;
	bool keep_going; /* a failure is a warning; the rest goes on either way */
	bool push;       /* the other way: every want is pushed */
	bool notes;      /* print digests and states on stdout, as docker does */
};
int pulls_run(struct cli *c, const struct pull_wants *wants, const struct pulls_options *o,
	      struct err *e) must_check;
