/*
 * docker's `run` and `create`: their options become the one service of a compose file (cli/adhoc),
 * so that they are checked and decided where a file's attributes are.
 */
#include "base/file.h"
#include "cli/adhoc.h"
#include "cli/docker_opts.h"
#include "cli/request.h"
#include "cli/run_session.h"
#include "cli/up.h"
#include "supervise/status.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int write_id(const struct docker_run *o, const char *id, struct err *e)
{
	return o->cidfile ? file_replace(AT_FDCWD, o->cidfile, id, strlen(id), 0644, FILE_FAST, e)
			  : 0;
}

/* It is a service like any other, restart policy and all. */
static int bring_up(struct cli *c, const struct docker_run *o, const struct adhoc *a, bool start,
		    struct err *e)
{
	struct request r = {.msg = request_new("up", 0, NULL), .title = "Running", .quiet = true};
	struct status st;
	int code = 0, rc;

	json_object_set_new(r.msg, "no_start", json_boolean(!start));
	rc = request_send(c, a->project->name, CLIENT_START, &r, &code, e);
	if (rc < 0 || code)
		return rc < 0 ? rc : code;
	rc = status_read_one(&c->arena, a->project->name, a->container, &st, e);
	if (rc >= 0)
		rc = write_id(o, st.id, e);
	if (rc < 0)
		return rc;
	puts(st.id);
	return 0;
}

static json_t *run_message(const struct docker_run *o, const struct adhoc *a)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:b}", "do", "run", "service",
			 a->service, "name", a->container, "rm", o->rm, "interactive",
			 o->interactive, "service_ports", 1, "use_aliases", 1, "detach", o->detach,
			 "project_too", o->rm);
}

static int run_attached(struct cli *c, const struct docker_run *o, struct adhoc *a, struct err *e)
{
	struct run_session s = {.project = a->project->name,
				.quiet = true,
				.tty = o->tty && isatty(STDIN_FILENO),
				.detach_keys = o->detach_keys ? o->detach_keys : "ctrl-p,ctrl-q",
				.keep_signals = !o->sig_proxy,
				.no_stdin = !o->interactive};
	int r;

	s.msg = run_message(o, a);
	r = run_session(c, &s, e);
	return (o->rm || r < 0) && !s.left ? adhoc_end(c, a, r) : r;
}

/* Nobody waits for its end: the supervisor removes it then, and what was made for it. */
static int run_detached(struct cli *c, struct docker_run *o, struct adhoc *a, struct err *e)
{
	struct run_session s = {.project = a->project->name, .quiet = true, .detach = true};
	int r;

	s.msg = run_message(o, a);
	r = run_session(c, &s, e);
	return r ? adhoc_end(c, a, r) : write_id(o, s.id, e);
}

static int make_project(struct cli *c, struct docker_run *o, int argc, char **argv, struct adhoc *a,
			struct err *e)
{
	auto_json *service = json_object(), *top = json_object();
	struct images_options images = {.quiet_pull = o->quiet};
	int r = docker_service(c, o, argc, argv, service, top, e);

	*a = (struct adhoc){.image = argv[0],
			    .name = o->name,
			    .rm = o->rm,
			    .service_extra = service,
			    .top_extra = top};
	if (!r && o->cidfile && !access(o->cidfile, F_OK))
		r = err_set(e, EEXIST, "%s: it exists already", o->cidfile);
	if (r >= 0)
		r = adhoc_project(c, a, e);
	if (r >= 0)
		r = up_prepare(c, &(struct strings){.v = &a->service, .n = 1}, &images, &a->project,
			       e);
	if (a->file)
		(void)!unlink(a->file); /* the saved definition is what counts from here on */
	if (r < 0)
		c->bad_usage = true; /* docker: 125, it never ran */
	return r;
}

static int docker_run_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct docker_run *o = opts;
	struct adhoc a;
	int r;

	c->bad_usage = true; /* docker: 125, it never ran */
	if (o->rm && o->restart && *o->restart && strcmp(o->restart, "no") != 0)
		return err_set(e, EINVAL, "conflicting options: --restart and --rm");
	if (!o->detach && o->cidfile)
		return err_set(e, EINVAL, "--cidfile needs --detach, or berth create");
	c->bad_usage = false;
	r = make_project(c, o, argc, argv, &a, e);
	if (r < 0)
		return r;
	if (!o->detach)
		return run_attached(c, o, &a, e);
	return o->rm ? run_detached(c, o, &a, e) : bring_up(c, o, &a, true, e);
}

static int docker_create_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct docker_run *o = opts;
	struct adhoc a;
	int r;

	if (o->rm)
		return err_set(e, EINVAL, "create --rm is not supported: run --rm does both");
	r = make_project(c, o, argc, argv, &a, e);
	return r < 0 ? r : bring_up(c, o, &a, false, e);
}

const struct command docker_run_command = {
	.name = "run",
	.args = "IMAGE [COMMAND] [ARG...]",
	.brief = "Run a command in a new container of an image",
	.opts = docker_run_opts,
	.size = sizeof(struct docker_run),
	.defaults = &docker_run_defaults,
	.min = 1,
	.max = -1,
	.words_end_options = true,
	.run = docker_run_run,
	.group = GROUP_PROJECT,
	.world = WORLD_DOCKER,
	.unplanned = true,
	.reads = READS_ALL,
};

const struct command docker_create_command = {
	.name = "create",
	.args = "IMAGE [COMMAND] [ARG...]",
	.brief = "Make a container of an image without starting it",
	.opts = docker_create_opts,
	.size = sizeof(struct docker_run),
	.defaults = &docker_run_defaults,
	.min = 1,
	.max = -1,
	.words_end_options = true,
	.run = docker_create_run,
	.group = GROUP_PROJECT,
	.world = WORLD_DOCKER,
	.unplanned = true,
	.reads = READS_ALL,
};
