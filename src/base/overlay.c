#include "base/overlay.h"
#include "base/mountfd.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

struct options {
	struct mount_option *v;
	size_t n, cap;
};

/* Overlayfs wants two lower layers or an upper one: a single layer is shown as it is. */
static int single(const char *layer, uint64_t attrs, struct err *e)
{
	int fd = mountfd_clone(AT_FDCWD, layer, false);
	int r = fd < 0 ? fd : mountfd_attrs(fd, attrs, 0, false);

	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? err_set(e, -r, "%s: %s", layer, strerror(-r)) : fd;
}

static int plain(const char *upper, struct err *e)
{
	int fd = sys_open(AT_FDCWD, upper, O_PATH | O_DIRECTORY, 0);

	return fd < 0 ? err_set(e, -fd, "%s: %s", upper, strerror(-fd)) : fd;
}

/* "lowerdir+" came with Linux 6.5; asking an older one writes a line into the kernel's log. */
static bool takes_layers_singly(void)
{
	struct utsname u;
	unsigned major = 0, minor = 0;

	return uname(&u) == 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 5));
}

static int from_options(struct options *o, uint64_t attrs, struct err *e)
{
	return mountfd_new("overlay", o->v, o->n, attrs, e);
}

static int from_fd_directory(struct options *o, uint64_t attrs, struct err *e)
{
	auto_fd int here = sys_open(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
	int fd, r = here < 0 ? here : chdir("/proc/self/fd") < 0 ? -errno : 0;

	if (r < 0)
		return err_set(e, -r, "/proc/self/fd: %s", strerror(-r));
	fd = from_options(o, attrs, e);
	if (fchdir(here) < 0 && fd >= 0) {
		close(fd);
		fd = err_set(e, errno, "cannot return to the directory before: %s",
			     strerror(errno));
	}
	return fd;
}

/*
 * All layers in one string, which fsconfig(2) limits to 255 bytes: the layers are opened and
 * named by their numbers, looked up in /proc/self/fd.
 */
static int by_numbers(struct arena *a, const struct strings *layers, struct options *o,
		      uint64_t attrs, struct err *e)
{
	int fds[OVERLAY_LAYERS], r = 0;
	auto_buf names = {0};
	size_t n = 0;

	for (; r >= 0 && n < layers->n; n++) {
		fds[n] = sys_open(AT_FDCWD, layers->v[n], O_PATH | O_DIRECTORY, 0);
		if (fds[n] < 0) {
			r = err_set(e, -fds[n], "%s: %s", layers->v[n], strerror(-fds[n]));
			break;
		}
		buf_printf(&names, "%s%d", n ? ":" : "", fds[n]);
	}
	*vec_push(a, o) = (struct mount_option){"lowerdir", names.p};
	if (!r)
		r = from_fd_directory(o, attrs, e);
	while (n--)
		close(fds[n]);
	return r;
}

int overlay_open(struct arena *a, const struct strings *layers, const char *upper, const char *work,
		 uint64_t attrs, struct err *e)
{
	struct options o = {0};

	if (!layers->n && upper)
		return plain(upper, e);
	if (!layers->n || layers->n > OVERLAY_LAYERS)
		return err_set(e, EINVAL, "%zu layers cannot be mounted", layers->n);
	if (!upper)
		attrs |= MOUNT_ATTR_RDONLY;
	if (!upper && layers->n == 1)
		return single(layers->v[0], attrs, e);
	if (upper) {
		*vec_push(a, &o) = (struct mount_option){"upperdir", upper};
		*vec_push(a, &o) = (struct mount_option){"workdir", work};
	}
	if (!takes_layers_singly())
		return by_numbers(a, layers, &o, attrs, e);
	vec_each(l, layers)
		*vec_push(a, &o) = (struct mount_option){"lowerdir+", *l};
	return from_options(&o, attrs, e);
}

/* Overlay takes its layers by path, and mapped ones have none: they get one here. Nobody needs /sys
 * before the container's own is mounted, and they go with our namespace. */
#define SCRATCH "/sys"

/* One layer at SCRATCH/<i>. */
static int put_layer(int scratch, const char *name, const char *layer, int userns, struct err *e)
{
	auto_fd int tree = mountfd_clone(AT_FDCWD, layer, false), at = -1;
	int r = tree < 0 ? tree : mountfd_map(tree, userns, false);

	if (!r && mkdirat(scratch, name, 0700) < 0)
		r = -errno;
	at = r < 0 ? -1 : sys_open(scratch, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	r = r < 0 ? r : at < 0 ? at : mountfd_put(tree, at);
	return r < 0 ? err_set(e, -r, "layer %s with shifted ids: %s", layer, strerror(-r)) : 0;
}

int overlay_open_mapped(struct arena *a, const struct strings *layers, const char *upper,
			const char *work, int userns, struct err *e)
{
	auto_fd int scratch = mountfd_new("tmpfs", NULL, 0, MOUNT_PLAIN, e), at = -1;
	struct strings shown = {0};
	int r = scratch;

	if (r >= 0)
		at = r = sys_open(AT_FDCWD, SCRATCH, O_PATH | O_DIRECTORY, 0);
	r = r < 0 ? r : mountfd_put(scratch, at);
	for (size_t i = 0; r >= 0 && i < layers->n; i++) {
		r = put_layer(scratch, arena_printf(a, "%zu", i), layers->v[i], userns, e);
		*vec_push(a, &shown) = arena_printf(a, SCRATCH "/%zu", i);
	}
	if (r < 0)
		return r;
	r = overlay_open(a, &shown, upper, work, 0, e);
	umount2(SCRATCH, MNT_DETACH);
	return r;
}
