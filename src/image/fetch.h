/*
 * The layers of one image: each in a forked child with its own connection and its own unpacking
 * worker, a few at a time. A layer that another process is bringing is waited for, not fetched
 * twice; a broken transfer goes on where it stopped.
 */
#pragma once
#include "image/manifest.h"
#include "image/pull.h"
#include "image/registry.h"

struct fetch {
	struct registry *registry;
	const char *path; /* of the repository */
	const struct descriptors *layers;
	const struct strings *diff_ids;
	struct progress_sink *progress;
	int brought; /* out: layers that were not here */
};
int fetch_layers(struct arena *a, struct fetch *f, struct err *e) must_check;
