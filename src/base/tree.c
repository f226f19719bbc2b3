#include "base/tree.h"
#include "base/mem.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

enum { LINKS_MAX = 40 };
static const uint64_t in_root = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

int tree_open(int root, const char *path, int flags, mode_t mode)
{
	int r;

	do {
		/* EAGAIN: something was renamed while ".." was walked (openat2(2)). */
		r = sys_openat2(root, *path ? path : ".", (uint64_t)flags | O_CLOEXEC,
				flags & O_CREAT ? mode : 0, in_root);
	} while (r == -EAGAIN);
	return r;
}

static bool is_dots(const char *p, size_t n)
{
	return (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.');
}

static int make_and_open(int root, const char *path, size_t len, mode_t mode)
{
	char part[PATH_MAX];
	const char *slash;
	int r;

	memcpy(part, path, len);
	part[len] = '\0';
	r = tree_open(root, part, O_PATH | O_DIRECTORY, 0);
	if (r != -ENOENT)
		return r;
	slash = strrchr(part, '/');
	if (is_dots(slash ? slash + 1 : part, strlen(slash ? slash + 1 : part)))
		return -ENOENT;
	auto_fd int parent = tree_open(root, "", O_PATH | O_DIRECTORY, 0);

	if (slash) {
		part[slash - part] = '\0';
		close(take_fd(&parent));
		parent = tree_open(root, part, O_PATH | O_DIRECTORY, 0);
		part[slash - part] = '/';
	}
	if (parent < 0)
		return parent;
	if (mkdirat(parent, slash ? slash + 1 : part, mode) < 0)
		return -errno;
	/* mkdir's mode passed through the umask. */
	if (fchmodat(parent, slash ? slash + 1 : part, mode, 0) < 0)
		return -errno;
	return tree_open(root, part, O_PATH | O_DIRECTORY, 0);
}

/*
 * `path` with the symbolic link that its first n bytes name replaced by what it points to. The
 * link dangles: what it points to is about to be made, inside the root.
 */
static int through_link(int root, const char *path, size_t n, char out[static PATH_MAX])
{
	char part[PATH_MAX], target[PATH_MAX], name[256];
	auto_fd int parent = -1;
	const char *slash;
	ssize_t len;

	memcpy(part, path, n);
	part[n] = '\0';
	parent = tree_parent(root, part, 0, name);
	if (parent < 0)
		return parent;
	len = readlinkat(parent, name, target, sizeof(target) - 1);
	if (len < 0)
		return -EEXIST; /* no link: a file stands where a directory should */
	target[len] = '\0';
	slash = strrchr(part, '/');
	len = snprintf(out, PATH_MAX, "%.*s%s%s%s",
		       *target == '/' || !slash ? 0 : (int)(slash - part), part,
		       *target == '/' || !slash ? "" : "/", target, path + n);
	return len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int mkdirs(int root, const char *path, mode_t mode, int hops)
{
	size_t n = strlen(path), last = 0;
	char other[PATH_MAX];
	int fd = -ENOENT, r;

	for (size_t i = 1; i <= n && (fd >= 0 || fd == -ENOENT); i++) {
		if (path[i] != '/' && path[i])
			continue;
		if (fd >= 0)
			close(fd);
		fd = make_and_open(root, path, i, mode);
		last = i;
	}
	if (fd != -EEXIST)
		return fd;
	if (!hops)
		return -ELOOP;
	r = through_link(root, path, last, other);
	return r < 0 ? r : mkdirs(root, other, mode, hops - 1);
}

int tree_mkdirs(int root, const char *path, mode_t mode)
{
	int fd;

	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	/* Mostly it is there. */
	fd = tree_open(root, path, O_PATH | O_DIRECTORY, 0);
	return fd == -ENOENT ? mkdirs(root, path, mode, LINKS_MAX) : fd;
}

int tree_parent(int root, const char *path, mode_t mode, char name[static 256])
{
	char dir[PATH_MAX];
	size_t n = strlen(path), cut;

	while (n && path[n - 1] == '/')
		n--;
	if (n >= sizeof(dir))
		return -ENAMETOOLONG;
	for (cut = n; cut && path[cut - 1] != '/'; cut--)
		;
	if (cut == n || is_dots(path + cut, n - cut))
		return -EINVAL;
	if (n - cut > 255)
		return -ENAMETOOLONG;
	memcpy(name, path + cut, n - cut);
	name[n - cut] = '\0';
	while (cut && path[cut - 1] == '/')
		cut--;
	memcpy(dir, path, cut);
	dir[cut] = '\0';
	return mode ? tree_mkdirs(root, dir, mode) : tree_open(root, dir, O_PATH | O_DIRECTORY, 0);
}

int tree_xattrs(int fd, char **names, size_t *n)
{
	ssize_t len = flistxattr(fd, NULL, 0);
	char *p;

	*names = NULL;
	*n = 0;
	if (len == 0 || (len < 0 && errno == ENOTSUP))
		return 0;
	if (len < 0)
		return -errno;
	p = mem_room((size_t)len);
	len = flistxattr(fd, p, (size_t)len);
	if (len < 0) {
		free(p);
		return -errno;
	}
	*names = p;
	*n = (size_t)len;
	return 0;
}

static int rest(int from, int to, char *part, size_t size)
{
	ssize_t n;
	int r;

	while ((n = sys_read(from, part, size)) > 0) {
		r = sys_write_all(to, part, (size_t)n);
		if (r < 0)
			return r;
	}
	return (int)n;
}

int tree_copy_bytes(int from, int to)
{
	static const size_t step = 1 << 30;
	char part[65536];
	ssize_t n;
	int r;

	/* Most files end here, and overlays and pipes have no better way than this. */
	n = sys_read(from, part, sizeof(part));
	r = n > 0 ? sys_write_all(to, part, (size_t)n) : (int)n;
	if (r < 0 || n < (ssize_t)sizeof(part) / 2)
		return r < 0 || n == 0 ? r : rest(from, to, part, sizeof(part));
	while ((n = copy_file_range(from, NULL, to, NULL, step, 0)) > 0)
		;
	if (!n)
		return 0;
	if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
		return -errno;
	return rest(from, to, part, sizeof(part));
}
