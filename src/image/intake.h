/*
 * A layer on its way into the store. Bytes as they travel are written to `head`; the blob file,
 * both digests and the unpacked directory come of one pass:
 *   head: sha256 -> tee -> blob file
 *                     `-> inflate -> ratio -> limit -> sha256 -> worker (chrooted, unpacks)
 * Nothing is visible until intake_end() found every digest right.
 */
#pragma once
#include "image/layer.h"
#include "image/unpack.h"
#include <signal.h>

/* Ends what becomes far too much of too little. */
struct ratio_sink {
	struct sink sink;
	const int64_t *travelled;
	int64_t plain;
};

struct intake {
	struct sha256_sink travelled, plain;
	struct tee_sink tee;
	struct fd_sink blob, pipe;
	struct inflate_sink inflate;
	struct limit_sink limit;
	struct ratio_sink ratio;
	struct sink *head;
	struct unpack_worker worker;
	struct arena arena;
	char *scratch;
	struct sigaction old_pipe; /* a worker that refused closes its end: EPIPE, not a signal */
	bool open;
};

/* blob_fd: where the bytes as they travel go (the caller's), or -1. */
int intake_begin(struct intake *in, int blob_fd, struct err *e) must_check;
int intake_write(struct intake *in, const void *p, size_t n, struct err *e) must_check;
int intake_feed(struct intake *in, int fd, struct err *e) must_check; /* all that fd has */

/* For who writes to head itself: turns the -EPIPE of a worker that refused into its reason. */
int intake_blame(struct intake *in, int r, struct err *e) must_check;

struct intake_want {
	const char *diff_id;    /* NULL: whatever it is */
	const char *blob;       /* NULL: likewise */
	const char *media_type; /* noted beside the blob */
	bool keep_blob;         /* the layer will point to it */
	const char *blob_path;  /* keep_blob: the file to move among the blobs, or NULL: not yet */
};
int intake_end(struct intake *in, const struct intake_want *want, struct arena *a,
	       struct layer *out, struct err *e) must_check;
void intake_done(struct intake *in); /* gives up what was not ended; fine twice */

/* The lock under which one process brings a layer (by diff id or blob digest). */
int intake_lock(struct arena *a, const char *digest, int *out_fd, struct err *e) must_check;
