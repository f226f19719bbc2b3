/*
 * What comes back when the host does: after a reboot, a power cut, or `berth boot` after the
 * shutdown that `berth boot --stop` made. Order and gates are those of `start`.
 */
#include "base/when.h"
#include "supervise/apply.h"
#include <string.h>

static bool comes_back(const struct instance *i, bool was_running)
{
	static const struct restart_policy no = {.when = RESTART_NO};

	return life_comes_back(i->svc ? &i->svc->restart : &no, was_running, i->st.manual_stop,
			       i->st.started_ns);
}

/* Its process went with the host, or with a supervisor that was just starting it. */
void boot_found(struct instance *i, enum status_state was)
{
	i->st.pid = 0;
	i->life = DOWN;
	i->was_running = was != STATE_STARTING || i->st.attempts > 0 || i->st.started_ns;
	if (was == STATE_STOPPING && i->st.manual_stop)
		i->was_running = false;
	i->again = i->was_running && comes_back(i, true);
	if (was != STATE_STARTING && was != STATE_RESTARTING) {
		i->st.exit_code = 128 + SIGKILL;
		i->st.finished_ns = when_wall_ns();
	}
	i->st.state = i->st.started_ns ? STATE_EXITED : STATE_CREATED;
	instance_save(i);
}

/* It was down already. */
void boot_look(struct instance *i, bool other_boot)
{
	i->was_running = i->st.interrupted;
	i->again = (other_boot || i->st.interrupted) && comes_back(i, i->st.interrupted);
}

/* Whom a service that comes back depends on comes with it, whatever its own policy, if it ran. */
static bool take_along(struct supervisor *s, const struct instance *dependent)
{
	bool more = false;

	vec_each(d, &dependent->svc->depends_on) {
		for (struct instance *i = s->instances; i; i = i->next) {
			if (i->again || i->st.one_off || !i->was_running ||
			    strcmp(i->st.service, d->service))
				continue;
			i->again = more = true;
		}
	}
	return more;
}

static bool take_along_all(struct supervisor *s)
{
	bool more = false;

	for (struct instance *i = s->instances; i; i = i->next) {
		if (i->again && i->svc && !i->st.one_off)
			more |= take_along(s, i);
	}
	return more;
}

static bool is_missing(struct supervisor *s, const struct service *svc)
{
	if (svc->restart.when == RESTART_NO)
		return false;
	for (struct instance *i = s->instances; i; i = i->next) {
		if (!i->st.one_off && !strcmp(i->st.service, svc->name))
			return false;
	}
	return true;
}

static void queue(struct supervisor *s, enum goal goal, json_t *names)
{
	auto_json *req = json_pack("{s:o, s:b}", "services", names, "no_recreate", 1);
	struct job *j;

	if (!json_array_size(names))
		return;
	j = job_new(s, NULL, "boot", req);
	j->options.goal = goal;
	job_queue(j);
}

void boot_bring_back(struct supervisor *s)
{
	json_t *again = json_array(), *missing = json_array();

	while (take_along_all(s))
		;
	for (struct instance *i = s->instances; i; i = i->next) {
		if (i->again && !i->st.one_off)
			json_array_append_new(again, json_string(i->st.service));
	}
	queue(s, GOAL_START, again);
	if (s->torn && s->project) {
		vec_each(svc, &s->project->services) {
			if (is_missing(s, svc))
				json_array_append_new(missing, json_string(svc->name));
		}
	}
	queue(s, GOAL_UP, missing);
}

/* The host goes down: everything stops in order, and is remembered as no person's doing. */
void boot_shut_down(struct supervisor *s)
{
	auto_json *req = json_object();
	struct job *j = job_new(s, NULL, "shutdown", req);

	for (struct instance *i = s->instances; i; i = i->next) {
		if (i->life == DOWN || i->st.manual_stop)
			continue;
		i->st.interrupted = true;
		instance_save(i);
	}
	j->options.goal = GOAL_STOP;
	job_queue(j);
}
