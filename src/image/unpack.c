#include "image/unpack.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/tree.h"
#include "base/vec.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

enum { ENTRIES_MAX = 4000000, DEPTH_MAX = 1024, DIR_NAMES_MAX = 256 << 20 };
static const int64_t size_least = INT64_C(256) << 30; /* the cap is at least 256 GiB or 8 x free */
static const int64_t reserve_most = INT64_C(512) << 20, look_every = INT64_C(16) << 20;

struct dir_time {
	const char *path;
	struct timespec mtime;
};

struct job {
	struct tar_reader tar;
	const struct unpack_options *o;
	struct err *e;
	int root;
	int64_t written, limit;
	struct unpack_space space;
	size_t dir_names;
	struct arena arena;
	VEC(struct dir_time) dirs; /* times are set last: making children changes them */
	/* The parent of the entry before: most entries are its siblings. */
	char cached[PATH_MAX];
	int cached_fd;
	bool is_privileged;
};

static int refuse(struct job *j, const char *why, int code)
{
	auto_buf name = {0};

	buf_terminal(&name, j->tar.entry.name, strnlen(j->tar.entry.name, 120));
	return err_set(j->e, code, "entry \"%s\": %s", name.n ? name.p : "", why);
}

static int failed(struct job *j, const char *what, int code)
{
	auto_buf name = {0};

	buf_terminal(&name, j->tar.entry.name, strnlen(j->tar.entry.name, 120));
	return err_set(j->e, code, "cannot %s \"%s\": %s", what, name.n ? name.p : "",
		       strerror(code));
}

static void forget_cached(struct job *j)
{
	if (j->cached_fd >= 0)
		close(j->cached_fd);
	j->cached_fd = -1;
	j->cached[0] = '\0';
}

/* Brings a name to "a/b/c" in place; "" is the root. -EINVAL where a component is "..". */
static int clean_path(char *path, size_t *depth)
{
	char *from = path, *to = path;
	size_t n;

	*depth = 0;
	while (*from) {
		n = strcspn(from, "/");
		if (n == 2 && from[0] == '.' && from[1] == '.')
			return -EINVAL;
		if (n > 255)
			return -ENAMETOOLONG;
		if (n && !(n == 1 && from[0] == '.')) {
			if (to != path)
				*to++ = '/';
			memmove(to, from, n);
			to += n;
			++*depth;
		}
		from += n + (from[n] == '/');
	}
	*to = '\0';
	return 0;
}

static int open_parent(struct job *j, const char *path, const char **name, int *fd)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	int r;

	*name = slash ? slash + 1 : path;
	if (j->cached_fd >= 0 && strlen(j->cached) == n && !memcmp(j->cached, path, n)) {
		*fd = j->cached_fd;
		return 0;
	}
	forget_cached(j);
	memcpy(j->cached, path, n);
	j->cached[n] = '\0';
	r = tree_mkdirs(j->root, j->cached, 0755);
	if (r < 0) {
		j->cached[0] = '\0';
		return failed(j, "open the parent of", -r);
	}
	*fd = j->cached_fd = r;
	return 0;
}

static int set_xattrs(struct job *j, int fd)
{
	const struct tar_entry *t = &j->tar.entry;

	for (size_t i = 0; i < t->n_xattrs; i++) {
		const struct tar_xattr *x = &t->xattrs[i];

		if (!tar_keeps_xattr(x->name))
			continue;
		if (fsetxattr(fd, x->name, x->value.p, x->value.n, 0) < 0 && errno != ENOTSUP &&
		    (errno != EPERM || j->is_privileged))
			return failed(j, "set an extended attribute of", errno);
	}
	return 0;
}

static uid_t owner(const struct job *j)
{
	return (j->o->keep_owner ? j->tar.entry.uid : j->o->uid) + j->o->first_id;
}

static gid_t group(const struct job *j)
{
	return (j->o->keep_owner ? j->tar.entry.gid : j->o->gid) + j->o->first_id;
}

/* chown first: it drops set-user-id bits and file capabilities. */
static int set_attributes(struct job *j, int fd)
{
	const struct tar_entry *t = &j->tar.entry;
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {t->mtime_s, t->mtime_ns}};

	if (j->is_privileged && fchown(fd, owner(j), group(j)) < 0)
		return failed(j, "set the owner of", errno);
	if (t->n_xattrs && set_xattrs(j, fd) < 0)
		return -j->e->code;
	if (fchmod(fd, t->mode) < 0)
		return failed(j, "set the mode of", errno);
	if (t->type != TAR_DIR && futimens(fd, times) < 0)
		return failed(j, "set the time of", errno);
	return 0;
}

static int set_attributes_at(struct job *j, int parent, const char *name)
{
	const struct tar_entry *t = &j->tar.entry;
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {t->mtime_s, t->mtime_ns}};

	if (j->is_privileged && fchownat(parent, name, owner(j), group(j), AT_SYMLINK_NOFOLLOW) < 0)
		return failed(j, "set the owner of", errno);
	/* Not a link: made a moment ago, in a directory that nobody else can reach. */
	if (t->type != TAR_SYMLINK && fchmodat(parent, name, t->mode, 0) < 0)
		return failed(j, "set the mode of", errno);
	if (utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(j, "set the time of", errno);
	return 0;
}

bool unpack_fits(struct unpack_space *s, int fd, int64_t more)
{
	struct statvfs fs;
	int64_t all, reserve;

	s->unlooked += more;
	if (s->unlooked < look_every || fstatvfs(fd, &fs) < 0)
		return true;
	s->unlooked = 0;
	all = (int64_t)(fs.f_blocks * fs.f_frsize);
	reserve = all / 50 < reserve_most ? all / 50 : reserve_most;
	return (int64_t)(fs.f_bavail * fs.f_frsize) - more >= reserve;
}

static int remember_dir(struct job *j)
{
	const struct tar_entry *t = &j->tar.entry;

	j->dir_names += strlen(t->name) + 1;
	if (j->dir_names > DIR_NAMES_MAX)
		return refuse(j, "the names of the directories take more than 256 MiB", EFBIG);
	*vec_push(&j->arena, &j->dirs) = (struct dir_time){arena_printf(&j->arena, "%s", t->name),
							   {t->mtime_s, t->mtime_ns}};
	return 0;
}

static int put_file(struct job *j, int parent, const char *name)
{
	struct tar_entry *t = &j->tar.entry;
	auto_fd int fd = -1;
	int r;

	if (t->size > j->limit - j->written)
		return refuse(j, "the layer holds more data than allowed", EFBIG);
	if (!unpack_fits(&j->space, j->root, j->tar.left))
		return refuse(j, "the disk would be full", ENOSPC);
	fd = sys_open(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fd;
	r = tar_to_fd(&j->tar, fd, j->e);
	if (r < 0)
		return err_wrap(j->e, "write %.100s", name);
	j->written += t->size;
	r = set_attributes(j, fd);
	return r < 0 ? r : 1;
}

static int mark_opaque(int fd)
{
	if (fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
		return -errno;
	return 0;
}

static int put_dir(struct job *j, int parent, const char *name)
{
	auto_fd int fd = -1;
	int r;

	if (mkdirat(parent, name, 0700) < 0)
		return -errno;
	fd = sys_open(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return failed(j, "open", -fd);
	r = remember_dir(j);
	if (!r)
		r = set_attributes(j, fd);
	return r < 0 ? r : 1;
}

static int put_link(struct job *j, int parent, const char *name)
{
	struct tar_entry *t = &j->tar.entry;
	char last[256];
	auto_fd int from = -1;
	size_t depth;

	if (clean_path(t->link, &depth) < 0 || !t->link[0])
		return refuse(j, "its hard link points outside", EINVAL);
	from = tree_parent(j->root, t->link, 0, last);
	if (from < 0)
		return refuse(j, "the target of its hard link is not in this layer", -from);
	if (linkat(from, last, parent, name, 0) < 0) {
		if (errno == EEXIST)
			return -EEXIST;
		if (errno == ENOENT)
			return refuse(j, "the target of its hard link is not in this layer",
				      ENOENT);
		return failed(j, "link", errno);
	}
	return 1;
}

static int put_special(struct job *j, int parent, const char *name)
{
	const struct tar_entry *t = &j->tar.entry;
	mode_t kind = t->type == TAR_CHAR ? S_IFCHR : t->type == TAR_BLOCK ? S_IFBLK : S_IFIFO;
	int r;

	if (t->type == TAR_SYMLINK) {
		if (!t->link[0])
			return refuse(j, "it is a symbolic link to nothing", EINVAL);
		r = symlinkat(t->link, parent, name);
	} else if (t->type == TAR_CHAR && !t->dev_major && !t->dev_minor) {
		return refuse(j, "a 0:0 device would hide a file of a lower layer", EINVAL);
	} else {
		r = mknodat(parent, name, kind | 0600, makedev(t->dev_major, t->dev_minor));
	}
	if (r < 0)
		return -errno;
	r = set_attributes_at(j, parent, name);
	return r < 0 ? r : 1;
}

/* 1: made. -errno from making the name itself has not been told to the user yet. */
static int put(struct job *j, int parent, const char *name)
{
	switch (j->tar.entry.type) {
	case TAR_FILE:
		return put_file(j, parent, name);
	case TAR_DIR:
		return put_dir(j, parent, name);
	case TAR_HARD_LINK:
		return put_link(j, parent, name);
	default:
		return put_special(j, parent, name);
	}
}

static int update_dir(struct job *j, int parent, const char *name)
{
	auto_fd int fd = sys_open(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	int r;

	if (fd < 0)
		return failed(j, "open", -fd);
	r = remember_dir(j);
	return r < 0 ? r : set_attributes(j, fd);
}

/* The name is taken: by an earlier entry of this layer. */
static int replace(struct job *j, int parent, const char *name)
{
	struct tar_entry *t = &j->tar.entry;
	bool was_whiteout;
	struct stat st;
	int r;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(j, "look at", errno);
	if (S_ISDIR(st.st_mode) && t->type == TAR_DIR)
		return update_dir(j, parent, name);
	was_whiteout = S_ISCHR(st.st_mode) && !st.st_rdev;
	if (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode))
		forget_cached(j);
	/* The descriptor of the parent may have been the cached one. */
	auto_fd int again =
		j->cached_fd >= 0 ? -1 : tree_parent(j->root, t->name, 0, (char[256]){0});

	if (j->cached_fd < 0 && again < 0)
		return failed(j, "open the parent of", -again);
	parent = j->cached_fd >= 0 ? parent : again;
	r = tree_remove(parent, name);
	if (r < 0)
		return failed(j, "replace", -r);
	r = put(j, parent, name);
	if (r > 0 && was_whiteout && t->type == TAR_DIR) {
		auto_fd int fd = sys_open(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

		r = fd < 0 ? fd : mark_opaque(fd);
	}
	return r;
}

static int put_whiteout(struct job *j, int parent, const char *hidden)
{
	struct stat st;

	if (!hidden[0] || !strcmp(hidden, ".") || !strcmp(hidden, ".."))
		return refuse(j, "the name of a whiteout is missing", EINVAL);
	if (!mknodat(parent, hidden, S_IFCHR | 0600, 0))
		return 0;
	if (errno != EEXIST)
		return failed(j, "hide", errno);
	/* What this layer itself brought stays; only what lies below it is hidden. */
	if (fstatat(parent, hidden, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(j, "look at", errno);
	if (S_ISDIR(st.st_mode)) {
		auto_fd int fd = sys_open(parent, hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
		int r = fd < 0 ? fd : mark_opaque(fd);

		return r < 0 ? failed(j, "hide", -r) : 0;
	}
	return 0;
}

static int put_opaque(struct job *j, int parent)
{
	/* The cached descriptor is an O_PATH one. */
	auto_fd int fd = sys_open(parent, ".", O_RDONLY | O_DIRECTORY, 0);
	int r = fd < 0 ? fd : mark_opaque(fd);

	return r < 0 ? failed(j, "mark as opaque the directory of", -r) : 0;
}

static int root_entry(struct job *j)
{
	struct tar_entry *t = &j->tar.entry;

	if (t->type != TAR_DIR)
		return refuse(j, "the root of a layer must be a directory", EINVAL);
	if (j->o->root_stays)
		return 0;
	*vec_push(&j->arena, &j->dirs) = (struct dir_time){"", {t->mtime_s, t->mtime_ns}};
	return set_attributes(j, j->root);
}

static int apply_entry(struct job *j)
{
	struct tar_entry *t = &j->tar.entry;
	const char *name;
	size_t depth;
	int r, parent = -1;

	r = clean_path(t->name, &depth);
	if (r < 0)
		return refuse(j, r == -EINVAL ? "\"..\" in a name" : "a name longer than 255 bytes",
			      -r);
	if (depth > DEPTH_MAX)
		return refuse(j, "more than 1024 directories deep", ENAMETOOLONG);
	if (!t->name[0])
		return root_entry(j);
	r = open_parent(j, t->name, &name, &parent);
	if (r < 0)
		return r;
	if (j->o->whiteouts && text_starts(name, ".wh.")) {
		if (!strcmp(name, ".wh..wh..opq"))
			return put_opaque(j, parent);
		if (text_starts(name, ".wh..wh."))
			return 0; /* aufs' own bookkeeping */
		return put_whiteout(j, parent, name + 4);
	}
	r = put(j, parent, name);
	if (r == -EEXIST)
		r = replace(j, parent, name);
	if (r < 0 && j->e->code != -r)
		return failed(j, "make", -r);
	return r < 0 ? r : 0;
}

/* Backwards, so that a parent comes after its children. */
static int set_dir_times(struct job *j)
{
	for (size_t i = j->dirs.n; i--;) {
		const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, j->dirs.v[i].mtime};
		/* Replaced since by something else: then the time does not matter. */
		auto_fd int fd = tree_open(j->root, j->dirs.v[i].path,
					   O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

		if (fd >= 0 && futimens(fd, times) < 0)
			return err_set(j->e, errno, "cannot set a directory's time: %s",
				       strerror(errno));
	}
	return 0;
}

static int64_t default_limit(int root)
{
	struct statvfs fs;
	int64_t by_space;

	if (fstatvfs(root, &fs) < 0)
		return size_least;
	by_space = (int64_t)(fs.f_bavail * fs.f_frsize) * 8;
	return by_space > size_least ? by_space : size_least;
}

static int apply_all(struct job *j)
{
	int64_t most = j->o->entries_limit ? j->o->entries_limit : ENTRIES_MAX;
	int r = 0;

	while (!r) {
		r = tar_next(&j->tar, j->e);
		if (!r && j->tar.entries > most)
			r = err_set(j->e, EFBIG, "the layer has more than %lld entries",
				    (long long)most);
		if (!r) {
			j->e->code = 0;
			r = apply_entry(j);
		}
	}
	if (r == TAR_END)
		r = tar_drain(&j->tar, j->e);
	return r < 0 ? r : set_dir_times(j);
}

int unpack_apply(int tar_fd, int root, const struct unpack_options *o, struct unpack_stats *out,
		 struct err *e)
{
	struct err why = {0};
	struct job *j = mem_new(sizeof(*j));
	int r;

	j->o = o;
	j->e = &why;
	j->root = root;
	j->limit = o->size_limit ? o->size_limit : default_limit(root);
	j->cached_fd = -1;
	j->is_privileged = geteuid() == 0;
	tar_reader_init(&j->tar, tar_fd);
	r = apply_all(j);
	*out = (struct unpack_stats){j->written, j->tar.entries - 1};
	if (r < 0)
		*e = why;
	forget_cached(j);
	tar_reader_done(&j->tar);
	arena_free(&j->arena);
	free(j);
	return r;
}
