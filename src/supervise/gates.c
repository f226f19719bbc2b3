/* Gates: steps that wait until a service is what its dependents need. */
#include "base/when.h"
#include "compose/node.h"
#include "supervise/apply.h"
#include <errno.h>
#include <string.h>

enum verdict { YET, MET, NEVER };

static enum verdict judge(const struct instance *i, enum gate gate, struct err *e)
{
	bool ended = i->life == DOWN && i->st.started_ns;

	if (i->life == DOWN && i->why.code) {
		*e = i->why;
		return NEVER;
	}
	switch (gate) {
	case GATE_STARTED:
		return instance_is_up(i) || ended ? MET : YET;
	case GATE_COMPLETED:
		if (!ended)
			return YET;
		if (!i->st.exit_code)
			return MET;
		err_set(e, EIO, "service \"%s\" didn't complete successfully: exit %d",
			i->st.service, (int)i->st.exit_code);
		return NEVER;
	case GATE_SETTLED:
		if (i->st.restarts) { /* it is new: whatever ended it, it did not stay well */
			err_set(e, EIO, "container %s exited (%d) and was restarted", i->st.name,
				(int)i->st.exit_code);
			return NEVER;
		}
		__attribute__((fallthrough));
	case GATE_READY:
		if (ended && !i->st.exit_code)
			return MET;
		if (i->life == UP && !health_wanted(i))
			return MET;
		break;
	case GATE_HEALTHY:
		if (i->life == UP && !health_wanted(i)) {
			err_set(e, EINVAL, "container %s has no healthcheck configured",
				i->st.name);
			return NEVER;
		}
		break;
	}
	if (ended)
		err_set(e, EIO, "container %s exited (%d)", i->st.name, (int)i->st.exit_code);
	else if (i->st.health == HEALTH_UNHEALTHY)
		err_set(e, EIO, "container %s is unhealthy", i->st.name);
	else
		return i->life == UP && i->st.health == HEALTH_HEALTHY ? MET : YET;
	return NEVER;
}

/* A gate of a rolling update looks only at what its batch has begun. */
static bool is_judged(const struct job *j, const struct step *s, const struct instance *i)
{
	if (i->st.one_off || strcmp(i->st.service, s->service))
		return false;
	if (s->gate != GATE_SETTLED)
		return true;
	vec_each(x, &s->after) {
		if (!strcmp(j->plan.v[*x].target, i->st.name))
			return true;
	}
	return false;
}

static void tell_gate(struct job *j, const struct step *s, const char *status)
{
	for (struct instance *i = j->of->instances; i; i = i->next) {
		if (is_judged(j, s, i))
			job_tell(j, "container", i->st.name, s->service, status, NULL);
	}
}

static bool was_there_before(const struct job *j, const char *name)
{
	for (size_t k = 0; k < j->plan.n; k++) {
		if (j->plan.v[k].doing == STEP_REMOVE && !strcmp(j->plan.v[k].target, name))
			return true;
	}
	return false;
}

/* What did not settle goes; what it should have replaced was not touched yet (start-first). */
static void take_back(struct job *j, const struct step *s)
{
	vec_each(x, &s->after) {
		struct instance *i = instance_find(j->of, j->plan.v[*x].target);

		if (!i || was_there_before(j, i->st.name))
			continue;
		i->st.auto_remove = true;
		i->st.manual_stop = true;
		if (i->life == DOWN)
			loop_later(j->of->loop, &i->gone, instance_gone);
		else
			instance_event(i, WANT_DOWN);
	}
}

static int on_settle(struct timer *t)
{
	struct job *j = container_of(t, struct job, settle);

	j->settle_at_ns = 0;
	supervisor_kick(j->of);
	return 0;
}

/* Several services may settle at a time: the soonest counts. */
static void look_again_at(struct job *j, int64_t mono_ns)
{
	int64_t left = mono_ns - when_mono_ns();

	if (j->settle_at_ns && j->settle_at_ns <= mono_ns)
		return;
	j->settle_at_ns = mono_ns;
	loop_timer_in(j->of->loop, &j->settle, left > 0 ? left : 0, on_settle);
}

/*
 * update_config.monitor, and .delay before the next batch. Without any a health check is trusted;
 * where there is none, nothing tells of a new one's health but that it goes on.
 */
static int64_t watched_ns(const struct job *j, const struct step *s,
			  const struct update_config *how)
{
	int64_t ns = how->monitor_ns > 0 ? how->monitor_ns : 0;

	if (how->given)
		return ns + (how->delay_ns > 0 ? how->delay_ns : 0);
	for (const struct instance *i = j->of->instances; i; i = i->next) {
		if (is_judged(j, s, i) && i->life == UP && !health_wanted(i))
			return ns;
	}
	return 0;
}

/* They stayed well for that long after all were ready. */
static bool has_settled(struct job *j, struct run_step *rs, const struct step *s)
{
	const struct service *svc = project_service(j->of->project, s->service);
	const struct update_config *how = svc ? plan_update(svc, j->options.rollback) : NULL;
	int64_t until;

	if (s->gate != GATE_SETTLED || !how)
		return true;
	if (!rs->met_ns)
		rs->met_ns = when_mono_ns();
	until = rs->met_ns + watched_ns(j, s, how);
	if (when_mono_ns() >= until)
		return true;
	look_again_at(j, until);
	return false;
}

/* x-berth.update.ready: how long a new version may take. */
static bool is_too_slow(struct job *j, const struct run_step *rs, const struct step *s,
			struct err *e)
{
	const struct service *svc = project_service(j->of->project, s->service);
	const char *text = svc ? node_get_text(node_get(svc->x_berth, "update"), "ready") : NULL;
	struct err ignored;
	int64_t ns;

	if (s->gate != GATE_SETTLED || rs->met_ns || !text ||
	    when_parse_duration(text, &ns, &ignored) < 0)
		return false;
	if (when_mono_ns() < rs->began_ns + ns) {
		look_again_at(j, rs->began_ns + ns);
		return false;
	}
	err_set(e, ETIMEDOUT, "the new version of \"%s\" is not ready after %s", s->service, text);
	return true;
}

/* Share of the service's new containers that have failed so far, this batch included. */
static double failure_ratio(const struct job *j, const struct step *s)
{
	int64_t failed = 0, all = 0;

	for (size_t k = 0; k < j->plan.n; k++) {
		const struct step *x = &j->plan.v[k];

		if (!x->service || strcmp(x->service, s->service))
			continue;
		all += x->doing == STEP_START && x->rolling;
		failed += j->steps[k].failures;
	}
	return all ? (double)failed / (double)all : 1;
}

static bool is_tolerated(const struct job *j, const struct step *s)
{
	const struct service *svc = project_service(j->of->project, s->service);
	const struct update_config *how = svc ? plan_update(svc, j->options.rollback) : NULL;

	if (s->gate != GATE_SETTLED || !how || !how->given)
		return false;
	return (how->failure_action && !strcmp(how->failure_action, "continue")) ||
	       (how->max_failure_ratio > 0 && failure_ratio(j, s) <= how->max_failure_ratio);
}

static bool goes_back(const struct job *j, const char *service)
{
	const struct service *svc = project_service(j->of->project, service);
	const char *action = svc ? svc->update.failure_action : NULL;

	if (!svc || strings_have(&j->failing, service))
		return false;
	return (action ? !strcmp(action, "rollback") : plan_is_careful(svc, &j->options)) &&
	       revisions_left(j->of, service);
}

/* What failed goes, where it can be taken back; and the service goes back where it must. */
static void undo_batch(struct job *j, const struct step *s)
{
	take_back(j, s);
	if (goes_back(j, s->service))
		*vec_push(&j->arena, &j->failing) = s->service;
}

void gates_undo_unmet(struct job *j)
{
	for (size_t k = 0; k < j->plan.n && !j->puts_back; k++) {
		const struct step *s = &j->plan.v[k];

		if (s->doing == STEP_GATE && s->gate == GATE_SETTLED && j->steps[k].behind)
			undo_batch(j, s);
	}
}

static void fail_gate(struct job *j, struct run_step *rs, const struct step *s, struct err *e)
{
	if (s->gate == GATE_SETTLED && !j->puts_back) {
		undo_batch(j, s);
	} else if (s->gate != GATE_READY && s->gate != GATE_SETTLED) {
		err_wrap(e, "dependency failed to start");
	}
	job_fail(j, rs, s, e);
}

/* All successors are let in and all predecessors out by one change of the rules. */
static void switch_over(struct job *j, const struct step *s)
{
	struct instance *i;

	vec_each(x, &s->after) {
		i = instance_find(j->of, j->plan.v[*x].target);
		if (i) {
			i->draining = false;
			nets_announce(i);
		}
	}
	for (size_t k = 0; k < j->plan.n; k++) {
		const struct step *x = &j->plan.v[k];

		i = x->doing == STEP_RETIRE && !strcmp(x->service, s->service)
			    ? instance_find(j->of, x->target)
			    : NULL;
		if (i) {
			i->draining = true;
			nets_announce(i);
		}
	}
	ports_apply_now(j->of);
}

/* --wait without a health check: what fails at once has failed by then. */
static bool is_too_young(struct job *j, const struct step *s, const struct instance *i)
{
	int64_t old_enough = i->began_ns + 200 * NS_PER_MSEC;

	if (s->gate != GATE_READY || i->life != UP || health_wanted(i) ||
	    when_mono_ns() >= old_enough)
		return false;
	look_again_at(j, old_enough);
	return true;
}

struct tally {
	size_t all, met, failed;
	const char *name; /* of the last one that failed */
	struct err why;
};

static void count(struct job *j, const struct step *s, struct tally *t)
{
	for (struct instance *i = j->of->instances; i; i = i->next) {
		struct err e = {0};
		enum verdict v;

		if (!is_judged(j, s, i))
			continue;
		v = judge(i, s->gate, &e);
		t->all++;
		t->met += v == MET && !is_too_young(j, s, i);
		if (v != NEVER)
			continue;
		t->failed++;
		t->name = i->st.name;
		t->why = e;
	}
}

void gate_poll(struct job *j, struct run_step *rs, const struct step *s)
{
	struct step named = *s; /* a failure is told under the container's name */
	struct tally t = {0};

	if (!rs->told) {
		rs->told = true;
		tell_gate(j, s, "Waiting");
	}
	count(j, s, &t);
	if (t.failed > (size_t)rs->failures) {
		rs->failures = (int64_t)t.failed;
		if (is_tolerated(j, s))
			job_warn(j, t.why.why);
	}
	if (!t.failed && t.met < t.all && is_too_slow(j, rs, s, &t.why))
		t.failed = 1, t.name = s->target;
	if (t.failed && !is_tolerated(j, s)) {
		named.target = t.name;
		fail_gate(j, rs, &named, &t.why);
		return;
	}
	if (t.met + t.failed < t.all && !(t.met && s->gate == GATE_COMPLETED)) {
		/* A rolling update goes on: half of it is worse than all. */
		if (j->abandoned && s->gate != GATE_SETTLED) {
			rs->state = STEP_SKIPPED;
			j->code = 1;
		}
		return;
	}
	if (!has_settled(j, rs, s))
		return;
	if (s->held)
		switch_over(j, s);
	tell_gate(j, s, s->gate == GATE_COMPLETED ? "Exited" : "Healthy");
	rs->state = STEP_DONE;
}
