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

bool volumes_used_by_others(const struct supervisor *s, const char *name)
{
	auto_arena a = {0};
	struct strings projects = {0};
	struct err ignored;

	if (status_projects(&a, &projects, &ignored) < 0)
		return false;
	vec_each(p, &projects) {
		struct statuses all = {0};

		if (!strcmp(*p, s->name) || status_read(&a, *p, &all, &ignored) < 0)
			continue;
		vec_each(st, &all) {
			vec_each(m, &st->mounts) {
				if (m->name && !strcmp(m->name, name))
					return true;
			}
		}
	}
	return false;
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
