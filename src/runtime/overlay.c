#include "runtime/overlay.h"
#include "base/sys.h"
#include "runtime/mountfd.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Overlayfs wants two lower layers or an upper one: a single layer is shown as it is. */
static int single(const char *layer, struct err *e)
{
	int fd = mountfd_clone(AT_FDCWD, layer, false);
	int r = fd < 0 ? fd : mountfd_attrs(fd, MOUNT_ATTR_RDONLY, 0, false);

	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? err_set(e, -r, "%s: %s", layer, strerror(-r)) : fd;
}

int overlay_open(struct arena *a, const struct strings *layers, const char *upper, const char *work,
		 struct err *e)
{
	VEC(struct mount_option) options = {0};
	int fd;

	if (!layers->n) {
		fd = sys_open(AT_FDCWD, upper ? upper : "/", O_PATH | O_DIRECTORY, 0);
		if (!upper || fd < 0)
			return err_set(e, EINVAL, "there is no layer to show");
		return fd;
	}
	if (!upper && layers->n == 1)
		return single(layers->v[0], e);
	for (size_t i = 0; i < layers->n; i++)
		*vec_push(a, &options) = (struct mount_option){"lowerdir+", layers->v[i]};
	if (upper) {
		*vec_push(a, &options) = (struct mount_option){"upperdir", upper};
		*vec_push(a, &options) = (struct mount_option){"workdir", work};
	}
	return mountfd_new("overlay", options.v, options.n, upper ? 0 : MOUNT_ATTR_RDONLY, e);
}
