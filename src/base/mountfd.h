/*
 * The new mount interface in the shape that this room needs: file systems and trees as detached
 * descriptors, put onto O_PATH descriptors. Nobody here takes a path inside a container's root.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <linux/mount.h>
#include <stdint.h>

#define MOUNT_PLAIN (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

struct mount_option {
	const char *key, *value; /* value NULL: a flag */
	bool optional;           /* a kernel that lacks it is fine */
};

/* A new file system; -errno with e, which quotes the kernel's own words where it has some. */
int mountfd_new(const char *type, const struct mount_option *options, size_t n, uint64_t attrs,
		struct err *e) must_check;
/* The same from what mount(8) takes as -t TYPE -o OPTIONS DEVICE. */
int mountfd_device(const char *type, const char *device, const char *options,
		   struct err *e) must_check;
/* The words of OPTIONS that are attributes of a mount, "ro,nosuid": MOUNT_ATTR_*. */
uint64_t mountfd_words(const char *options);
int mountfd_clone(int dirfd, const char *path, bool recursive); /* detached; -errno */
int mountfd_attrs(int fd, uint64_t set, uint64_t propagation, bool recursive);
/* Shows a detached tree with the ids of a user namespace (Linux 5.12). */
int mountfd_map(int fd, int userns, bool recursive);
int mountfd_put(int fd, int target);
