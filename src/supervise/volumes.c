/* Volumes as projects use them. */
#include "image/volume.h"
#include "supervise/supervisor.h"
#include <errno.h>

int volumes_remove(struct supervisor *s, const char *name, struct err *e)
{
	auto_arena a = {0};
	char *aside = remains_place(&a, s);
	struct err why;
	int r = volume_remove(name, aside, &why);

	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*e = why;
		return r;
	}
	return remains_remove(s, aside, e);
}

static bool mounts(const struct status *st, const char *volume)
{
	vec_each(m, &st->mounts) {
		if (m->name && !strcmp(m->name, volume))
			return true;
	}
	return false;
}

bool volumes_used_by_others(const struct supervisor *s, const char *name)
{
	return resource_of_others(s, mounts, name);
}

int volumes_names(struct arena *a, struct strings *out, struct err *e)
{
	struct store_volumes all = {0};
	int r = volume_list(a, &all, e);

	if (r < 0)
		return r;
	vec_each(v, &all)
		*vec_push(a, out) = v->name;
	return 0;
}
