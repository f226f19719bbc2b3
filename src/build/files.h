/*
 * Files that COPY and mounts read: a build context or the root of a stage or an image, held by a
 * descriptor. Every path is resolved inside it; ignored files do not exist.
 */
#pragma once
#include "base/err.h"
#include "build/digests.h"
#include "build/ignore.h"

struct files {
	int root;
	const char *dir;             /* the same as a path, of contexts: overlayfs wants one */
	const struct ignore *ignore; /* NULL: nothing is ignored */
	struct digests *digests;     /* NULL: hashes are not remembered */
	bool is_context;             /* owners become root, extended attributes are left out */
};

struct file {
	const char *path; /* from the root, no slash in front; "" is the root */
	const char *rel;  /* from where the walk began; "" is that itself */
	struct stat st;
	const char *link; /* of a symbolic link */
	uint8_t sum[32];  /* after files_hash(), of a regular file */
};
struct file_list {
	struct file *v;
	size_t n, cap;
};

/* Follows every link, also in the last name; *out has none. 1: it does not exist. */
enum { FILES_ABSENT = 1 };
int files_resolve(struct arena *a, const struct files *f, const char *path, const char **out,
		  struct err *e) must_check;
/* The same for what may be made: names that do not exist stand for themselves. */
int files_resolve_new(struct arena *a, int root, const char *path, const char **out,
		      struct err *e) must_check;
/* The entry and all below it, parents first, names in order. FILES_ABSENT where ignored. */
int files_walk(struct arena *a, const struct files *f, const char *path, struct file_list *out,
	       struct err *e) must_check;
/* The entry and what lies directly in it. */
int files_list(struct arena *a, const struct files *f, const char *path, struct file_list *out,
	       struct err *e) must_check;
int files_hash(const struct files *f, struct file *file, struct err *e) must_check;
