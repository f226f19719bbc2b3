/* Commands on containers that exist: stop start restart kill pause unpause rm scale wait down. */
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/request.h"
#include "cli/target.h"
#include "supervise/status.h"
#include <errno.h>
#include <string.h>

/* clang-format off */
#define PROJECTS .group = GROUP_PROJECT, .world = WORLD_BOTH
/* clang-format on */

static int send(struct cli *c, struct target *t, json_t *msg, const char *title, struct err *e)
{
	struct request r = {.msg = msg, .title = title};
	int code = 0, rc;

	target_put(t, msg);
	rc = request_send(c, t->project, CLIENT_EXISTING, &r, &code, e);
	return rc < 0 ? rc : rc == REQUEST_NO_SUPERVISOR ? 0 : code;
}

/* What reaches processes as they are needs no plan: each that has one. */
static void say_reached(const struct target *t, const char *verb)
{
	vec_each(s, &t->containers) {
		if (target_is_up(s))
			printf("%s container %s\n", verb, s->name);
	}
}

static bool is_reach(const char *verb)
{
	return !strcmp(verb, "kill") || !strcmp(verb, "pause") || !strcmp(verb, "unpause");
}

/* One request per project that the words belong to (docker's verbs may name several). */
static int send_all(struct cli *c, int argc, char **argv, json_t *msg, const char *title,
		    struct err *e)
{
	auto_json *hold __attribute__((unused)) = msg; /* clang counts its end as no use */
	struct targets ts;
	int code = target_find_active(c, argc, argv, &ts, e);

	if (code < 0)
		return code;
	vec_each(t, &ts) {
		const char *verb = json_string_or(msg, "do", "");
		int r = 0;

		if (!argc && !t->containers.n)
			continue;
		if (c->global.dry_run && is_reach(verb))
			say_reached(t, verb);
		else
			r = send(c, t, json_deep_copy(msg), title, e);
		if (r < 0)
			return r;
		code = r ? r : code;
	}
	return code;
}

struct stop {
	int timeout;
	bool no_deps;
};

static int stop_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct stop *s = opts;
	json_t *msg = json_pack("{s:s}", "do", "stop");

	request_timeout(msg, s->timeout);
	return send_all(c, argc, argv, msg, "Stopping", e);
}

static int restart_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct stop *s = opts;
	json_t *msg = json_pack("{s:s, s:b}", "do", "restart", "no_deps", s->no_deps);

	request_timeout(msg, s->timeout);
	return send_all(c, argc, argv, msg, "Restarting", e);
}

/* clang-format off */
static const struct opt stop_opts[] = {
	{'t', "timeout", OPT_INT,  offsetof(struct stop, timeout), "SECONDS", "time to end by itself before it is killed"},
	{0,   "time", OPT_INT,  offsetof(struct stop, timeout), "SECONDS", NULL},
	{0},
};
static const struct opt restart_opts[] = {
	{'t', "timeout", OPT_INT,  offsetof(struct stop, timeout), "SECONDS", "time to end by itself before it is killed"},
	{0,   "no-deps", OPT_FLAG, offsetof(struct stop, no_deps), NULL,      "leave services with depends_on restart: true alone"},
	{0},
};
/* clang-format on */

static const struct stop stop_defaults = {.timeout = -1};

const struct command stop_command = {
	.name = "stop",
	.args = "[SERVICE...]",
	.brief = "Stop containers, in reverse order of dependency",
	.opts = stop_opts,
	.size = sizeof(struct stop),
	.defaults = &stop_defaults,
	.max = -1,
	.run = stop_run,
	PROJECTS,
};

const struct command restart_command = {
	.name = "restart",
	.args = "[SERVICE...]",
	.brief = "Stop and start the same containers; changes of the file wait for up",
	.opts = restart_opts,
	.size = sizeof(struct stop),
	.defaults = &stop_defaults,
	.max = -1,
	.run = restart_run,
	PROJECTS,
};

struct start {
	bool wait;
	int wait_timeout;
};

/* start makes no containers: that is up's work. */
static int must_have_containers(struct cli *c, int argc, char **argv, struct err *e)
{
	struct targets ts;
	int r = target_find_active(c, argc, argv, &ts, e);

	if (r < 0)
		return r;
	vec_each(t, &ts) {
		if (t->containers.n)
			continue;
		if (t->services.n)
			err_set(e, ENOENT, "service \"%s\" has no container to start",
				t->services.v[0]);
		else
			err_set(e, ENOENT, "project \"%s\" has no container to start", t->project);
		return err_hint(e, "berth up -d makes them");
	}
	return 0;
}

static int start_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct start *s = opts;
	json_t *msg = json_pack("{s:s, s:b}", "do", "start", "wait", s->wait);
	int r;

	if (s->wait_timeout)
		json_object_set_new(msg, "wait_timeout_ns",
				    json_integer(s->wait_timeout * INT64_C(1000000000)));
	r = must_have_containers(c, argc, argv, e);
	if (r < 0) {
		json_decref(msg);
		return r;
	}
	return send_all(c, argc, argv, msg, "Starting", e);
}

/* clang-format off */
static const struct opt start_opts[] = {
	{0, "wait",         OPT_FLAG, offsetof(struct start, wait),         NULL,      "return when all are running or healthy"},
	{0, "wait-timeout", OPT_INT,  offsetof(struct start, wait_timeout), "SECONDS", "at most so long"},
	{0},
};
/* clang-format on */

const struct command start_command = {
	.name = "start",
	.args = "[SERVICE...]",
	.brief = "Start containers that exist",
	.opts = start_opts,
	.size = sizeof(struct start),
	.max = -1,
	.run = start_run,
	PROJECTS,
};

struct kill {
	const char *signal;
	bool remove_orphans;
};

static int kill_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct kill *k = opts;
	json_t *msg = json_pack("{s:s, s:s, s:b}", "do", "kill", "signal", k->signal,
				"remove_orphans", k->remove_orphans);

	return send_all(c, argc, argv, msg, "Killing", e);
}

/* clang-format off */
static const struct opt kill_opts[] = {
	{'s', "signal",         OPT_STR,  offsetof(struct kill, signal),         "SIGNAL", "the signal to send; SIGKILL where not given"},
	{0,   "remove-orphans", OPT_FLAG, offsetof(struct kill, remove_orphans), NULL,     "containers of vanished services too"},
	{0},
};
/* clang-format on */

const struct command kill_command = {
	.name = "kill",
	.args = "[SERVICE...]",
	.brief = "Send a signal to containers",
	.opts = kill_opts,
	.size = sizeof(struct kill),
	.defaults = &(const struct kill){.signal = "SIGKILL"},
	.max = -1,
	.run = kill_run,
	PROJECTS,
};

/* As docker has it: what is frozen cannot be frozen again, nor let go what is not. */
static int check_paused(struct cli *c, int argc, char **argv, bool want, struct err *e)
{
	struct targets ts;
	int r = target_find_active(c, argc, argv, &ts, e);

	if (r < 0)
		return r;
	vec_each(t, &ts) {
		vec_each(s, &t->containers) {
			if (target_is_up(s) && (s->state == STATE_PAUSED) != want)
				return err_set(e, EINVAL, "container %s is %s", s->name,
					       want ? "not paused" : "already paused");
		}
	}
	return 0;
}

static int pause_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	int r = check_paused(c, argc, argv, false, e);

	return r < 0 ? r : send_all(c, argc, argv, json_pack("{s:s}", "do", "pause"), "Pausing", e);
}

static int unpause_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	int r = check_paused(c, argc, argv, true, e);

	return r < 0 ? r
		     : send_all(c, argc, argv, json_pack("{s:s}", "do", "unpause"), "Resuming", e);
}

const struct command pause_command = {
	.name = "pause",
	.args = "[SERVICE...]",
	.brief = "Freeze all processes of containers",
	.max = -1,
	.run = pause_run,
	PROJECTS,
};

const struct command unpause_command = {
	.name = "unpause",
	.args = "[SERVICE...]",
	.brief = "Let frozen containers go on",
	.max = -1,
	.run = unpause_run,
	PROJECTS,
};

struct rm {
	bool force, stop, volumes, all;
};

/* Names of what rm would remove, for the question. */
static int list_removable(struct cli *c, const struct targets *ts, bool stop, struct buf *names,
			  struct err *e)
{
	vec_each(t, ts) {
		vec_each(s, &t->containers) {
			bool up = s->state == STATE_RUNNING || s->state == STATE_PAUSED ||
				  s->state == STATE_RESTARTING || s->state == STATE_STARTING;

			if (s->one_off || (up && !stop))
				continue;
			buf_printf(names, "%s%s", names->n ? ", " : "", s->name);
		}
	}
	return 0;
}

/* The project of an image that was run by itself ends with its container. */
static int end_adhoc(struct cli *c, const struct targets *ts, struct err *e)
{
	vec_each(t, ts) {
		struct request r = {
			.msg = json_pack("{s:s}", "do", "down"), .title = "", .quiet = true};
		int code, rc;

		if (!t->names.n || !text_starts(t->project, "run-")) {
			json_decref(r.msg);
			continue;
		}
		rc = request_send(c, t->project, CLIENT_EXISTING, &r, &code, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int rm_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct rm *rm = opts;
	auto_buf names = {0};
	struct targets ts;
	int r = target_find_active(c, argc, argv, &ts, e);

	if (r < 0)
		return r;
	r = list_removable(c, &ts, rm->stop || (rm->force && c->world == WORLD_DOCKER), &names, e);
	if (r < 0)
		return r;
	if (!names.n && c->world != WORLD_DOCKER) {
		fprintf(stderr, "No stopped containers\n");
		return 0;
	}
	if (!rm->force && c->world != WORLD_DOCKER &&
	    !cli_confirm(c, arena_printf(&c->arena, "Going to remove %s. Are you sure?", names.p)))
		return !feof(stdin)
			       ? 0
			       : err_hint((err_set(e, EPERM, "nothing removed: nobody to ask"), e),
					  "berth rm --force asks nobody");
	if (rm->force && c->world != WORLD_DOCKER)
		printf("Going to remove %s\n", names.p);
	r = send_all(c, argc, argv,
		     json_pack("{s:s, s:b, s:b}", "do", "rm", "stop",
			       rm->stop || (rm->force && c->world == WORLD_DOCKER), "volumes",
			       rm->volumes),
		     "Removing", e);
	return r ? r : end_adhoc(c, &ts, e);
}

/* clang-format off */
static const struct opt rm_opts[] = {
	{'f', "force",   OPT_FLAG, offsetof(struct rm, force),   NULL, "ask nobody"},
	{'s', "stop",    OPT_FLAG, offsetof(struct rm, stop),    NULL, "stop them first"},
	{'v', "volumes", OPT_FLAG, offsetof(struct rm, volumes), NULL, "their anonymous volumes too"},
	{'a', "all",     OPT_FLAG, offsetof(struct rm, all),     NULL, NULL},
	{0},
};
/* clang-format on */

const struct command rm_command = {
	.name = "rm",
	.args = "[SERVICE...]",
	.brief = "Remove stopped containers",
	.opts = rm_opts,
	.size = sizeof(struct rm),
	.max = -1,
	.run = rm_run,
	PROJECTS,
};

struct wait {
	bool down;
};

struct waiting {
	struct cli *cli;
	const struct statuses *containers;
	bool first; /* only the first end is waited for */
	bool ended;
	int code;
};

static int take_down(struct cli *c, const char *project, int *code, struct err *e)
{
	struct request q = {.msg = json_pack("{s:s, s:b}", "do", "down", "remove_orphans", 1),
			    .title = "Stopping"};
	int failed = 0, r = request_send(c, project, CLIENT_EXISTING, &q, &failed, e);

	if (failed)
		*code = failed;
	return r < 0 ? r : 0;
}

static const char *id_of(const struct waiting *w, const char *name)
{
	vec_each(s, w->containers) {
		if (s->id && !strcmp(s->name, name))
			return s->id;
	}
	return name;
}

static int print_exit(void *arg, const json_t *msg)
{
	struct waiting *w = arg;
	struct cli *c = w->cli;

	if (strcmp(json_string_or(msg, "event", ""), "exited"))
		return 0;
	if (c->world == WORLD_DOCKER)
		printf("%lld\n", (long long)json_int_or(msg, "code", 0));
	else
		printf("container \"%s\" exited with status code %lld\n",
		       id_of(w, json_string_or(msg, "name", "?")),
		       (long long)json_int_or(msg, "code", 0));
	fflush(stdout);
	w->ended = true;
	w->code = (int)json_int_or(msg, "code", 0);
	return w->first ? -ECANCELED : 1;
}

static int wait_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct wait *w = opts;
	struct targets ts;
	int code = 0, r = target_find(c, argc, argv, &ts, e);

	if (r < 0)
		return r;
	vec_each(t, &ts) {
		struct waiting each = {.cli = c,
				       .containers = &t->containers,
				       .first = w->down && !c->global.dry_run};
		struct request q = {.msg = json_pack("{s:s}", "do", "wait"),
				    .title = "Waiting",
				    .each = print_exit,
				    .arg = &each};

		target_put(t, q.msg);
		r = request_send(c, t->project, CLIENT_EXISTING, &q, &code, e);
		if (each.first && each.ended) {
			code = each.code;
			r = take_down(c, t->project, &code, e);
		}
		if (r < 0)
			return r;
		if (r == REQUEST_NO_SUPERVISOR)
			return err_set(e, ENOENT, "no containers for project \"%s\"", t->project);
	}
	return c->world == WORLD_DOCKER ? 0 : code;
}

/* clang-format off */
static const struct opt wait_opts[] = {
	{0, "down-project", OPT_FLAG, offsetof(struct wait, down), NULL, "take the project down when the first one stops"},
	{0},
};
/* clang-format on */

const struct command wait_command = {
	.name = "wait",
	.args = "SERVICE...",
	.brief = "Wait until services stop; the exit code is theirs",
	.opts = wait_opts,
	.size = sizeof(struct wait),
	.min = 1,
	.max = -1,
	.run = wait_run,
	PROJECTS,
};
