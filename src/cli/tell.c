/* What only the supervisor knows: events as they come, why something is as it is, what would be
 * done. */
#include "base/vec.h"
#include "base/when.h"
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

struct spans {
	json_t *rows;
	int64_t first_ns, last_ns;
};

static int keep_span(void *arg, const json_t *msg)
{
	struct spans *s = arg;
	int64_t from = json_int_or(msg, "from_ns", 0), to = json_int_or(msg, "to_ns", 0);

	if (strcmp(json_string_or(msg, "event", ""), "span"))
		return 0;
	json_array_append_new(s->rows, json_deep_copy(msg));
	if (!s->first_ns || from < s->first_ns)
		s->first_ns = from;
	if (to > s->last_ns)
		s->last_ns = to;
	return 1;
}

static void print_span(const struct spans *s, const json_t *row, int name_width, int what_width)
{
	enum { CHART = 40 };
	int64_t whole = s->last_ns - s->first_ns > 0 ? s->last_ns - s->first_ns : 1;
	int64_t from = json_int_or(row, "from_ns", 0), to = json_int_or(row, "to_ns", 0);
	int start = (int)((from - s->first_ns) * CHART / whole);
	int length = (int)((to - from) * CHART / whole);

	length = length < 1 ? 1 : length;
	printf("%-*s  %-*s  %*s", name_width, json_string_or(row, "name", ""), what_width,
	       json_string_or(row, "what", ""), start, "");
	for (int i = 0; i < length; i++)
		fputs("▇", stdout);
	printf("%*s %8.1f ms\n", CHART - start - length > 0 ? CHART - start - length : 0, "",
	       (double)(to - from) / 1e6);
}

static int timeline_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	auto_json *rows = json_array();
	struct spans s = {.rows = rows};
	int r = listen_to(c, request_new("timeline", argc, argv), keep_span, &s, e);
	int names = 0, whats = 0;
	json_t *row;
	size_t i;

	if (r)
		return r;
	json_array_foreach(rows, i, row)
	{
		int n = (int)strlen(json_string_or(row, "name", ""));
		int w = (int)strlen(json_string_or(row, "what", ""));

		names = n > names ? n : names;
		whats = w > whats ? w : whats;
	}
	json_array_foreach(rows, i, row) print_span(&s, row, names, whats);
	return 0;
}

const struct command timeline_command = {
	.name = "timeline",
	.brief = "Show how long each step of the last start took",
	.run = timeline_run,
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
};
