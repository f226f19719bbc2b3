/*
 * Layers and a document that lists them, in a registry or an OCI layout directory, without being
 * an image of the store: the build caches of other machines. Opening brings the document alone;
 * layers come when they are wanted.
 */
#pragma once
#include "image/manifest.h"
#include "image/pull.h"
#include "image/registry.h"

struct bundle {
	struct span config;        /* JSON with rootfs.diff_ids */
	struct strings diff_ids;   /* of it, */
	struct descriptors layers; /* and the blobs that they are */
	const char *dir;           /* an OCI layout; NULL: the registry */
	const char *path;          /* of the repository */
	struct registry registry;
};

int bundle_open(struct arena *a, const char *ref, struct bundle *out, struct err *e) must_check;
int bundle_open_dir(struct arena *a, const char *dir, struct bundle *out, struct err *e) must_check;
/* Those of the layers that the bundle has and the store lacks. */
int bundle_bring(struct arena *a, struct bundle *b, const struct strings *diff_ids,
		 struct progress_sink *progress, struct err *e) must_check;
void bundle_done(struct bundle *b);

/* The layers must be in the store. */
int bundle_push(struct arena *a, const char *ref, struct span config,
		const struct strings *diff_ids, struct progress_sink *progress,
		struct err *e) must_check;
/* Blobs that lie there already stay; index.json then names this one alone. */
int bundle_write_dir(struct arena *a, const char *dir, struct span config,
		     const struct strings *diff_ids, struct err *e) must_check;
