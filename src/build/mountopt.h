/* One --mount of RUN: "type=cache,target=/x,id=y". Unknown keys and values are refused. */
#pragma once
#include "base/err.h"
#include "base/text.h"

enum run_mount_type { RUN_BIND, RUN_CACHE, RUN_TMPFS, RUN_SECRET, RUN_SSH };
enum run_sharing { SHARING_SHARED, SHARING_PRIVATE, SHARING_LOCKED };

struct run_mount {
	enum run_mount_type type;
	const char *from;   /* NULL: the context (bind), nothing (cache) */
	const char *source; /* inside `from` */
	const char *target; /* NULL: secrets and ssh have a default */
	const char *id;
	const char *env; /* secret: the variable to set */
	bool read_only, required;
	enum run_sharing sharing;
	int64_t size;           /* tmpfs; 0: no limit */
	int64_t mode, uid, gid; /* -1: not given */
};

/* Expands variables in source, target, id and from. */
typedef int run_mount_expand(void *arg, const char *word, const char **out, struct err *e);
int run_mount_read(struct arena *a, const char *text, run_mount_expand *expand, void *arg,
		   struct run_mount *out, struct err *e) must_check;
