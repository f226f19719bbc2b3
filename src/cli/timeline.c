/*
 * timeline: what waited for what in the last start, as a chart, and the chain of steps that made it
 * as long as it was.
 */
#include "cli/timeline.h"
#include "base/vec.h"
#include "cli/request.h"
#include <errno.h>
#include <string.h>

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

/* The step before this one that ended last: it is what this one waited for. */
static const json_t *waited_for(const json_t *rows, const json_t *row)
{
	const json_t *best = NULL, *other;
	json_t *after;
	size_t i, k;

	json_array_foreach(json_object_get(row, "after"), k, after)
	{
		json_array_foreach(rows, i, other)
		{
			if (json_int_or(other, "step", -1) == json_integer_value(after) &&
			    (!best ||
			     json_int_or(other, "to_ns", 0) > json_int_or(best, "to_ns", 0)))
				best = other;
		}
	}
	return best;
}

static void print_critical(struct arena *a, const struct spans *s)
{
	VEC(const json_t *) path = {0};
	const json_t *row, *last = NULL;
	size_t i;

	json_array_foreach(s->rows, i, row)
	{
		if (!last || json_int_or(row, "to_ns", 0) > json_int_or(last, "to_ns", 0))
			last = row;
	}
	for (; last && path.n < json_array_size(s->rows); last = waited_for(s->rows, last))
		*vec_push(a, &path) = last;
	printf("critical path, %.1f ms:", (double)(s->last_ns - s->first_ns) / 1e6);
	for (i = path.n; i > 0; i--) {
		const json_t *x = path.v[i - 1];

		printf("%s %s %s (%.1f)", i < path.n ? "," : "", json_string_or(x, "what", ""),
		       json_string_or(x, "name", ""),
		       (double)(json_int_or(x, "to_ns", 0) - json_int_or(x, "from_ns", 0)) / 1e6);
	}
	putchar('\n');
}

static void print_chart(const struct spans *s)
{
	int names = 0, whats = 0;
	json_t *row;
	size_t i;

	json_array_foreach(s->rows, i, row)
	{
		int n = (int)strlen(json_string_or(row, "name", ""));
		int w = (int)strlen(json_string_or(row, "what", ""));

		names = n > names ? n : names;
		whats = w > whats ? w : whats;
	}
	json_array_foreach(s->rows, i, row) print_span(s, row, names, whats);
}

int timeline_print(struct cli *c, const char *project, struct err *e)
{
	auto_json *rows = json_array();
	struct spans s = {.rows = rows};
	struct request r = {.msg = request_new("timeline", 0, NULL),
			    .title = "",
			    .quiet = true,
			    .each = keep_span,
			    .arg = &s};
	int code = 0, rc = request_send(c, project, CLIENT_EXISTING, &r, &code, e);

	if (rc == REQUEST_NO_SUPERVISOR) {
		err_set(e, ENOENT, "project \"%s\" does not run", project);
		return err_hint(e, "berth up -d starts it");
	}
	if (rc < 0 || code)
		return rc < 0 ? rc : code;
	if (json_array_size(rows)) {
		print_chart(&s);
		print_critical(&c->arena, &s);
		fflush(stdout);
	}
	return 0;
}

static int timeline_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const char *project;
	int r = cli_project_name(c, &project, e);

	return r < 0 ? r : timeline_print(c, project, e);
}

const struct command timeline_command = {
	.name = "timeline",
	.brief = "Show who waited for whom in the last start, and the critical path",
	.run = timeline_run,
	.group = GROUP_LOOK,
	.world = WORLD_COMPOSE,
};
