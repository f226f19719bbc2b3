/*
 * Content hashes of a context's files, remembered by (size, mtime, ctime, inode): an unchanged file
 * costs its stat and no read. A file that changed so recently that a later change could carry the
 * same times is not remembered.
 */
#pragma once
#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"
#include <sys/stat.h>

struct digest_row {
	int64_t size, mtime_ns, ctime_ns;
	uint64_t inode;
	const char *path;
	uint8_t sum[32];
};

struct digests {
	struct arena *a;
	const char *file;             /* where they are kept; NULL: nowhere */
	VEC(struct digest_row) old;   /* sorted by path */
	VEC(struct digest_row) fresh; /* learned in this run */
	int64_t files_read;
};

/* name: of the context, an absolute path. A file that cannot be read is an empty memory. */
void digests_load(struct arena *a, const char *name, struct digests *out);
/* Of the regular file behind fd; d may be NULL. */
int digests_of(struct digests *d, const char *path, int fd, const struct stat *st, uint8_t sum[32],
	       struct err *e) must_check;
/* The remembered one, without opening anything. */
bool digests_known(const struct digests *d, const char *path, const struct stat *st,
		   uint8_t sum[32]);
/* Writes what was learned. Losing it costs time only. */
void digests_save(struct digests *d);
