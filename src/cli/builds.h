/*
 * Building with a picture of it: the steps' lines on stderr, as docker's plain progress has them,
 * or JSON objects, or nothing but the output of a step that fails.
 */
#pragma once
#include "build/build.h"

struct cli;

struct builds_options {
	struct pairs args;
	bool no_cache, pull, quiet;
	const struct build_request *more; /* NULL, or whose secrets and ssh are added */
	const char *progress;             /* NULL: as the command says */
};
/* The services' images, in this order; those that several need are built once. */
int builds_run(struct cli *c, const struct project *p, const struct strings *services,
	       const struct builds_options *o, struct err *e) must_check;

struct build_view;
struct build_view *build_view_new(struct cli *c, const char *progress, bool quiet);
struct build_progress *build_view_progress(struct build_view *v);
struct progress_sink *build_view_pulls(struct build_view *v);
void build_view_free(struct build_view *v);
