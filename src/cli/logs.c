/* logs: what containers wrote, from the files; -f follows, across restarts and new replicas. */
#include "base/vec.h"
#include "base/when.h"
#include "cli/cli.h"
#include "cli/logmux.h"
#include "cli/target.h"
#include "cli/time.h"
#include "supervise/client.h"
#include <errno.h>
#include <poll.h>
#include <string.h>

struct logs {
	bool follow, timestamps, no_color, no_prefix, previous;
	const char *tail, *since, *until;
	int index;
};

static int make_query(const struct logs *l, struct logs_query *q, struct err *e)
{
	int r = 0;

	*q = (struct logs_query){.tail = -1};
	if (l->tail && strcmp(l->tail, "all") && strcmp(l->tail, "-1") &&
	    text_to_i64(l->tail, &q->tail) < 0)
		return err_set(e, EINVAL, "--tail takes a number or \"all\", not \"%s\"", l->tail);
	if (l->since)
		r = time_parse(l->since, &q->since_ns, e);
	if (r >= 0 && l->until)
		r = time_parse(l->until, &q->until_ns, e);
	return r;
}

/* Adds the containers that exist by now; returns how many of them have a process. */
static int add_all(struct cli *c, const struct logs *l, int argc, char **argv,
		   const struct logs_query *q, struct logmux *m, struct err *e)
{
	struct targets ts;
	bool found = false;
	int up = 0, r = target_find_active(c, argc, argv, &ts, e);

	if (r < 0)
		return r;
	vec_each(t, &ts) {
		vec_each(s, &t->containers) {
			if (l->index && s->number != l->index)
				continue;
			found = true;
			up += target_is_up(s) || s->state == STATE_RESTARTING;
			if (l->previous)
				s->log_dir = arena_printf(&c->arena, "%s/previous", s->log_dir);
			r = logmux_add(m, s, q, e);
			if (r < 0)
				return r;
		}
	}
	if (l->index && argc && !found)
		return err_set(e, ENOENT, "service \"%s\" has no container #%d", argv[0], l->index);
	return up;
}

static bool is_busy(const char *project)
{
	auto_client *client = NULL;
	auto_json *ping = json_pack("{s:s}", "do", "ping");
	json_t *answer = NULL;
	size_t no_fds = 0;
	struct err ignored;
	bool busy;

	if (client_open(project, CLIENT_RUNNING, &client, &ignored) ||
	    client_send(client, ping, NULL, 0, &ignored) < 0 ||
	    client_next(client, &answer, NULL, &no_fds, &ignored))
		return false;
	busy = json_bool_or(answer, "busy", false);
	json_decref(answer);
	return busy;
}

/* Nothing lives: but something is about to, which may wait long for what it depends on. */
static bool is_being_replaced(struct cli *c, int argc, char **argv)
{
	struct targets ts;
	struct err ignored;
	bool busy = false;

	if (target_find_active(c, argc, argv, &ts, &ignored) < 0)
		return false;
	vec_each(t, &ts)
		busy |= is_busy(t->project);
	return busy;
}

/*
 * Waits for lines. Every second it looks whether replicas were added and whether anything still
 * lives: state lies in files that several processes replace, there is no single one to watch.
 */
static int follow(struct cli *c, const struct logs *l, int argc, char **argv, struct logmux *m,
		  struct err *e)
{
	struct logs_query from_start = {.tail = -1};
	int r = 1, idle = 0;

	/* While one is replaced nothing lives for a moment. */
	while (r > 0 || (!r && idle++ < 1)) {
		struct pollfd fds[256];
		size_t n = logmux_poll(m, fds, countof(fds));
		int64_t look_ns = when_mono_ns() + NS_PER_SEC;

		do {
			poll(fds, n, 1000);
			r = logmux_drain(m, e);
		} while (r >= 0 && when_mono_ns() < look_ns);
		if (r >= 0)
			r = add_all(c, l, argc, argv, &from_start, m, e);
		if (r > 0 || (!r && is_being_replaced(c, argc, argv)))
			idle = 0;
	}
	return r < 0 ? r : logmux_drain(m, e);
}

static int logs_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct logs *l = opts;
	struct logmux_style style = {.colour = c->colour_out && !l->no_color,
				     .prefix = !l->no_prefix && c->world != WORLD_DOCKER,
				     .timestamps = l->timestamps};
	auto_logmux *m = logmux_new(&style);
	struct logs_query q;
	int r = make_query(l, &q, e);

	if (r >= 0 && l->previous && l->follow)
		r = err_set(e, EINVAL, "--previous and --follow are incompatible: it has ended");
	if (r >= 0)
		r = add_all(c, l, argc, argv, &q, m, e);
	if (r >= 0)
		r = logmux_drain(m, e) < 0 ? -e->code : r;
	if (r > 0 && l->follow)
		r = follow(c, l, argc, argv, m, e);
	return r < 0 ? r : 0;
}

/* clang-format off */
static const struct opt logs_opts[] = {
	{'f', "follow",        OPT_FLAG, offsetof(struct logs, follow),     NULL,    "go on as lines come"},
	{'n', "tail",          OPT_STR,  offsetof(struct logs, tail),       "LINES", "only the last lines of each container"},
	{'t', "timestamps",    OPT_FLAG, offsetof(struct logs, timestamps), NULL,    "when each line was written"},
	{0,   "since",         OPT_STR,  offsetof(struct logs, since),      "TIME",  "from here: 2026-01-31T10:00:00Z, or 42m ago"},
	{0,   "until",         OPT_STR,  offsetof(struct logs, until),      "TIME",  "up to here"},
	{0,   "index",         OPT_INT,  offsetof(struct logs, index),      "N",     "only this replica"},
	{'p', "previous",      OPT_FLAG, offsetof(struct logs, previous),   NULL,    "of the container before this one, which up has replaced"},
	{0,   "no-color",      OPT_FLAG, offsetof(struct logs, no_color),   NULL,    "no colours"},
	{0,   "no-log-prefix", OPT_FLAG, offsetof(struct logs, no_prefix),  NULL,    "the lines alone"},
	{0},
};
/* clang-format on */

const struct command logs_command = {
	.name = "logs",
	.args = "[SERVICE...]",
	.brief = "Show what containers wrote",
	.opts = logs_opts,
	.size = sizeof(struct logs),
	.max = -1,
	.run = logs_run,
	.group = GROUP_LOOK,
};
