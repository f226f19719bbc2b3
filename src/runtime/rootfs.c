/*
 * The container's root: overlay, /proc, /sys, /dev, what is hidden, and the switch. Every path
 * inside is looked up from a held descriptor (runtime/inside); masks are taken from the host's own
 * /dev/null, opened and verified before the image's tree exists in this mount namespace.
 */
#include "base/mountfd.h"
#include "base/overlay.h"
#include "base/sys.h"
#include "runtime/cgroup_room.h"
#include "runtime/child.h"
#include "runtime/inside.h"
#include "runtime/userns.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static int open_null(struct child *c, struct err *e)
{
	struct stat st;

	c->null = sys_open(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW, 0);
	if (c->null < 0 || fstat(c->null, &st) < 0 || !S_ISCHR(st.st_mode) ||
	    st.st_rdev != makedev(1, 3))
		return err_set(e, ENODEV, "the host's /dev/null is not the null device");
	return 0;
}

static int open_overlay(struct child *c, struct err *e)
{
	const struct container_spec *s = c->spec;

	return overlay_open(c->a, &s->layers, s->upper, s->work, 0, e);
}

static int mapped_overlay(struct child *c, struct err *e)
{
	const struct container_spec *s = c->spec;

	/* The upper directory holds shifted ids on disk: it belongs to this container alone. */
	if (s->upper && chown(s->upper, userns_uid(s, 0), userns_gid(s, 0)) < 0)
		return err_set(e, errno, "%s: %s", s->upper, strerror(errno));
	return overlay_open_mapped(c->a, &s->layers, s->upper, s->work, c->userns, e);
}

int rootfs_create(struct child *c, struct err *e)
{
	const struct container_spec *s = c->spec;
	int r = open_null(c, e);

	if (r < 0)
		return r;
	if (s->layers.n) {
		c->root = c->userns >= 0 ? mapped_overlay(c, e) : open_overlay(c, e);
		return c->root < 0 ? c->root : 0;
	}
	if (!s->root_dir)
		return err_set(e, EINVAL, "neither layers nor a root directory");
	c->root = mountfd_clone(AT_FDCWD, s->root_dir, true);
	if (c->root < 0)
		return err_set(e, -c->root, "root directory %s: %s", s->root_dir,
			       strerror(-c->root));
	r = mountfd_attrs(c->root, 0, MS_PRIVATE, true);
	if (!r && c->userns >= 0)
		r = mountfd_map(c->root, c->userns, false);
	return r < 0 ? err_set(e, -r, "root directory %s: %s", s->root_dir, strerror(-r)) : 0;
}

/* From here on no mount of ours reaches the host, nor a new one of its ours. */
int rootfs_private(struct child *c, struct err *e)
{
	struct mount_attr private = {.propagation = MS_PRIVATE};
	int r = sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private);

	return r < 0 ? err_set(e, -r, "cannot make the mounts private: %s", strerror(-r)) : 0;
}

int rootfs_attach(struct child *c, struct err *e)
{
	auto_fd int at = sys_open(AT_FDCWD, c->spec->dir, O_PATH | O_DIRECTORY, 0);
	int r = at < 0 ? at : mountfd_put(c->root, at);

	return r < 0 ? err_set(e, -r, "%s: %s", c->spec->dir, strerror(-r)) : 0;
}

/* Puts a mount at a directory inside the root, made where missing. */
static int put_at(struct child *c, const char *path, int fd, struct err *e)
{
	auto_fd int at = inside_make(c->root, path, INSIDE_DIR, 0755);
	int r = at < 0 ? at : mountfd_put(fd, at);

	return r < 0 ? err_set(e, -r, "%s: %s", path, strerror(-r)) : 0;
}

static int mount_at(struct child *c, const char *path, const char *type,
		    const struct mount_option *options, size_t n, uint64_t attrs, struct err *e)
{
	int fd = mountfd_new(type, options, n, attrs, e);
	int r = fd < 0 ? fd : put_at(c, path, fd, e);

	return r < 0 ? err_wrap(e, "mount %s", path) : fd;
}

static int mount_cgroup_v1(struct child *c, const struct cgroup_trees *trees, uint64_t ro,
			   struct err *e)
{
	const struct mount_option mode = {"mode", "755"};
	int top = mount_at(c, "/sys/fs/cgroup", "tmpfs", &mode, 1, MOUNT_PLAIN, e);
	char path[64];
	int fd;

	for (size_t i = 0; top >= 0 && i < trees->n; i++) {
		const char *name = trees->v[i].controller;
		const struct mount_option controller = {name, NULL};

		/* A cpuset of its own only where asked: else its group is the host's root. */
		if (!strcmp(name, "cpuset") && !c->spec->limits.cpuset &&
		    !c->spec->limits.cpuset_mems)
			continue;
		snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", *name ? name : "unified");
		fd = mount_at(c, path, *name ? "cgroup" : "cgroup2", &controller, *name ? 1 : 0,
			      MOUNT_PLAIN | ro, e);
		if (fd < 0)
			return fd;
		close(fd);
	}
	if (top >= 0 && ro)
		mountfd_attrs(top, ro, 0, false);
	return top < 0 ? top : 0;
}

static int mount_cgroup(struct child *c, struct err *e)
{
	uint64_t ro = c->spec->privileged ? 0 : MOUNT_ATTR_RDONLY;
	int fd;

	if (c->trees.layout != CGROUP_V2)
		return mount_cgroup_v1(c, &c->trees, ro, e);
	fd = mount_at(c, "/sys/fs/cgroup", "cgroup2", NULL, 0, MOUNT_PLAIN | ro, e);
	return fd < 0 ? fd : 0;
}

/* Entries of /dev belong to the container's root, whoever that is on the host. */
static int own(struct child *c, int dir, const char *name)
{
	if (c->userns < 0)
		return 0;
	return fchownat(dir, name, userns_uid(c->spec, 0), userns_gid(c->spec, 0),
			AT_SYMLINK_NOFOLLOW);
}

static int dev_entries(struct child *c, int dev, struct err *e)
{
	static const struct {
		const char *name;
		unsigned minor, major;
	} nodes[] = {{"null", 3, 1},   {"zero", 5, 1},    {"full", 7, 1},
		     {"random", 8, 1}, {"urandom", 9, 1}, {"tty", 0, 5}};
	static const char *const links[][2] = {{"/proc/self/fd", "fd"},
					       {"/proc/self/fd/0", "stdin"},
					       {"/proc/self/fd/1", "stdout"},
					       {"/proc/self/fd/2", "stderr"},
					       {"pts/ptmx", "ptmx"}};
	static const char *const dirs[] = {"pts", "shm", "mqueue"};

	for (size_t i = 0; i < countof(nodes); i++) {
		if (mknodat(dev, nodes[i].name, S_IFCHR | 0666,
			    makedev(nodes[i].major, nodes[i].minor)) < 0 ||
		    own(c, dev, nodes[i].name) < 0)
			return err_set(e, errno, "/dev/%s: %s", nodes[i].name, strerror(errno));
	}
	for (size_t i = 0; i < countof(links); i++) {
		if (symlinkat(links[i][0], dev, links[i][1]) < 0)
			return err_set(e, errno, "/dev/%s: %s", links[i][1], strerror(errno));
	}
	for (size_t i = 0; i < countof(dirs); i++) {
		if (mkdirat(dev, dirs[i], 0755) < 0 || own(c, dev, dirs[i]) < 0)
			return err_set(e, errno, "/dev/%s: %s", dirs[i], strerror(errno));
	}
	return 0;
}

/* A mount of the container's /dev, by name below the descriptor that we hold. */
static int mount_in_dev(struct child *c, const char *name, const char *type,
			const struct mount_option *options, size_t n, uint64_t attrs, struct err *e)
{
	auto_fd int at = sys_open(c->dev, name, O_PATH | O_NOFOLLOW | O_DIRECTORY, 0);
	int fd = mountfd_new(type, options, n, attrs, e);
	int r;

	if (fd < 0)
		return err_wrap(e, "mount /dev/%s", name);
	r = at < 0 ? at : mountfd_put(fd, at);
	return r < 0 ? err_set(e, -r, "cannot mount /dev/%s: %s", name, strerror(-r)) : fd;
}

static int mount_shared_memory(struct child *c, struct err *e)
{
	char size[32];
	const struct mount_option shm[] = {{"mode", "1777"}, {"size", size}};
	int64_t bytes = c->spec->shm_size > 0 ? c->spec->shm_size : 64 << 20;
	int fd;

	if (c->spec->ipc.mode == NS_HOST) {
		fd = mountfd_clone(AT_FDCWD, "/dev/shm", false);
		if (fd < 0)
			return err_set(e, -fd, "/dev/shm of the host: %s", strerror(-fd));
		mountfd_attrs(fd, 0, MS_PRIVATE, false);
		return put_at(c, "/dev/shm", fd, e);
	}
	snprintf(size, sizeof(size), "%lld", (long long)bytes);
	fd = mount_in_dev(c, "shm", "tmpfs", shm, countof(shm), MOUNT_PLAIN, e);
	return fd < 0 ? fd : 0;
}

static int mount_dev(struct child *c, struct err *e)
{
	static const struct mount_option tmpfs[] = {{"mode", "755"}, {"size", "65536k"}};
	char gid[16];
	const struct mount_option pts[] = {
		{"newinstance", NULL, true}, {"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", gid}};
	int r, mqueue;

	snprintf(gid, sizeof(gid), "%u", userns_gid(c->spec, 5));
	c->dev = mountfd_new("tmpfs", tmpfs, countof(tmpfs), MOUNT_ATTR_NOSUID, e);
	r = c->dev < 0 ? c->dev : dev_entries(c, c->dev, e);
	if (r >= 0 && own(c, c->dev, ".") < 0)
		r = err_set(e, errno, "/dev: %s", strerror(errno));
	r = r < 0 ? r : put_at(c, "/dev", c->dev, e);
	if (r < 0)
		return r;
	c->pts = mount_in_dev(c, "pts", "devpts", pts, countof(pts),
			      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, e);
	if (c->pts < 0)
		return c->pts;
	mqueue = mount_in_dev(c, "mqueue", "mqueue", NULL, 0, MOUNT_PLAIN, e);
	if (mqueue < 0)
		return mqueue;
	close(mqueue);
	return mount_shared_memory(c, e);
}

int rootfs_system(struct child *c, struct err *e)
{
	uint64_t ro = c->spec->privileged ? 0 : MOUNT_ATTR_RDONLY;
	int r;

	c->proc = mount_at(c, "/proc", "proc", NULL, 0, MOUNT_PLAIN, e);
	if (c->proc < 0)
		return c->proc;
	r = mount_at(c, "/sys", "sysfs", NULL, 0, MOUNT_PLAIN | ro, e);
	if (r < 0)
		return r;
	close(r);
	r = mount_cgroup(c, e);
	return r < 0 ? r : mount_dev(c, e);
}

int rootfs_devices(struct child *c, struct err *e)
{
	for (size_t i = 0; i < c->devices.n; i++) {
		struct device_node node = c->devices.v[i];

		node.uid = userns_uid(c->spec, node.uid);
		node.gid = userns_gid(c->spec, node.gid);
		if (devices_make(c->a, c->root, &node, e) < 0)
			return -e->code;
	}
	return 0;
}

int rootfs_etc(struct child *c, struct err *e)
{
	static const char *const targets[] = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};
	int fd, r;

	for (size_t i = 0; i < countof(targets); i++) {
		auto_fd int at = -1;

		if (c->etc[i] < 0)
			continue;
		at = inside_make(c->root, targets[i], INSIDE_FILE, 0644);
		r = at < 0 ? at : mountfd_put(c->etc[i], at);
		if (r < 0)
			return err_set(e, -r, "%s: %s", targets[i], strerror(-r));
	}
	if (c->spec->unmarked)
		return 0;
	/* Programs ask this file whether they are in a container. */
	fd = sys_open(c->root, ".dockerenv", O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0755);
	if (fd >= 0)
		close(fd);
	return 0;
}

/* Under proc by the descriptor of our own procfs, elsewhere by the root. */
static int find_hidden(struct child *c, const char *path)
{
	if (text_starts(path, "/proc/"))
		return sys_openat2(c->proc, path + strlen("/proc/"), O_PATH | O_NOFOLLOW, 0,
				   RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
	return inside_open(c->root, path, 0);
}

static int mask(struct child *c, const char *path, struct err *e)
{
	static const struct mount_option tiny[] = {{"size", "4k"}, {"nr_inodes", "1"}};
	auto_fd int at = find_hidden(c, path);
	auto_fd int cover = -1;
	struct stat st;
	int r;

	if (at < 0 || fstat(at, &st) < 0)
		return at == -ENOENT || at == -ENOTDIR
			       ? 0
			       : err_set(e, errno, "mask %s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		cover = mountfd_new("tmpfs", tiny, countof(tiny), MOUNT_PLAIN | MOUNT_ATTR_RDONLY,
				    e);
	else
		cover = mountfd_clone(c->null, "", false);
	r = cover < 0 ? cover : mountfd_put(cover, at);
	return r < 0 ? err_set(e, -r, "cannot mask %s: %s", path, strerror(-r)) : 0;
}

static int make_read_only(struct child *c, const char *path, struct err *e)
{
	auto_fd int at = find_hidden(c, path);
	auto_fd int tree = -1;
	int r;

	if (at < 0)
		return at == -ENOENT || at == -ENOTDIR
			       ? 0
			       : err_set(e, -at, "%s: %s", path, strerror(-at));
	tree = mountfd_clone(at, "", true);
	r = tree < 0 ? tree : mountfd_attrs(tree, MOUNT_ATTR_RDONLY, MS_PRIVATE, true);
	r = r < 0 ? r : mountfd_put(tree, at);
	return r < 0 ? err_set(e, -r, "cannot make %s read-only: %s", path, strerror(-r)) : 0;
}

/* Inside, so that no path of the host's is opened here. */
static int hide_thermal(struct child *c, struct err *e)
{
	char path[80];
	int r = 0;

	for (int i = 0; !r && i < 8192; i++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/thermal_throttle", i);
		auto_fd int there = inside_open(c->root, path, 0);

		if (there < 0)
			return 0;
		r = mask(c, path, e);
	}
	return r;
}

static bool is_left(const struct container_spec *s, const char *path)
{
	vec_each(p, &s->unmasked) {
		if (!strcmp(*p, path))
			return true;
	}
	return false;
}

const char *const spec_masked[] = {"/proc/asound",
				   "/proc/acpi",
				   "/proc/interrupts",
				   "/proc/kcore",
				   "/proc/keys",
				   "/proc/latency_stats",
				   "/proc/timer_list",
				   "/proc/timer_stats",
				   "/proc/sched_debug",
				   "/proc/scsi",
				   "/sys/firmware",
				   "/sys/devices/virtual/powercap",
				   NULL};
const char *const spec_readonly[] = {"/proc/bus",           "/proc/fs", "/proc/irq", "/proc/sys",
				     "/proc/sysrq-trigger", NULL};

int rootfs_hide(struct child *c, struct err *e)
{
	const struct container_spec *s = c->spec;
	bool system = !s->privileged && !s->systempaths_unconfined;
	int r = 0;

	for (const char *const *p = spec_readonly; system && !r && *p; p++)
		r = is_left(s, *p) ? 0 : make_read_only(c, *p, e);
	for (size_t i = 0; !r && i < s->readonly.n; i++)
		r = make_read_only(c, s->readonly.v[i], e);
	for (const char *const *p = spec_masked; system && !r && *p; p++)
		r = is_left(s, *p) ? 0 : mask(c, *p, e);
	for (size_t i = 0; !r && i < s->masked.n; i++)
		r = mask(c, s->masked.v[i], e);
	return r || !system ? r : hide_thermal(c, e);
}

/* A directory that we made for a container with shifted ids belongs to nobody inside. */
static int take_over(struct child *c, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	if (st.st_uid || c->spec->root_dir)
		return 0;
	return fchownat(fd, "", userns_uid(c->spec, 0), userns_gid(c->spec, 0), AT_EMPTY_PATH);
}

/*
 * Where berth itself runs in a chroot (a build machine's, a rescue system's), "/" is not the root
 * of the mount namespace: pivot_root(2) would put the new root in the chroot's place, and the
 * host's would stay above it, in reach of whoever enters the namespace, as exec does, or leaves a
 * chroot of its own. Entering one's namespace anew leads to its root. Linux 5.8; where it is
 * refused, and there is no chroot, all is well without.
 */
static void leave_chroot(void)
{
	auto_fd int self = sys_pidfd_open(getpid());

	if (self >= 0)
		(void)!setns(self, CLONE_NEWNS);
}

int rootfs_enter(struct child *c, struct err *e)
{
	const char *cwd = c->spec->cwd && *c->spec->cwd ? c->spec->cwd : "/";
	int r;

	if (*cwd != '/')
		return err_set(e, EINVAL, "working directory \"%s\" is not absolute", cwd);
	c->cwd = inside_make(c->root, cwd, INSIDE_DIR, 0755);
	if (c->cwd < 0)
		return err_set(e, -c->cwd, "working directory %s: %s", cwd, strerror(-c->cwd));
	if (c->userns >= 0 && take_over(c, c->cwd) < 0)
		return err_set(e, errno, "working directory %s: %s", cwd, strerror(errno));
	if (c->spec->read_only_root) {
		r = mountfd_attrs(c->root, MOUNT_ATTR_RDONLY, 0, false);
		if (r < 0)
			return err_set(e, -r, "cannot make the root read-only: %s", strerror(-r));
	}
	leave_chroot();
	if (fchdir(c->root) < 0)
		return err_set(e, errno, "cannot enter the root: %s", strerror(errno));
	r = sys_pivot_root(".", ".");
	/* Both roots are stacked on "." now; the old one is on top of it and goes. */
	if (!r && (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0))
		r = -errno;
	return r < 0 ? err_set(e, -r, "cannot switch to the root: %s", strerror(-r)) : 0;
}
