#include "cli/cli.h"
#include "base/vec.h"
#include "cli/complain.h"
#include "supervise/client.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool cli_env_bool(const char *name)
{
	static const char *const yes[] = {"1", "t", "true", "y", "yes", "on"};
	const char *value = getenv(name);

	for (size_t i = 0; value && i < countof(yes); i++) {
		if (!strcasecmp(value, yes[i]))
			return true;
	}
	return false;
}

void cli_load_options(struct cli *c, struct load_options *out)
{
	const struct global *g = &c->global;

	*out = (struct load_options){
		.files = g->files,
		.profiles = g->profiles,
		.env_files = g->env_files,
		.project_name = g->project_name,
		.project_directory = g->project_directory,
		.all_resources = g->all_resources,
		.compat = g->compatibility || cli_env_bool("COMPOSE_COMPATIBILITY"),
	};
}

void cli_warnings(const struct cli *c, const struct project *p)
{
	vec_each(w, &p->notices)
		complain_warning(stderr, *w, c->colour_err);
	for (size_t i = 0; c->reads != READS_NAMES && i < p->warnings.n; i++)
		complain_warning(stderr, p->warnings.v[i], c->colour_err);
}

int cli_project(struct cli *c, const struct strings *services, struct project **out, struct err *e)
{
	struct load_options o;
	int r;

	if (c->project) {
		*out = c->project;
		return 0;
	}
	cli_load_options(c, &o);
	if (services)
		o.enable = *services;
	o.no_env_resolution = o.no_hash = c->reads != READS_ALL && !c->global.dry_run;
	r = project_load(&c->arena, &o, &c->project, e);
	if (r < 0)
		return r;
	cli_warnings(c, c->project);
	*out = c->project;
	return 0;
}

void cli_mend(struct cli *c, const char *project)
{
	if (!c->global.dry_run && client_mend(project))
		fprintf(stderr,
			"Warning: the supervisor of project \"%s\" had been killed; "
			"a new one takes its containers over.\n",
			project);
}

int cli_project_name(struct cli *c, const char **out, struct err *e)
{
	struct project *p;
	int r;

	*out = c->global.project_name;
	if (!*out) {
		r = cli_project(c, NULL, &p, e);
		if (r < 0)
			return r;
		*out = p->name;
	}
	cli_mend(c, *out);
	return 0;
}

bool cli_confirm(struct cli *c, const char *question)
{
	char answer[16];

	fprintf(stderr, "%s [y/N] ", question);
	fflush(stderr);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}
