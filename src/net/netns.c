#include "net/netns.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_NETNS "/proc/thread-self/ns/net"

static int come_back(int own)
{
	/* Serving everyone from the wrong namespace would be worse than a restart. */
	if (setns(own, CLONE_NEWNET) < 0)
		abort();
	return 0;
}

int netns_call(int netns_fd, int (*fn)(void *arg), void *arg)
{
	auto_fd int own = sys_open(AT_FDCWD, OWN_NETNS, O_RDONLY, 0);
	int r;

	if (own < 0)
		return own;
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return -errno;
	r = fn(arg);
	come_back(own);
	return r;
}

static int count_sockets(void *arg)
{
	auto_fd int fd = sys_open(AT_FDCWD, "/proc/thread-self/net/sockstat", O_RDONLY, 0);
	char text[256];
	ssize_t n = fd < 0 ? fd : sys_read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return (int)n;
	text[n] = '\0';
	return sscanf(text, "sockets: used %d", (int *)arg) == 1 ? 0 : -EINVAL;
}

bool netns_in_use(int netns_fd)
{
	int used = 0;

	return !netns_call(netns_fd, count_sockets, &used) && used > 0;
}

int netns_sysctl(const char *value, const char *name_fmt, ...)
{
	char path[256] = "/proc/sys/net/";
	size_t used = strlen(path);
	auto_fd int fd = -1;
	va_list ap;

	va_start(ap, name_fmt);
	vsnprintf(path + used, sizeof(path) - used, name_fmt, ap);
	va_end(ap);
	fd = sys_open(AT_FDCWD, path, O_WRONLY, 0);
	return fd < 0 ? fd : sys_write_all(fd, value, strlen(value));
}

/* Every container may ping and, as in Docker, bind low ports without being root. */
static int set_defaults(void *unused)
{
	/* clang-format off */
	static const struct { const char *name, *value; } rows[] = {
		{"ipv4/ip_unprivileged_port_start", "0"},
		{"ipv4/ping_group_range",           "0 2147483647"},
		{"ipv6/conf/default/accept_ra",     "0"},
		{"ipv6/conf/default/accept_dad",    "0"}, /* a second of waiting for an address that is ours */
	};
	/* clang-format on */

	/* Absent ones belong to kernels without IPv6: nothing to default there. */
	for (size_t i = 0; i < countof(rows); i++)
		(void)netns_sysctl(rows[i].value, "%s", rows[i].name);
	return 0;
}

static int pin_at(const char *ns, const char *pin)
{
	auto_fd int fd = sys_open(AT_FDCWD, pin, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);

	if (fd < 0)
		return fd;
	if (mount(ns, pin, NULL, MS_BIND, NULL) < 0) {
		int r = -errno;

		unlink(pin);
		return r;
	}
	return 0;
}

static int cannot_keep(const char *pin, int r, struct err *e)
{
	return err_set(e, -r, "cannot keep a network namespace at %s: %s", pin, strerror(-r));
}

static int make_owned(const char *pin, const struct id_map *ids, int *out_fd, struct err *e)
{
	auto_nsholder h = {.pidfd = -1};
	char path[48];
	int r;

	if (nsholder_begin(&h, CLONE_NEWNET, &(struct id_maps){ids, ids, 1, 1}, e) < 0)
		return -e->code;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", h.pid);
	r = pin_at(path, pin);
	if (r < 0)
		return cannot_keep(pin, r, e);
	if (netns_open(pin, out_fd, e) < 0)
		return -e->code;
	return netns_call(*out_fd, set_defaults, NULL);
}

static int make_ours(const char *pin, int *out_fd, struct err *e)
{
	auto_fd int own = sys_open(AT_FDCWD, OWN_NETNS, O_RDONLY, 0);
	auto_fd int made = -1;
	int r;

	if (own < 0)
		return err_set(e, -own, "cannot open the own network namespace: %s",
			       strerror(-own));
	if (unshare(CLONE_NEWNET) < 0) {
		err_set(e, errno, "cannot make a network namespace: %s", strerror(errno));
		return err_hint(e, "berth needs root for containers with networks of their own");
	}
	(void)set_defaults(NULL);
	r = pin_at(OWN_NETNS, pin);
	made = sys_open(AT_FDCWD, OWN_NETNS, O_RDONLY, 0);
	come_back(own);
	if (r < 0)
		return cannot_keep(pin, r, e);
	*out_fd = take_fd(&made);
	return 0;
}

int netns_make(const char *pin, const struct id_map *ids, int *out_fd, struct err *e)
{
	struct err ignored;

	int r;

	if (!netns_open(pin, out_fd, &ignored))
		return 0;
	unlink(pin); /* a plain file, left by a reboot */
	r = ids ? make_owned(pin, ids, out_fd, e) : make_ours(pin, out_fd, e);
	return r < 0 ? r : NETNS_MADE;
}

int netns_owner(int netns_fd, int *out_fd, struct err *e)
{
	auto_fd int owner = ioctl(netns_fd, NS_GET_USERNS);
	struct stat his, own;

	if (owner < 0 || fstat(owner, &his) < 0 || stat("/proc/self/ns/user", &own) < 0)
		return err_set(e, errno, "cannot tell who owns a network namespace: %s",
			       strerror(errno));
	if (his.st_ino == own.st_ino)
		return -ENOENT;
	*out_fd = take_fd(&owner);
	return 0;
}

int netns_open(const char *pin, int *out_fd, struct err *e)
{
	auto_fd int fd = sys_open(AT_FDCWD, pin, O_RDONLY, 0);

	if (fd < 0)
		return err_set(e, -fd, "cannot open network namespace %s: %s", pin, strerror(-fd));
	/* After a reboot or a lazy unmount the plain file may still lie there. */
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return err_set(e, ENOENT, "%s keeps no network namespace", pin);
	*out_fd = take_fd(&fd);
	return 0;
}

int netns_remove(const char *pin, struct err *e)
{
	/* EINVAL: a plain file; ENOENT: nothing. Both are as good as removed. */
	if (umount2(pin, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
		return err_set(e, errno, "cannot release network namespace %s: %s", pin,
			       strerror(errno));
	if (unlink(pin) < 0 && errno != ENOENT)
		return err_set(e, errno, "cannot remove %s: %s", pin, strerror(errno));
	return 0;
}
