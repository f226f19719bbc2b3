/*
 * Paths inside a container's root. Nothing here trusts the tree: every look-up starts at a held
 * descriptor and cannot leave it, whatever links the image or a sibling container put there, and
 * what is missing is made on held descriptors too. Results are O_PATH descriptors.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <sys/types.h>

enum inside_kind { INSIDE_DIR, INSIDE_FILE };

/* An existing object, links followed inside the root; -errno. flags: beside O_PATH, e.g.
 * O_DIRECTORY */
int inside_open(int root, const char *path, int flags);
/* The same, made with its parents where it is missing; links that lead nowhere are completed. */
int inside_make(int root, const char *path, enum inside_kind kind, mode_t mode);
/* Reads a regular file of at most `limit` bytes: never blocks on a FIFO, never touches a device. */
int inside_read(struct arena *a, int root, const char *path, size_t limit, struct span *out,
		struct err *e) must_check;
