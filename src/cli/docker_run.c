/*
 * docker's `run`: its flags become the one service of a compose file (cli/adhoc), so that they are
 * checked and decided where a file's attributes are.
 */
#include "base/vec.h"
#include "cli/adhoc.h"
#include "cli/request.h"
#include "cli/run_session.h"
#include "cli/up.h"
#include "cli/words.h"
#include "supervise/status.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

struct docker_run {
	bool detach, interactive, tty, rm, init, read_only, privileged;
	const char *name, *entrypoint, *network, *workdir, *user, *restart, *hostname, *memory,
		*cpus;
	const char *pids, *shm_size, *stop_signal, *platform, *pull, *log_driver;
	struct strings env, env_files, volumes, publish, labels, cap_add, cap_drop, security_opt;
	struct strings tmpfs, devices, dns, hosts, group_add;
	int stop_timeout;
};

static void put_list(json_t *service, const char *key, const struct strings *words)
{
	json_t *list = json_array();

	vec_each(w, words)
		json_array_append_new(list, json_string(*w));
	if (words->n)
		json_object_set_new(service, key, list);
	else
		json_decref(list);
}

static void put_lists(struct cli *c, const struct docker_run *o, json_t *service)
{
	struct strings volumes = {0};
	const struct {
		const char *key;
		const struct strings *words;
	} rows[] = {
		{"environment", &o->env},
		{"volumes", &volumes},
		{"ports", &o->publish},
		{"labels", &o->labels},
		{"cap_add", &o->cap_add},
		{"cap_drop", &o->cap_drop},
		{"security_opt", &o->security_opt},
		{"tmpfs", &o->tmpfs},
		{"devices", &o->devices},
		{"dns", &o->dns},
		{"extra_hosts", &o->hosts},
		{"group_add", &o->group_add},
	};

	vec_each(v, &o->volumes)
		*vec_push(&c->arena, &volumes) = words_volume(&c->arena, *v);
	for (size_t i = 0; i < countof(rows); i++)
		put_list(service, rows[i].key, rows[i].words);
}

static void put_words(const struct docker_run *o, json_t *service)
{
	const struct {
		const char *key, *value;
	} rows[] = {
		{"working_dir", o->workdir},     {"user", o->user},
		{"restart", o->restart},         {"hostname", o->hostname},
		{"mem_limit", o->memory},        {"cpus", o->cpus},
		{"pids_limit", o->pids},         {"shm_size", o->shm_size},
		{"stop_signal", o->stop_signal}, {"platform", o->platform},
		{"pull_policy", o->pull},
	};
	const struct {
		const char *key;
		bool on;
	} flags[] = {
		{"init", o->init}, {"read_only", o->read_only},    {"privileged", o->privileged},
		{"tty", o->tty},   {"stdin_open", o->interactive},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		if (rows[i].value)
			json_object_set_new(service, rows[i].key, json_string(rows[i].value));
	}
	for (size_t i = 0; i < countof(flags); i++) {
		if (flags[i].on)
			json_object_set_new(service, flags[i].key, json_true());
	}
	if (o->log_driver)
		json_object_set_new(service, "logging",
				    json_pack("{s:s}", "driver", o->log_driver));
}

/* none, host and container:x are modes; any other name is a network that exists. */
static void put_network(const struct docker_run *o, json_t *service, json_t *top)
{
	const char *n = o->network;

	if (!n || !strcmp(n, "bridge") || !strcmp(n, "default"))
		return;
	if (!strcmp(n, "none") || !strcmp(n, "host") || text_starts(n, "container:")) {
		json_object_set_new(service, "network_mode", json_string(n));
		return;
	}
	json_object_set_new(service, "networks", json_pack("[s]", n));
	json_object_set_new(top, "networks", json_pack("{s:{s:b}}", n, "external", 1));
}

static int fill(struct cli *c, struct docker_run *o, int argc, char **argv, json_t *service,
		json_t *top, struct err *e)
{
	struct strings env = {0}, command = {(const char **)argv + 1, (size_t)argc - 1, 0};

	vec_each(f, &o->env_files) {
		int r = words_env_file(&c->arena, *f, &env, e);

		if (r < 0)
			return r;
	}
	vec_each(w, &o->env)
		*vec_push(&c->arena, &env) = *w;
	o->env = env;
	put_lists(c, o, service);
	put_words(o, service);
	put_network(o, service, top);
	put_list(service, "command", &command);
	if (o->entrypoint)
		json_object_set_new(service, "entrypoint", json_pack("[s]", o->entrypoint));
	if (o->stop_timeout >= 0)
		json_object_set_new(service, "stop_grace_period",
				    json_string(arena_printf(&c->arena, "%ds", o->stop_timeout)));
	return 0;
}

/* With -d it is a service like any other, restart policy and all. */
static int run_detached(struct cli *c, const struct adhoc *a, struct err *e)
{
	struct request r = {.msg = request_new("up", 0, NULL), .title = "Running", .quiet = true};
	struct status st;
	int code = 0, rc = request_send(c, a->project->name, CLIENT_START, &r, &code, e);

	if (rc < 0 || code)
		return rc < 0 ? rc : code;
	rc = status_read_one(&c->arena, a->project->name, a->container, &st, e);
	if (rc < 0)
		return rc;
	puts(st.id);
	return 0;
}

static int run_attached(struct cli *c, const struct docker_run *o, struct adhoc *a, struct err *e)
{
	struct run_session s = {.project = a->project->name,
				.quiet = true,
				.tty = o->tty && isatty(STDIN_FILENO),
				.no_stdin = !o->interactive};
	int r;

	s.msg = json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:b}", "do", "run", "service", a->service,
			  "name", a->container, "rm", o->rm, "interactive", o->interactive,
			  "service_ports", 1, "use_aliases", 1);
	r = run_session(c, &s, e);
	return o->rm || r < 0 ? adhoc_end(c, a, r) : r;
}

static int docker_run_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct docker_run *o = opts;
	auto_json *service = json_object(), *top = json_object();
	struct adhoc a = {.image = argv[0],
			  .name = o->name,
			  .rm = o->rm,
			  .service_extra = service,
			  .top_extra = top};
	struct images_options images = {0};
	int r;

	if (o->detach && o->rm)
		return err_set(e, EINVAL, "--detach and --rm together are not supported");
	r = fill(c, o, argc, argv, service, top, e);
	if (r >= 0)
		r = adhoc_project(c, &a, e);
	if (r >= 0)
		r = up_prepare(c, &(struct strings){.v = &a.service, .n = 1}, &images, &a.project,
			       e);
	if (a.file)
		(void)!unlink(a.file); /* the saved definition is what counts from here on */
	if (r < 0) {
		c->bad_usage = true; /* docker: 125, it never ran */
		return r;
	}
	return o->detach ? run_detached(c, &a, e) : run_attached(c, o, &a, e);
}

#define D(field) offsetof(struct docker_run, field)

/* clang-format off */
static const struct opt docker_run_opts[] = {
	{'d', "detach",       OPT_FLAG, D(detach),       NULL,      "print the container's id and return"},
	{'i', "interactive",  OPT_FLAG, D(interactive),  NULL,      "pass standard input on"},
	{'t', "tty",          OPT_FLAG, D(tty),          NULL,      "with a terminal"},
	{0,   "rm",           OPT_FLAG, D(rm),           NULL,      "remove it when it has ended"},
	{0,   "name",         OPT_STR,  D(name),         "NAME",    "name of the container"},
	{'e', "env",          OPT_LIST, D(env),          "K=V",     "a variable; K alone passes ours on"},
	{0,   "env-file",     OPT_LIST, D(env_files),    "PATH",    "variables, one K=V a line"},
	{'v', "volume",       OPT_LIST, D(volumes),      "SOURCE:TARGET", "a mount"},
	{'p', "publish",      OPT_LIST, D(publish),      "HOST:PORT", "publish a port"},
	{0,   "network",      OPT_STR,  D(network),      "NETWORK", "none, host, container:NAME, or a network that exists"},
	{0,   "net",          OPT_STR,  D(network),      "NETWORK", NULL},
	{'w', "workdir",      OPT_STR,  D(workdir),      "DIR",     "start in this directory"},
	{'u', "user",         OPT_STR,  D(user),         "USER",    "as this user, or user:group"},
	{0,   "entrypoint",   OPT_STR,  D(entrypoint),   "COMMAND", "instead of the image's"},
	{0,   "restart",      OPT_STR,  D(restart),      "POLICY",  "no, always, on-failure[:N], unless-stopped"},
	{'h', "hostname",     OPT_STR,  D(hostname),     "NAME",    "host name inside"},
	{'m', "memory",       OPT_STR,  D(memory),       "BYTES",   "memory limit"},
	{0,   "cpus",         OPT_STR,  D(cpus),         "N",       "processors"},
	{0,   "pids-limit",   OPT_STR,  D(pids),         "N",       "number of processes"},
	{0,   "shm-size",     OPT_STR,  D(shm_size),     "BYTES",   "size of /dev/shm"},
	{0,   "cap-add",      OPT_LIST, D(cap_add),      "CAP",     "a further capability"},
	{0,   "cap-drop",     OPT_LIST, D(cap_drop),     "CAP",     "one capability less"},
	{0,   "security-opt", OPT_LIST, D(security_opt), "OPTION",  "no-new-privileges, seccomp=..., ..."},
	{0,   "privileged",   OPT_FLAG, D(privileged),   NULL,      "all rights"},
	{0,   "read-only",    OPT_FLAG, D(read_only),    NULL,      "a root that cannot be written"},
	{0,   "tmpfs",        OPT_LIST, D(tmpfs),        "DIR",     "a directory in memory"},
	{0,   "device",       OPT_LIST, D(devices),      "PATH",    "a device of the host"},
	{0,   "init",         OPT_FLAG, D(init),         NULL,      "a first process that reaps"},
	{0,   "dns",          OPT_LIST, D(dns),          "IP",      "a DNS server"},
	{0,   "add-host",     OPT_LIST, D(hosts),        "NAME:IP", "a line of /etc/hosts"},
	{0,   "group-add",    OPT_LIST, D(group_add),    "GROUP",   "a further group"},
	{'l', "label",        OPT_LIST, D(labels),       "K=V",     "a label"},
	{0,   "log-driver",   OPT_STR,  D(log_driver),   "DRIVER",  "where its lines go"},
	{0,   "stop-signal",  OPT_STR,  D(stop_signal),  "SIGNAL",  "what stops it"},
	{0,   "stop-timeout", OPT_INT,  D(stop_timeout), "SECONDS", "then it is killed"},
	{0,   "platform",     OPT_STR,  D(platform),     "OS/ARCH", "of the image"},
	{0,   "pull",         OPT_WORD, D(pull),         "always|missing|never", "when to pull the image"},
	{0},
};
/* clang-format on */

const struct command docker_run_command = {
	.name = "run",
	.args = "IMAGE [COMMAND] [ARG...]",
	.brief = "Run a command in a new container of an image",
	.opts = docker_run_opts,
	.size = sizeof(struct docker_run),
	.defaults = &(const struct docker_run){.stop_timeout = -1},
	.min = 1,
	.max = -1,
	.words_end_options = true,
	.run = docker_run_run,
	.group = GROUP_PROJECT,
	.world = WORLD_DOCKER,
	.unplanned = true,
};
