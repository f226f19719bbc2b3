#include "image/skeleton.h"
#include "base/overlay.h"
#include "base/sys.h"
#include "base/tree.h"
#include "image/place.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *name;
	mode_t mode;
} entries[] = {
	{"dev", S_IFDIR | 0755},          {"proc", S_IFDIR | 0755},
	{"sys", S_IFDIR | 0755},          {"etc", S_IFDIR | 0755},
	{"etc/hosts", S_IFREG | 0644},    {"etc/resolv.conf", S_IFREG | 0644},
	{"etc/hostname", S_IFREG | 0644}, {".dockerenv", S_IFREG | 0755},
};

static int fill(int dir, struct err *e)
{
	for (size_t i = 0; i < countof(entries); i++) {
		const char *name = entries[i].name;
		mode_t mode = entries[i].mode & 07777;
		int r = S_ISDIR(entries[i].mode) ? mkdirat(dir, name, mode)
						 : mknodat(dir, name, entries[i].mode, 0);

		if (r < 0 || fchmodat(dir, name, mode, 0) < 0)
			return err_set(e, errno, "cannot make /%s: %s", name, strerror(errno));
	}
	return fchmod(dir, 0755) < 0 ? err_set(e, errno, "%s", strerror(errno)) : 0;
}

/* Under another name first: another process never sees half of it. */
static int make(struct arena *a, const char *path, struct err *e)
{
	auto_fd int dir = -1;
	char *scratch;
	int r = place_scratch(a, "skeleton", &scratch, e);

	if (r < 0)
		return r;
	dir = sys_open(AT_FDCWD, scratch, O_RDONLY | O_DIRECTORY, 0);
	r = dir < 0 ? err_set(e, -dir, "%s: %s", scratch, strerror(-dir)) : fill(dir, e);
	if (!r && rename(scratch, path) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		r = err_set(e, errno, "cannot make %s: %s", path, strerror(errno));
	tree_remove(AT_FDCWD, scratch);
	return r;
}

int skeleton_add(struct arena *a, struct strings *layers, struct err *e)
{
	char *path = place_path(a, "skeleton");
	int r = 0;

	if (!layers->n || layers->n >= OVERLAY_LAYERS)
		return 0;
	if (access(path, F_OK) < 0)
		r = make(a, path, e);
	if (!r)
		*vec_push(a, layers) = path;
	return r;
}
