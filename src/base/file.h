/*
 * berth's own files: read whole below a limit, replaced atomically, locked.
 * Paths are (dirfd, name); dirfd may be AT_FDCWD. For foreign trees see base/tree.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <sys/types.h>

/* Reads a regular file whole into the arena, terminated; -EFBIG above limit. */
int file_read(struct arena *a, int dirfd, const char *name, size_t limit, struct span *out,
	      struct err *e) must_check;
int file_read_fd(struct arena *a, int fd, size_t limit, struct span *out, struct err *e) must_check;

enum file_sync {
	FILE_FAST,   /* survives kill -9 */
	FILE_DURABLE /* survives a power cut: fsync of file and directory */
};
/* Readers see the old bytes or the new, never a mixture. */
int file_replace(int dirfd, const char *name, const void *data, size_t n, mode_t mode,
		 enum file_sync sync, struct err *e) must_check;
/* The same by way of `tmp`, a name on the same file system that the caller sweeps after a crash. */
int file_replace_via(const char *tmp, const char *name, struct span text, enum file_sync sync,
		     struct err *e) must_check;
int file_sync_parent(int dirfd, const char *name) must_check; /* a name that must last */
int file_mkdirs(const char *path, mode_t mode, struct err *e) must_check; /* like mkdir -p */
/* Removes a tree that berth made itself; absent is fine; never follows a link. */
int file_remove_tree(int dirfd, const char *name, struct err *e) must_check;

enum file_lock { FILE_LOCK_WAIT, FILE_LOCK_TRY };
/*
 * flock on a file made where it is missing; the lock dies with the descriptor, so a killed
 * holder leaves none. FILE_LOCK_TRY: -EWOULDBLOCK (e untouched) where another holds it.
 */
int file_lock(int dirfd, const char *name, enum file_lock how, int *out_fd,
	      struct err *e) must_check;
