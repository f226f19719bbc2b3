/* ps and ls, read from the state files: they work while no supervisor lives. */
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/target.h"
#include <errno.h>
#include <string.h>

struct ps {
	bool all, quiet, services, no_trunc, orphans;
	const char *format;
	struct strings filters, statuses;
};

/* --filter status=running is --status running. */
static int read_filters(struct cli *c, struct ps *ps, struct strings *labels, struct strings *names,
			struct err *e)
{
	vec_each(f, &ps->filters) {
		struct span rest = span_of(*f), key;

		if (!span_cut(&rest, '=', &key))
			return err_set(e, EINVAL, "--filter takes key=value, not \"%s\"", *f);
		if (span_is(key, "status"))
			*vec_push(&c->arena, &ps->statuses) = rest.p;
		else if (span_is(key, "label"))
			*vec_push(&c->arena, labels) = rest.p;
		else if (span_is(key, "name"))
			*vec_push(&c->arena, names) = rest.p;
		else
			return err_set(e, EINVAL,
				       "--filter knows status, label and name, not \"%.*s\"",
				       (int)key.n, key.p);
	}
	vec_each(word, &ps->statuses) {
		static const char *const known =
			"paused restarting removing running dead created exited";

		if (!strstr(known, *word))
			return err_set(e, EINVAL, "unknown status \"%s\": one of %s", *word, known);
	}
	return 0;
}

static bool label_fits(const struct status *s, const char *want)
{
	struct span rest = span_of(want), key;
	bool valued = span_cut(&rest, '=', &key);

	vec_each(l, &s->labels) {
		if (span_is(key, l->key) && (!valued || (l->value && span_is(rest, l->value))))
			return true;
	}
	return false;
}

static bool is_shown(const struct ps *ps, const struct status *s, const struct strings *labels,
		     const struct strings *names)
{
	bool named = !names->n;

	vec_each(l, labels) {
		if (!label_fits(s, *l))
			return false;
	}
	vec_each(n, names)
		named = named || strstr(s->name, *n);
	if (!named)
		return false;
	if (ps->statuses.n)
		return strings_have(&ps->statuses, rows_state(s));
	return ps->all || rows_runs(s->state);
}

static void print_words(const struct ps *ps, const struct strings *ids,
			const struct strings *services)
{
	struct strings seen = {0};
	auto_arena a = {0};

	vec_each(word, ps->services ? services : ids) {
		if (strings_have(&seen, *word))
			continue;
		*vec_push(&a, &seen) = *word;
		puts(*word);
	}
}

static const struct column project_columns[] = {
	{"NAME", "Name"},          {"IMAGE", "Image"},
	{"COMMAND", "Command"},    {"SERVICE", "Service"},
	{"CREATED", "RunningFor"}, {"STATUS", "Status"},
	{"PORTS", "Ports"},        {0},
};
static const struct column docker_columns[] = {
	{"CONTAINER ID", "ID"}, {"IMAGE", "Image"},
	{"COMMAND", "Command"}, {"CREATED", "RunningFor"},
	{"STATUS", "Status"},   {"PORTS", "Ports"},
	{"NAMES", "Names"},     {0},
};

static int ps_show(struct cli *c, struct ps *ps, const struct targets *ts, struct err *e)
{
	struct strings labels = {0}, names = {0}, ids = {0}, services = {0};
	auto_json *rows = json_array();
	int r = read_filters(c, ps, &labels, &names, e);

	if (r < 0)
		return r;
	vec_each(t, ts) {
		vec_each(s, &t->containers) {
			bool orphan = c->project && s->service &&
				      !project_service(c->project, s->service);

			if (!is_shown(ps, s, &labels, &names) || (orphan && !ps->orphans))
				continue;
			*vec_push(&c->arena, &ids) =
				arena_strndup(&c->arena, s->id ? s->id : "",
					      ps->no_trunc || c->world != WORLD_DOCKER ? 64 : 12);
			*vec_push(&c->arena, &services) = s->service ? s->service : "";
			json_array_append_new(rows, rows_container(s, ps->no_trunc));
		}
	}
	if (ps->quiet || ps->services) {
		print_words(ps, &ids, &services);
		return 0;
	}
	return table_print(stdout, ps->format,
			   c->world == WORLD_DOCKER ? docker_columns : project_columns, rows,
			   TABLE_LINES, e);
}

/* As in docker compose: what left the file is no service any more, though its containers run. */
static int check_orphans(struct cli *c, const struct targets *ts, struct err *e)
{
	for (size_t i = 0; c->project && i < ts->n; i++) {
		vec_each(word, &ts->v[i].services) {
			if (project_service(c->project, *word) ||
			    strings_have(&c->project->disabled, *word))
				continue;
			err_set(e, ENOENT, "no such service: %s", *word);
			return err_hint(e, "its containers run, but it left the file: ps without "
					   "a name shows them");
		}
	}
	return 0;
}

static int ps_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct targets ts;
	int r = target_find(c, argc, argv, &ts, e);

	if (r >= 0)
		r = check_orphans(c, &ts, e);
	return r < 0 ? r : ps_show(c, opts, &ts, e);
}

/* docker ps: every project's. */
static int all_targets(struct cli *c, struct targets *out, struct err *e)
{
	struct strings projects = {0};
	int r = status_projects(&c->arena, &projects, e);

	*out = (struct targets){0};
	vec_each(p, &projects) {
		struct target *t = vec_push(&c->arena, out);

		*t = (struct target){.project = *p};
		cli_mend(c, *p);
		if (r >= 0)
			r = status_read(&c->arena, *p, &t->containers, e);
	}
	return r;
}

static int docker_ps_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct targets ts;
	int r = all_targets(c, &ts, e);

	return r < 0 ? r : ps_show(c, opts, &ts, e);
}

#define P(field) offsetof(struct ps, field)

/* clang-format off */
static const struct opt ps_opts[] = {
	{'a', "all",      OPT_FLAG, P(all),      NULL,         "stopped containers too"},
	{0,   "format",   OPT_STR,  P(format),   "FORMAT",     "table, json, or a template such as '{{.Name}}'"},
	{0,   "filter",   OPT_LIST, P(filters),  "KEY=VALUE",  "only those with this status, label or name"},
	{0,   "status",   OPT_LIST, P(statuses), "STATUS",     "only those in this state: running, exited, ..."},
	{0,   "no-trunc", OPT_FLAG, P(no_trunc), NULL,         "whole commands and ids"},
	{0,   "orphans",  OPT_FLAG, P(orphans),  NULL,         "with =false: not those of services that left the file"},
	{'q', "quiet",    OPT_FLAG, P(quiet),    NULL,         "only ids"},
	{0,   "services", OPT_FLAG, P(services), NULL,         "only names of services"},
	{0},
};
static const struct opt docker_ps_opts[] = {
	{'a', "all",      OPT_FLAG, P(all),      NULL,         "stopped containers too"},
	{0,   "format",   OPT_STR,  P(format),   "FORMAT",     "table, json, or a template such as '{{.Names}}'"},
	{'f', "filter",   OPT_LIST, P(filters),  "KEY=VALUE",  "only those with this status, label or name"},
	{0,   "no-trunc", OPT_FLAG, P(no_trunc), NULL,         "whole commands and ids"},
	{'q', "quiet",    OPT_FLAG, P(quiet),    NULL,         "only ids"},
	{0},
};
/* clang-format on */

static const struct ps ps_defaults = {.orphans = true};

const struct command ps_command = {
	.name = "ps",
	.args = "[SERVICE...]",
	.brief = "List the containers of the project",
	.opts = ps_opts,
	.size = sizeof(struct ps),
	.defaults = &ps_defaults,
	.max = -1,
	.run = ps_run,
	.group = GROUP_LOOK,
	.world = WORLD_COMPOSE,
};

const struct command docker_ps_command = {
	.name = "ps",
	.brief = "List the containers of all projects",
	.opts = docker_ps_opts,
	.size = sizeof(struct ps),
	.defaults = &ps_defaults,
	.run = docker_ps_run,
	.group = GROUP_LOOK,
	.world = WORLD_DOCKER,
};

struct ls {
	bool all, quiet;
	const char *format;
	struct strings filters;
};

/* "running(3), exited(1)", in the order of the words. */
static char *state_counts(struct arena *a, const struct statuses *all, bool with_down, bool *any_up)
{
	static const char *const words[] = {"created", "dead",       "exited",
					    "paused",  "restarting", "running"};
	auto_buf b = {0};

	*any_up = false;
	for (size_t i = 0; i < countof(words); i++) {
		int n = 0;

		vec_each(s, all)
			n += !s->one_off && !strcmp(rows_state(s), words[i]);
		if (n && (with_down || i >= 3))
			buf_printf(&b, "%s%s(%d)", b.n ? ", " : "", words[i], n);
		*any_up = *any_up || (n && i >= 3);
	}
	return buf_take(a, &b);
}

static const char *config_files(const struct statuses *all)
{
	const char *files;

	vec_each(s, all) {
		files = pairs_get(&s->labels, "com.docker.compose.project.config_files");
		if (files)
			return files;
	}
	return "";
}

static bool ls_fits(const struct ls *ls, const char *name)
{
	bool fits = !ls->filters.n;

	vec_each(f, &ls->filters)
		fits = fits || (text_starts(*f, "name=") && strstr(name, *f + 5));
	return fits;
}

static int by_project(const void *x, const void *y)
{
	return strcmp(((const struct target *)x)->project, ((const struct target *)y)->project);
}

static int ls_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const struct column columns[] = {
		{"NAME", "Name"}, {"STATUS", "Status"}, {"CONFIG FILES", "ConfigFiles"}, {0}};
	const struct ls *ls = opts;
	auto_json *rows = json_array();
	struct targets ts;
	int r = all_targets(c, &ts, e);

	vec_each(f, &ls->filters) {
		if (!text_starts(*f, "name="))
			return err_set(e, EINVAL, "invalid filter \"%s\": only name=WORD", *f);
	}
	if (r < 0)
		return r;
	if (ts.n)
		qsort(ts.v, ts.n, sizeof(*ts.v), by_project);
	vec_each(t, &ts) {
		bool up;
		char *counts = state_counts(&c->arena, &t->containers, ls->all, &up);

		if ((!up && !ls->all) || !t->containers.n || !ls_fits(ls, t->project))
			continue;
		if (ls->quiet)
			puts(t->project);
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "Name", t->project,
						      "Status", counts, "ConfigFiles",
						      config_files(&t->containers)));
	}
	return ls->quiet ? 0 : table_print(stdout, ls->format, columns, rows, TABLE_ARRAY, e);
}

/* clang-format off */
static const struct opt ls_opts[] = {
	{'a', "all",    OPT_FLAG, offsetof(struct ls, all),     NULL,        "stopped projects too"},
	{0,   "filter", OPT_LIST, offsetof(struct ls, filters), "name=WORD", "only projects with this in their name"},
	{0,   "format", OPT_STR,  offsetof(struct ls, format),  "FORMAT",    "table, json, or a template"},
	{'q', "quiet",  OPT_FLAG, offsetof(struct ls, quiet),   NULL,        "only names"},
	{0},
};
/* clang-format on */

const struct command ls_command = {
	.name = "ls",
	.brief = "List the projects that run here",
	.opts = ls_opts,
	.size = sizeof(struct ls),
	.run = ls_run,
	.group = GROUP_LOOK,
	.world = WORLD_COMPOSE,
};
