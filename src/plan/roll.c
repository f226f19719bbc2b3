/*
 * Rolling updates: `parallelism` replicas at a time, each batch only when the one before has
 * settled. With start-first the successors, under free numbers, are ready before their predecessors
 * go; with stop-first they take their places. Blue-green is one batch of all, whose connections are
 * switched over at once, and the old ones stay for `x-berth.update.hold`.
 */
#include "compose/node.h"
#include "plan/making.h"
#include <string.h>

struct roll {
	struct making *m;
	struct item *i;
	const struct update_config *how;
	bool start_first, blue_green;
	int64_t *top;
	VEC(int64_t) taken;
	struct indices before; /* what the next batch waits for */
};

const struct update_config *plan_update(const struct service *s, bool rollback)
{
	return rollback && s->rollback.given ? &s->rollback : &s->update;
}

bool plan_is_careful(const struct service *s, const struct plan_options *o)
{
	return o->rolling || !plan_update(s, o->rollback)->given;
}

static const char *wish(const struct service *s, const char *key)
{
	return node_get_text(node_get(s->x_berth, "update"), key);
}

static bool is_on_stale_network(const struct making *m, const struct service *s)
{
	vec_each(n, &s->networks) {
		if (strings_have(&m->stale_nets, n->network))
			return true;
	}
	return false;
}

bool making_is_rolled(const struct making *m, const struct service *s)
{
	bool by_itself = (s->update.given || wish(s, "strategy")) && !m->p->compat;

	return (m->o->rolling || m->o->rollback || by_itself) &&
	       (!m->o->no_start || m->o->will_start) && !m->o->force_recreate &&
	       !is_on_stale_network(m, s);
}

/* Two of these on one directory destroy it. */
static bool is_database(const struct service *s)
{
	static const char *const names[] = {"postgres", "postgresql", "mysql", "mariadb",
					    "mongo",    "mongodb",    "redis", "valkey",
					    "influxdb", "clickhouse", "etcd",  "elasticsearch"};
	const char *image = s->image ? s->image : "", *slash = strrchr(image, '/');
	struct span name = span_of(slash ? slash + 1 : image);

	name.n = strcspn(name.p, ":@");
	for (size_t k = 0; k < countof(names); k++) {
		if (name.n == strlen(names[k]) && !strncmp(name.p, names[k], name.n))
			return true;
	}
	return false;
}

static bool has_data(const struct service *s)
{
	vec_each(v, &s->volumes) {
		if ((v->type == MOUNT_VOLUME || v->type == MOUNT_BIND) && !v->read_only)
			return true;
	}
	return false;
}

/* Why the old and the new one cannot run beside each other; NULL: they can. */
static const char *why_alone(const struct service *s)
{
	const char *word = wish(s, "exclusive");

	if (s->container_name)
		return "container_name allows only one";
	if (s->network_mode &&
	    (text_starts(s->network_mode, "service:") ||
	     text_starts(s->network_mode, "container:") || !strcmp(s->network_mode, "host")))
		return "its network namespace is not its own";
	vec_each(n, &s->networks) {
		if (n->ipv4_address || n->ipv6_address)
			return "its address is given";
	}
	if (word ? !strcmp(word, "true") : is_database(s) && has_data(s))
		return word ? "x-berth.update.exclusive says so"
			    : "two databases must not share their files";
	return NULL;
}

static int64_t free_number(struct roll *r)
{
	int64_t n = 1;

	for (bool clash = true; clash;) {
		clash = false;
		vec_each(t, &r->taken)
			clash |= *t == n;
		n += clash;
	}
	*vec_push(r->m->a, &r->taken) = n;
	if (n > *r->top)
		*r->top = n;
	return n;
}

/* The predecessor goes first; returns the step after which its successor may be made. */
static size_t clear_place(struct roll *r, const struct seen *c, const char *why)
{
	size_t gone = making_remove(r->m, r->i, c, why, true), first = gone;

	if (c->state == SEEN_RUNNING) {
		first = gone - 1;
		r->m->plan->v[first].rolling = true;
	}
	after_all(r->m, first, &r->before);
	return gone;
}

static void put_successor(struct roll *r, const struct seen *c, struct indices *begun)
{
	const char *why = making_obsolete(r->m, r->i, c);
	size_t first = r->m->plan->n, made, start;
	size_t gone = r->start_first ? 0 : clear_place(r, c, why);
	struct step *v;

	made = making_create(r->m, r->i, r->start_first ? free_number(r) : c->number, why);
	after_all(r->m, made, &r->before);
	making_explain(r->m, r->i, c, first);
	if (!r->start_first)
		making_after(r->m, made, gone);
	start = making_start(r->m, r->i, r->m->plan->v[made].number, r->m->plan->v[made].target,
			     why);
	v = r->m->plan->v;
	v[made].rolling = v[start].rolling = true;
	v[start].held = r->blue_green;
	making_after(r->m, start, made);
	*vec_push(r->m->a, begun) = start;
}

/* Its successors are well: it may go. */
static void let_go(struct roll *r, const struct seen *c, size_t gate)
{
	const char *why = making_obsolete(r->m, r->i, c);
	size_t gone;

	if (r->blue_green && c->state == SEEN_RUNNING) {
		gone = making_add(r->m, STEP_RETIRE, c->name, c->service, why);
	} else {
		gone = making_remove(r->m, r->i, c, why, false);
		if (c->state == SEEN_RUNNING) {
			making_after(r->m, gone - 1, gate);
			r->m->plan->v[gone - 1].rolling = true;
		}
	}
	making_after(r->m, gone, gate);
	*vec_push(r->m->a, &r->before) = gone;
}

static void roll_batch(struct roll *r, const struct seen **v, size_t n)
{
	struct indices begun = {0};
	size_t gate;

	for (size_t k = 0; k < n; k++)
		put_successor(r, v[k], &begun);
	gate = making_add(r->m, STEP_GATE, r->i->svc->name, r->i->svc->name, "it must stay well");
	r->m->plan->v[gate].gate = GATE_SETTLED;
	r->m->plan->v[gate].held = r->blue_green;
	after_all(r->m, gate, &begun);
	r->before = (struct indices){0};
	*vec_push(r->m->a, &r->before) = gate;
	for (size_t k = 0; k < n && r->start_first; k++)
		let_go(r, v[k], gate);
}

static void say_alone(struct roll *r, const char *alone)
{
	*vec_push(r->m->a, &r->m->plan->notices) = arena_printf(
		r->m->a, "service \"%s\": the old one stops before the new one starts, as %s",
		r->i->svc->name, alone);
}

static bool wants_start_first(const struct making *m, const struct service *s)
{
	const char *order = plan_update(s, m->o->rollback)->order;

	return order ? !strcmp(order, "start-first") : plan_is_careful(s, m->o);
}

static bool wants_blue_green(const struct making *m, const struct service *s)
{
	const char *word = m->o->strategy ? m->o->strategy : wish(s, "strategy");

	return word && !strcmp(word, "blue-green") && !m->o->rollback;
}

void making_roll(struct making *m, struct item *i, struct seens *old, int64_t *top)
{
	const char *alone = why_alone(i->svc);
	struct roll r = {.m = m, .i = i, .top = top, .how = plan_update(i->svc, m->o->rollback)};
	size_t batch = r.how->given ? (size_t)r.how->parallelism : 1;

	r.blue_green = wants_blue_green(m, i->svc) && !alone;
	r.start_first = (wants_start_first(m, i->svc) || r.blue_green) && !alone;
	if (alone && (wants_start_first(m, i->svc) || wants_blue_green(m, i->svc)))
		say_alone(&r, alone);
	vec_each(c, &m->seen->containers) {
		if (!strcmp(c->service, i->svc->name))
			*vec_push(m->a, &r.taken) = c->number;
	}
	if (!batch || r.blue_green)
		batch = old->n;
	for (size_t at = 0; at < old->n; at += batch)
		roll_batch(&r, old->v + at, at + batch < old->n ? batch : old->n - at);
}

/* Those of the wanted version that were retired take over again; false: there are not enough. */
bool making_revive(struct making *m, struct item *i, const struct seens *have, int64_t want)
{
	struct indices revived = {0};
	struct seens waiting = {0};

	vec_each(c, &m->seen->containers) {
		if (c->retired && c->state == SEEN_RUNNING && !strcmp(c->service, i->svc->name) &&
		    !making_obsolete(m, i, c))
			*vec_push(m->a, &waiting) = c;
	}
	if (!m->o->rollback || !want || (int64_t)waiting.n < want)
		return false;
	vec_each(c, &waiting)
		*vec_push(m->a, &revived) =
			making_add(m, STEP_REVIVE, (*c)->name, (*c)->service, "it still runs");
	vec_each(c, have) {
		size_t gone = making_remove(m, i, *c, "rolled back", false);

		if ((*c)->state == SEEN_RUNNING) {
			after_all(m, gone - 1, &revived);
			m->plan->v[gone - 1].rolling = true;
		}
		after_all(m, gone, &revived);
	}
	return true;
}
