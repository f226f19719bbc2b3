/*
 * Tar entries into a directory. Nothing in the tar can touch what lies outside: parents are opened
 * with RESOLVE_IN_ROOT, the last name is never followed, and unpack_start() does it in a forked
 * worker that is chrooted into the directory and keeps only the capabilities it needs.
 *
 * As in GNU tar the last entry of a name wins. Whiteouts become overlayfs' own marks: a 0:0
 * character device, trusted.overlay.opaque=y. A literal 0:0 device in a tar is refused.
 */
#pragma once
#include "image/layer.h"
#include "image/tar.h"

struct unpack_stats {
	int64_t bytes, entries;
};

/* In this process: tests and the fuzz target. root: the directory. */
/*
 * Whether so many bytes more leave some of the disk free for the others: 512 MiB, or a fiftieth of
 * a small one. Looks every 16 MiB. A bomb ends here, not where the disk does.
 */
struct unpack_space {
	int64_t unlooked;
};
bool unpack_fits(struct unpack_space *s, int fd, int64_t more);

int unpack_apply(int tar_fd, int root, const struct unpack_options *o, struct unpack_stats *out,
		 struct err *e) must_check;

struct unpack_worker {
	int in;     /* write the plain tar here, then close it */
	int result; /* the worker's answer */
	int pidfd;
};

int unpack_start(const char *dir, const struct unpack_options *o, struct unpack_worker *w,
		 struct err *e) must_check;
/* Closes `in` if still open, waits. The worker's own failure is what the user should read. */
int unpack_finish(struct unpack_worker *w, struct unpack_stats *out, struct err *e) must_check;
void unpack_kill(struct unpack_worker *w); /* fine on a finished one */
