/*
 * Back to an earlier revision: by request, or because a new version failed that is not to stay by
 * halves (update_config.failure_action). The saved definition is changed first, then a job
 * like that of `up` rolls the service back by its rollback_config.
 */
#include "base/log.h"
#include "base/when.h"
#include "compose/node.h"
#include "supervise/apply.h"
#include <errno.h>

static struct job *job_back(struct supervisor *s, struct conn *c, const json_t *req)
{
	struct job *j = job_new(s, c, "rollback", req);

	j->options.goal = GOAL_UP;
	j->options.rolling = j->options.rollback = j->options.no_deps = true;
	j->puts_back = true;
	return j;
}

void rollback_request(struct conn *c, const json_t *req)
{
	struct job *j = job_back(c->of, c, req);
	struct err e = {0};

	if (!j->options.services.n &&
	    revisions_last(&j->arena, c->of->name, &j->options.services, &e) >= 0 &&
	    !j->options.services.n) {
		err_set(&e, ENOENT, "the last change has nothing before it to go back to");
		err_hint(&e, "berth revisions lists what there is");
	}
	j->err = e; /* told when its turn comes */
	job_queue(j);
}

int rollback_begin(struct job *j, struct err *e)
{
	int64_t number = json_int_or(j->request, "revision", 0);
	int r = 0;

	if (j->err.code) {
		*e = j->err;
		return -e->code;
	}
	r = supervisor_load(j->of, e);
	vec_each(service, &j->options.services) {
		struct revision rev;

		if (r >= 0)
			r = revisions_find(&j->arena, j->of, *service, number, &rev, e);
		if (r >= 0)
			r = revisions_restore(j->of, &rev, e);
		if (r < 0)
			return r;
		*vec_push(&j->arena, &j->back) = rev;
		job_tell(j, "service", rev.service, NULL, "Rolling back",
			 arena_printf(&j->arena, "to revision %lld", (long long)rev.number));
	}
	return r;
}

static void say_back(struct job *j)
{
	vec_each(r, &j->back)
		job_tell(j, "service", r->service, NULL, "Rolled back",
			 arena_printf(&j->arena, "to revision %lld", (long long)r->number));
}

/* The command fails, for the reason for which the new version did. */
static void join_errors(struct job *j)
{
	struct err first = j->cause;
	auto_arena a = {0};
	const char *how;

	if (!first.code)
		return;
	if (j->code)
		how = arena_printf(&a, "; and going back failed: %s", j->err.why);
	else
		how = arena_printf(&a, "; %s is back at revision %lld",
				   j->back.n ? j->back.v[0].service : "it",
				   j->back.n ? (long long)j->back.v[0].number : 0);
	j->code = 1;
	err_set(&j->err, first.code, "%s%s", first.why, how);
	snprintf(j->err.hint, sizeof(j->err.hint), "%s", first.hint);
}

static void note(struct job *j)
{
	struct strings services = {0};
	struct revisions_mark mark = {.uid = j->conn ? j->conn->uid : 0,
				      .services = &services,
				      .back = j->puts_back ? &j->back : NULL};
	struct err e;

	for (size_t k = 0; k < j->plan.n; k++) {
		const struct step *s = &j->plan.v[k];

		if ((s->doing == STEP_CREATE || s->doing == STEP_REVIVE) &&
		    !strings_have(&services, s->service))
			*vec_push(&j->arena, &services) = s->service;
	}
	if (services.n && revisions_note(j->of, &mark, &e) < 0)
		log_err(LOG_WARN_, &e);
}

static void put_back(struct job *j)
{
	auto_json *req = json_object();
	json_t *names = json_array();
	struct job *next;

	vec_each(s, &j->failing)
		json_array_append_new(names, json_string(*s));
	json_object_set_new(req, "services", names);
	next = job_back(j->of, j->conn, req);
	next->options.rolling = j->options.rolling;
	next->cause = j->err;
	j->conn = NULL;
	next->next = j->of->jobs;
	j->of->jobs = next;
}

void rollback_end(struct job *j)
{
	gates_undo_unmet(j);
	if (j->options.goal == GOAL_UP && !j->code && !j->then)
		note(j);
	if (j->puts_back && !j->code)
		say_back(j);
	if (j->puts_back)
		join_errors(j);
	else if (j->failing.n)
		put_back(j);
}

/* --- blue and green --- */

static int64_t hold_ns(const struct instance *i)
{
	const struct node *update = i->svc ? node_get(i->svc->x_berth, "update") : NULL;
	const char *text = update ? node_get_text(update, "hold") : NULL;
	struct err ignored;
	int64_t ns;

	return text && !when_parse_duration(text, &ns, &ignored) ? ns : 600 * NS_PER_SEC;
}

void retire_begin(struct job *j, struct run_step *rs, const struct step *s)
{
	struct instance *i = instance_find(j->of, s->target);

	rs->state = STEP_DONE;
	if (!i || i->life == DOWN)
		return;
	i->st.retired_ns = when_wall_ns() + hold_ns(i);
	instance_retire(i);
	instance_changed(i, NULL);
	job_tell(j, "container", s->target, s->service, "Retired", NULL);
}

void revive_begin(struct job *j, struct run_step *rs, const struct step *s)
{
	struct instance *i = instance_find(j->of, s->target);
	struct err e = {0};

	if (!i || i->life != UP) {
		err_set(&e, ESRCH, "container %s does not run any more", s->target);
		job_fail(j, rs, s, &e);
		return;
	}
	loop_timer_drop(&i->good);
	i->st.retired_ns = 0;
	i->draining = false;
	instance_changed(i, NULL);
	ports_apply_now(j->of);
	job_tell(j, "container", s->target, s->service, "Revived", NULL);
	rs->state = STEP_DONE;
}
