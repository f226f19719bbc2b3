#include "runtime/userns.h"
#include "base/log.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

bool userns_wanted(const struct container_spec *s)
{
	return s->userns.mode == NS_JOIN || (s->userns.mode == NS_NEW && s->uid_map.n);
}

static int write_map(pid_t pid, const char *file, const struct id_map *maps, size_t n,
		     struct err *e)
{
	char name[48];
	auto_buf text = {0};
	auto_fd int fd = -1;
	int r;

	snprintf(name, sizeof(name), "/proc/%d/%s", (int)pid, file);
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%u %u %u\n", maps[i].inside, maps[i].outside, maps[i].count);
	fd = sys_open(AT_FDCWD, name, O_WRONLY, 0);
	r = fd < 0 ? fd : sys_write_all(fd, text.p ? text.p : "", text.n);
	return r < 0 ? err_set(e, -r, "the kernel refuses the %s: %s", file, strerror(-r)) : 0;
}

static int open_of(pid_t pid, const struct container_spec *s, int *out, struct err *e)
{
	char name[48];
	int fd;

	if (write_map(pid, "uid_map", s->uid_map.v, s->uid_map.n, e) < 0 ||
	    write_map(pid, "gid_map", s->gid_map.v, s->gid_map.n, e) < 0)
		return -e->code;
	snprintf(name, sizeof(name), "/proc/%d/ns/user", (int)pid);
	fd = sys_open(AT_FDCWD, name, O_RDONLY, 0);
	if (fd < 0)
		return err_set(e, -fd, "cannot open the user namespace: %s", strerror(-fd));
	*out = fd;
	return 0;
}

int userns_open(const struct container_spec *s, int *out, struct err *e)
{
	auto_fd int pidfd = -1;
	/* No exit signal: the caller's loop never hears of this child, which lives for
	 * microseconds. */
	struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd};
	int pid, r, status;

	*out = -1;
	if (!userns_wanted(s))
		return 0;
	if (s->userns.mode == NS_JOIN) {
		*out = sys_dup_above(s->userns.fd, 3);
		return *out < 0 ? err_set(e, -*out, "cannot join the user namespace: %s",
					  strerror(-*out))
				: 0;
	}
	pid = sys_clone3(&args, sizeof(args));
	if (!pid) {
		pause();
		_exit(0);
	}
	if (pid < 0)
		return err_set(e, -pid, "cannot make a user namespace: %s", strerror(-pid));
	r = open_of(pid, s, out, e);
	sys_pidfd_signal(pidfd, SIGKILL);
	if (sys_pidfd_wait(pidfd, __WALL, &status) < 0)
		log_warn("a helper process %d could not be reaped", pid);
	return r;
}

static uint32_t map(const struct id_map *maps, size_t n, uint32_t inside)
{
	for (size_t i = 0; i < n; i++) {
		if (inside >= maps[i].inside && inside - maps[i].inside < maps[i].count)
			return maps[i].outside + (inside - maps[i].inside);
	}
	return 65534; /* the kernel's overflow id */
}

uid_t userns_uid(const struct container_spec *s, uid_t inside)
{
	return userns_wanted(s) ? map(s->uid_map.v, s->uid_map.n, inside) : inside;
}

gid_t userns_gid(const struct container_spec *s, gid_t inside)
{
	return userns_wanted(s) ? map(s->gid_map.v, s->gid_map.n, inside) : inside;
}

int userns_map_tree(int tree, int userns, bool recursive)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)userns};

	return sys_mount_setattr(tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr);
}
