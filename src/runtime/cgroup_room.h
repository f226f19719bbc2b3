/* What the cgroup modules share among themselves: the mounted hierarchies and their files. */
#pragma once
#include "runtime/cgroup.h"
#include <sys/types.h>

struct cgroup_tree {
	const char *controller; /* "" is the v2 tree */
	char dir[64];           /* where it is mounted */
};
struct cgroup_trees {
	enum cgroup_layout layout;
	struct cgroup_tree v[12];
	size_t n;
};

void cgroup_trees(struct cgroup_trees *out);
const struct cgroup_tree *cgroup_tree(const struct cgroup_trees *t, const char *controller);
int cgroup_file(const struct cgroup_tree *t, const char *path, const char *file, int flags);
int cgroup_write(const struct cgroup_tree *t, const char *path, const char *file, const char *text);
/* Terminated; bytes read or -errno. */
ssize_t cgroup_read(const struct cgroup_tree *t, const char *path, const char *file, char *out,
		    size_t size);

int cgroup_limit(const struct cgroup_trees *trees, const char *path, const struct cgroup_limits *l,
		 struct err *e) must_check;
int cgroup_devices(const struct cgroup_trees *trees, const char *path,
		   const struct cgroup_limits *l, bool privileged, struct err *e) must_check;
/* The calling process, of one thread, into every v1 group; v2 came with clone3. */
int cgroup_enter_v1(const char *path, struct err *e) must_check;
/*
 * A new group below a container's, in the tree that names all its processes. CGROUP_OLD: it can be
 * entered and not be cloned into, as it is of v1 or its processes are still dying: what is cloned
 * into a group that was killed once dies at birth (Linux 6.18).
 */
enum { CGROUP_OLD = 1 };
int cgroup_make_sub(const char *path, struct err *e) must_check;
