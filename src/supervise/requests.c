/* What a client can ask for, as a table. */
#include "base/base64.h"
#include "base/log.h"
#include "base/mem.h"
#include "supervise/apply.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

static bool names(const json_t *req, const char *key, const char *word)
{
	json_t *list = json_object_get(req, key), *each;
	size_t k;

	if (!json_array_size(list))
		return true;
	json_array_foreach(list, k, each)
	{
		if (json_is_string(each) && !strcmp(json_string_value(each), word))
			return true;
	}
	return false;
}

static bool concerns(const json_t *req, const struct instance *i)
{
	if (json_array_size(json_object_get(req, "containers")))
		return names(req, "containers", i->st.name);
	return !i->st.one_off && names(req, "services", i->st.service);
}

static void set_secret(struct supervisor *s, const char *key, struct buf *bytes)
{
	struct secret_bytes *x = s->secrets;

	while (x && strcmp(x->key, key))
		x = x->next;
	if (!x) {
		x = mem_new(sizeof(*x));
		x->key = mem_text(key);
		x->next = s->secrets;
		s->secrets = x;
	}
	if (x->p)
		explicit_bzero(x->p, x->n);
	free(x->p);
	x->p = bytes->p;
	x->n = bytes->n;
	*bytes = (struct buf){0};
}

static void take_secrets(struct supervisor *s, const json_t *req)
{
	json_t *value;
	const char *key;

	json_object_foreach(json_object_get(req, "secrets"), key, value)
	{
		struct buf bytes = {0};

		if (!json_is_string(value) || base64_decode(json_string_value(value), &bytes) < 0) {
			buf_done(&bytes);
			log_warn("%s was sent in a form that cannot be read", key);
			continue;
		}
		if (bytes.n)
			secrets_keep(s, key, bytes.p, bytes.n);
		set_secret(s, key, &bytes);
	}
}

static void queue(struct conn *c, const json_t *req, const char *what, enum goal goal)
{
	struct job *j = job_new(c->of, c, what, req);

	j->options.goal = goal;
	job_queue(j);
}

static void do_up(struct conn *c, const json_t *req)
{
	take_secrets(c->of, req);
	queue(c, req, "up", GOAL_UP);
}

static void after_down(struct job *j)
{
	if (!j->options.services.n)
		j->of->forget = true;
	/* The answer says that nothing is left; so it comes last. */
	supervisor_leave(j->of, j->conn);
	if (j->conn)
		conn_done(j->conn, 0, NULL);
}

static void take_down(struct supervisor *s, struct conn *c, const json_t *req)
{
	struct job *j = job_new(s, c, "down", req);

	j->options.goal = GOAL_DOWN;
	j->then = after_down;
	job_queue(j);
}

static void do_down(struct conn *c, const json_t *req)
{
	take_down(c->of, c, req);
}

void requests_down(struct supervisor *s)
{
	auto_json *req = json_pack("{s:b}", "remove_orphans", 1);

	take_down(s, NULL, req);
}

static void do_stop(struct conn *c, const json_t *req)
{
	queue(c, req, "stop", GOAL_STOP);
}

static void do_start(struct conn *c, const json_t *req)
{
	queue(c, req, "start", GOAL_START);
}

static void do_restart(struct conn *c, const json_t *req)
{
	queue(c, req, "restart", GOAL_RESTART);
}

static void do_rm(struct conn *c, const json_t *req)
{
	queue(c, req, "rm", GOAL_RM);
}

static void do_scale(struct conn *c, const json_t *req)
{
	struct job *j = job_new(c->of, c, "scale", req);

	j->options.goal = GOAL_UP;
	vec_each(s, &j->options.scales)
		*vec_push(&j->arena, &j->options.services) = s->service;
	job_queue(j);
}

static void tell(struct conn *c, const struct instance *i, const char *status)
{
	conn_send(c, json_pack("{s:s, s:s, s:s, s:s}", "event", "container", "name", i->st.name,
			       "service", i->st.service, "status", status));
}

/* Everything killed is waited for, so that the next command finds it ended. */
static void do_kill(struct conn *c, const json_t *req)
{
	json_t *killed = json_array();
	const char *word = json_string_or(req, "signal", "SIGKILL");
	int sig = spec_signal(word);
	struct err e = {0};

	if (!sig) {
		err_set(&e, EINVAL, "\"%s\" is not a signal", word);
		json_decref(killed);
		conn_done(c, 1, &e);
		return;
	}
	for (struct instance *i = c->of->instances; i; i = i->next) {
		if (!concerns(req, i) || !i->st.pid)
			continue;
		tell(c, i, "Killing");
		if (sig == SIGKILL) {
			i->st.manual_stop = true;
			instance_event(i, WANT_KILL);
			json_array_append_new(killed, json_string(i->st.name));
		} else {
			instance_kill(i, sig);
		}
		tell(c, i, "Killed");
	}
	if (json_array_size(killed)) {
		c->quiet = true;
		c->waiting = json_pack("{s:o}", "containers", killed);
		return;
	}
	json_decref(killed);
	conn_done(c, 0, NULL);
}

static void freeze(struct conn *c, const json_t *req, enum life_event ev, const char *status)
{
	for (struct instance *i = c->of->instances; i; i = i->next) {
		if (!concerns(req, i) || i->life != (ev == WANT_PAUSE ? UP : PAUSED))
			continue;
		instance_event(i, ev);
		tell(c, i, status);
	}
	conn_done(c, 0, NULL);
}

static void do_pause(struct conn *c, const json_t *req)
{
	freeze(c, req, WANT_PAUSE, "Paused");
}

static void do_unpause(struct conn *c, const json_t *req)
{
	freeze(c, req, WANT_RESUME, "Unpaused");
}

static void do_events(struct conn *c, const json_t *req)
{
	events_subscribe(c, json_object_get(req, "services"));
}

static void do_timeline(struct conn *c, const json_t *req)
{
	json_t *span;
	size_t k;

	json_array_foreach(c->of->timeline, k, span) conn_send(c, json_incref(span));
	conn_done(c, 0, NULL);
}

static void do_ping(struct conn *c, const json_t *req)
{
	conn_send(c, json_pack("{s:b, s:i, s:i, s:i, s:s, s:b}", "done", 1, "code", 0, "pid",
			       (int)getpid(), "guardian", (int)getppid(), "version", BERTH_VERSION,
			       "busy", c->of->jobs != NULL));
}

static void do_plan(struct conn *c, const json_t *req)
{
	struct job *j = job_new(c->of, c, "plan", req);
	struct err e = {0};

	j->options.goal = job_goal(json_string_or(req, "goal", "up"));
	j->only_looks = true;
	if (job_plan(j, &e) < 0) {
		conn_done(c, 1, &e);
	} else {
		for (size_t k = 0; k < j->plan.n; k++) {
			const struct step *s = &j->plan.v[k];
			json_t *after = json_array();

			vec_each(x, &s->after)
				json_array_append_new(after, json_integer((json_int_t)*x + 1));
			conn_send(c, json_pack("{s:s, s:i, s:s, s:s, s:s, s:o}", "event", "step",
					       "n", (int)k + 1, "do", plan_verb(s->doing), "target",
					       s->target, "because", s->because, "after", after));
		}
		conn_send(c, json_pack("{s:s, s:s}", "event", "plan", "text",
				       plan_text(&j->arena, &j->plan)));
		conn_done(c, 0, NULL);
	}
	json_decref(j->request);
	json_decref(j->kept);
	arena_free(&j->arena);
	free(j);
}

static void do_heal_reset(struct conn *c, const json_t *req)
{
	for (struct instance *i = c->of->instances; i; i = i->next) {
		if (!concerns(req, i))
			continue;
		i->st.heals = 0;
		i->st.gave_up = false;
		i->heal_backoff_ns = i->backoff_ns = 0;
		instance_save(i);
	}
	conn_done(c, 0, NULL);
}

static void do_attach(struct conn *c, const json_t *req)
{
	const char *name = json_string_or(req, "container", "");
	struct instance *i = instance_find(c->of, name);
	struct err e = {0};
	int fd = -1;

	if (!i || !instance_is_up(i))
		err_set(&e, ESRCH, "container %s does not run", name);
	else if (i->st.tty)
		fd = i->logs.tty;
	else if (i->st.stdin_open)
		fd = open_stdin(i);
	if (!e.code && i->st.tty)
		logs_tty_to(i, c);
	if (e.code)
		conn_done(c, 1, &e);
	else
		conn_send_fds(c, json_pack("{s:b, s:i}", "done", 1, "code", 0), &fd, fd >= 0);
	if (fd >= 0 && !i->st.tty)
		close(fd);
}

static const struct {
	const char *word;
	void (*fn)(struct conn *c, const json_t *req);
} table[] = {
	/* clang-format off */
	{"up", do_up},           {"down", do_down},       {"stop", do_stop},
	{"start", do_start},     {"restart", do_restart}, {"rm", do_rm},
	{"scale", do_scale},     {"kill", do_kill},       {"pause", do_pause},
	{"unpause", do_unpause}, {"events", do_events},   {"ping", do_ping},
	{"plan", do_plan},       {"heal_reset", do_heal_reset}, {"attach", do_attach},
	{"wait", wait_request}, {"timeline", do_timeline},  {"why", why_request},
	{"rollback", rollback_request},
	{"connect", connect_request}, {"disconnect", disconnect_request},
	/* clang-format on */
};

void request_handle(struct conn *c, const json_t *req, int *fds, size_t n)
{
	const char *word = json_string_or(req, "do", "");
	struct err e = {0};

	c->of->ending = true; /* somebody came; the supervisor ends when nothing is left to do */
	if (!strcmp(word, "run")) {
		take_secrets(c->of, req);
		run_request(c, req, fds, n);
		return;
	}
	for (size_t k = 0; k < countof(table); k++) {
		if (!strcmp(table[k].word, word)) {
			table[k].fn(c, req);
			return;
		}
	}
	err_set(&e, EINVAL, "\"%s\" is not a request that this supervisor knows", word);
	err_hint(&e, "it was started by another version; \"berth down\" and \"berth up\" renew it");
	conn_done(c, 1, &e);
}
