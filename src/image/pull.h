/*
 * From a registry to the store. Runs in the calling process plus one forked worker a layer;
 * digests are verified while bytes stream, broken transfers resume, other processes pulling the
 * same layer are waited for. Push is the way back.
 */
#pragma once
#include "base/err.h"
#include "image/manifest.h"
#include "image/registry.h"
#include "image/store.h"

/* What a transfer tells whoever draws it. Called in the caller's process only; any may be NULL. */
struct progress_sink {
	void (*begin)(struct progress_sink *s, const char *what,
		      const char *id); /* "layer", "sha256:.." */
	/* total is -1 while unknown; phase: "waiting", "downloading", "unpacking", "pushing",
	 * "retrying", and as the last "done", "exists", "mounted" or "failed" */
	void (*step)(struct progress_sink *s, const char *id, const char *phase, int64_t done,
		     int64_t total);
	void (*note)(struct progress_sink *s, const char *line); /* "Digest: sha256:..." */
};

struct pull_options {
	const char *platform; /* "linux/arm64/v8"; NULL: this machine's */
	struct progress_sink *progress;
	bool only_missing; /* do not ask the registry where the reference is here already */
};

int pull_image(struct arena *a, const char *ref, const struct pull_options *o, struct image **out,
	       struct err *e) must_check;

/*
 * Several, side by side, whether they are here or not; *failed says which one an error is of (n:
 * nobody knows).
 */
struct pull_one {
	const char *ref, *platform; /* platform NULL: this machine's */
};
int pull_images(struct arena *a, const struct pull_one *v, size_t n, size_t *failed,
		struct err *e) must_check;

/* What a reference is made of; no layer is brought. The session stays open for fetch_layers(). */
struct pull_parts {
	struct registry registry;
	const char *path; /* of the repository */
	struct descriptors layers;
	struct span config;
};
int pull_parts(struct arena *a, const char *ref, struct pull_parts *out, struct err *e) must_check;

struct push_options {
	struct progress_sink *progress;
};
int push_image(struct arena *a, const char *ref, const struct push_options *o,
	       struct err *e) must_check;
/* What outgoing_prepare() made, under this name: the store's own references stay as they are. */
struct outgoing;
int push_outgoing(struct arena *a, const char *ref, const struct outgoing *out,
		  const struct push_options *o, struct err *e) must_check;

/* The digest that the registry holds for the reference now (of the index where it is one). */
int pull_digest(struct arena *a, const char *ref, const char **digest, struct err *e) must_check;
/* "registry/path:tag" for every tag of a repository, which is named without one. */
int pull_tags(struct arena *a, const char *repository, struct strings *out,
	      struct err *e) must_check;
