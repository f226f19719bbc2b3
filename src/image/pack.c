#include "image/pack.h"
#include "base/links.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/tree.h"
#include "base/vec.h"
#include "image/tar.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

enum { XATTR_MAX = 65536 };

struct packer {
	struct sink *out;
	const struct pack_options *o;
	struct err *e;
	struct arena arena; /* for the whole pack: names of hard linked files */
	struct links links;
	struct tar_entry *entry;
	struct buf path;   /* "a/b" */
	struct buf values; /* of the entry's xattrs */
	char *data;
};

static int failed(struct packer *p, const char *what, int code)
{
	return err_set(p->e, code, "cannot %s %.200s: %s", what, p->path.n ? p->path.p : ".",
		       strerror(code));
}

static int by_bytes(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

static int list(struct packer *p, int dirfd_, struct arena *a, struct strings *names)
{
	int fd = sys_open(dirfd_, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return failed(p, "list", fd < 0 ? -fd : errno);
	}
	while ((ent = readdir(d))) {
		if (strcmp(ent->d_name, ".") && strcmp(ent->d_name, ".."))
			*vec_push(a, names) = arena_printf(a, "%s", ent->d_name);
	}
	closedir(d);
	if (names->n)
		qsort(names->v, names->n, sizeof(*names->v), by_bytes);
	return 0;
}

static int by_xattr(const void *x, const void *y)
{
	return strcmp(((const struct tar_xattr *)x)->name, ((const struct tar_xattr *)y)->name);
}

static int read_xattrs(struct packer *p, int fd, struct arena *a)
{
	struct tar_entry *t = p->entry;
	auto_free char *names = NULL;
	size_t n;
	int r = tree_xattrs(fd, &names, &n);

	if (r < 0)
		return failed(p, "read the attributes of", -r);
	for (size_t i = 0; i < n; i += strlen(names + i) + 1) {
		char *value;
		ssize_t len;

		if (!tar_keeps_xattr(names + i))
			continue;
		if (t->n_xattrs == TAR_XATTRS_MAX)
			return failed(p, "keep so many attributes of", E2BIG);
		value = arena_alloc(a, XATTR_MAX);
		len = fgetxattr(fd, names + i, value, XATTR_MAX);
		if (len < 0)
			return failed(p, "read the attributes of", errno);
		t->xattrs[t->n_xattrs++] =
			(struct tar_xattr){arena_printf(a, "%s", names + i), {value, (size_t)len}};
	}
	qsort(t->xattrs, t->n_xattrs, sizeof(*t->xattrs), by_xattr);
	return 0;
}

/* Whole seconds only, as docker's layers have them. */
static int64_t time_of(struct packer *p, int dirfd_, const char *name, const struct stat *st)
{
	int64_t s = st->st_mtim.tv_sec, max = p->o->mtime_max_s;
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = max}};

	if (!max || s <= max)
		return s;
	if (p->o->set_on_disk)
		utimensat(dirfd_, name, times, AT_SYMLINK_NOFOLLOW);
	return max;
}

static int set_entry(struct packer *p, int dirfd_, const char *name, const struct stat *st)
{
	struct tar_entry *t = p->entry;

	t->n_xattrs = 0;
	t->link[0] = '\0';
	t->size = 0;
	t->mode = st->st_mode & 07777;
	t->uid = st->st_uid - (st->st_uid >= p->o->first_id ? p->o->first_id : 0);
	t->gid = st->st_gid - (st->st_gid >= p->o->first_id ? p->o->first_id : 0);
	t->dev_major = major(st->st_rdev);
	t->dev_minor = minor(st->st_rdev);
	t->mtime_s = time_of(p, dirfd_, name, st);
	if (snprintf(t->name, sizeof(t->name), "%s%s", p->path.n ? p->path.p : ".",
		     S_ISDIR(st->st_mode) ? "/" : "") >= (int)sizeof(t->name))
		return failed(p, "name", ENAMETOOLONG);
	return 0;
}

static int pack_data(struct packer *p, int fd, int64_t size)
{
	int64_t left = size;
	ssize_t n;
	int r;

	while (left) {
		n = sys_read(fd, p->data, left < TAR_BUFFER ? (size_t)left : TAR_BUFFER);
		if (n <= 0)
			return n < 0 ? failed(p, "read", (int)-n)
				     : err_set(p->e, EAGAIN, "%.200s shrank while it was read",
					       p->path.p);
		r = sink_write(p->out, p->data, (size_t)n, p->e);
		if (r < 0)
			return r;
		left -= n;
	}
	return tar_write_padding(p->out, size, p->e);
}

static int pack_file(struct packer *p, int dirfd_, const char *name, const struct stat *st)
{
	struct tar_entry *t = p->entry;
	auto_arena a = {0};
	auto_fd int fd = sys_open(dirfd_, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return failed(p, "read", -fd);
	t->type = TAR_FILE;
	t->size = st->st_size;
	r = read_xattrs(p, fd, &a);
	if (!r)
		r = tar_write_header(p->out, t, p->e);
	return r ? r : pack_data(p, fd, st->st_size);
}

/* 1: written as a link to a name that came before. */
static int pack_again(struct packer *p, const struct stat *st)
{
	const char *first = links_seen(&p->arena, &p->links, st, p->path.p);
	int r;

	if (!first)
		return 0;
	p->entry->type = TAR_HARD_LINK;
	snprintf(p->entry->link, sizeof(p->entry->link), "%s", first);
	r = tar_write_header(p->out, p->entry, p->e);
	return r < 0 ? r : 1;
}

static int pack_special(struct packer *p, int dirfd_, const char *name, const struct stat *st)
{
	struct tar_entry *t = p->entry;
	ssize_t n;

	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(dirfd_, name, t->link, sizeof(t->link) - 1);
		if (n < 0)
			return failed(p, "read", errno);
		t->link[n] = '\0';
		t->type = TAR_SYMLINK;
		t->mode = 0777;
	} else {
		t->type = S_ISCHR(st->st_mode)   ? TAR_CHAR
			  : S_ISBLK(st->st_mode) ? TAR_BLOCK
						 : TAR_FIFO;
	}
	return tar_write_header(p->out, t, p->e);
}

/* An empty file whose name says that something below is gone. */
static int pack_mark(struct packer *p, const char *name, const struct stat *st)
{
	struct tar_entry *t = p->entry;
	size_t cut = p->path.n;

	while (cut && p->path.p[cut - 1] != '/')
		cut--;
	t->n_xattrs = 0;
	t->link[0] = '\0';
	t->type = TAR_FILE;
	t->mode = 0600;
	t->uid = t->gid = t->dev_major = t->dev_minor = 0;
	t->size = t->mtime_s = 0;
	if (snprintf(t->name, sizeof(t->name), "%.*s.wh.%s", (int)cut, p->path.p, name) >=
	    (int)sizeof(t->name))
		return failed(p, "name", ENAMETOOLONG);
	return tar_write_header(p->out, t, p->e);
}

static int pack_entry(struct packer *p, int dirfd_, const char *name);

static int pack_children(struct packer *p, int fd)
{
	auto_arena a = {0};
	struct strings names = {0};
	size_t len = p->path.n;
	int r = list(p, fd, &a, &names);

	for (size_t i = 0; !r && i < names.n; i++) {
		buf_printf(&p->path, "%s%s", len ? "/" : "", names.v[i]);
		r = pack_entry(p, fd, names.v[i]);
		p->path.n = len;
		p->path.p[len] = '\0';
	}
	return r;
}

static bool is_opaque(int fd)
{
	char y;

	return fgetxattr(fd, "trusted.overlay.opaque", &y, 1) == 1 && y == 'y';
}

static int pack_dir(struct packer *p, int dirfd_, const char *name, const struct stat *st)
{
	auto_fd int fd = sys_open(dirfd_, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	size_t len = p->path.n;
	int r = 0;

	if (fd < 0)
		return failed(p, "open", -fd);
	p->entry->type = TAR_DIR;
	if (len || !p->o->skip_root_entry) {
		auto_arena a = {0};

		r = read_xattrs(p, fd, &a);
		if (!r)
			r = tar_write_header(p->out, p->entry, p->e);
	}
	if (!r && is_opaque(fd)) {
		buf_str(&p->path, len ? "/" : "");
		r = pack_mark(p, ".wh..opq", st);
		p->path.n = len;
	}
	return r ? r : pack_children(p, fd);
}

static int pack_entry(struct packer *p, int dirfd_, const char *name)
{
	struct stat st;
	int r;

	if (fstatat(dirfd_, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(p, "look at", errno);
	if (S_ISSOCK(st.st_mode))
		return 0; /* tar has no sockets */
	if (S_ISCHR(st.st_mode) && !st.st_rdev)
		return pack_mark(p, name, &st);
	r = set_entry(p, dirfd_, name, &st);
	if (r < 0)
		return r;
	if (S_ISDIR(st.st_mode))
		return pack_dir(p, dirfd_, name, &st);
	if (st.st_nlink > 1) {
		r = pack_again(p, &st);
		if (r)
			return r < 0 ? r : 0;
	}
	return S_ISREG(st.st_mode) ? pack_file(p, dirfd_, name, &st)
				   : pack_special(p, dirfd_, name, &st);
}

int pack_tree(int dir, struct sink *out, const struct pack_options *o, struct err *e)
{
	struct packer p = {.out = out, .o = o, .e = e};
	int r;

	p.entry = mem_new(sizeof(*p.entry));
	p.data = mem_room(TAR_BUFFER);
	r = pack_entry(&p, dir, ".");
	if (!r)
		r = tar_write_end(out, e);
	buf_done(&p.path);
	buf_done(&p.values);
	arena_free(&p.arena);
	free(p.entry);
	free(p.data);
	return r;
}

int pack_layer(const char *dir, int out_fd, const struct pack_options *o, char diff_id[static 72],
	       int64_t *tar_size, struct err *e)
{
	static const struct pack_options plain;
	auto_fd int fd = sys_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
	struct sha256_sink sha;
	struct fd_sink out;
	int r;

	if (fd < 0)
		return err_set(e, -fd, "cannot open %s: %s", dir, strerror(-fd));
	fd_sink_init(&out, out_fd);
	r = sha256_sink_init(&sha, out_fd < 0 ? NULL : &out.sink, e);
	if (!r)
		r = pack_tree(fd, &sha.sink, o ? o : &plain, e);
	if (!r)
		r = sink_end(&sha.sink, e);
	if (!r) {
		memcpy(diff_id, "sha256:", 7);
		memcpy(diff_id + 7, sha.hex, HASH_HEX);
		*tar_size = sha.bytes;
	}
	sha256_sink_done(&sha);
	return r < 0 ? err_wrap(e, "pack %s", dir) : 0;
}
