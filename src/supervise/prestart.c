/*
 * pre_start: every hook is a container of its own, with the service's networks, volumes, secrets
 * and environment, run to its end before the service starts for the first time. One that failed
 * stays for inspection until the next up or down.
 */
#include "base/log.h"
#include "supervise/apply.h"
#include <errno.h>
#include <string.h>

static char *name_of(struct arena *a, const struct instance *i, size_t k)
{
	return arena_printf(a, "%s-pre-start-%zu", i->st.name, k + 1);
}

static bool another_runs(const struct instance *i)
{
	for (const struct instance *o = i->of->instances; o; o = o->next) {
		if (o != i && !o->st.one_off && !strcmp(o->st.service, i->st.service) &&
		    o->life != DOWN)
			return true;
	}
	return false;
}

/* Passes over the hooks that are for the first replica only. */
static const struct hook *due(struct instance *i)
{
	for (; i->pre_at < i->svc->pre_start.n; i->pre_at++) {
		const struct hook *h = &i->svc->pre_start.v[i->pre_at];

		if (h->per_replica || !another_runs(i))
			return h;
	}
	return NULL;
}

static void dress(struct arena *a, struct service *svc, const struct hook *h)
{
	svc->container_name = NULL;
	svc->entrypoint = (struct argv){.given = true};
	svc->command = h->command;
	svc->command.given = true;
	if (h->image)
		svc->image = h->image;
	if (h->user)
		svc->user = h->user;
	if (h->working_dir)
		svc->working_dir = h->working_dir;
	svc->privileged |= h->privileged;
	svc->environment.cap = svc->environment.n; /* pushes copy: the file's own stays */
	vec_each(p, &h->environment)
		*vec_push(a, &svc->environment) = *p;
	svc->healthcheck = (struct healthcheck){.given = true, .disable = true};
	svc->ports.v = NULL;
	svc->ports.n = svc->ports.cap = 0;
	svc->post_start.n = svc->pre_stop.n = svc->pre_start.n = 0;
}

static int begin(struct instance *i, struct err *e)
{
	auto_arena a = {0};
	char *name = name_of(&a, i, i->pre_at);
	struct instance *old = instance_find(i->of, name), *made;
	struct arena own = {0};
	struct service *svc;
	int r;

	if (old) {
		r = instance_remove(old, false, true, e);
		if (r < 0)
			return r;
	}
	r = supervisor_copy_service(i->of, &own, i->st.service, &svc, e);
	if (r < 0)
		return r;
	if (i->pre_at >= svc->pre_start.n) {
		arena_free(&own);
		return err_set(e, ENOENT, "the hook is not in the file any more");
	}
	dress(&own, svc, &svc->pre_start.v[i->pre_at]);
	r = instance_create(i->of, svc, i->st.number, name, NULL, &made, e);
	if (r < 0) {
		arena_free(&own);
		return r;
	}
	made->own = own;
	made->svc = svc;
	made->st.one_off = "pre_start";
	instance_save(made);
	instance_event(made, WANT_UP);
	return 0;
}

/* 1: nothing (more) to run. 0: one runs. */
int prestart_next(struct instance *i, struct err *e)
{
	if (!i->svc || i->st.started_ns || i->st.one_off || !due(i))
		return 1;
	return begin(i, e);
}

/* 1: all ended well. 0: not yet. */
int prestart_poll(struct instance *i, struct err *e)
{
	auto_arena a = {0};
	struct instance *hook = instance_find(i->of, name_of(&a, i, i->pre_at));

	if (!hook)
		return err_set(e, ENOENT, "the pre_start container of %s is gone", i->st.name);
	if (hook->life != DOWN)
		return 0;
	if (hook->why.code) {
		*e = hook->why;
		return err_wrap(e, "pre_start of %s", i->st.name);
	}
	if (hook->st.exit_code) {
		err_set(e, EIO, "pre_start hook %zu of %s exited with %d", i->pre_at + 1,
			i->st.name, (int)hook->st.exit_code);
		return err_hint(e, "its output: berth logs, or %s", hook->st.log_dir);
	}
	if (instance_remove(hook, false, true, e) < 0)
		log_err(LOG_WARN_, e);
	i->pre_at++;
	return prestart_next(i, e);
}

void prestart_stop(struct instance *i)
{
	auto_arena a = {0};
	struct instance *hook = instance_find(i->of, name_of(&a, i, i->pre_at));

	i->pre_runs = false;
	if (hook)
		instance_event(hook, WANT_DOWN);
}
