/*
 * A container may nest directories a hundred thousand deep. One level takes a descriptor, a buffer
 * and a stack frame; so what lies deeper than a few levels is moved up to the top one, whose turn
 * comes again until nothing is left in it.
 */
#include "base/sys.h"
#include "base/tree.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { DEEPEST = 16 };

struct removal {
	int top, depth;
	unsigned serial; /* of what was moved up */
	size_t *left;
	bool again; /* the top directory has got new names */
};

static int remove_dir(struct removal *m, int dirfd, const char *name);

static int move_up(struct removal *m, int dirfd, const char *name)
{
	char to[40];

	for (;;) {
		snprintf(to, sizeof(to), ".berth-deep-%u", m->serial++);
		if (!renameat2(dirfd, name, m->top, to, RENAME_NOREPLACE)) {
			m->again = true;
			return 0;
		}
		if (errno != EEXIST)
			return errno == ENOENT ? 0 : -errno;
	}
}

static int remove_name(struct removal *m, int dirfd, const char *name)
{
	if (!*m->left)
		return -EAGAIN;
	--*m->left;
	if (!unlinkat(dirfd, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (!unlinkat(dirfd, name, AT_REMOVEDIR) || errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST) /* no directory: the first EPERM was meant */
		return errno == ENOTDIR ? -EPERM : -errno;
	return m->depth < DEEPEST ? remove_dir(m, dirfd, name) : move_up(m, dirfd, name);
}

static int remove_names(struct removal *m, DIR *d)
{
	struct dirent *ent;
	int r = 0;

	m->depth++;
	while (!r && (ent = readdir(d))) {
		if (strcmp(ent->d_name, ".") && strcmp(ent->d_name, ".."))
			r = remove_name(m, dirfd(d), ent->d_name);
	}
	m->depth--;
	return r;
}

static int remove_dir(struct removal *m, int dirfd, const char *name)
{
	int fd = sys_open(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0), r;
	bool top = !m->depth;
	DIR *d;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	if (top)
		m->top = fd;
	do {
		if (top) {
			m->again = false;
			rewinddir(d);
		}
		r = remove_names(m, d);
	} while (!r && top && m->again);
	closedir(d);
	if (!r && unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

int tree_remove_some(int dirfd, const char *name, size_t *left)
{
	struct removal m = {.top = -1, .left = left};

	return remove_name(&m, dirfd, name);
}

int tree_remove(int dirfd, const char *name)
{
	size_t all = SIZE_MAX;

	return tree_remove_some(dirfd, name, &all);
}
