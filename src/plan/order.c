/* Dependencies before dependents. */
#include "plan/making.h"
#include <errno.h>
#include <string.h>

const struct service *making_service(const struct project *p, const char *name)
{
	vec_each(s, &p->services) {
		if (!strcmp(s->name, name))
			return s;
	}
	return NULL;
}

static bool by_stack(struct making *m, const char *name, struct strings *out, struct strings *path,
		     struct err *e, int *r)
{
	const struct service *s = making_service(m->p, name);

	if (!s || strings_have(out, name))
		return true;
	if (strings_have(path, name)) {
		*r = err_set(e, ELOOP, "services depend on each other in a circle: %s", name);
		return false;
	}
	*vec_push(m->a, path) = name;
	vec_each(d, &s->depends_on) {
		if (!by_stack(m, d->service, out, path, e, r))
			return false;
	}
	path->n--;
	*vec_push(m->a, out) = s->name;
	return true;
}

int plan_order(struct arena *a, const struct project *p, struct strings *out, struct err *e)
{
	struct making m = {.a = a, .p = p};
	struct strings path = {0};
	int r = 0;

	vec_each(s, &p->services) {
		if (!by_stack(&m, s->name, out, &path, e, &r))
			return r;
	}
	return 0;
}
