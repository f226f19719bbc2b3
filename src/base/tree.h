/*
 * Operations inside someone else's directory: an image's root, a volume, a build stage. The tree
 * is held by a descriptor; paths are resolved as if it were "/" (openat2 RESOLVE_IN_ROOT, no magic
 * links), and the last name is never followed unless the function says so.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Opens with every link resolved inside the tree, the last one too. -errno, as sys_ calls. */
int tree_open(int root, const char *path, int flags, mode_t mode);

/*
 * Opens the directory that holds the last name of `path` and copies that name to `name`. Missing
 * directories are made with `mode`, owned by the caller; mode 0: -ENOENT instead. A path that ends
 * in "..", or is the root itself, is -EINVAL.
 */
int tree_parent(int root, const char *path, mode_t mode, char name[static 256]);
/*
 * mkdir -p below the root, links resolved inside (where one dangles, its target is made); returns
 * a descriptor of the last one.
 */
int tree_mkdirs(int root, const char *path, mode_t mode);

/* Removes name and all below it; absent is fine; never follows a link. Depth costs nothing. */
int tree_remove(int dirfd, const char *name);
/* The same, but no more than *left names, which counts down: then -EAGAIN, and some is gone. */
int tree_remove_some(int dirfd, const char *name, size_t *left);

struct tree_copy {
	/* NULL: everything. False leaves the entry (and all below) out. path: from the copied root.
	 */
	bool (*wanted)(const struct tree_copy *c, const char *path, const struct stat *st);
	bool whiteouts; /* keep overlay marks (0:0 devices, trusted.overlay.opaque) */
	bool set_owner; /* to uid:gid instead of the source's */
	uid_t uid;
	gid_t gid;
	/* First ids of the user namespaces behind both sides (0: the host's), which id 0 stands for
	 * there. */
	uint32_t from_ids, to_ids;
	bool no_times; /* leave modification times at now */
	size_t *left;  /* NULL, or how many entries more; with none left it is -EAGAIN */
};
/*
 * Copies from_name to to_name (which may be a directory already: merged into, its files replaced)
 * with owner, mode, times, xattrs, hard links among what is copied, and special files. Never
 * follows a link on either side.
 */
int tree_copy(int from, const char *from_name, int to, const char *to_name,
	      const struct tree_copy *how, struct err *e) must_check;
/* The bytes of one file into another: reflink or copy_file_range where the kernel can. */
int tree_copy_bytes(int from, int to);
/* Lists the xattr names of a descriptor (O_PATH will not do); *n bytes of NUL-separated names. */
int tree_xattrs(int fd, char **names, size_t *n);
