#include "runtime/inside.h"
#include "base/file.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_LINKS = 40 };
#define IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)

int inside_open(int root, const char *path, int flags)
{
	return sys_openat2(root, *path ? path : ".", (unsigned)(O_PATH | flags), 0, IN_ROOT);
}

/* The walk of inside_make(): `done` holds names that exist and are no links, `left` the rest. */
struct walk {
	int root;
	mode_t mode;
	enum inside_kind kind;
	int links;
	char done[PATH_MAX], left[PATH_MAX];
};

static void step_up(struct walk *w)
{
	char *slash = strrchr(w->done, '/');

	*(slash ? slash : w->done) = '\0';
}

/* Puts the text of a link in front of what is left to walk. */
static int follow(struct walk *w, const char *link)
{
	char joined[PATH_MAX];

	if (++w->links > MAX_LINKS)
		return -ELOOP;
	if (snprintf(joined, sizeof(joined), "%s/%s", link, w->left) >= (int)sizeof(joined))
		return -ENAMETOOLONG;
	if (*link == '/')
		w->done[0] = '\0';
	memcpy(w->left, joined, sizeof(joined));
	return 0;
}

static int make_one(const struct walk *w, int parent, const char *name)
{
	int fd;

	if (w->left[strspn(w->left, "/")] || w->kind == INSIDE_DIR)
		return mkdirat(parent, name, w->left[0] ? 0755 : w->mode) < 0 ? -errno : 0;
	fd = sys_open(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, w->mode);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* /proc/self/fd/N and its kin read like links, and the text names things outside. */
static bool is_magic(int parent, const char *name)
{
	auto_fd int fd = sys_openat2(parent, name, O_PATH, 0, RESOLVE_NO_MAGICLINKS);

	return fd == -ELOOP;
}

static int step_down(struct walk *w, const char *name)
{
	auto_fd int parent = sys_openat2(w->root, *w->done ? w->done : ".", O_PATH | O_DIRECTORY, 0,
					 IN_ROOT | RESOLVE_NO_SYMLINKS);
	char link[PATH_MAX];
	size_t used = strlen(w->done);
	ssize_t n;
	int r;

	if (parent < 0)
		return parent;
	n = readlinkat(parent, name, link, sizeof(link) - 1);
	if (n >= 0) {
		link[n] = '\0';
		return is_magic(parent, name) ? -ELOOP : follow(w, link);
	}
	if (errno == ENOENT) {
		r = make_one(w, parent, name);
		if (r < 0 && r != -EEXIST)
			return r;
	}
	if (snprintf(w->done + used, sizeof(w->done) - used, "%s%s", used ? "/" : "", name) >=
	    (int)(sizeof(w->done) - used))
		return -ENAMETOOLONG;
	return 0;
}

static int walk_on(struct walk *w)
{
	char name[NAME_MAX + 1];
	size_t skip, n;
	int r = 0;

	while (!r) {
		skip = strspn(w->left, "/");
		n = strcspn(w->left + skip, "/");
		if (!n)
			return 0;
		if (n > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, w->left + skip, n);
		name[n] = '\0';
		memmove(w->left, w->left + skip + n, strlen(w->left + skip + n) + 1);
		if (!strcmp(name, ".."))
			step_up(w);
		else if (strcmp(name, ".") != 0)
			r = step_down(w, name);
	}
	return r;
}

int inside_make(int root, const char *path, enum inside_kind kind, mode_t mode)
{
	int fd = inside_open(root, path, kind == INSIDE_DIR ? O_DIRECTORY : 0);
	struct walk w = {.root = root, .mode = mode, .kind = kind};
	int r;

	if (fd != -ENOENT)
		return fd;
	if (strlen(path) >= sizeof(w.left))
		return -ENAMETOOLONG;
	memcpy(w.left, path, strlen(path) + 1);
	r = walk_on(&w);
	if (r < 0)
		return r;
	return sys_openat2(root, *w.done ? w.done : ".",
			   O_PATH | O_NOFOLLOW | (kind == INSIDE_DIR ? O_DIRECTORY : 0), 0,
			   IN_ROOT | RESOLVE_NO_SYMLINKS);
}

int inside_read(struct arena *a, int root, const char *path, size_t limit, struct span *out,
		struct err *e)
{
	auto_fd int seen = inside_open(root, path, 0);
	auto_fd int fd = -1;
	struct stat st, again;

	if (seen < 0)
		return err_set(e, -seen, "cannot read %s inside the container: %s", path,
			       strerror(-seen));
	if (fstat(seen, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s inside the container is not a regular file", path);
	fd = sys_openat2(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, IN_ROOT);
	if (fd < 0 || fstat(fd, &again) < 0 || again.st_ino != st.st_ino ||
	    again.st_dev != st.st_dev)
		return err_set(e, EAGAIN, "%s changed while it was read", path);
	if (file_read_fd(a, fd, limit, out, e) < 0)
		return err_wrap(e, "read %s inside the container", path);
	return 0;
}
