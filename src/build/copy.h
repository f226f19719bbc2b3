/*
 * COPY carried out: selected files into the root of a stage. The destination is someone else's
 * tree: every path is resolved inside it.
 */
#pragma once
#include "build/select.h"
#include <sys/types.h>

struct copy_to {
	int root;         /* of the stage */
	const char *dest; /* ends in "/" where it is a directory whatever lies there */
	bool owner_given;
	uid_t uid;
	gid_t gid;
	const char *chmod; /* NULL, octal, or symbolic */
	int64_t epoch_s;   /* -1: times are kept, new directories are of now */
};

int copy_selected(struct arena *a, const struct files *from, const struct selected *s,
		  const struct copy_to *to, struct err *e) must_check;
/* A new file with this content, mode 0644 unless chmod says otherwise. */
int copy_text(struct arena *a, const char *name, const char *text, const struct copy_to *to,
	      struct err *e) must_check;
/* mkdir -p, new directories owned as `to` says. Returns a descriptor, or -errno with e. */
int copy_mkdirs(struct arena *a, const char *path, const struct copy_to *to,
		struct err *e) must_check;
/* "u+x,go-w" or octal on a mode. */
mode_t copy_mode(const char *chmod, mode_t mode);
