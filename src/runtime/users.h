/*
 * Users and groups of an image, by its own /etc/passwd and /etc/group: read inside the root,
 * regular files only, bounded. Numbers are taken strictly (no sign, no hex, at most 2^31-1).
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <sys/types.h>

struct user {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* supplementary, in the arena */
	size_t n_groups;
	const char *name; /* "" where passwd has no entry */
	const char *home; /* "/" likewise */
};

/* user: "name|uid[:group|gid]", NULL or "" is root; extra: names or numbers (group_add). */
int users_find(struct arena *a, int root, const char *user, const struct strings *extra,
	       struct user *out, struct err *e) must_check;
/* The pure half, on the text of both files. */
int users_pick(struct arena *a, struct span passwd, struct span group, const char *user,
	       const struct strings *extra, struct user *out, struct err *e) must_check;
