/* env: what the project asks of its environment. */
#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/complain.h"
#include "compose/contract.h"
#include <fcntl.h>
#include <string.h>

struct env {
	bool json;
	const char *output;
};

static void print_json(const struct strings *found)
{
	auto_buf b = {0};

	buf_str(&b, "{\"violations\": [");
	for (size_t i = 0; i < found->n; i++) {
		buf_str(&b, i ? ", " : "");
		buf_json(&b, found->v[i], strlen(found->v[i]));
	}
	buf_printf(&b, "], \"ok\": %s}\n", found->n ? "false" : "true");
	fputs(b.p, stdout);
}

static int check_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct env *o = opts;
	struct strings found = {0}, notes = {0};
	struct project *p;
	int r = cli_project(c, NULL, &p, e);

	if (!r)
		r = contract_check(&c->arena, p, &c->global.profiles, &found, e);
	if (r < 0)
		return r;
	if (o->json)
		print_json(&found);
	else if (!found.n)
		puts("the environment is as the project wants it");
	for (size_t i = 0; i < found.n && !o->json; i++)
		puts(found.v[i]);
	contract_notes(&c->arena, p, &notes);
	for (size_t i = 0; i < notes.n; i++)
		complain_warning(stderr, notes.v[i], c->colour_err);
	return found.n ? 2 : 0;
}

static int example_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct env *o = opts;
	const char *path = o->output ? o->output : ".env.example";
	struct load_options load;
	struct project *p;
	auto_buf out = {0};
	int r;

	cli_load_options(c, &load);
	load.no_consistency = load.no_env_resolution = true;
	load.lenient = true;
	r = project_load(&c->arena, &load, &p, e);
	if (!r)
		r = contract_example(p, &out, e);
	if (r < 0)
		return r;
	if (!strcmp(path, "-")) {
		fputs(out.p, stdout);
		return 0;
	}
	r = file_replace(AT_FDCWD, path, out.p, out.n, 0644, FILE_FAST, e);
	if (!r)
		printf("wrote %s\n", path);
	return r;
}

/* clang-format off */
static const struct opt check_opts[] = {
	{0, "json", OPT_FLAG, offsetof(struct env, json), NULL, "print the violations as JSON"},
	{0},
};
static const struct opt example_opts[] = {
	{'o', "output", OPT_STR, offsetof(struct env, output), "FILE", "write here instead of .env.example; - is standard output"},
	{0},
};
/* clang-format on */

static const struct command check_command = {
	.name = "check",
	.reads = READS_ALL,
	.brief = "Check the environment against x-berth.env; 2 where it is not met.",
	.opts = check_opts,
	.size = sizeof(struct env),
	.run = check_run,
};
static const struct command example_command = {
	.name = "example",
	.brief = "Write a .env.example with every variable that the project knows.",
	.opts = example_opts,
	.size = sizeof(struct env),
	.run = example_run,
};
static const struct command *const env_sub[] = {&check_command, &example_command, NULL};

const struct command env_command = {
	.name = "env",
	.args = "check|example",
	.brief = "Check the variables that the project needs, or write an example file.",
	.sub = env_sub,
	.max = -1,
	.group = GROUP_PROJECT,
};
