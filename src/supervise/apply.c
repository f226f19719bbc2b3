#include "supervise/apply.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "compose/load.h"
#include "compose/node.h"
#include "image/store.h"
#include "supervise/dryrun.h"
#include <errno.h>
#include <malloc.h>
#include <string.h>

struct job *job_new(struct supervisor *s, struct conn *c, const char *what, const json_t *req)
{
	struct job *j = mem_new(sizeof(*j));

	j->of = s;
	j->conn = c;
	j->what = what;
	j->request = json_incref((json_t *)(uintptr_t)req);
	j->kept = json_object();
	job_read_options(&j->arena, req, &j->options);
	j->timeout_ns = json_int_or(req, "timeout_ns", -1);
	return j;
}

void job_queue(struct job *j)
{
	struct job **at = &j->of->jobs;
	json_t *m;

	while (*at)
		at = &(*at)->next;
	*at = j;
	jobs_overtake(j);
	if (j != j->of->jobs && j->conn) {
		m = json_object();
		json_object_set_new(m, "event", json_string("queued"));
		json_object_set_new(m, "behind", json_string(j->of->jobs->what));
		json_object_set_new(
			m, "pid",
			json_integer(j->of->jobs->conn ? conn_pid(j->of->jobs->conn) : 0));
		conn_send(j->conn, m);
	}
	supervisor_kick(j->of);
}

void jobs_forget(struct supervisor *s, const struct conn *c)
{
	for (struct job *j = s->jobs; j; j = j->next) {
		if (j->conn == c)
			job_abandon(j);
	}
	for (struct instance *i = s->instances; i; i = i->next) {
		bool reads = i->attached == c || (i->follower == c && i->st.tty);

		if (i->follower == c)
			i->follower = NULL;
		if (reads)
			logs_tty_to(i, NULL);
	}
}

static enum seen_state seen_as(const struct instance *i)
{
	if (i->life == DOWN)
		return i->st.started_ns ? SEEN_EXITED : SEEN_CREATED;
	return SEEN_RUNNING;
}

static int observe(struct job *j, struct observed *out, struct err *e)
{
	struct arena *a = &j->arena;
	struct supervisor *s = j->of;
	struct network_statuses nets = {0};
	int r = status_networks(a, &nets, e);

	for (struct instance *i = s->instances; i; i = i->next)
		*vec_push(a, &out->containers) = (struct seen){
			.name = arena_printf(a, "%s", i->st.name),
			.service = arena_printf(a, "%s", i->st.service),
			.hash = arena_printf(a, "%s", i->st.hash ? i->st.hash : ""),
			.contents = i->st.contents ? arena_printf(a, "%s", i->st.contents) : NULL,
			.image_id = i->st.image_id ? arena_printf(a, "%s", i->st.image_id) : NULL,
			.number = i->st.number,
			.exit_code = i->st.exit_code,
			.state = seen_as(i),
			.one_off = i->st.one_off != NULL,
			.retired = i->st.retired_ns != 0,
			.manual_stop = i->st.manual_stop};
	vec_each(n, &nets)
		*vec_push(a, &out->networks) = (struct seen_net){n->name, n->hash};
	return r < 0 ? r : volumes_names(a, &out->volumes, e);
}

static void know_images(struct job *j, const struct project *p)
{
	vec_each(svc, &p->services) {
		struct image *image;
		struct err ignored;

		if (store_image(&j->arena, spec_image_wanted(&j->arena, j->of, svc), &image,
				&ignored) == 0)
			*vec_push(&j->arena, &j->options.images) =
				(struct pair){svc->name, image->id};
	}
}

/* Fails here, before the first step, where a secret cannot be had. */
static int know_contents(struct job *j, const struct project *p, struct err *e)
{
	vec_each(svc, &p->services) {
		char *digest;
		int r = secrets_digest(&j->arena, p, j->of->secrets, svc, &digest, e);

		if (r < 0)
			return r;
		if (digest)
			*vec_push(&j->arena, &j->options.contents) =
				(struct pair){svc->name, digest};
	}
	return 0;
}

/* Old definitions are read only where somebody will be told of them. */
static bool differs(const struct project *p, const struct observed *seen)
{
	vec_each(c, &seen->containers) {
		const struct service *svc = project_service(p, c->service);

		if (svc && strcmp(svc->hash, c->hash) != 0)
			return true;
	}
	return false;
}

int job_plan(struct job *j, struct err *e)
{
	struct observed seen = {0};
	struct project *p = NULL;
	int r = 0;

	if (j->puts_back)
		r = rollback_begin(j, e);
	if (j->only_looks) /* another job may be at work by the definition in use */
		r = project_load_saved(&j->arena, status_project_file(&j->arena, j->of->name), &p,
				       e);
	else if (!r && (j->options.goal == GOAL_UP || !j->of->project))
		r = supervisor_load(j->of, e);
	/* A `down` that another has overtaken finds nothing left: that is what it wanted. */
	if (r == -ENOENT && j->options.goal == GOAL_DOWN && !j->of->instances) {
		j->steps = arena_alloc(&j->arena, sizeof(*j->steps));
		return 0;
	}
	if (r < 0)
		return r;
	if (!p)
		p = j->of->project;
	if (j->prepare)
		j->prepare(j);
	if (j->options.goal == GOAL_UP)
		know_images(j, p);
	if (j->options.goal == GOAL_UP)
		r = know_contents(j, p, e);
	if (!r)
		r = observe(j, &seen, e);
	if (!r && j->options.goal == GOAL_UP && j->conn && differs(p, &seen))
		dryrun_find_changes(&j->arena, p, &seen);
	if (!r)
		r = plan_make(&j->arena, p, &seen, &j->options, &j->plan, e);
	if (!r)
		j->steps = arena_alloc(&j->arena, (j->plan.n + 1) * sizeof(*j->steps));
	return r;
}

/* --- one step --- */

void job_fail(struct job *j, struct run_step *rs, const struct step *s, struct err *e)
{
	rs->state = STEP_FAILED;
	if (s->optional) {
		job_warn(j, e->why);
		rs->state = STEP_DONE;
		return;
	}
	job_tell(j,
		 s->doing == STEP_NETWORK || s->doing == STEP_NETWORK_REMOVE ? "network"
		 : s->doing == STEP_VOLUME || s->doing == STEP_VOLUME_REMOVE ? "volume"
									     : "container",
		 s->target, s->service, "Error", e->why);
	log_err(LOG_WARN_, e);
	if (!j->err.code)
		j->err = *e;
	if (!j->code)
		j->code = 1;
}

static void begin_create(struct job *j, struct run_step *rs, const struct step *s)
{
	const struct service *svc = project_service(j->of->project, s->service);
	json_t *kept = json_object_get(j->kept, s->target);
	struct status before;
	struct instance *i;
	struct err e = {0};
	bool inherit = kept && !json_bool_or(j->request, "renew_anon_volumes", false) &&
		       status_from_json(&j->arena, kept, &before, &e) == 0;

	tell_begun(j, s);
	if (instance_create(j->of, svc, s->number, s->target, inherit ? &before : NULL, &i, &e) <
	    0) {
		job_fail(j, rs, s, &e);
		return;
	}
	tell_done(j, s);
	rs->state = STEP_DONE;
}

static void begin_remove(struct job *j, struct run_step *rs, const struct step *s)
{
	struct instance *i = instance_find(j->of, s->target);
	bool volumes = j->options.volumes || (i && i->st.one_off);
	struct err e = {0};

	if (!i) {
		rs->state = STEP_DONE;
		return;
	}
	tell_begun(j, s);
	if (s->again)
		json_object_set_new(j->kept, s->target, status_to_json(&i->st, false));
	if (instance_remove(i, s->again, volumes, &e) < 0) {
		err_hint(&e, "nothing of it runs any more; what is left goes when the same command "
			     "is repeated");
		job_fail(j, rs, s, &e);
		return;
	}
	tell_done(j, s);
	rs->state = STEP_DONE;
}

static void begin_start(struct job *j, struct run_step *rs, const struct step *s)
{
	struct instance *i = instance_find(j->of, s->target);
	struct err e = {0};
	int r;

	if (!i) {
		err_set(&e, ENOENT, "container %s is gone", s->target);
		job_fail(j, rs, s, &e);
		return;
	}
	rs->starts = i->starts;
	if (instance_is_up(i)) {
		rs->state = STEP_DONE;
		return;
	}
	tell_begun(j, s);
	i->st.manual_stop = false;
	i->st.attempts = i->st.heals = 0;
	i->st.gave_up = false;
	i->backoff_ns = i->heal_backoff_ns = 0;
	i->pre_at = 0;
	i->draining = s->held;
	i->st.retired_ns = 0;
	r = prestart_next(i, &e);
	i->pre_runs = r == 0;
	if (r < 0)
		job_fail(j, rs, s, &e);
	else if (r)
		instance_event(i, WANT_UP);
}

/* False: its pre_start hooks are not over, or have failed it. */
static bool pre_start_over(struct job *j, struct run_step *rs, const struct step *s,
			   struct instance *i)
{
	struct err e = {0};
	int r;

	if (!i->pre_runs)
		return true;
	r = prestart_poll(i, &e);
	if (!r)
		return false;
	i->pre_runs = false;
	if (r < 0)
		job_fail(j, rs, s, &e);
	else
		instance_event(i, WANT_UP);
	return false;
}

static int on_drained(struct timer *t)
{
	instance_event(container_of(t, struct instance, good), WANT_DOWN);
	return 0;
}

/* x-berth.update.drain */
static int64_t drain_ns(const struct instance *i)
{
	const struct node *update = i->svc ? node_get(i->svc->x_berth, "update") : NULL;
	const char *text = update ? node_get_text(update, "drain") : NULL;
	struct err ignored;
	int64_t ns;

	return text && !when_parse_duration(text, &ns, &ignored) ? ns : 500 * NS_PER_MSEC;
}

static void begin_stop(struct job *j, struct run_step *rs, const struct step *s)
{
	struct instance *i = instance_find(j->of, s->target);

	if (!i || i->life == DOWN) {
		rs->state = STEP_DONE;
		return;
	}
	tell_begun(j, s);
	i->st.manual_stop |= !i->st.interrupted; /* else it is the host that goes down */
	i->grace_ns = j->timeout_ns;
	if (!s->rolling || i->life != UP) {
		instance_event(i, WANT_DOWN);
		return;
	}
	/* Names and ports lead elsewhere before it hears of its end. */
	i->draining = true;
	nets_announce(i);
	ports_apply_now(j->of);
	loop_timer_in(j->of->loop, &i->good, drain_ns(i), on_drained);
}

static void begin_step(struct job *j, size_t k)
{
	static void (*const begin[])(struct job *, struct run_step *, const struct step *) = {
		[STEP_NETWORK] = resource_network,
		[STEP_NETWORK_REMOVE] = resource_network,
		[STEP_VOLUME] = resource_volume,
		[STEP_VOLUME_REMOVE] = resource_volume,
		[STEP_CREATE] = begin_create,
		[STEP_START] = begin_start,
		[STEP_STOP] = begin_stop,
		[STEP_REMOVE] = begin_remove,
		[STEP_RETIRE] = retire_begin,
		[STEP_REVIVE] = revive_begin,
		[STEP_GATE] = NULL,
	};
	const struct step *s = &j->plan.v[k];

	j->steps[k].state = STEP_RUNS;
	j->steps[k].began_ns = when_mono_ns();
	if (begin[s->doing])
		begin[s->doing](j, &j->steps[k], s);
}

/*
 * It is down and has not run. Whoever was being killed when the step began did not hear that it is
 * to start, and hears it now; one that a person killed meanwhile stays down: the last word counts.
 */
static int start_again(struct run_step *rs, struct instance *i, struct err *e)
{
	if (rs->again || i->st.manual_stop)
		return err_set(e, ECANCELED, "it was ended before it ran");
	rs->again = true;
	instance_event(i, WANT_UP);
	return 0;
}

static void poll_start(struct job *j, struct run_step *rs, const struct step *s)
{
	struct instance *i = instance_find(j->of, s->target);
	struct err e = {0};

	if (i && !pre_start_over(j, rs, s, i))
		return;
	if (!i)
		err_set(&e, ENOENT, "container %s is gone", s->target);
	else if (i->why.code && (i->life == DOWN || (i->hooks_ok && i->starts != rs->starts)))
		e = i->why;
	else if (i->life == DOWN && i->starts == rs->starts && start_again(rs, i, &e) == 0)
		return;
	else if (!e.code && (i->starts == rs->starts || !i->hooks_ok))
		return;
	if (e.code) {
		err_wrap(&e, "start container %s", s->target);
		job_fail(j, rs, s, &e);
		return;
	}
	if (j->options.goal == GOAL_RESTART)
		events_write(j->of, "container", "restart", i, NULL);
	tell_done(j, s);
	rs->state = STEP_DONE;
}

static void poll_stop(struct job *j, struct run_step *rs, const struct step *s)
{
	struct instance *i = instance_find(j->of, s->target);
	struct err e = {0};

	if (i && i->life != DOWN && i->kills >= 2) {
		/* SIGKILL is ten seconds old: an uninterruptible sleep. It ends by itself, later.
		 */
		err_set(&e, EBUSY, "container %s is stuck in the kernel and cannot be killed yet",
			i->st.name);
		err_hint(&e, "look at the disk or the server that it waits for; then try again");
		job_fail(j, rs, s, &e);
		return;
	}
	if (i && i->life != DOWN)
		return;
	if (i) {
		i->grace_ns = -1;
		events_write(j->of, "container", "stop", i, NULL);
	}
	tell_done(j, s);
	rs->state = STEP_DONE;
}

static void poll_step(struct job *j, size_t k)
{
	struct run_step *rs = &j->steps[k];
	const struct step *s = &j->plan.v[k];

	if (rs->state != STEP_RUNS)
		return;
	if (s->doing == STEP_START)
		poll_start(j, rs, s);
	else if (s->doing == STEP_STOP)
		poll_stop(j, rs, s);
	else if (s->doing == STEP_GATE)
		gate_poll(j, rs, s);
}

/* --- the job --- */

static bool unblocked(struct job *j, size_t k)
{
	vec_each(x, &j->plan.v[k].after) {
		enum step_state st = j->steps[*x].state;

		if (st == STEP_FAILED || st == STEP_SKIPPED) {
			j->steps[k].state = STEP_SKIPPED;
			j->steps[k].behind = st == STEP_FAILED || j->steps[*x].behind;
		}
		if (st != STEP_DONE)
			return false;
	}
	return true;
}

/* Those that start together are wired together, in one batch for the kernel. */
static void wire_starts(struct job *j)
{
	auto_arena a = {0};
	struct instance **v = arena_alloc(&a, (j->plan.n + 1) * sizeof(struct instance *)), *i;
	size_t n = 0;

	for (size_t k = 0; k < j->plan.n; k++) {
		const struct step *s = &j->plan.v[k];

		if (s->doing != STEP_START || j->steps[k].state != STEP_WAITS || !unblocked(j, k))
			continue;
		i = instance_find(j->of, s->target);
		if (i && !instance_is_up(i))
			v[n++] = i;
	}
	if (n)
		ports_apply_due(j->of); /* they may ask for those of who started before */
	nets_wire_all(v, n);
}

static bool step_each(struct job *j, bool starts)
{
	bool moved = false;

	for (size_t k = 0; k < j->plan.n; k++) {
		enum step_state before = j->steps[k].state;

		if (before == STEP_WAITS && (starts || j->plan.v[k].doing != STEP_START) &&
		    unblocked(j, k))
			begin_step(j, k);
		poll_step(j, k);
		moved |= j->steps[k].state != before;
		if (j->steps[k].state > STEP_RUNS && !j->steps[k].ended_ns)
			j->steps[k].ended_ns = when_mono_ns();
	}
	return moved;
}

/* What is to be made is made before the first start, so that what can start together does. */
static bool step_all(struct job *j)
{
	if (step_each(j, false))
		return true;
	wire_starts(j);
	return step_each(j, true);
}

static bool all_ended(const struct job *j)
{
	for (size_t k = 0; k < j->plan.n; k++) {
		if (j->steps[k].state == STEP_WAITS || j->steps[k].state == STEP_RUNS)
			return false;
	}
	return true;
}

static int on_deadline(struct timer *t)
{
	struct job *j = container_of(t, struct job, deadline);

	for (size_t k = 0; k < j->plan.n; k++) {
		if (j->steps[k].state == STEP_WAITS || j->steps[k].state == STEP_RUNS)
			j->steps[k].state = STEP_SKIPPED;
	}
	err_set(&j->err, ETIMEDOUT, "application not healthy after %llds",
		(long long)(json_int_or(j->request, "wait_timeout_ns", 0) / NS_PER_SEC));
	j->code = 1;
	supervisor_kick(j->of);
	return 0;
}

static void begin(struct job *j)
{
	int64_t limit = json_int_or(j->request, "wait_timeout_ns", 0);

	j->begun = true;
	if (job_plan(j, &j->err) < 0) {
		j->code = 1;
		j->plan.n = 0;
		return;
	}
	vec_each(text, &j->plan.notices)
		job_warn(j, *text);
	vec_each(name, &j->plan.kept)
		job_tell(j, "container", *name, instance_find(j->of, *name)->st.service, "Running",
			 NULL);
	if (limit > 0 && j->options.wait)
		loop_timer_in(j->of->loop, &j->deadline, limit, on_deadline);
}

static int bury(struct later *later)
{
	struct job *j = container_of(later, struct job, bury);

	json_decref(j->request);
	json_decref(j->kept);
	arena_free(&j->arena);
	free(j);
	malloc_trim(0); /* a plan takes a megabyte for a moment; the supervisor stays for months */
	return 0;
}

static void end(struct job *j)
{
	job_keep_timeline(j);
	ports_apply_due(j->of); /* what it started is reachable when it says so */
	loop_timer_drop(&j->deadline);
	loop_timer_drop(&j->settle);
	j->of->jobs = j->next;
	rollback_end(j);
	if (j->then && !j->code)
		j->then(j);
	else
		conn_done(j->conn, j->code, j->code ? &j->err : NULL);
	run_cancel(j);
	loop_later(j->of->loop, &j->bury, bury);
}

bool supervisor_is_idle(const struct supervisor *s)
{
	return !s->instances && !s->jobs && !remains_left(s);
}

int job_turn_all(struct supervisor *s)
{
	while (s->jobs) {
		struct job *j = s->jobs;

		if (!j->begun)
			begin(j);
		while (step_all(j))
			;
		if (!all_ended(j) || !remains_settled(j))
			return 0;
		end(j);
	}
	return 0;
}
