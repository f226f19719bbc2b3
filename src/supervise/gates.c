/* Gates: steps that wait until a service is what its dependents need. */
#include "base/when.h"
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
	case GATE_READY:
	case GATE_SETTLED:
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

static void tell_gate(struct job *j, const struct step *s, const char *status)
{
	for (struct instance *i = j->of->instances; i; i = i->next) {
		if (!i->st.one_off && !strcmp(i->st.service, s->service))
			job_tell(j, "container", i->st.name, s->service, status, NULL);
	}
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
	supervisor_kick(container_of(t, struct job, settle)->of);
	return 0;
}

/* update_config.monitor (and .delay before the next batch) after all are ready. */
static bool has_settled(struct job *j, struct run_step *rs, const struct step *s)
{
	const struct service *svc = project_service(j->of->project, s->service);
	int64_t hold = 0, left;

	if (s->gate != GATE_SETTLED || !svc || !svc->update.given)
		return true;
	if (svc->update.monitor_ns > 0)
		hold += svc->update.monitor_ns;
	if (svc->update.delay_ns > 0)
		hold += svc->update.delay_ns;
	if (!rs->met_ns)
		rs->met_ns = when_mono_ns();
	left = rs->met_ns + hold - when_mono_ns();
	if (left > 0)
		loop_timer_in(j->of->loop, &j->settle, left, on_settle);
	return left <= 0;
}

void gate_poll(struct job *j, struct run_step *rs, const struct step *s)
{
	struct step named = *s; /* a failure is told under the container's name */
	size_t met = 0, all = 0;
	enum verdict v;
	struct err e = {0};

	if (!rs->told) {
		rs->told = true;
		tell_gate(j, s, "Waiting");
	}
	for (struct instance *i = j->of->instances; i; i = i->next) {
		if (!is_judged(j, s, i))
			continue;
		all++;
		v = judge(i, s->gate, &e);
		met += v == MET;
		if (v != NEVER)
			continue;
		named.target = i->st.name;
		if (s->gate != GATE_READY && s->gate != GATE_SETTLED)
			err_wrap(&e, "dependency failed to start");
		if (s->gate == GATE_SETTLED)
			take_back(j, s);
		job_fail(j, rs, &named, &e);
		return;
	}
	if (met < all && !(met && s->gate == GATE_COMPLETED)) {
		/* A rolling update goes on: half of it is worse than all. */
		if (j->abandoned && s->gate != GATE_SETTLED) {
			rs->state = STEP_SKIPPED;
			j->code = 1;
		}
		return;
	}
	if (!has_settled(j, rs, s))
		return;
	tell_gate(j, s, s->gate == GATE_COMPLETED ? "Exited" : "Healthy");
	rs->state = STEP_DONE;
}
