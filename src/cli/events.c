/* events: the project's journal (a file) for the past, the supervisor for what comes. */
#include "base/file.h"
#include "base/when.h"
#include "cli/cli.h"
#include "cli/request.h"
#include "cli/time.h"
#include "supervise/status.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

enum { JOURNAL_MAX = 16 << 20 };

struct events {
	bool json;
	const char *since, *until;
	struct cli *cli;
	struct strings services;
	int64_t since_ns, until_ns;
};

/* As docker compose words it: only these members, in this order. */
static void print_json(const json_t *ev)
{
	static const char *const keys[] = {"action", "attributes", "id", "service", "time", "type"};
	auto_json *out = json_object();

	for (size_t i = 0; i < countof(keys); i++) {
		if (json_object_get(ev, keys[i]))
			json_object_set(out, keys[i], json_object_get(ev, keys[i]));
	}
	json_dumpf(out, stdout, JSON_COMPACT);
	putchar('\n');
}

static void print_human(const json_t *ev, int64_t at_ns)
{
	time_t seconds = (time_t)(at_ns / NS_PER_SEC);
	const char *key;
	char stamp[40];
	struct tm tm;
	json_t *value;
	int n = 0;

	localtime_r(&seconds, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s.%06lld %s %s %s (", stamp, (long long)(at_ns % NS_PER_SEC / 1000),
	       json_string_or(ev, "type", "container"), json_string_or(ev, "action", "?"),
	       json_string_or(ev, "id", ""));
	json_object_foreach(json_object_get(ev, "attributes"), key, value)
	{
		if (json_is_string(value))
			printf("%s%s=%s", n++ ? ", " : "", key, json_string_value(value));
	}
	printf(")\n");
}

/* A network or volume has its name beside, a container among the attributes. */
static json_t *with_attributes(const json_t *ev)
{
	json_t *out = json_deep_copy(ev);
	const char *name = json_string_or(ev, "name", NULL), *key;
	json_t *value;

	if (name && !json_object_get(out, "attributes"))
		json_object_set_new(out, "attributes", json_pack("{s:s}", "name", name));
	/* docker's attributes are texts, whatever they count. */
	json_object_foreach(json_object_get(out, "attributes"), key, value)
	{
		char text[24];

		if (!json_is_integer(value))
			continue;
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
		json_object_set_new(json_object_get(out, "attributes"), key, json_string(text));
	}
	return out;
}

static void print_event(const struct events *o, const json_t *ev)
{
	const char *service = json_string_or(ev, "service", NULL);
	struct err ignored;
	int64_t at = 0;

	if (when_parse_rfc3339(json_string_or(ev, "time", ""), &at, &ignored) < 0)
		return;
	if (at < o->since_ns || (o->until_ns && at > o->until_ns) ||
	    (o->services.n && (!service || !strings_have(&o->services, service))))
		return;
	auto_json *whole = with_attributes(ev);
	if (o->json)
		print_json(whole);
	else
		print_human(whole, at);
	fflush(stdout);
}

static int print_past(struct cli *c, const struct events *o, const char *project, struct err *e)
{
	static const char *const names[] = {"events.jsonl.1", "events.jsonl"};
	struct span text, line;
	int r;

	for (size_t i = 0; i < countof(names); i++) {
		char *path = arena_printf(&c->arena, "%s/%s",
					  status_project_dir(&c->arena, project), names[i]);

		r = file_read(&c->arena, AT_FDCWD, path, JOURNAL_MAX, &text, e);
		if (r == -ENOENT)
			continue;
		if (r < 0)
			return r;
		while (text.n) {
			auto_json *ev = NULL;

			span_cut(&text, '\n', &line);
			ev = line.n ? json_loadb(line.p, line.n, 0, NULL) : NULL;
			if (ev)
				print_event(o, ev);
		}
	}
	return 0;
}

static int on_event(void *arg, const json_t *msg)
{
	const struct events *o = arg;

	if (strcmp(json_string_or(msg, "event", ""), "event"))
		return 0;
	print_event(o, msg);
	return 1;
}

static int events_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct events *o = opts;
	struct request q = {.title = "", .quiet = true, .each = on_event, .arg = o};
	const char *project;
	int code = 0, r = 0;

	o->services = (struct strings){(const char **)argv, (size_t)argc, 0};
	if (o->since)
		r = time_parse(o->since, &o->since_ns, e);
	if (r >= 0 && o->until)
		r = time_parse(o->until, &o->until_ns, e);
	if (r >= 0)
		r = cli_project_name(c, &project, e);
	if (r >= 0 && (o->since || o->until))
		r = print_past(c, o, project, e);
	if (r < 0 || (o->until && o->until_ns <= when_wall_ns()))
		return r;
	q.msg = request_new("events", argc, argv);
	r = request_send(c, project, CLIENT_EXISTING, &q, &code, e);
	if (r == REQUEST_NO_SUPERVISOR)
		return err_set(e, ENOENT, "project \"%s\" does not run", project);
	return r < 0 ? r : code;
}

/* clang-format off */
static const struct opt events_opts[] = {
	{0, "json",  OPT_FLAG, offsetof(struct events, json),  NULL,   "one JSON object a line"},
	{0, "since", OPT_STR,  offsetof(struct events, since), "TIME", "what happened from here on"},
	{0, "until", OPT_STR,  offsetof(struct events, until), "TIME", "up to here"},
	{0},
};
/* clang-format on */

const struct command events_command = {
	.name = "events",
	.args = "[SERVICE...]",
	.brief = "Show what happens to containers as it happens",
	.opts = events_opts,
	.size = sizeof(struct events),
	.max = -1,
	.run = events_run,
	.group = GROUP_LOOK,
	.world = WORLD_COMPOSE,
};
