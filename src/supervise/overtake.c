/*
 * Who gives way. A job may wait for ever, for a service that never gets healthy: one that brings
 * things down does not queue behind it, and one whose client has gone waits for nothing.
 */
#include "supervise/apply.h"
#include <errno.h>

static bool is_open(const struct job *j, size_t k)
{
	return j->steps[k].state == STEP_WAITS || j->steps[k].state == STEP_RUNS;
}

static bool concerns(const struct job *by, const struct job *j)
{
	if (!by->options.services.n || !j->begun)
		return true;
	for (size_t k = 0; k < j->plan.n; k++) {
		if (is_open(j, k) && j->plan.v[k].service &&
		    strings_have(&by->options.services, j->plan.v[k].service))
			return true;
	}
	return false;
}

static bool overtakes(const struct job *by, const struct job *j)
{
	bool starts = j->options.goal == GOAL_UP || j->options.goal == GOAL_START ||
		      j->options.goal == GOAL_RESTART;

	switch (by->options.goal) {
	case GOAL_DOWN:
	case GOAL_STOP:
	case GOAL_RM:
		return starts && concerns(by, j);
	case GOAL_UP: /* of everything: whatever nobody asked for, as after a reboot, is in it */
		return starts && !j->conn && !by->options.services.n &&
		       !by->options.only_resources_of;
	default:
		return false;
	}
}

/* What stops, goes or is made comes to its end soon, and half of a replacement would lose what the
 * successor inherits. Only starts and waits are called off. */
static void cut(struct job *j, const struct job *by)
{
	for (size_t k = 0; j->begun && k < j->plan.n; k++) {
		enum step_do doing = j->plan.v[k].doing;
		struct instance *i;

		if (!is_open(j, k) || (doing != STEP_START && doing != STEP_GATE))
			continue;
		i = doing == STEP_START ? instance_find(j->of, j->plan.v[k].target) : NULL;
		if (i && i->pre_runs)
			prestart_stop(i);
		j->steps[k].state = STEP_SKIPPED;
	}
	j->begun = true; /* what has no plan yet gets none */
	if (!j->err.code)
		err_set(&j->err, ECANCELED, "overtaken by \"%s\" of process %d", by->what,
			by->conn ? (int)conn_pid(by->conn) : 0);
	j->code = 1;
}

void jobs_overtake(struct job *by)
{
	for (struct job *j = by->of->jobs; j && j != by; j = j->next) {
		if (overtakes(by, j))
			cut(j, by);
	}
}

void job_abandon(struct job *j)
{
	j->conn = NULL;
	j->abandoned = true;
}
