/* Plans of every goal but up: down, stop, start, restart, rm. */
#include "plan/making.h"
#include <stdint.h>

static bool named(const struct making *m, const char *service)
{
	return !m->o->services.n || strings_have(&m->o->services, service);
}

static void remove_resources(struct making *m)
{
	VEC(size_t) removes = {0};

	for (size_t n = 0; n < m->plan->n; n++) {
		if (m->plan->v[n].doing == STEP_REMOVE)
			*vec_push(m->a, &removes) = n;
	}
	vec_each(n, &m->p->networks) {
		size_t s;

		if (n->external)
			continue;
		s = making_add(m, STEP_NETWORK_REMOVE, n->name, NULL, "down");
		m->plan->v[s].key = n->key;
		after_all(m, s, &removes);
	}
	vec_each(v, &m->p->volumes) {
		size_t s;

		if (!m->o->volumes || v->external || !strings_have(&m->seen->volumes, v->name))
			continue;
		s = making_add(m, STEP_VOLUME_REMOVE, v->name, NULL, "down --volumes");
		m->plan->v[s].key = v->key;
		after_all(m, s, &removes);
	}
}

int making_down(struct making *m, struct err *e)
{
	struct item none = {0};

	vec_each(c, &m->seen->containers) {
		struct item *i = making_item(m, c->service);
		bool orphan = !i && !making_is_disabled(m, c->service);

		if (!named(m, c->service) || (orphan && !m->o->remove_orphans && !m->o->services.n))
			continue;
		making_remove(m, i ? i : &none, c, "down", false);
	}
	vec_each(i, &m->items)
		making_order_stops(m, i);
	if (!m->o->services.n)
		remove_resources(m);
	return 0;
}

int making_stop_all(struct making *m, struct err *e)
{
	struct item none = {0};
	bool again = m->o->goal == GOAL_RESTART;

	vec_each(c, &m->seen->containers) {
		struct item *i = making_item(m, c->service);
		size_t stop = SIZE_MAX, begun;

		if (!named(m, c->service) || (c->one_off && again))
			continue;
		if (c->state == SEEN_RUNNING)
			stop = making_stop(m, i ? i : &none, c, again ? "restart" : "stop");
		if (!again || !i)
			continue;
		begun = making_start(m, i, c->number, c->name, "restart");
		if (stop != SIZE_MAX)
			making_after(m, begun, stop);
		i->recreated = true;
	}
	if (again) {
		vec_each(i, &m->items) {
			if (!m->o->no_deps && !i->recreated)
				making_follow(m, i);
		}
	}
	vec_each(i, &m->items) {
		making_order_stops(m, i);
		making_order_starts(m, i);
	}
	return 0;
}

int making_start_all(struct making *m, struct err *e)
{
	vec_each(c, &m->seen->containers) {
		struct item *i = making_item(m, c->service);

		if (!i || !named(m, c->service) || c->one_off || c->state == SEEN_RUNNING)
			continue;
		making_start(m, i, c->number, c->name, "start");
	}
	vec_each(i, &m->items)
		making_order_starts(m, i);
	return 0;
}

int making_rm(struct making *m, struct err *e)
{
	struct item none = {0};

	vec_each(c, &m->seen->containers) {
		struct item *i = making_item(m, c->service);

		if (!named(m, c->service) || (c->state == SEEN_RUNNING && !m->o->stop_first))
			continue;
		making_remove(m, i ? i : &none, c, "rm", false);
	}
	vec_each(i, &m->items)
		making_order_stops(m, i);
	return 0;
}
