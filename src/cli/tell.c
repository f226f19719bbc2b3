/* What only the supervisor knows: events as they come, why something is as it is, what would be
 * done. */
#include "cli/cli.h"
#include "cli/request.h"
#include "cli/up.h"
#include <errno.h>
#include <string.h>

/* A request whose answers are printed by `each`; nothing to say where nothing runs. */
static int listen_to(struct cli *c, json_t *msg, int (*each)(void *, const json_t *), void *arg,
		     struct err *e)
{
	struct request r = {.msg = msg, .title = "", .quiet = true, .each = each, .arg = arg};
	const char *project;
	int code = 0, rc = cli_project_name(c, &project, e);

	if (rc < 0) {
		json_decref(msg);
		return rc;
	}
	rc = request_send(c, project, CLIENT_EXISTING, &r, &code, e);
	if (rc == REQUEST_NO_SUPERVISOR)
		return err_hint((err_set(e, ENOENT, "project \"%s\" does not run", project), e),
				"berth up -d starts it");
	return rc < 0 ? rc : code;
}

static int print_why(void *arg, const json_t *msg)
{
	json_t *line;
	size_t i;

	if (strcmp(json_string_or(msg, "event", ""), "why"))
		return 0;
	printf("%s\n", json_string_or(msg, "service", "?"));
	json_array_foreach(json_object_get(msg, "lines"), i, line)
		printf("  %s\n", json_string_value(line));
	if (*json_string_or(msg, "hint", ""))
		printf("  -> %s\n", json_string_or(msg, "hint", ""));
	return 1;
}

static int why_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	return listen_to(c, request_new("why", argc, argv), print_why, NULL, e);
}

const struct command why_command = {
	.name = "why",
	.args = "[SERVICE...]",
	.brief = "Tell why services are in the state they are in, and the way out",
	.max = -1,
	.run = why_run,
	.group = GROUP_LOOK,
	.world = WORLD_COMPOSE,
};

struct plan {
	const char *goal;
	bool force_recreate, remove_orphans;
};

static int plan_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct plan *p = opts;
	struct strings named = {(const char **)argv, (size_t)argc, 0};
	struct images_options images = {0};
	struct request r = {.title = "", .quiet = true};
	struct project *project;
	int code = 0, rc;

	c->global.dry_run = true;
	rc = up_prepare(c, &named, &images, &project, e);
	if (rc < 0)
		return rc;
	r.msg = request_new(p->goal, argc, argv);
	json_object_set_new(r.msg, "force_recreate", json_boolean(p->force_recreate));
	json_object_set_new(r.msg, "remove_orphans", json_boolean(p->remove_orphans));
	rc = request_send(c, project->name, CLIENT_START, &r, &code, e);
	return rc < 0 ? rc : code;
}

/* clang-format off */
static const struct opt plan_opts[] = {
	{0, "goal",           OPT_WORD, offsetof(struct plan, goal),           "up|down", "of what"},
	{0, "force-recreate", OPT_FLAG, offsetof(struct plan, force_recreate), NULL,      "as if every container had changed"},
	{0, "remove-orphans", OPT_FLAG, offsetof(struct plan, remove_orphans), NULL,      "with containers of services that left the file"},
	{0},
};
/* clang-format on */

const struct command plan_command = {
	.name = "plan",
	.args = "[SERVICE...]",
	.brief = "Show what up would do, and why, without doing it",
	.opts = plan_opts,
	.size = sizeof(struct plan),
	.defaults = &(const struct plan){.goal = "up"},
	.max = -1,
	.run = plan_run,
	.group = GROUP_LOOK,
	.world = WORLD_COMPOSE,
	.reads = READS_ALL,
};
