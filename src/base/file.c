#include "base/file.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

int file_read_fd(struct arena *a, int fd, size_t limit, struct span *out, struct err *e)
{
	auto_buf b = {0};
	char part[16384];
	ssize_t n;

	while ((n = sys_read(fd, part, sizeof(part))) > 0) {
		if (b.n + (size_t)n > limit)
			return err_set(e, EFBIG, "more than %zu bytes", limit);
		buf_add(&b, part, (size_t)n);
	}
	if (n < 0)
		return err_set(e, (int)-n, "%s", strerror((int)-n));
	out->n = b.n;
	out->p = buf_take(a, &b);
	return 0;
}

int file_read(struct arena *a, int dirfd, const char *name, size_t limit, struct span *out,
	      struct err *e)
{
	auto_fd int fd = sys_open(dirfd, name, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return err_set(e, -fd, "cannot read %s: %s", name, strerror(-fd));
	if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode))
		return err_set(e, EISDIR, "cannot read %s: it is a directory", name);
	/* Opened without waiting for somebody to write; what <(command) writes comes when it comes.
	 */
	if (S_ISFIFO(st.st_mode) && fcntl(fd, F_SETFL, 0) < 0)
		return err_set(e, errno, "cannot read %s: %s", name, strerror(errno));
	if (file_read_fd(a, fd, limit, out, e) < 0)
		return err_wrap(e, "read %s", name);
	return 0;
}

static int write_and_rename(int dirfd, const char *tmp, const char *name, const void *data,
			    size_t n, mode_t mode, enum file_sync sync)
{
	auto_fd int fd = sys_open(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
	int r;

	if (fd < 0)
		return fd;
	if (fchmod(fd, mode) < 0)
		return -errno;
	r = sys_write_all(fd, data, n);
	if (!r && sync == FILE_DURABLE && fsync(fd) < 0)
		r = -errno;
	if (!r && renameat(dirfd, tmp, dirfd, name) < 0)
		r = -errno;
	return r;
}

int file_sync_parent(int dirfd, const char *name)
{
	const char *slash = strrchr(name, '/');
	auto_free char *dir = slash ? mem_textn(name, (size_t)(slash - name)) : mem_text(".");
	auto_fd int fd = sys_open(dirfd, *dir ? dir : "/", O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return fd;
	return fsync(fd) < 0 ? -errno : 0;
}

static int replace(int dirfd, const char *tmp, const char *name, const void *data, size_t n,
		   mode_t mode, enum file_sync sync, struct err *e)
{
	int r = write_and_rename(dirfd, tmp, name, data, n, mode, sync);

	if (!r && sync == FILE_DURABLE)
		r = file_sync_parent(dirfd, name);
	if (r < 0) {
		unlinkat(dirfd, tmp, 0);
		return err_set(e, -r, "cannot write %s: %s", name, strerror(-r));
	}
	return 0;
}

int file_replace(int dirfd, const char *name, const void *data, size_t n, mode_t mode,
		 enum file_sync sync, struct err *e)
{
	char tmp[PATH_MAX];

	/* The pid keeps two writers' temporary files apart. */
	if (snprintf(tmp, sizeof(tmp), "%s.%d~", name, (int)getpid()) >= (int)sizeof(tmp))
		return err_set(e, ENAMETOOLONG, "cannot write %s: the name is too long", name);
	return replace(dirfd, tmp, name, data, n, mode, sync, e);
}

int file_replace_via(const char *tmp, const char *name, struct span text, enum file_sync sync,
		     struct err *e)
{
	return replace(AT_FDCWD, tmp, name, text.p, text.n, 0600, sync, e);
}

int file_mkdirs(const char *path, mode_t mode, struct err *e)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return err_set(e, ENAMETOOLONG, "cannot make %s: the name is too long", path);
	/* Most often all but the last part, or the last too, is there. */
	if (!mkdir(path, mode) || errno == EEXIST)
		return 0;
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i])
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return err_set(e, errno, "cannot make directory %s: %s", part,
				       strerror(errno));
	}
	return 0;
}

int file_remove_tree(int dirfd, const char *name, struct err *e)
{
	int r = tree_remove(dirfd, name);

	if (r < 0)
		return err_set(e, -r, "cannot remove %s: %s", name, strerror(-r));
	return 0;
}

int file_lock(int dirfd, const char *name, enum file_lock how, int *out_fd, struct err *e)
{
	auto_fd int fd = sys_open(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return err_set(e, -fd, "cannot open lock %s: %s", name, strerror(-fd));
	do {
		r = flock(fd, how == FILE_LOCK_TRY ? LOCK_EX | LOCK_NB : LOCK_EX);
	} while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EWOULDBLOCK)
		return -EWOULDBLOCK;
	if (r < 0)
		return err_set(e, errno, "cannot lock %s: %s", name, strerror(errno));
	*out_fd = take_fd(&fd);
	return 0;
}
