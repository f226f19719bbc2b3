/* run: a one-off container of a service, or of an image where no service has that name. */
#include "base/vec.h"
#include "cli/adhoc.h"
#include "cli/run_session.h"
#include "cli/terminal.h"
#include "cli/up.h"
#include "cli/words.h"
#include <errno.h>
#include <string.h>

struct run {
	bool detach, no_tty, tty, interactive, rm, service_ports, use_aliases, quiet,
		remove_orphans, project_too;
	const char *entrypoint, *name, *user, *workdir;
	struct strings env, env_files, labels, publish, volumes, cap_add, cap_drop;
	struct images_options images;
};

static json_t *array_of(const struct strings *s)
{
	json_t *out = json_array();

	vec_each(w, s)
		json_array_append_new(out, json_string(*w));
	return out;
}

/* K=V, or K from the project's environment; unknown ones are dropped. */
static json_t *env_object(const struct project *p, const struct strings *words)
{
	json_t *out = json_object();
	auto_arena a = {0};

	vec_each(w, words) {
		const char *eq = strchr(*w, '=');
		char *key = eq ? arena_strndup(&a, *w, (size_t)(eq - *w)) : NULL;
		const char *value = eq ? eq + 1 : pairs_get(&p->environment, *w);

		if (value)
			json_object_set_new(out, key ? key : *w, json_string(value));
	}
	return out;
}

static json_t *label_object(const struct strings *words)
{
	json_t *out = json_object();
	auto_arena a = {0};

	vec_each(w, words) {
		const char *eq = strchr(*w, '=');

		json_object_set_new(out, eq ? arena_strndup(&a, *w, (size_t)(eq - *w)) : *w,
				    json_string(eq ? eq + 1 : ""));
	}
	return out;
}

static int put_publish(struct cli *c, const struct strings *words, json_t *msg, struct err *e)
{
	json_t *out = json_array();

	json_object_set_new(msg, "publish", out);
	vec_each(w, words) {
		json_t *port;
		int r = words_port(&c->arena, *w, &port, e);

		if (r < 0)
			return r;
		json_array_append_new(out, port);
	}
	return 0;
}

static int put_entrypoint(struct cli *c, const struct run *o, int argc, json_t *msg, struct err *e)
{
	struct strings words = {0};
	int r;

	if (!o->entrypoint)
		return 0;
	r = words_split(&c->arena, o->entrypoint, &words, e);
	if (r < 0)
		return err_wrap(e, "--entrypoint");
	json_object_set_new(msg, "entrypoint", array_of(&words));
	/* A new entrypoint does not take over the old one's arguments. */
	if (!argc)
		json_object_set_new(msg, "command", json_array());
	return 0;
}

static void put_text(json_t *msg, const char *key, const char *value)
{
	if (value)
		json_object_set_new(msg, key, json_string(value));
}

static int run_message(struct cli *c, const struct run *o, const struct project *p, int argc,
		       char **argv, json_t *msg, struct err *e)
{
	struct strings command = {(const char **)argv + 1, (size_t)argc - 1, 0}, volumes = {0};
	const struct {
		const char *key;
		bool on;
	} flags[] = {
		{"service_ports", o->service_ports}, {"use_aliases", o->use_aliases},
		{"no_deps", o->images.no_deps},      {"rm", o->rm},
		{"project_too", o->project_too},     {"detach", o->detach},
		{"interactive", o->interactive},     {"remove_orphans", o->remove_orphans},
	};
	int r;

	json_object_set_new(msg, "do", json_string("run"));
	json_object_set_new(msg, "service", json_string(argv[0]));
	for (size_t i = 0; i < countof(flags); i++)
		json_object_set_new(msg, flags[i].key, json_boolean(flags[i].on));
	if (argc > 1)
		json_object_set_new(msg, "command", array_of(&command));
	json_object_set_new(msg, "env", env_object(p, &o->env));
	json_object_set_new(msg, "labels", label_object(&o->labels));
	vec_each(v, &o->volumes)
		*vec_push(&c->arena, &volumes) = words_volume(&c->arena, *v);
	json_object_set_new(msg, "volumes", array_of(&volumes));
	json_object_set_new(msg, "cap_add", array_of(&o->cap_add));
	json_object_set_new(msg, "cap_drop", array_of(&o->cap_drop));
	put_text(msg, "name", o->name);
	put_text(msg, "user", o->user);
	put_text(msg, "workdir", o->workdir);
	r = put_entrypoint(c, o, argc - 1, msg, e);
	if (r >= 0)
		r = put_publish(c, &o->publish, msg, e);
	up_secrets(p, msg);
	return r;
}

/* --env-from-file: lines K=V, comments. */
static int read_env_files(struct cli *c, struct run *o, struct err *e)
{
	struct strings all = {0};

	vec_each(f, &o->env_files) {
		int r = words_env_file(&c->arena, *f, &all, e);

		if (r < 0)
			return r;
	}
	vec_each(w, &o->env)
		*vec_push(&c->arena, &all) = *w;
	o->env = all;
	return 0;
}

static int run_service(struct cli *c, struct run *o, struct project *p, int argc, char **argv,
		       struct err *e)
{
	struct run_session s = {.project = p->name, .quiet = o->quiet, .detach = o->detach};
	int r = read_env_files(c, o, e);

	if (r < 0)
		return r;
	s.msg = json_object();
	s.tty = !o->no_tty && !o->detach && isatty(STDIN_FILENO) &&
		(o->tty || isatty(STDOUT_FILENO));
	r = run_message(c, o, p, argc, argv, s.msg, e);
	if (r < 0) {
		json_decref(s.msg);
		return r;
	}
	s.no_stdin = !o->interactive;
	return run_session(c, &s, e);
}

/*
 * A word that is no service is taken for an image, in a project of its own that ends with the
 * container; but a near miss of a service's name is a slip.
 */
static int run_image(struct cli *c, struct run *o, int argc, char **argv, struct err *e)
{
	struct adhoc a = {.image = argv[0], .name = o->name, .rm = o->rm};
	int r = adhoc_project(c, &a, e), code;
	char **words;

	if (r < 0)
		return r;
	c->fleeting = o->rm && !o->detach;
	o->project_too = o->rm;
	words = arena_alloc(&c->arena, (size_t)(argc + 1) * sizeof(*words));
	memcpy(words, argv, (size_t)argc * sizeof(*words));
	words[0] = (char *)a.service;
	r = up_prepare(c, &(struct strings){.v = &a.service, .n = 1}, &o->images, &a.project, e);
	(void)!unlink(a.file); /* the saved definition is what counts from here on */
	if (r < 0)
		return r;
	o->name = a.container;
	code = run_service(c, o, a.project, argc, words, e);
	return o->detach || (code >= 0 && !o->rm) ? code : adhoc_end(c, &a, code);
}

static int run_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct run *o = opts;
	struct strings named = {(const char **)argv, 1, 0};
	struct project *p;
	int r = cli_project(c, &named, &p, e);

	if (r < 0 && (e->code != ENOENT || c->global.files.n))
		return r;
	if (r < 0 || (!project_service(p, argv[0]) && !strings_have(&p->disabled, argv[0])))
		return run_image(c, o, argc, argv, e);
	o->images.quiet_pull |= o->quiet;
	r = up_prepare(c, &named, &o->images, &p, e);
	return r < 0 ? r : run_service(c, o, p, argc, argv, e);
}

#define R(field) offsetof(struct run, field)

/* clang-format off */
static const struct opt run_opts[] = {
	{0,   "build",          OPT_FLAG, R(images.build),       NULL,     "build the image first"},
	{0,   "pull",           OPT_WORD, R(images.pull),        "always|missing|never", "when to pull images"},
	{0,   "quiet-pull",     OPT_FLAG, R(images.quiet_pull),  NULL,     "pull without a word"},
	{0,   "quiet-build",    OPT_FLAG, R(images.quiet_build), NULL,     "build without a word"},
	{0,   "cap-add",        OPT_LIST, R(cap_add),            "CAP",    "a further capability"},
	{0,   "cap-drop",       OPT_LIST, R(cap_drop),           "CAP",    "one capability less"},
	{'d', "detach",         OPT_FLAG, R(detach),             NULL,     "print the container's id and return"},
	{0,   "entrypoint",     OPT_STR,  R(entrypoint),         "COMMAND", "instead of the image's or the file's"},
	{'e', "env",            OPT_LIST, R(env),                "K=V",    "further variables; K alone passes ours on"},
	{0,   "env-from-file",  OPT_LIST, R(env_files),          "PATH",   "further variables, one K=V a line"},
	{'i', "interactive",    OPT_FLAG, R(interactive),        NULL,     "pass standard input on (default true)"},
	{'T', "no-TTY",         OPT_FLAG, R(no_tty),             NULL,     "no terminal; the default where stdin is none"},
	{0,   "no-tty",         OPT_FLAG, R(no_tty),             NULL,     NULL},
	{'t', "tty",            OPT_FLAG, R(tty),                NULL,     NULL},
	{'l', "label",          OPT_LIST, R(labels),             "K=V",    "a label of the container"},
	{0,   "name",           OPT_STR,  R(name),               "NAME",   "name of the container"},
	{0,   "no-deps",        OPT_FLAG, R(images.no_deps),     NULL,     "do not start dependencies"},
	{'p', "publish",        OPT_LIST, R(publish),            "HOST:PORT", "publish a port"},
	{'P', "service-ports",  OPT_FLAG, R(service_ports),      NULL,     "publish the service's own ports"},
	{'q', "quiet",          OPT_FLAG, R(quiet),              NULL,     "nothing but the command's output"},
	{0,   "remove-orphans", OPT_FLAG, R(remove_orphans),     NULL,     "remove containers of services that left the file"},
	{0,   "rm",             OPT_FLAG, R(rm),                 NULL,     "remove the container when it has ended"},
	{0,   "use-aliases",    OPT_FLAG, R(use_aliases),        NULL,     "answer to the service's names"},
	{'u', "user",           OPT_STR,  R(user),               "USER",   "as this user, or user:group"},
	{'w', "workdir",        OPT_STR,  R(workdir),            "DIR",    "start in this directory"},
	{'v', "volume",         OPT_LIST, R(volumes),            "SOURCE:TARGET", "a further mount"},
	{0},
};
/* clang-format on */

const struct command run_command = {
	.name = "run",
	.args = "SERVICE|IMAGE [COMMAND] [ARG...]",
	.brief = "Run a command in a new container",
	.more = "A service's dependencies are started first; its ports stay unpublished unless "
		"asked.\n"
		"A word that is no service is taken for an image: berth run --rm busybox true.\n"
		"The exit code is the command's.",
	.opts = run_opts,
	.size = sizeof(struct run),
	.defaults = &(const struct run){.interactive = true},
	.min = 1,
	.max = -1,
	.words_end_options = true,
	.run = run_run,
	.group = GROUP_PROJECT,
	.world = WORLD_COMPOSE,
	.reads = READS_ALL,
};
