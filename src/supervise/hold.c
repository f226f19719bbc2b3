/*
 * The conditions of depends_on at a restart that nobody has asked for: while a dependency is on its
 * way back, whoever needs it waits. One that is down for good holds nobody, as at docker.
 */
#include "supervise/supervisor.h"
#include <string.h>

static bool comes_back(const struct instance *i)
{
	return i->life != DOWN && i->life != STOPPING && !i->st.gave_up;
}

static bool is_missing(const struct supervisor *s, const struct dependency *d)
{
	bool hope = false;

	if (d->condition == DEPEND_COMPLETED)
		return false;
	for (const struct instance *i = s->instances; i; i = i->next) {
		if (i->st.one_off || strcmp(i->st.service, d->service))
			continue;
		if (d->condition == DEPEND_HEALTHY ? instance_is_ready(i) : instance_is_up(i))
			return false;
		hope |= comes_back(i);
	}
	return hope;
}

static const struct dependency *missing(const struct instance *i)
{
	for (size_t k = 0; i->svc && k < i->svc->depends_on.n; k++) {
		if (is_missing(i->of, &i->svc->depends_on.v[k]))
			return &i->svc->depends_on.v[k];
	}
	return NULL;
}

bool hold_back(struct instance *i)
{
	const struct dependency *d = i->life == WAITING && !i->st.one_off ? missing(i) : NULL;

	if (!d)
		return false;
	i->held = true;
	i->st.next_restart_ns = 0;
	i->st.error = arena_printf(&i->arena, "waits until \"%s\" is %s", d->service,
				   d->condition == DEPEND_HEALTHY ? "healthy" : "up");
	instance_save(i);
	return true;
}

void hold_release(struct supervisor *s)
{
	for (struct instance *i = s->instances; i; i = i->next) {
		if (!i->held || (i->life == WAITING && missing(i)))
			continue;
		i->held = false;
		i->st.error = NULL;
		if (i->life == WAITING)
			instance_event(i, TIMER);
	}
}
