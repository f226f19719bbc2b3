/* up, create, scale, down. */
#include "cli/up.h"
#include "base/vec.h"
#include "base/when.h"
#include "cli/complain.h"
#include "cli/follow.h"
#include "cli/timeline.h"
#include "cli/watch.h"
#include <errno.h>
#include <string.h>

struct up {
	bool detach, wait, force_recreate, no_recreate, always_recreate_deps, no_start;
	bool renew_anon, remove_orphans, abort_on_exit, abort_on_failure, attach_dependencies;
	bool no_color, no_prefix, timestamps, yes, rolling, menu, watch, timeline;
	int timeout, wait_timeout;
	const char *exit_code_from;
	struct strings scale, attach, no_attach;
	struct images_options images;
};

static int check_conflicts(const struct up *u, struct err *e)
{
	bool attached_only = u->abort_on_exit || u->abort_on_failure || u->exit_code_from ||
			     u->attach.n || u->attach_dependencies;
	bool detached = u->detach || u->wait;
	const struct {
		bool both;
		const char *text;
	} rows[] = {
		{detached && attached_only, "--detach or --wait cannot be combined with --abort-on-"
					    "container-exit, --abort-on-container-failure, "
					    "--exit-code-from or --attach"},
		{detached && u->watch, "--detach or --wait cannot be combined with --watch"},
		{u->force_recreate && u->no_recreate,
		 "--force-recreate and --no-recreate are incompatible"},
		{u->no_recreate && u->renew_anon,
		 "--no-recreate and --renew-anon-volumes are incompatible"},
		{u->no_recreate && u->always_recreate_deps,
		 "--no-recreate and --always-recreate-deps are incompatible"},
		{u->images.build && u->images.no_build, "--build and --no-build are incompatible"},
		{u->abort_on_exit && u->abort_on_failure,
		 "--abort-on-container-exit and --abort-on-container-failure are incompatible"},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		if (rows[i].both)
			return err_set(e, EINVAL, "%s", rows[i].text);
	}
	return 0;
}

static bool removes_orphans(const struct up *u)
{
	return u->remove_orphans || cli_env_bool("COMPOSE_REMOVE_ORPHANS");
}

static json_t *up_message(const struct up *u, int argc, char **argv)
{
	json_t *msg = request_new("up", argc, argv);
	const struct {
		const char *key;
		bool on;
	} rows[] = {
		{"force_recreate", u->force_recreate || u->renew_anon},
		{"no_recreate", u->no_recreate},
		{"no_start", u->no_start},
		{"no_deps", u->images.no_deps},
		{"always_recreate_deps", u->always_recreate_deps},
		{"remove_orphans", removes_orphans(u)},
		{"renew_anon_volumes", u->renew_anon},
		{"wait", u->wait},
		{"rolling", u->rolling},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		if (rows[i].on)
			json_object_set_new(msg, rows[i].key, json_true());
	}
	if (u->wait_timeout)
		json_object_set_new(msg, "wait_timeout_ns",
				    json_integer(u->wait_timeout * NS_PER_SEC));
	request_timeout(msg, u->timeout);
	return msg;
}

/* The services whose lines are shown: the named ones, or all, less those that asked not to be. */
static void attached(struct cli *c, const struct up *u, const struct project *p, int argc,
		     char **argv, struct strings *out)
{
	struct strings named = {(const char **)argv, (size_t)argc, 0}, all;

	*out = (struct strings){0};
	services_wanted(c, p, u->attach.n ? &u->attach : &named,
			!u->attach_dependencies && (u->attach.n || argc), &all);
	vec_each(name, &all) {
		const struct service *s = project_service(p, *name);

		if (!s || strings_have(&u->no_attach, *name) || (!s->attach && !u->attach.n))
			continue;
		*vec_push(&c->arena, out) = *name;
	}
}

/* Created first, watched by the eye; then started, with the logs on the screen. */
static int up_attached(struct cli *c, const struct up *u, struct project *p, json_t *msg, int argc,
		       char **argv, struct err *e)
{
	struct request create = {.msg = json_deep_copy(msg), .title = "Running"};
	struct follow f = {.project = p,
			   .named = {(const char **)argv, (size_t)argc, 0},
			   .start = msg,
			   .timeout = u->timeout,
			   .abort_on_exit = u->abort_on_exit || u->exit_code_from,
			   .abort_on_failure = u->abort_on_failure,
			   .exit_code_from = u->exit_code_from,
			   .timeline = u->timeline,
			   .style = {.colour = c->colour_out && !u->no_color,
				     .prefix = !u->no_prefix,
				     .timestamps = u->timestamps}};
	struct watching w = {.prune = true, .quiet = u->images.quiet_build};
	int code, r = u->watch ? watch_plan(c, p, &f.named, &w, e) : 0;

	if (r < 0) {
		json_decref(msg);
		json_decref(create.msg);
		return r;
	}
	f.watching = u->watch ? &w : NULL;
	json_object_set_new(create.msg, "no_start", json_true());
	json_object_set_new(create.msg, "will_start", json_true());
	r = request_send(c, p->name, CLIENT_START, &create, &code, e);
	if (r < 0 || code) {
		json_decref(msg);
		return r < 0 ? r : code;
	}
	json_object_del(msg, "force_recreate");
	json_object_del(msg, "renew_anon_volumes");
	json_object_del(msg, "always_recreate_deps");
	attached(c, u, p, argc, argv, &f.services);
	return follow_run(c, &f, e);
}

static int check_attach(struct cli *c, const struct up *u, const struct project *p,
			const struct strings *named, struct err *e)
{
	struct strings all;

	services_wanted(c, p, named, false, &all);
	vec_each(name, &u->attach) {
		if (!strings_have(&all, *name))
			return err_set(e, EINVAL,
				       "cannot attach to services not included in up: %s", *name);
	}
	return 0;
}

static int up_detached(struct cli *c, const struct project *p, json_t *msg, struct err *e)
{
	struct request r = {.msg = msg, .title = "Running"};
	int code = 0, rc = request_send(c, p->name, CLIENT_START, &r, &code, e);

	return rc < 0 ? rc : code;
}

static int up_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct up *u = opts;
	struct strings named = {(const char **)argv, (size_t)argc, 0};
	struct project *p;
	json_t *msg;
	int r = check_conflicts(u, e);

	if (r >= 0)
		r = up_prepare(c, &named, &u->images, &p, e);
	if (r < 0)
		return r;
	if (u->menu)
		complain_warning(stderr,
				 "--menu has no effect: Ctrl-C stops, -d goes on without you",
				 c->colour_err);
	if (!p->services.n)
		return err_set(e, ENOENT, "no service selected");
	if (u->exit_code_from && !project_service(p, u->exit_code_from))
		return err_set(e, ENOENT, "no such service: %s", u->exit_code_from);
	if (check_attach(c, u, p, &named, e) < 0)
		return -e->code;
	msg = up_message(u, argc, argv);
	up_secrets(p, msg);
	r = up_scale(c, p, &u->scale, msg, e);
	if (r < 0) {
		json_decref(msg);
		return r;
	}
	if (u->detach || u->wait || u->no_start || c->global.dry_run) {
		r = up_detached(c, p, msg, e);
		return r || !u->timeline || c->global.dry_run ? r : timeline_print(c, p->name, e);
	}
	return up_attached(c, u, p, msg, argc, argv, e);
}

#define U(field) offsetof(struct up, field)

/* clang-format off */
static const struct opt up_opts[] = {
	{'d', "detach",         OPT_FLAG, U(detach),             NULL,      "return when everything is started"},
	{0,   "wait",           OPT_FLAG, U(wait),               NULL,      "return when all services are running or healthy; implies -d"},
	{0,   "wait-timeout",   OPT_INT,  U(wait_timeout),       "SECONDS", "at most so long"},
	{0,   "build",          OPT_FLAG, U(images.build),       NULL,      "build images first"},
	{0,   "no-build",       OPT_FLAG, U(images.no_build),    NULL,      "never build"},
	{0,   "pull",           OPT_WORD, U(images.pull),        "always|missing|never", "when to pull images"},
	{0,   "quiet-pull",     OPT_FLAG, U(images.quiet_pull),  NULL,      "pull without a word"},
	{0,   "quiet-build",    OPT_FLAG, U(images.quiet_build), NULL,      "build without a word"},
	{0,   "force-recreate", OPT_FLAG, U(force_recreate),     NULL,      "new containers even where nothing changed"},
	{0,   "no-recreate",    OPT_FLAG, U(no_recreate),        NULL,      "keep containers that exist, changed or not"},
	{0,   "always-recreate-deps", OPT_FLAG, U(always_recreate_deps), NULL, "new containers for dependencies too"},
	{'V', "renew-anon-volumes", OPT_FLAG, U(renew_anon),     NULL,      "new containers, with new anonymous volumes"},
	{0,   "no-start",       OPT_FLAG, U(no_start),           NULL,      "create, but do not start"},
	{0,   "no-deps",        OPT_FLAG, U(images.no_deps),     NULL,      "leave dependencies alone"},
	{0,   "scale",          OPT_LIST, U(scale),              "SERVICE=N", "number of replicas, instead of the file's"},
	{0,   "remove-orphans", OPT_FLAG, U(remove_orphans),     NULL,      "remove containers of services that left the file"},
	{'t', "timeout",        OPT_INT,  U(timeout),            "SECONDS", "time to stop before a container is killed"},
	{0,   "abort-on-container-exit",    OPT_FLAG, U(abort_on_exit),    NULL, "stop all when one exits; the exit code is its"},
	{0,   "abort-on-container-failure", OPT_FLAG, U(abort_on_failure), NULL, "the same, but only when it fails"},
	{0,   "exit-code-from", OPT_STR,  U(exit_code_from),     "SERVICE", "exit as this service does; implies --abort-on-container-exit"},
	{0,   "attach",         OPT_LIST, U(attach),             "SERVICE", "show only these services"},
	{0,   "no-attach",      OPT_LIST, U(no_attach),          "SERVICE", "do not show these"},
	{0,   "attach-dependencies", OPT_FLAG, U(attach_dependencies), NULL, "show dependencies of the named services too"},
	{0,   "no-color",       OPT_FLAG, U(no_color),           NULL,      "no colours"},
	{0,   "no-log-prefix",  OPT_FLAG, U(no_prefix),          NULL,      "log lines alone"},
	{0,   "timestamps",     OPT_FLAG, U(timestamps),         NULL,      "when each line was written"},
	{0,   "rolling",        OPT_FLAG, U(rolling),            NULL,      "replace replicas one after the other, each when its successor is ready"},
	{'w', "watch",          OPT_FLAG, U(watch),              NULL,      "act upon changes of files too, as berth watch does"},
	{0,   "timeline",       OPT_FLAG, U(timeline),           NULL,      "then show who waited for whom, and the critical path"},
	{0,   "menu",           OPT_FLAG, U(menu),               NULL,      "no effect: there are no key shortcuts"},
	{'y', "yes",            OPT_FLAG, U(yes),                NULL,      "yes to every question (up has none)"},
	{0},
};
/* clang-format on */

const struct command up_command = {
	.name = "up",
	.args = "[SERVICE...]",
	.brief = "Create and start containers",
	.more = "Pulls missing images, creates networks, volumes and containers, recreates "
		"exactly\n"
		"what changed, starts in order of dependency. Without -d it shows the logs until\n"
		"Ctrl-C, which stops everything; a second Ctrl-C kills.",
	.opts = up_opts,
	.size = sizeof(struct up),
	.defaults = &(const struct up){.timeout = -1},
	.max = -1,
	.run = up_run,
	.group = GROUP_PROJECT,
	.reads = READS_ALL,
};

static int create_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct up *u = opts;

	u->no_start = true;
	return up_run(c, u, argc, argv, e);
}

/* clang-format off */
static const struct opt create_opts[] = {
	{0,   "build",          OPT_FLAG, U(images.build),       NULL,        "build images first"},
	{0,   "no-build",       OPT_FLAG, U(images.no_build),    NULL,        "never build"},
	{0,   "pull",           OPT_WORD, U(images.pull),        "always|missing|never|build", "when to pull images"},
	{0,   "quiet-pull",     OPT_FLAG, U(images.quiet_pull),  NULL,        "pull without a word"},
	{0,   "force-recreate", OPT_FLAG, U(force_recreate),     NULL,        "new containers even where nothing changed"},
	{0,   "no-recreate",    OPT_FLAG, U(no_recreate),        NULL,        "keep containers that exist, changed or not"},
	{0,   "scale",          OPT_LIST, U(scale),              "SERVICE=N", "number of replicas, instead of the file's"},
	{0,   "remove-orphans", OPT_FLAG, U(remove_orphans),     NULL,        "remove containers of services that left the file"},
	{'y', "yes",            OPT_FLAG, U(yes),                NULL,        "yes to every question (create has none)"},
	{0},
};
/* clang-format on */

const struct command create_command = {
	.name = "create",
	.args = "[SERVICE...]",
	.brief = "Create containers without starting them",
	.opts = create_opts,
	.size = sizeof(struct up),
	.defaults = &(const struct up){.timeout = -1},
	.max = -1,
	.run = create_run,
	.group = GROUP_PROJECT,
	.world = WORLD_COMPOSE,
	.reads = READS_ALL,
};

static int scale_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct up *u = opts;
	struct strings words = {(const char **)argv, (size_t)argc, 0}, named = {0};
	struct request r = {.title = "Scaling"};
	struct project *p;
	int code = 0, rc;

	for (int i = 0; i < argc; i++)
		*vec_push(&c->arena, &named) =
			arena_strndup(&c->arena, argv[i], strcspn(argv[i], "="));
	rc = up_prepare(c, &named, &u->images, &p, e);
	if (rc < 0)
		return rc;
	r.msg = json_pack("{s:s, s:b}", "do", "scale", "no_deps", u->images.no_deps);
	up_secrets(p, r.msg);
	rc = up_scale(c, p, &words, r.msg, e);
	if (rc < 0) {
		json_decref(r.msg);
		return rc;
	}
	rc = request_send(c, p->name, CLIENT_START, &r, &code, e);
	return rc < 0 ? rc : code;
}

/* clang-format off */
static const struct opt scale_opts[] = {
	{0, "no-deps", OPT_FLAG, U(images.no_deps), NULL, "leave dependencies alone"},
	{0},
};
/* clang-format on */

const struct command scale_command = {
	.name = "scale",
	.args = "SERVICE=N...",
	.brief = "Set the number of replicas",
	.opts = scale_opts,
	.size = sizeof(struct up),
	.min = 1,
	.max = -1,
	.run = scale_run,
	.group = GROUP_PROJECT,
	.world = WORLD_COMPOSE,
	.reads = READS_ALL,
};
