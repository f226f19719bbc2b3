#include "base/mountfd.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* The kernel explains itself as lines "e overlay: upper fs missing" in the context's log. */
static int explain(int fs, const char *type, int r, struct err *e)
{
	char line[256];
	ssize_t n = sys_read(fs, line, sizeof(line) - 1);

	if (n <= 2)
		return err_set(e, -r, "cannot mount %s: %s", type, strerror(-r));
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return err_set(e, -r, "cannot mount %s: %s (%s)", type, line + 2, strerror(-r));
}

int mountfd_new(const char *type, const struct mount_option *options, size_t n, uint64_t attrs,
		struct err *e)
{
	auto_fd int fs = sys_fsopen(type, 0);
	int r;

	if (fs < 0)
		return err_set(e, -fs, "cannot mount %s: %s", type, strerror(-fs));
	/* The first column of /proc/mounts; else it says "none". */
	r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", type, 0);
	if (r < 0)
		return explain(fs, type, r, e);
	for (size_t i = 0; i < n; i++) {
		r = sys_fsconfig(fs, options[i].value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
				 options[i].key, options[i].value, 0);
		if (r < 0 && !options[i].optional)
			return explain(fs, type, r, e);
	}
	r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r < 0)
		return explain(fs, type, r, e);
	r = sys_fsmount(fs, 0, (unsigned)attrs);
	return r < 0 ? explain(fs, type, r, e) : r;
}

int mountfd_clone(int dirfd, const char *path, bool recursive)
{
	return sys_open_tree(dirfd, path,
			     OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0) |
				     (*path ? 0 : AT_EMPTY_PATH));
}

int mountfd_attrs(int fd, uint64_t set, uint64_t propagation, bool recursive)
{
	struct mount_attr attr = {.attr_set = set, .propagation = propagation};

	return sys_mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr);
}

int mountfd_put(int fd, int target)
{
	return sys_move_mount(fd, "", target, "",
			      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}
