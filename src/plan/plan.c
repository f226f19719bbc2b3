#include "plan/making.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct item *making_item(struct making *m, const char *service)
{
	vec_each(i, &m->items) {
		if (!strcmp(i->svc->name, service))
			return i;
	}
	return NULL;
}

size_t making_add(struct making *m, enum step_do doing, const char *target, const char *service,
		  const char *because)
{
	struct step *s = vec_push(m->a, m->plan);

	s->doing = doing;
	s->target = target;
	s->service = service;
	s->because = because;
	return m->plan->n - 1;
}

void making_after(struct making *m, size_t step, size_t first)
{
	struct step *s = &m->plan->v[step];

	vec_each(x, &s->after) {
		if (*x == first)
			return;
	}
	*vec_push(m->a, &s->after) = first;
}

static void choose(struct making *m, const char *name, bool named)
{
	struct item *i = making_item(m, name);

	if (!i || (i->chosen && (!named || i->named)))
		return;
	i->named |= named;
	if (i->chosen)
		return;
	i->chosen = true;
	if (m->o->no_deps || m->o->goal == GOAL_STOP || m->o->goal == GOAL_RM ||
	    m->o->goal == GOAL_DOWN)
		return;
	if (m->o->goal == GOAL_UP) {
		vec_each(d, &i->svc->depends_on)
			choose(m, d->service, false);
	}
}

static int select_services(struct making *m, struct err *e)
{
	struct strings order = {0};
	int r = plan_order(m->a, m->p, &order, e);

	if (r < 0)
		return r;
	vec_each(n, &order)
		vec_push(m->a, &m->items)->svc = making_service(m->p, *n);
	vec_each(n, &m->o->services) {
		if (!making_item(m, *n) && (m->o->goal == GOAL_UP || m->o->goal == GOAL_START))
			return err_set(e, ENOENT, "no such service: %s", *n);
		choose(m, *n, true);
	}
	if (!m->o->services.n && !m->o->only_resources_of) {
		vec_each(i, &m->items)
			choose(m, i->svc->name, true);
	}
	return 0;
}

static int64_t wanted_replicas(const struct making *m, const struct service *s)
{
	vec_each(x, &m->o->scales) {
		if (!strcmp(x->service, s->name))
			return x->replicas;
	}
	return s->replicas < 0 ? 1 : s->replicas;
}

static bool takes_part(const struct making *m, const struct item *i)
{
	return i->chosen ||
	       (m->o->only_resources_of && !strcmp(m->o->only_resources_of, i->svc->name));
}

bool making_uses_network(const struct service *s, const char *key)
{
	vec_each(n, &s->networks) {
		if (!strcmp(n->network, key))
			return true;
	}
	return false;
}

static int plan_network(struct making *m, const struct network *n, struct err *e)
{
	const struct seen_net *have = NULL;
	const char *hash = plan_network_hash(m->a, n), *because = "it does not exist";
	struct strings details = {0};
	size_t at;

	vec_each(x, &m->seen->networks) {
		if (!strcmp(x->name, n->name))
			have = x;
	}
	if (n->external && !have) /* said before anything is made */
		return err_set(e, ENOENT, "network %s declared as external, but could not be found",
			       n->name);
	if (n->external || (have && (!have->hash || !strcmp(have->hash, hash))))
		return 0;
	if (have) {
		because = "its definition changed";
		details = have->changes;
		*vec_push(m->a, &m->stale_nets) = n->key;
	}
	at = making_add(m, STEP_NETWORK, n->name, NULL, because);
	m->plan->v[at].key = n->key;
	m->plan->v[at].details = details;
	*vec_push(m->a, &m->resources) = at;
	return 0;
}

static int plan_resources(struct making *m, struct err *e)
{
	int r = 0;

	vec_each(n, &m->p->networks) {
		bool used = false;

		vec_each(i, &m->items)
			used |= takes_part(m, i) && making_uses_network(i->svc, n->key);
		if (used && !r)
			r = plan_network(m, n, e);
	}
	vec_each(v, &m->p->volumes) {
		bool used = false;

		vec_each(i, &m->items) {
			vec_each(x, &i->svc->volumes)
				used |= takes_part(m, i) && x->type == MOUNT_VOLUME && x->source &&
					!strcmp(x->source, v->key);
		}
		if (!used || strings_have(&m->seen->volumes, v->name))
			continue;
		if (v->external && !r)
			r = err_set(e, ENOENT, "external volume \"%s\" not found", v->name);
		if (v->external)
			continue;
		making_add(m, STEP_VOLUME, v->name, NULL, "it does not exist");
		m->plan->v[m->plan->n - 1].key = v->key;
		*vec_push(m->a, &m->resources) = m->plan->n - 1;
	}
	return r;
}

size_t making_stop(struct making *m, struct item *i, const struct seen *c, const char *because)
{
	size_t n = making_add(m, STEP_STOP, c->name, c->service, because);

	m->plan->v[n].number = c->number;
	*vec_push(m->a, &i->stops) = n;
	return n;
}

size_t making_remove(struct making *m, struct item *i, const struct seen *c, const char *because,
		     bool again)
{
	bool running = c->state == SEEN_RUNNING;
	size_t stop = running ? making_stop(m, i, c, because) : 0;
	size_t n = making_add(m, STEP_REMOVE, c->name, c->service, because);

	m->plan->v[n].number = c->number;
	m->plan->v[n].again = again;
	if (running) {
		m->plan->v[stop].again = again;
		making_after(m, n, stop);
	}
	*vec_push(m->a, &i->removes) = n;
	return n;
}

size_t making_create(struct making *m, struct item *i, int64_t number, const char *because)
{
	char *name = plan_container_name(m->a, m->p, i->svc, number);
	size_t n = making_add(m, STEP_CREATE, name, i->svc->name, because);

	m->plan->v[n].number = number;
	after_all(m, n, &m->resources);
	*vec_push(m->a, &i->creates) = n;
	return n;
}

size_t making_start(struct making *m, struct item *i, int64_t number, const char *name,
		    const char *because)
{
	size_t n = making_add(m, STEP_START, name, i->svc->name, because);

	m->plan->v[n].number = number;
	*vec_push(m->a, &i->starts) = n;
	return n;
}

static bool is_one_shot(const struct making *m, const struct service *s)
{
	vec_each(other, &m->p->services) {
		vec_each(d, &other->depends_on) {
			if (d->condition == DEPEND_COMPLETED && !strcmp(d->service, s->name))
				return true;
		}
	}
	return false;
}

static int by_number(const void *x, const void *y)
{
	const struct seen *a = *(const struct seen *const *)x, *b = *(const struct seen *const *)y;

	return (a->number > b->number) - (a->number < b->number);
}

static void containers_of(struct making *m, const char *service, struct seens *out)
{
	vec_each(c, &m->seen->containers) {
		if (!c->one_off && !c->retired && !strcmp(c->service, service))
			*vec_push(m->a, out) = c;
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_number);
}

static void replace(struct making *m, struct item *i, const struct seen *c, const char *why)
{
	size_t first = m->plan->n, gone = making_remove(m, i, c, why, true), made, begun;

	making_explain(m, i, c, first);
	made = making_create(m, i, c->number, why);
	making_after(m, made, gone);
	i->recreated = true;
	if (m->o->no_start)
		return;
	begun = making_start(m, i, c->number, m->plan->v[made].target, why);
	making_after(m, begun, made);
}

static void keep_or_start(struct making *m, struct item *i, const struct seen *c)
{
	if (c->state == SEEN_RUNNING)
		*vec_push(m->a, &m->plan->kept) = c->name;
	if (m->o->no_start || c->state == SEEN_RUNNING)
		return;
	if (c->state == SEEN_EXITED && !c->exit_code && !m->p->compat && is_one_shot(m, i->svc))
		return; /* done once */
	making_start(m, i, c->number, c->name,
		     c->state == SEEN_CREATED ? "it has not run yet" : "it is not running");
}

static void add_replicas(struct making *m, struct item *i, int64_t have, int64_t want, int64_t top)
{
	const char *why = have ? "more replicas are wanted" : "there is none yet";

	for (; have < want; have++) {
		size_t made = making_create(m, i, ++top, why), begun;

		if (m->o->no_start)
			continue;
		begun = making_start(m, i, top, m->plan->v[made].target, why);
		making_after(m, begun, made);
	}
}

/* Others go on serving: what is under way at this one is let come to its end. */
static void drop_surplus(struct making *m, struct item *i, const struct seen *c, bool others)
{
	size_t gone = making_remove(m, i, c, "fewer replicas are wanted", false);
	bool shared =
		i->svc->ports.n || (i->svc->endpoint_mode && !strcmp(i->svc->endpoint_mode, "vip"));

	if (others && shared && c->state == SEEN_RUNNING)
		m->plan->v[gone - 1].rolling = true;
}

static void plan_service(struct making *m, struct item *i)
{
	struct seens have = {0}, old = {0};
	int64_t want = wanted_replicas(m, i->svc), top = 0, surplus;

	containers_of(m, i->svc->name, &have);
	if (making_revive(m, i, &have, want))
		return;
	vec_each(c, &m->seen->containers) {
		if (!strcmp(c->service, i->svc->name) && c->number > top)
			top = c->number;
	}
	surplus = (int64_t)have.n - want;
	/* Too many: the obsolete ones first, then the highest numbers. */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t k = have.n; k-- && surplus > 0;) {
			if (!have.v[k] || (!pass && !making_obsolete(m, i, have.v[k])))
				continue;
			drop_surplus(m, i, have.v[k], want > 0);
			have.v[k] = NULL;
			surplus--;
		}
	}
	vec_each(c, &have) {
		const char *why = *c ? making_obsolete(m, i, *c) : NULL;

		if (why && making_is_rolled(m, i->svc))
			*vec_push(m->a, &old) = *c;
		else if (why)
			replace(m, i, *c, why);
		else if (*c)
			keep_or_start(m, i, *c);
	}
	if (old.n && !m->o->no_start)
		making_roll(m, i, &old, &top);
	if (surplus < 0)
		add_replicas(m, i, (int64_t)have.n, want, top);
}

static size_t gate_step(struct making *m, struct item *dep, enum gate gate, bool optional)
{
	static const char *const why[] = {"it must have been started", "it must be healthy",
					  "it must have ended well", "--wait was given",
					  "it must stay well"};
	size_t n;

	if (dep->gate_made[gate]) {
		m->plan->v[dep->gate_at[gate]].optional &= optional;
		return dep->gate_at[gate];
	}
	n = making_add(m, STEP_GATE, dep->svc->name, dep->svc->name, why[gate]);
	m->plan->v[n].gate = gate;
	m->plan->v[n].optional = optional;
	after_all(m, n, &dep->starts);
	if (gate == GATE_READY) /* what is on its way out is not asked */
		after_all(m, n, &dep->removes);
	dep->gate_made[gate] = true;
	dep->gate_at[gate] = n;
	return n;
}

void making_order_starts(struct making *m, struct item *i)
{
	if (!i->starts.n || (m->o->no_deps && m->o->goal == GOAL_UP))
		return;
	vec_each(d, &i->svc->depends_on) {
		struct item *dep = making_item(m, d->service);
		size_t gate;

		if (!dep || !wanted_replicas(m, dep->svc))
			continue;
		if (!dep->chosen && m->o->goal != GOAL_START && m->o->goal != GOAL_RESTART)
			continue;
		if (d->condition == DEPEND_STARTED) {
			vec_each(s, &i->starts)
				after_all(m, *s, &dep->starts);
			continue;
		}
		gate = gate_step(m, dep, (enum gate)d->condition, !d->required);
		vec_each(s, &i->starts)
			making_after(m, *s, gate);
	}
}

/*
 * Stops go against the arrows: a service stops when nobody that needs it runs any more. But one
 * that is rolled stays up all the while, and its successors may wait for the very service to stop.
 */
void making_order_stops(struct making *m, struct item *i)
{
	vec_each(d, &i->svc->depends_on) {
		struct item *dep = making_item(m, d->service);

		if (!dep)
			continue;
		vec_each(s, &dep->stops) {
			vec_each(mine, &i->stops) {
				if (!m->plan->v[*mine].rolling)
					making_after(m, *s, *mine);
			}
		}
	}
}

/*
 * A network namespace belongs to the replica and outlives it: no reason to restart who shares it.
 * Only a dependency that says more than `network_mode` itself is one.
 */
static bool shares_only_network(const struct service *s, const struct dependency *d)
{
	const char *mode = s->network_mode;

	return mode && !strncmp(mode, "service:", 8) && !strcmp(mode + 8, d->service) &&
	       d->condition == DEPEND_STARTED && d->required;
}

/* depends_on.restart, and a shared pid or ipc namespace: the dependent goes down and up with it. */
void making_follow(struct making *m, struct item *i)
{
	struct seens have = {0};
	const char *cause = NULL;

	vec_each(d, &i->svc->depends_on) {
		struct item *dep = making_item(m, d->service);

		if (dep && dep->recreated && d->restart && !shares_only_network(i->svc, d))
			cause = d->service;
	}
	if (!cause || i->recreated || m->o->no_start)
		return;
	containers_of(m, i->svc->name, &have);
	vec_each(c, &have) {
		size_t stop, begun;
		const char *why = arena_printf(m->a, "%s is made anew", cause);

		if ((*c)->state != SEEN_RUNNING)
			continue;
		stop = making_stop(m, i, *c, why);
		begun = making_start(m, i, (*c)->number, (*c)->name, why);
		making_after(m, begun, stop);
	}
}

bool making_is_disabled(const struct making *m, const char *service)
{
	return strings_have(&m->p->disabled, service);
}

static void remove_orphans(struct making *m, bool also_disabled)
{
	struct item none = {0};

	vec_each(c, &m->seen->containers) {
		bool orphan = !making_service(m->p, c->service);

		if (!orphan && !(c->one_off && c->state != SEEN_RUNNING))
			continue;
		if (orphan && !also_disabled && making_is_disabled(m, c->service))
			continue;
		making_remove(m, &none, c,
			      orphan ? "its service is not in the file" : "it was a one-off",
			      false);
	}
}

static int make_up(struct making *m, struct err *e)
{
	int r = 0;

	vec_each(i, &m->items) {
		if (i->chosen && !r)
			r = making_possible(i->svc, e);
	}
	if (!r)
		r = plan_resources(m, e);
	if (r < 0)
		return r;
	vec_each(i, &m->items) {
		if (i->chosen)
			plan_service(m, i);
	}
	vec_each(i, &m->items)
		making_follow(m, i);
	vec_each(i, &m->items) {
		making_order_starts(m, i);
		making_order_stops(m, i);
	}
	/* A network is made anew when nobody is on it. */
	vec_each(n, &m->resources) {
		if (m->plan->v[*n].doing != STEP_NETWORK || !m->stale_nets.n)
			continue;
		vec_each(i, &m->items) {
			if (making_uses_network(i->svc, m->plan->v[*n].key))
				after_all(m, *n, &i->removes);
		}
	}
	if (m->o->only_resources_of && making_item(m, m->o->only_resources_of)) {
		vec_each(d, &making_item(m, m->o->only_resources_of)->svc->depends_on) {
			struct item *dep = making_item(m, d->service);

			if (dep && dep->chosen)
				gate_step(m, dep, (enum gate)d->condition, !d->required);
		}
	}
	if (m->o->remove_orphans)
		remove_orphans(m, false);
	if (m->o->wait) {
		vec_each(i, &m->items) {
			if (i->chosen && wanted_replicas(m, i->svc))
				gate_step(m, i, GATE_READY, false);
		}
	}
	return 0;
}

int plan_make(struct arena *a, const struct project *p, const struct observed *seen,
	      const struct plan_options *o, struct plan *out, struct err *e)
{
	struct making m = {.a = a, .p = p, .seen = seen, .o = o, .plan = out};
	static int (*const make[])(struct making *, struct err *) = {
		[GOAL_UP] = make_up,
		[GOAL_DOWN] = making_down,
		[GOAL_STOP] = making_stop_all,
		[GOAL_START] = making_start_all,
		[GOAL_RESTART] = making_stop_all,
		[GOAL_RM] = making_rm,
	};
	int r;

	*out = (struct plan){0};
	r = select_services(&m, e);
	return r < 0 ? r : make[o->goal](&m, e);
}
