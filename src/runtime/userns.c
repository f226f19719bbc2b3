#include "runtime/userns.h"
#include "base/sys.h"
#include <linux/mount.h>
#include <string.h>

bool userns_wanted(const struct container_spec *s)
{
	return s->userns.mode == NS_JOIN || (s->userns.mode == NS_NEW && s->uid_map.n);
}

int userns_open(const struct container_spec *s, int *out, struct err *e)
{
	const struct id_maps maps = {s->uid_map.v, s->gid_map.v, s->uid_map.n, s->gid_map.n};
	auto_nsholder h = {.pidfd = -1};
	int fd;

	*out = -1;
	if (!userns_wanted(s))
		return 0;
	if (s->userns.mode == NS_JOIN)
		fd = sys_dup_above(s->userns.fd, 3);
	else if (nsholder_begin(&h, 0, &maps, e) < 0)
		return -e->code;
	else
		fd = nsholder_open(&h, "user");
	if (fd < 0)
		return err_set(e, -fd, "cannot open the user namespace: %s", strerror(-fd));
	*out = fd;
	return 0;
}

static uint32_t map(const struct id_map *maps, size_t n, uint32_t inside)
{
	for (size_t i = 0; i < n; i++) {
		if (inside >= maps[i].inside && inside - maps[i].inside < maps[i].count)
			return maps[i].outside + (inside - maps[i].inside);
	}
	return 65534; /* the kernel's overflow id */
}

uid_t userns_uid(const struct container_spec *s, uid_t inside)
{
	return userns_wanted(s) ? map(s->uid_map.v, s->uid_map.n, inside) : inside;
}

gid_t userns_gid(const struct container_spec *s, gid_t inside)
{
	return userns_wanted(s) ? map(s->gid_map.v, s->gid_map.n, inside) : inside;
}
