/*
 * Files with several names, in a walk: the first name of each, found by device and inode. A table
 * (open addressing), since trees have tens of thousands of them: node_modules of pnpm, Nix,
 * backups.
 */
#pragma once
#include "base/arena.h"
#include <sys/stat.h>

struct link_name {
	dev_t dev;
	ino_t ino;
	const char *name; /* NULL: the place is free */
};
struct links {
	struct link_name *v;
	size_t n, cap; /* cap: a power of two */
};

/* The name under which the file was met before; else NULL, and `name` is copied and kept. */
const char *links_seen(struct arena *a, struct links *l, const struct stat *st, const char *name);
