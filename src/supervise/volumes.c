/* Volumes as projects use them. */
#include "base/err.h"
#include "image/volume.h"
#include <errno.h>

int volumes_remove(const char *name, struct err *e);
int volumes_names(struct arena *a, struct strings *out, struct err *e);

int volumes_remove(const char *name, struct err *e)
{
	struct err why;
	int r = volume_remove(name, &why);

	if (r < 0 && r != -ENOENT)
		*e = why;
	return r == -ENOENT ? 0 : r;
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
