/*
 * Three conversations with the supervisor, one poll loop: `work` carries the start and later the
 * stop, `watch` tells of exits ("events"), and the logs come from files. Signals arrive by
 * signalfd.
 */
#include "cli/follow.h"
#include "base/sys.h"
#include "base/vec.h"
#include "cli/complain.h"
#include "cli/request.h"
#include "cli/timeline.h"
#include "cli/watch.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

enum phase { PHASE_STARTING, PHASE_RUNNING, PHASE_STOPPING, PHASE_ENDING };
enum { POLL_MAX = 260 };

struct state {
	struct cli *cli;
	struct follow *f;
	struct logmux *logs;
	struct client *work, *watch;
	int signals;
	enum phase phase;
	int interrupts, code;
	bool done, failed;
	pid_t watcher;  /* of files; 0: none */
	struct err err; /* why starting failed */
};

static void client_drop(struct client **c)
{
	client_close(*c);
	*c = NULL;
}

static void end_watcher(struct state *s)
{
	if (s->watcher <= 0)
		return;
	kill(s->watcher, SIGTERM);
	waitpid(s->watcher, NULL, 0);
	s->watcher = 0;
}

/* Opens a conversation with one request in it. */
static int ask(struct state *s, json_t *msg, struct client **out, struct err *e)
{
	auto_json *hold = msg;
	int r = client_open(s->f->project->name, CLIENT_EXISTING, out, e);

	if (r == CLIENT_NONE)
		return err_set(e, ECONNREFUSED, "the supervisor of project \"%s\" is gone",
			       s->f->project->name);
	return r < 0 ? r : client_send(*out, hold, NULL, 0, e);
}

static int add_containers(struct state *s, struct err *e)
{
	struct logs_query q = {.tail = 0};
	struct statuses all = {0};
	auto_arena a = {0};
	int r = status_read(&a, s->f->project->name, &all, e);

	vec_each(one, &all) {
		if (r < 0)
			break;
		if (one->one_off || !one->service || !strings_have(&s->f->services, one->service))
			continue;
		/* What ran before this `up` said its lines to somebody else. */
		q.tail = one->started_ns ? 0 : -1;
		r = logmux_add(s->logs, one, &q, e);
	}
	return r;
}

static void say_attached(struct state *s)
{
	auto_buf names = {0};

	buf_str(&names, "Attaching to ");
	logmux_names(s->logs, &names);
	if (logmux_count(s->logs))
		logmux_say(s->logs, names.p);
}

static int begin_stop(struct state *s, struct err *e)
{
	struct strings names = s->f->named;
	json_t *msg;

	/* What another call has started with its profile goes on. */
	for (size_t i = 0;
	     s->f->project->disabled.n && !s->f->named.n && i < s->f->project->services.n; i++)
		*vec_push(&s->cli->arena, &names) = s->f->project->services.v[i].name;
	msg = request_new("stop", (int)names.n, (char **)names.v);
	s->phase = PHASE_STOPPING;
	end_watcher(s);
	client_drop(&s->work);
	request_timeout(msg, s->f->timeout);
	return ask(s, msg, &s->work, e);
}

static int begin_kill(struct state *s, struct err *e)
{
	json_t *msg = request_new("kill", (int)s->f->named.n, (char **)s->f->named.v);

	json_object_set_new(msg, "signal", json_string("SIGKILL"));
	client_drop(&s->work);
	return ask(s, msg, &s->work, e);
}

static int on_signal(struct state *s, struct err *e)
{
	struct signalfd_siginfo info;

	if (sys_read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	s->code = 130;
	if (!s->interrupts++) {
		logmux_say(s->logs, "\nGracefully stopping... (press Ctrl+C again to force)");
		return begin_stop(s, e);
	}
	if (s->interrupts > 2) {
		s->done = true;
		return 0;
	}
	return begin_kill(s, e);
}

static int on_exit_event(struct state *s, const char *service, const json_t *about, struct err *e)
{
	const char *name = json_string_or(about, "name", "?"), *from = s->f->exit_code_from;
	int code = (int)json_int_or(about, "exitCode", 0);
	struct status shown = {.project = s->f->project->name, .service = service, .name = name};
	auto_arena a = {0};
	int r = logmux_drain(s->logs, e);

	if (r < 0)
		return r;
	logmux_say(s->logs,
		   arena_printf(&a, "%s exited with code %d", logmux_short_name(&shown), code));
	if (from && !strcmp(service, from) && s->code != 130)
		s->code = code;
	if (s->phase == PHASE_STOPPING)
		return 0;
	if (!s->f->abort_on_exit && !(s->f->abort_on_failure && code))
		return 0;
	if (!from)
		s->code = code;
	logmux_say(s->logs, "Aborting on container exit...");
	return begin_stop(s, e);
}

/*
 * A state is on the disk a moment before its event is told: what answers now has told of every end
 * that was seen there.
 */
static int begin_end(struct state *s)
{
	struct err none = {0};

	s->phase = PHASE_ENDING;
	s->done = ask(s, request_new("ping", 0, NULL), &s->work, &none) < 0;
	return 0;
}

/* Nothing of ours runs or waits to run again. */
static int check_all_ended(struct state *s, struct err *e)
{
	struct statuses all = {0};
	auto_arena a = {0};
	int r = status_read(&a, s->f->project->name, &all, e);

	/* What watches files may start it again. */
	if (r < 0 || s->phase != PHASE_RUNNING || s->watcher > 0)
		return r;
	vec_each(one, &all) {
		bool ended = one->state == STATE_EXITED || one->state == STATE_DEAD ||
			     one->state == STATE_CREATED;

		if (!one->one_off && one->service && strings_have(&s->f->services, one->service) &&
		    !ended)
			return 0;
	}
	return begin_end(s);
}

static int on_watch(struct state *s, const json_t *msg, struct err *e)
{
	const char *service = json_string_or(msg, "service", "");
	const char *action = json_string_or(msg, "action", "");
	int r;

	if (strcmp(json_string_or(msg, "event", ""), "event") ||
	    !strings_have(&s->f->services, service))
		return 0;
	/* Another container than the one that was there before: a rebuild, a rollout. */
	if (s->phase == PHASE_RUNNING && !strcmp(action, "start"))
		return add_containers(s, e);
	if (strcmp(action, "die"))
		return 0;
	r = on_exit_event(s, service, json_object_get(msg, "attributes"), e);
	return r < 0 ? r : check_all_ended(s, e);
}

/* Starting is over: from now on exits are waited for. */
static int on_started(struct state *s, const json_t *msg, struct err *e)
{
	int code = (int)json_int_or(msg, "code", 0);

	if (client_error(msg, &s->err) < 0 || code) {
		s->failed = true;
		s->code = code ? code : 1;
		return begin_stop(s, e);
	}
	s->phase = PHASE_RUNNING;
	client_drop(&s->work);
	if (s->f->timeline)
		(void)!timeline_print(s->cli, s->f->project->name, e);
	if (s->f->watching)
		s->watcher = watch_fork(s->cli, s->f->watching);
	return check_all_ended(s, e);
}

static int on_work(struct state *s, const json_t *msg, struct err *e)
{
	const char *event = json_string_or(msg, "event", "");

	if (!strcmp(event, "warning"))
		complain_warning(stderr, json_string_or(msg, "text", ""), s->cli->colour_err);
	if (!json_bool_or(msg, "done", false)) {
		/* A replica that was not there when the list was made. */
		return strcmp(json_string_or(msg, "status", ""), "Started") ? 0
									    : add_containers(s, e);
	}
	if (s->phase == PHASE_STARTING)
		return on_started(s, msg, e);
	client_drop(&s->work);
	s->done = true;
	return 0;
}

/* The messages of one conversation; hanging up ends it. */
static int converse(struct state *s, struct client **c,
		    int (*on)(struct state *, const json_t *, struct err *), struct err *e)
{
	do {
		size_t no_fds = 0;
		json_t *msg;
		int r = client_next(*c, &msg, NULL, &no_fds, e);

		if (r == CLIENT_END) {
			client_drop(c);
			return s->phase >= PHASE_STOPPING
				       ? (s->done = true, 0)
				       : err_set(e, ECONNRESET,
						 "the supervisor ended; berth ps "
						 "shows what still runs");
		}
		if (r < 0)
			return r;
		r = on(s, msg, e);
		json_decref(msg);
		if (r < 0)
			return r;
	} while (*c && client_pending(*c));
	return 0;
}

static int turn(struct state *s, struct err *e)
{
	struct pollfd fds[POLL_MAX] = {
		{.fd = s->signals, .events = POLLIN},
		{.fd = s->work ? client_fd(s->work) : -1, .events = POLLIN},
		{.fd = s->watch ? client_fd(s->watch) : -1, .events = POLLIN}};
	size_t n = 3 + logmux_poll(s->logs, fds + 3, countof(fds) - 3);
	int r = 0;

	if (poll(fds, n, -1) < 0 && errno != EINTR)
		return err_set(e, errno, "poll: %s", strerror(errno));
	r = logmux_drain(s->logs, e);
	if (r >= 0 && fds[0].revents)
		r = on_signal(s, e);
	/* Exits were told before the end of what caused them: so they are heard before it. */
	if (r >= 0 && s->watch && fds[2].revents)
		r = converse(s, &s->watch, on_watch, e);
	if (r >= 0 && s->work && fds[1].revents && client_fd(s->work) == fds[1].fd)
		r = converse(s, &s->work, on_work, e);
	return r;
}

static int begin(struct state *s, struct err *e)
{
	sigset_t set;
	int r = add_containers(s, e);

	if (r >= 0)
		say_attached(s);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (s->signals < 0)
		return err_set(e, errno, "signalfd: %s", strerror(errno));
	/* Subscribed before anything starts: no exit is missed. */
	if (r >= 0)
		r = ask(s, request_new("events", 0, NULL), &s->watch, e);
	if (r >= 0)
		r = ask(s, take_ptr(s->f->start), &s->work, e);
	return r;
}

int follow_run(struct cli *c, struct follow *f, struct err *e)
{
	auto_logmux *logs = logmux_new(&f->style);
	struct state s = {.cli = c, .f = f, .logs = logs, .signals = -1};
	int r = begin(&s, e);

	while (r >= 0 && !s.done)
		r = turn(&s, e);
	if (r >= 0)
		r = logmux_drain(logs, e);
	end_watcher(&s);
	client_drop(&s.work);
	client_drop(&s.watch);
	close_at(&s.signals);
	if (r >= 0 && s.failed && s.err.code) {
		*e = s.err;
		return -e->code;
	}
	return r < 0 ? r : s.code;
}
