/* tree_copy() of base/tree. */
#include "base/links.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/tree.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

struct walk {
	const struct tree_copy *how;
	struct arena arena;
	struct links links; /* their names below the copy's target */
	int to_root;        /* the directory that holds to_name */
	const char *to_name;
	struct buf path; /* from the copied root: "a/b" */
	struct err *e;
};

static int complain(struct walk *w, const char *what, int code)
{
	return err_set(w->e, code, "cannot %s %s%s%s: %s", what, w->to_name, w->path.n ? "/" : "",
		       w->path.n ? w->path.p : "", strerror(code));
}

static bool keep_xattr(const struct tree_copy *how, const char *name)
{
	if (!strcmp(name, "trusted.overlay.opaque"))
		return how->whiteouts;
	return strncmp(name, "trusted.overlay.", 16) && strcmp(name, "security.selinux");
}

static int copy_xattrs(struct walk *w, int from, int to)
{
	auto_free char *names = NULL;
	static const size_t limit = 65536;
	size_t n;
	int r = tree_xattrs(from, &names, &n);

	for (size_t i = 0; !r && i < n; i += strlen(names + i) + 1) {
		auto_free char *value = mem_room(limit);
		ssize_t len;

		if (!keep_xattr(w->how, names + i))
			continue;
		len = fgetxattr(from, names + i, value, limit);
		if (len < 0 && errno == ENODATA)
			continue;
		if (len < 0 || fsetxattr(to, names + i, value, (size_t)len, 0) < 0)
			r = -errno;
	}
	return r == -ENOTSUP ? 0 : r;
}

static uint32_t new_id(const struct tree_copy *how, uint32_t wanted, uint32_t was)
{
	if (!how->set_owner)
		wanted = was >= how->from_ids ? was - how->from_ids : was;
	return wanted + how->to_ids;
}

/* Owner first: chown drops set-user-id bits and file capabilities. */
static int copy_attributes(struct walk *w, int from, int to, const struct stat *st)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st->st_mtim};
	const struct tree_copy *how = w->how;
	int r;

	if (fchown(to, new_id(how, how->uid, st->st_uid), new_id(how, how->gid, st->st_gid)) < 0)
		return complain(w, "set the owner of", errno);
	if (fchmod(to, st->st_mode & 07777) < 0)
		return complain(w, "set the mode of", errno);
	r = copy_xattrs(w, from, to);
	if (r < 0)
		return complain(w, "copy the attributes of", -r);
	if (!how->no_times && futimens(to, times) < 0)
		return complain(w, "set the time of", errno);
	return 0;
}

static int copy_file(struct walk *w, int from, const char *name, int to, const char *to_name,
		     const struct stat *st)
{
	auto_fd int in = sys_open(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	auto_fd int out = -1;
	int r;

	if (in < 0)
		return complain(w, "read", -in);
	out = sys_open(to, to_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (out < 0)
		return complain(w, "make", -out);
	r = tree_copy_bytes(in, out);
	if (r < 0)
		return complain(w, "write", -r);
	return copy_attributes(w, in, out, st);
}

static int copy_special(struct walk *w, int from, const char *name, int to, const char *to_name,
			const struct stat *st)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st->st_mtim};
	const struct tree_copy *how = w->how;
	char target[PATH_MAX];
	ssize_t n;

	if (S_ISSOCK(st->st_mode))
		return 0; /* means nothing without its listener */
	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(from, name, target, sizeof(target) - 1);
		if (n < 0)
			return complain(w, "read", errno);
		target[n] = '\0';
		if (symlinkat(target, to, to_name) < 0)
			return complain(w, "make", errno);
	} else if (mknodat(to, to_name, st->st_mode, st->st_rdev) < 0) {
		return complain(w, "make", errno);
	}
	if (fchownat(to, to_name, new_id(how, how->uid, st->st_uid),
		     new_id(how, how->gid, st->st_gid), AT_SYMLINK_NOFOLLOW) < 0)
		return complain(w, "set the owner of", errno);
	if (!S_ISLNK(st->st_mode) && fchmodat(to, to_name, st->st_mode & 07777, 0) < 0)
		return complain(w, "set the mode of", errno);
	if (!how->no_times)
		utimensat(to, to_name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int copy_entry(struct walk *w, int from, const char *name, int to, const char *to_name);

static int copy_children(struct walk *w, int in, int out)
{
	int list_fd = sys_open(in, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR *d = list_fd < 0 ? NULL : fdopendir(list_fd);
	size_t len = w->path.n;
	struct dirent *ent;
	int r = 0;

	if (!d) {
		r = complain(w, "list", list_fd < 0 ? -list_fd : errno);
		if (list_fd >= 0)
			close(list_fd);
		return r;
	}
	while (!r && (errno = 0, ent = readdir(d))) {
		if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, ".."))
			continue;
		buf_printf(&w->path, "%s%s", len ? "/" : "", ent->d_name);
		r = copy_entry(w, in, ent->d_name, out, ent->d_name);
		w->path.n = len;
		w->path.p[len] = '\0';
	}
	closedir(d);
	return r;
}

static int copy_dir(struct walk *w, int from, const char *name, int to, const char *to_name,
		    const struct stat *st)
{
	auto_fd int in = sys_open(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	auto_fd int out = -1;
	int r;

	if (in < 0)
		return complain(w, "read", -in);
	if (mkdirat(to, to_name, 0700) < 0 && errno != EEXIST)
		return complain(w, "make", errno);
	out = sys_open(to, to_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (out < 0)
		return complain(w, "open", -out);
	r = copy_children(w, in, out);
	return r ? r : copy_attributes(w, in, out, st);
}

/* True where another name of the inode was copied before and a link to it could be made. */
static int link_again(struct walk *w, int to, const char *to_name, const struct stat *st)
{
	const char *first = links_seen(&w->arena, &w->links, st, w->path.n ? w->path.p : "");
	char full[PATH_MAX];

	if (!first)
		return 0;
	snprintf(full, sizeof(full), "%s%s%s", w->to_name, *first ? "/" : "", first);
	if (linkat(w->to_root, full, to, to_name, 0) < 0)
		return complain(w, "link", errno);
	return 1;
}

static int make_room(struct walk *w, int to, const char *to_name, const struct stat *st)
{
	struct stat there;
	int r;

	if (fstatat(to, to_name, &there, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : complain(w, "look at", errno);
	if (S_ISDIR(there.st_mode) && S_ISDIR(st->st_mode))
		return 0;
	r = tree_remove(to, to_name);
	return r < 0 ? complain(w, "replace", -r) : 0;
}

static int copy_entry(struct walk *w, int from, const char *name, int to, const char *to_name)
{
	struct stat st;
	int r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return complain(w, "read", errno);
	if (w->how->wanted && !w->how->wanted(w->how, w->path.n ? w->path.p : "", &st))
		return 0;
	if (S_ISCHR(st.st_mode) && !st.st_rdev && !w->how->whiteouts)
		return 0;
	if (w->how->left && !*w->how->left)
		return complain(w, "copy all of", EAGAIN);
	if (w->how->left)
		--*w->how->left;
	r = make_room(w, to, to_name, &st);
	if (r < 0)
		return r;
	if (S_ISDIR(st.st_mode))
		return copy_dir(w, from, name, to, to_name, &st);
	if (st.st_nlink > 1) {
		r = link_again(w, to, to_name, &st);
		if (r)
			return r < 0 ? r : 0;
	}
	if (S_ISREG(st.st_mode))
		return copy_file(w, from, name, to, to_name, &st);
	return copy_special(w, from, name, to, to_name, &st);
}

int tree_copy(int from, const char *from_name, int to, const char *to_name,
	      const struct tree_copy *how, struct err *e)
{
	static const struct tree_copy plain;
	struct walk w = {.how = how ? how : &plain, .to_root = to, .to_name = to_name, .e = e};
	int r = copy_entry(&w, from, from_name, to, to_name);

	buf_done(&w.path);
	arena_free(&w.arena);
	return r;
}
