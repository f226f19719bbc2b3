/*
 * Binds, volumes, tmpfs, secrets. First every source is opened as a detached tree, with its flags
 * set, while only the host's tree is there; later each is put onto a descriptor found inside the
 * root. The content of secrets lives on one tmpfs per container that is attached where the root
 * will cover it, since older kernels clone only from attached mounts.
 */
#include "base/log.h"
#include "base/mountfd.h"
#include "base/overlay.h"
#include "base/sys.h"
#include "runtime/child.h"
#include "runtime/inside.h"
#include "runtime/userns.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)

static const struct {
	const char *word;
	uint64_t flag;
} propagations[] = {
	{"rprivate", MS_PRIVATE}, {"private", MS_PRIVATE}, {"rslave", MS_SLAVE},
	{"slave", MS_SLAVE},      {"rshared", MS_SHARED},  {"shared", MS_SHARED},
};

static int set_propagation(const struct mount_spec *m, int tree, struct err *e)
{
	const char *word = m->propagation ? m->propagation : "rprivate";

	for (size_t i = 0; i < countof(propagations); i++) {
		if (strcmp(propagations[i].word, word) != 0)
			continue;
		/* A clone of a shared mount is in its peer group already; "shared" keeps it there.
		 */
		int r = mountfd_attrs(tree, 0, propagations[i].flag, *word == 'r');

		return r < 0 ? err_set(e, -r, "cannot make it %s: %s", word, strerror(-r)) : 0;
	}
	return err_set(e, EINVAL, "unknown propagation \"%s\"", word);
}

static uint64_t attrs_of(const struct mount_spec *m)
{
	return (m->no_dev ? MOUNT_ATTR_NODEV : 0) | (m->no_suid ? MOUNT_ATTR_NOSUID : 0) |
	       (m->no_exec ? MOUNT_ATTR_NOEXEC : 0);
}

static int open_bind(const struct mount_spec *m, struct err *e)
{
	auto_fd int base = -1, sub = -1;
	const char *source = m->source ? m->source : "";
	int from = m->source_fd >= 0 ? m->source_fd : AT_FDCWD, tree;

	if (m->source_fd >= 0)
		source = "";
	if (m->subpath) {
		base = sys_openat2(from, *source ? source : ".", O_PATH, 0, 0);
		sub = base < 0 ? base : sys_openat2(base, m->subpath, O_PATH, 0, IN_ROOT);
		if (sub < 0)
			return err_set(e, -sub, "%s in %s: %s", m->subpath,
				       m->source ? m->source : "it", strerror(-sub));
		from = sub;
		source = "";
	}
	tree = mountfd_clone(from, source, !m->no_recursive);
	if (tree < 0)
		return err_set(e, -tree, "source %s: %s", m->source ? m->source : "",
			       strerror(-tree));
	return tree;
}

static int flag_bind(const struct child *c, const struct mount_spec *m, int tree, struct err *e)
{
	int r = set_propagation(m, tree, e);

	if (r < 0)
		return r;
	/* A file system that cannot shift ids shows its own: files of the host's root then belong
	 * to nobody inside, which is safe. */
	if (c->userns >= 0 && mountfd_map(tree, c->userns, !m->no_recursive) < 0)
		log_debug("%s: no id-mapped mount", m->target);
	r = mountfd_attrs(tree, attrs_of(m), 0, !m->no_recursive);
	if (!r && m->read_only)
		r = mountfd_attrs(tree, MOUNT_ATTR_RDONLY, 0, m->recursive_ro);
	return r < 0 ? err_set(e, -r, "cannot set its mount options: %s", strerror(-r)) : 0;
}

static int open_tmpfs(const struct child *c, const struct mount_spec *m, struct err *e)
{
	char size[32], mode[16], uid[16], gid[16];
	struct mount_option options[4];
	size_t n = 0;

	if (m->size > 0) {
		snprintf(size, sizeof(size), "%lld", (long long)m->size);
		options[n++] = (struct mount_option){"size", size};
	}
	snprintf(mode, sizeof(mode), "%o", m->mode ? m->mode & 07777 : 01777);
	snprintf(uid, sizeof(uid), "%u", userns_uid(c->spec, m->uid));
	snprintf(gid, sizeof(gid), "%u", userns_gid(c->spec, m->gid));
	options[n++] = (struct mount_option){"mode", mode};
	options[n++] = (struct mount_option){"uid", uid};
	options[n++] = (struct mount_option){"gid", gid};
	return mountfd_new("tmpfs", options, n,
			   attrs_of(m) | (m->read_only ? MOUNT_ATTR_RDONLY : 0), e);
}

/* Part of a detached tree; Linux 6.15 clones from one that is attached nowhere. */
static int part_of(int tree, const char *subpath, struct err *e)
{
	auto_fd int at = tree < 0 || !subpath ? -1 : inside_open(tree, subpath, 0);
	int part;

	if (tree < 0 || !subpath)
		return tree;
	part = at < 0 ? at : mountfd_clone(at, "", false);
	close(tree);
	return part < 0 ? err_set(e, -part, "%s: %s", subpath, strerror(-part)) : part;
}

static int open_layers(const struct child *c, const struct mount_spec *m, struct err *e)
{
	int tree = overlay_open(c->a, &m->layers, m->upper, m->work, attrs_of(m), e);

	return part_of(tree, m->subpath, e);
}

/* The tmpfs of all MNT_DATA files, attached over the container's directory. */
static int data_store(struct child *c, struct err *e)
{
	struct mount_option options[] = {{"mode", "0700"}, {"size", NULL}, {"noswap", NULL, true}};
	uint64_t bytes = 0;
	char size[32];
	int fs, at;

	vec_each(m, &c->spec->mounts) {
		if (m->kind == MNT_DATA)
			bytes += (m->data.n + 8191) & ~UINT64_C(4095);
	}
	snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes + (1 << 16));
	options[1].value = size;
	fs = mountfd_new("tmpfs", options, countof(options), MOUNT_PLAIN, e);
	if (fs < 0)
		return fs;
	at = sys_open(AT_FDCWD, c->spec->dir, O_PATH | O_DIRECTORY, 0);
	at = at < 0 ? at : mountfd_put(fs, at);
	if (at < 0)
		return err_set(e, -at, "cannot attach the tmpfs of secrets: %s", strerror(-at));
	return fs;
}

static int open_data(const struct child *c, const struct mount_spec *m, int store, size_t i,
		     struct err *e)
{
	char name[24];
	int fd, tree, r;

	snprintf(name, sizeof(name), "%zu", i);
	fd = sys_open(store, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0600);
	r = fd < 0 ? fd : sys_write_all(fd, m->data.p, m->data.n);
	if (!r && (fchown(fd, userns_uid(c->spec, m->uid), userns_gid(c->spec, m->gid)) < 0 ||
		   fchmod(fd, m->mode & 07777) < 0))
		r = -errno;
	if (r < 0)
		return err_set(e, -r, "cannot write it: %s", strerror(-r));
	close(fd);
	tree = mountfd_clone(store, name, false);
	if (tree >= 0 && m->read_only)
		r = mountfd_attrs(tree, MOUNT_ATTR_RDONLY, 0, false);
	r = tree < 0 ? tree : r;
	return r < 0 ? err_set(e, -r, "cannot open it: %s", strerror(-r)) : tree;
}

static int open_source(const struct child *c, const struct mount_spec *m, struct err *e)
{
	int tree, r;

	switch (m->kind) {
	case MNT_BIND:
		tree = open_bind(m, e);
		r = tree < 0 ? tree : flag_bind(c, m, tree, e);
		return r < 0 ? r : tree;
	case MNT_TMPFS:
		return open_tmpfs(c, m, e);
	case MNT_OVERLAY_IMAGE:
		return open_layers(c, m, e);
	case MNT_DEVICE:
	case MNT_DATA:
		break;
	}
	return -1;
}

static int open_etc(struct child *c, struct err *e)
{
	const struct container_spec *s = c->spec;
	const char *const files[] = {s->hosts_file, s->hostname_file, s->resolv_file};

	for (size_t i = 0; i < countof(files); i++) {
		c->etc[i] = files[i] ? mountfd_clone(AT_FDCWD, files[i], false) : -1;
		if (!files[i])
			continue;
		if (c->etc[i] < 0)
			return err_set(e, -c->etc[i], "%s: %s", files[i], strerror(-c->etc[i]));
		if (c->userns >= 0 && mountfd_map(c->etc[i], c->userns, false) < 0)
			log_debug("%s: no id-mapped mount", files[i]);
		mountfd_attrs(c->etc[i], s->read_only_root ? MOUNT_ATTR_RDONLY : 0, MS_PRIVATE,
			      false);
	}
	return 0;
}

/*
 * File systems of their own, still in the host's network, which NFS and CIFS keep to. The kernel
 * shows all who mount the same device the same files; waiting for a server holds up this child.
 */
int mounts_devices(struct child *c, struct err *e)
{
	const struct container_spec *s = c->spec;

	c->sources = arena_alloc(c->a, (s->mounts.n + 1) * sizeof(int));
	for (size_t i = 0; i < s->mounts.n; i++) {
		const struct mount_spec *m = &s->mounts.v[i];

		if (m->kind != MNT_DEVICE)
			continue;
		int tree = mountfd_device(m->type, m->source, m->options, e);

		c->sources[i] = tree = part_of(tree, m->subpath, e);
		if (tree < 0 || flag_bind(c, m, tree, e) < 0)
			return err_wrap(e, "mount for %s", m->target);
	}
	return 0;
}

/* While the host's mounts are still what they are: a "shared" bind keeps its peers. */
int mounts_sources(struct child *c, struct err *e)
{
	const struct container_spec *s = c->spec;

	if (open_etc(c, e) < 0)
		return -e->code;
	for (size_t i = 0; i < s->mounts.n; i++) {
		if (s->mounts.v[i].kind == MNT_DATA || s->mounts.v[i].kind == MNT_DEVICE)
			continue;
		c->sources[i] = open_source(c, &s->mounts.v[i], e);
		if (c->sources[i] < 0)
			return err_wrap(e, "mount for %s", s->mounts.v[i].target);
	}
	return 0;
}

int mounts_data(struct child *c, struct err *e)
{
	const struct container_spec *s = c->spec;
	int store = -1;

	for (size_t i = 0; i < s->mounts.n; i++) {
		if (s->mounts.v[i].kind != MNT_DATA)
			continue;
		store = store < 0 ? data_store(c, e) : store;
		c->sources[i] = store < 0 ? store : open_data(c, &s->mounts.v[i], store, i, e);
		if (c->sources[i] < 0)
			return err_wrap(e, "file for %s", s->mounts.v[i].target);
	}
	return 0;
}

/* What docker lets a bind cover inside /proc: files that tools fake (lxcfs). */
static bool may_cover(const char *target)
{
	static const char *const allowed[] = {"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo",
					      "/proc/stat",    "/proc/swaps",     "/proc/uptime",
					      "/proc/loadavg", "/proc/slabinfo",  "/proc/net/dev"};

	for (size_t i = 0; i < countof(allowed); i++) {
		if (!strcmp(allowed[i], target))
			return true;
	}
	return false;
}

static int check_target(struct child *c, const struct mount_spec *m, int fd, struct err *e)
{
	struct stat at, root;
	struct statfs fs;

	if (fstat(fd, &at) < 0 || fstat(c->root, &root) < 0 || fstatfs(fd, &fs) < 0)
		return err_set(e, errno, "%s: %s", m->target, strerror(errno));
	if (at.st_ino == root.st_ino && at.st_dev == root.st_dev)
		return err_set(e, EINVAL, "a mount may not cover the container's whole root");
	if (fs.f_type == PROC_SUPER_MAGIC && !may_cover(m->target))
		return err_set(e, EINVAL, "a mount may not cover /proc or what is in it");
	return 0;
}

static int attach(struct child *c, const struct mount_spec *m, int tree, struct err *e)
{
	auto_fd int target = -1;
	struct stat st;
	int r;

	if (fstat(tree, &st) < 0)
		return err_set(e, errno, "%s", strerror(errno));
	target = inside_make(c->root, m->target, S_ISDIR(st.st_mode) ? INSIDE_DIR : INSIDE_FILE,
			     S_ISDIR(st.st_mode) ? 0755 : 0644);
	if (target < 0)
		return err_set(e, -target, "%s",
			       target == -ENOTDIR
				       ? "one of source and target is a directory, the other not"
				       : strerror(-target));
	r = check_target(c, m, target, e);
	if (r < 0)
		return r;
	r = mountfd_put(tree, target);
	if (r == -ENOTDIR || r == -EINVAL)
		return err_set(e, -r, "one of source and target is a directory, the other not");
	return r < 0 ? err_set(e, -r, "%s", strerror(-r)) : 0;
}

int mounts_attach(struct child *c, struct err *e)
{
	for (size_t i = 0; i < c->spec->mounts.n; i++) {
		const struct mount_spec *m = &c->spec->mounts.v[i];

		if (attach(c, m, c->sources[i], e) < 0)
			return err_wrap(e, "mount onto %s", m->target);
	}
	return 0;
}
