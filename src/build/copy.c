#include "build/copy.h"
#include "base/links.h"
#include "base/sys.h"
#include "base/tree.h"
#include "build/path.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <time.h>

struct copier {
	struct arena *a;
	const struct files *from;
	const struct copy_to *to;
	struct links links; /* a file with several names: the second is linked to the first */
	struct err *e;
};

/* ---- modes ---- */

static mode_t who_bits(const char **p)
{
	mode_t who = 0;

	for (; **p && strchr("ugoa", **p); ++*p)
		who |= **p == 'u' ? 04700 : **p == 'g' ? 02070 : **p == 'o' ? 0007 : 06777;
	/* The sticky bit is nothing that others have alone. */
	return !who ? 07777 : who & ~(mode_t)0007 ? who | 01000 : who;
}

/* "g=u": what one class has, for all. */
static mode_t class_bits(char class, mode_t mode)
{
	mode_t bits = class == 'u' ? mode >> 6 : class == 'g' ? mode >> 3 : mode;

	return (bits & 07) * 0111;
}

/* X looks at what the file was, a class at what it is by now. */
static mode_t what_bits(const char **p, mode_t was, mode_t mode)
{
	static const struct {
		char letter;
		mode_t bits;
	} rows[] = {{'r', 0444}, {'w', 0222}, {'x', 0111}, {'s', 06000}, {'t', 01000}};
	mode_t what = 0;

	for (; **p && strchr("rwxXstugo", **p); ++*p) {
		if (strchr("ugo", **p))
			what |= class_bits(**p, mode);
		else if (**p == 'X' && (S_ISDIR(was) || (was & 0111)))
			what |= 0111;
		for (size_t i = 0; i < countof(rows); i++)
			what |= rows[i].letter == **p ? rows[i].bits : 0;
	}
	return what;
}

mode_t copy_mode(const char *chmod, mode_t mode)
{
	const char *p = chmod;
	mode_t was = mode;

	if (!chmod)
		return mode & 07777;
	if (strspn(chmod, "01234567") == strlen(chmod))
		return (mode_t)strtoul(chmod, NULL, 8) & 07777;
	while (*p) {
		mode_t who = who_bits(&p);

		while (*p && strchr("+-=", *p)) {
			char op = *p++;
			mode_t bits = what_bits(&p, was, mode) & who;

			if (op == '=')
				mode = (mode & ~(who & 0777)) | bits;
			else
				mode = op == '+' ? mode | bits : mode & ~bits;
		}
		p += *p == ',';
		if (*p && !strchr("ugoa+-=", *p))
			break;
	}
	return mode & 07777;
}

/* ---- marks on what was written ---- */

static int fail(struct copier *c, int r, const char *path)
{
	return err_set(c->e, -r, "cannot write /%s: %s", path + (*path == '/'), strerror(-r));
}

static void owner(const struct copier *c, const struct stat *st, uid_t *uid, gid_t *gid)
{
	bool mine = c->from && !c->from->is_context && st;

	*uid = c->to->owner_given ? c->to->uid : mine ? st->st_uid : 0;
	*gid = c->to->owner_given ? c->to->gid : mine ? st->st_gid : 0;
}

static void times(const struct copier *c, const struct stat *st, struct timespec out[2])
{
	out[0] = out[1] = st->st_mtim;
	if (c->to->epoch_s >= 0)
		out[0] = out[1] = (struct timespec){.tv_sec = c->to->epoch_s};
}

static int mark(struct copier *c, int dir, const char *name, const struct stat *st)
{
	struct timespec ts[2];
	uid_t uid;
	gid_t gid;

	owner(c, st, &uid, &gid);
	times(c, st, ts);
	if (fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISLNK(st->st_mode) &&
	    fchmodat(dir, name, copy_mode(c->to->chmod, st->st_mode), 0) < 0)
		return -errno;
	return utimensat(dir, name, ts, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_xattrs(int from, int to)
{
	char value[65536];
	auto_free char *names = NULL;
	size_t n;
	int r = tree_xattrs(from, &names, &n);

	for (const char *p = names; r == 0 && p && p < names + n; p += strlen(p) + 1) {
		ssize_t len;

		if (text_starts(p, "trusted.overlay."))
			continue;
		len = fgetxattr(from, p, value, sizeof(value));
		if (len < 0 || fsetxattr(to, p, value, (size_t)len, 0) < 0)
			r = errno == ENOTSUP ? 0 : -errno;
	}
	return r;
}

/* ---- directories ---- */

/*
 * An octal --chmod is also that of the directories on the way, less what mkdir(2) takes away where
 * dockerd does it; words are for what is copied.
 */
static mode_t new_dir_mode(const struct copier *c)
{
	bool octal = c->to->chmod && strspn(c->to->chmod, "01234567") == strlen(c->to->chmod);

	return octal ? copy_mode(c->to->chmod, 0) & 0755 : 0755;
}

static int make_one_dir(struct copier *c, const char *path)
{
	char name[256];
	auto_fd int dir = tree_parent(c->to->root, path, 0, name);
	uid_t uid;
	gid_t gid;

	if (dir < 0)
		return dir;
	owner(c, NULL, &uid, &gid);
	if (mkdirat(dir, name, 0755) < 0)
		return -errno;
	if (fchmodat(dir, name, new_dir_mode(c), 0) < 0 || fchownat(dir, name, uid, gid, 0) < 0)
		return -errno;
	if (c->to->epoch_s >= 0) {
		struct timespec ts[2] = {{.tv_sec = c->to->epoch_s}, {.tv_sec = c->to->epoch_s}};

		utimensat(dir, name, ts, 0);
	}
	return 0;
}

static int mkdirs(struct copier *c, const char *path)
{
	int fd = tree_open(c->to->root, path, O_PATH | O_DIRECTORY, 0), r = 0;

	if (fd >= 0)
		return fd;
	for (size_t i = 1; r == 0 && path[i - 1]; i++) {
		const char *part;

		if (path[i] && path[i] != '/')
			continue;
		part = arena_strndup(c->a, path, i);
		fd = tree_open(c->to->root, part, O_PATH | O_DIRECTORY, 0);
		if (fd >= 0)
			close(fd);
		else if (fd == -ENOENT)
			r = make_one_dir(c, part);
		else
			r = fd;
	}
	return r < 0 ? r : tree_open(c->to->root, path, O_PATH | O_DIRECTORY, 0);
}

int copy_mkdirs(struct arena *a, const char *path, const struct copy_to *to, struct err *e)
{
	struct copier c = {.a = a, .to = to, .e = e};
	int fd, r = files_resolve_new(a, to->root, path, &path, e);

	if (r < 0)
		return r;
	fd = mkdirs(&c, arena_printf(a, "/%s", path));
	return fd < 0 ? fail(&c, fd, path) : fd;
}

/* ---- one entry ---- */

static int write_dir(struct copier *c, const char *target)
{
	char name[256];
	auto_fd int dir = tree_parent(c->to->root, target, 0, name);
	struct stat st;

	if (dir < 0)
		return fail(c, dir, target);
	if (mkdirat(dir, name, 0755) == 0)
		return 0;
	if (errno != EEXIST || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c, -errno, target);
	if (!S_ISDIR(st.st_mode))
		return err_set(c->e, ENOTDIR, "cannot copy to non-directory: %s", target);
	return 0;
}

/* Room for a file: what was there goes, unless it is a directory. */
static int clear(struct copier *c, int dir, const char *name, const char *target)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(c, -errno, target);
	if (S_ISDIR(st.st_mode))
		return err_set(c->e, EISDIR, "cannot replace to directory %s with file", target);
	return unlinkat(dir, name, 0) < 0 ? fail(c, -errno, target) : 0;
}

/* Nearly always nothing is there: the kernel is asked only once. */
static int create(struct copier *c, int dir, const char *name, const char *target)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
	int fd = sys_open(dir, name, flags, 0600), r;

	if (fd == -EEXIST) {
		r = clear(c, dir, name, target);
		if (r < 0)
			return r;
		fd = sys_open(dir, name, flags, 0600);
	}
	return fd < 0 ? fail(c, fd, target) : fd;
}

static int write_bytes(struct copier *c, const struct file *f, int dir, const char *name,
		       const char *target)
{
	auto_fd int from = tree_open(c->from->root, f->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	auto_fd int to = -1;
	struct timespec ts[2];
	uid_t uid;
	gid_t gid;
	int r;

	if (from < 0)
		return err_set(c->e, -from, "cannot read %s: %s", f->path, strerror(-from));
	to = create(c, dir, name, target);
	if (to < 0)
		return to;
	r = tree_copy_bytes(from, to);
	if (r < 0)
		return fail(c, r, target);
	owner(c, &f->st, &uid, &gid);
	times(c, &f->st, ts);
	/* Attributes come after the owner, whose change drops capabilities. */
	if (fchown(to, uid, gid) < 0 || fchmod(to, copy_mode(c->to->chmod, f->st.st_mode)) < 0)
		r = -errno;
	if (r == 0 && !c->from->is_context)
		r = copy_xattrs(from, to);
	if (r == 0 && futimens(to, ts) < 0)
		r = -errno;
	return r < 0 ? fail(c, r, target) : 0;
}

static int write_other(struct copier *c, const struct file *f, int dir, const char *name,
		       const char *target)
{
	int r = S_ISLNK(f->st.st_mode)
			? symlinkat(f->link, dir, name)
			: mknodat(dir, name, (f->st.st_mode & S_IFMT) | 0600, f->st.st_rdev);

	r = r < 0 ? -errno : mark(c, dir, name, &f->st);
	return r < 0 ? fail(c, r, target) : 0;
}

static int write_link(struct copier *c, const char *first, int dir, const char *name,
		      const char *target)
{
	char first_name[256];
	auto_fd int first_dir = tree_parent(c->to->root, first, 0, first_name);
	int r = first_dir < 0                                     ? first_dir
		: linkat(first_dir, first_name, dir, name, 0) < 0 ? -errno
								  : 0;

	return r < 0 ? fail(c, r, target) : 0;
}

static int write_file(struct copier *c, const struct file *f, const char *target)
{
	const char *first = f->st.st_nlink > 1 ? links_seen(c->a, &c->links, &f->st, target) : NULL;
	char name[256];
	auto_fd int dir = tree_parent(c->to->root, target, 0, name);
	int r;

	if (dir < 0)
		return fail(c, dir, target);
	if (!first && S_ISREG(f->st.st_mode))
		return write_bytes(c, f, dir, name, target);
	r = clear(c, dir, name, target);
	if (r < 0)
		return r;
	return first ? write_link(c, first, dir, name, target)
		     : write_other(c, f, dir, name, target);
}

static int mark_dir(struct copier *c, const struct file *f, const char *target)
{
	char name[256];
	auto_fd int dir = tree_parent(c->to->root, target, 0, name);
	int r = dir < 0 ? dir : mark(c, dir, name, &f->st);

	return r < 0 ? fail(c, r, target) : 0;
}

/* ---- one source ---- */

static const char *below(struct copier *c, const char *dir, const char *rel)
{
	return !*rel ? dir : arena_printf(c->a, "%s/%s", strcmp(dir, "/") ? dir : "", rel);
}

/* The time of the source's top; the root of a context has none of its own. */
static int time_top(struct copier *c, const struct file *top, const char *dest)
{
	char name[256];
	auto_fd int dir = tree_parent(c->to->root, dest, 0, name);
	struct timespec ts[2];

	if (dir < 0 || (c->from->is_context && !*top->path))
		return 0;
	times(c, &top->st, ts);
	return utimensat(dir, name, ts, AT_SYMLINK_NOFOLLOW) < 0 ? fail(c, -errno, dest) : 0;
}

/* The top directory keeps its mode and owner, or what it was made with: its content is copied. */
static int copy_dir(struct copier *c, const struct selected *s, const char *dest)
{
	auto_fd int made = mkdirs(c, dest);
	int r = made < 0 ? fail(c, made, dest) : 0;

	vec_each(f, &s->list) {
		if (r < 0 || !*f->rel)
			continue;
		r = S_ISDIR(f->st.st_mode) ? write_dir(c, below(c, dest, f->rel))
					   : write_file(c, f, below(c, dest, f->rel));
	}
	/* Children first: writing into a directory changes its time. */
	for (size_t i = s->list.n; r == 0 && i-- > 0;)
		if (*s->list.v[i].rel && S_ISDIR(s->list.v[i].st.st_mode))
			r = mark_dir(c, &s->list.v[i], below(c, dest, s->list.v[i].rel));
	if (r == 0 && s->list.n && !*s->list.v[0].rel && strcmp(dest, "/"))
		r = time_top(c, &s->list.v[0], dest);
	return r;
}

static int copy_one(struct copier *c, const struct selected *s, const char *dest, bool must_be_dir)
{
	auto_fd int parent = mkdirs(c, must_be_dir ? dest : path_dir(c->a, dest));
	auto_fd int there = tree_open(c->to->root, dest, O_PATH | O_DIRECTORY, 0);

	if (parent < 0)
		return fail(c, parent, dest);
	return write_file(c, &s->list.v[0], there >= 0 ? below(c, dest, s->name) : dest);
}

int copy_selected(struct arena *a, const struct files *from, const struct selected *s,
		  const struct copy_to *to, struct err *e)
{
	struct copier c = {.a = a, .from = from, .to = to, .e = e};
	const char *dest;
	int r = files_resolve_new(a, to->root, to->dest, &dest, e);

	if (r < 0)
		return r;
	dest = arena_printf(a, "/%s", dest);
	if (s->is_dir)
		return copy_dir(&c, s, dest);
	return copy_one(&c, s, dest, text_ends(to->dest, "/"));
}

int copy_text(struct arena *a, const char *name, const char *text, const struct copy_to *to,
	      struct err *e)
{
	struct copier c = {.a = a, .to = to, .e = e};
	const char *dest;

	if (files_resolve_new(a, to->root, to->dest, &dest, e) < 0)
		return -e->code;
	dest = arena_printf(a, "/%s", dest);
	auto_fd int parent = mkdirs(&c, text_ends(to->dest, "/") ? dest : path_dir(a, dest));
	auto_fd int there = tree_open(to->root, dest, O_PATH | O_DIRECTORY, 0);
	const char *target = there >= 0 ? below(&c, dest, name) : dest;
	struct stat st = {.st_mode = S_IFREG | 0644};
	char last[256];
	auto_fd int dir = parent < 0 ? parent : tree_parent(to->root, target, 0, last);
	auto_fd int fd = -1;
	int r = dir < 0 ? fail(&c, dir, target) : clear(&c, dir, last, target);

	if (r < 0)
		return r;
	clock_gettime(CLOCK_REALTIME, &st.st_mtim);
	fd = sys_open(dir, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	r = fd < 0 ? fd : sys_write_all(fd, text, strlen(text));
	if (r == 0)
		r = mark(&c, dir, last, &st);
	return r < 0 ? fail(&c, r, target) : 0;
}
