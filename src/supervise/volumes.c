/* Volumes as projects use them. */
#include "base/err.h"
#include "image/volume.h"
#include <errno.h>

int volumes_ensure(struct arena *a, const char *name, const struct pairs *labels,
		   const struct pairs *options, const char **path, struct err *e);
int volumes_seed(const char *name, const struct strings *layers, const char *where, struct err *e);
int volumes_remove(const char *name, struct err *e);
int volumes_names(struct arena *a, struct strings *out, struct err *e);

int volumes_ensure(struct arena *a, const char *name, const struct pairs *labels,
		   const struct pairs *options, const char **path, struct err *e)
{
	struct store_volume v;
	int r = volume_ensure(a, name, labels, options, &v, e);

	if (!r)
		*path = v.path;
	return r;
}

int volumes_seed(const char *name, const struct strings *layers, const char *where, struct err *e)
{
	auto_arena a = {0};
	struct store_volume v;
	int r = volume_find(&a, name, &v, e);

	if (r == VOLUME_ABSENT)
		return err_set(e, ENOENT, "volume %s is gone", name);
	return r < 0 ? r : volume_seed(&v, layers, where, e);
}

int volumes_remove(const char *name, struct err *e)
{
	auto_arena a = {0};
	struct store_volume v;
	int r = volume_find(&a, name, &v, e);

	if (r == VOLUME_ABSENT)
		return 0;
	return r < 0 ? r : volume_remove(name, e);
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
