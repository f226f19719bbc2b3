/*
 * An image on its way out (push, save): its layers as blobs, and a manifest for them. What was
 * pulled goes out as it came, byte for byte; what was built here is packed again.
 */
#pragma once
#include "image/image.h"
#include "image/manifest.h"

struct outgoing_layer {
	struct descriptor d;
	const char *path; /* of the blob; NULL: pack `dir` while writing, d.size bytes */
	const char *dir;
};
struct outgoing {
	const struct image *image;
	VEC(struct outgoing_layer) layers; /* bottom first */
	struct span manifest;
	const char *manifest_type;
	char manifest_digest[72];
};

/* files: every layer must be a compressed file (push); packed ones are kept as blobs. */
int outgoing_prepare(struct arena *a, const struct image *img, bool files, struct outgoing *out,
		     struct err *e) must_check;
