/* Words about commands, all from the rows: --help, the overview, `help`. */
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/manual.h"
#include <errno.h>
#include <string.h>

static void print_options(const struct opt *rows, FILE *out)
{
	size_t width = 0;

	for (const struct opt *o = rows; o && o->name; o++) {
		size_t n = strlen(o->name) + (o->value ? strlen(o->value) + 1 : 0);

		if (o->help && n > width)
			width = n;
	}
	width = width > 34 ? 34 : width;
	for (const struct opt *o = rows; o && o->name; o++) {
		char letter[] = {'-', o->letter, ',', 0}, name[120];

		if (!o->help)
			continue;
		snprintf(name, sizeof(name), "%s%s%s", o->name, o->value ? " " : "",
			 o->value ? o->value : "");
		fprintf(out, "  %-3s --%-*s   %s\n", o->letter ? letter : "", (int)width, name,
			o->help);
	}
}

static void print_commands(const struct command *const *rows, int group, enum command_world world,
			   FILE *out)
{
	for (; *rows; rows++) {
		if (group >= 0 && (int)(*rows)->group != group)
			continue;
		if (world != WORLD_BOTH && command_find(commands, (*rows)->name, world) != *rows &&
		    group >= 0)
			continue;
		fprintf(out, "  %-12s %s\n", (*rows)->name, (*rows)->brief);
	}
}

void command_help(const struct command *c, const char *path, FILE *out)
{
	fprintf(out, "Usage:  %s%s%s%s\n\n%s\n", path, c->sub ? "" : " [OPTIONS]",
		c->args ? " " : "", c->args ? c->args : "", c->brief);
	if (c->more)
		fprintf(out, "\n%s\n", c->more);
	if (c->sub) {
		fprintf(out, "\nCommands:\n");
		print_commands(c->sub, -1, WORLD_BOTH, out);
	}
	if (c->opts) {
		fprintf(out, "\nOptions:\n");
		print_options(c->opts, out);
	}
}

void command_overview(FILE *out, enum command_world world)
{
	static const char *const titles[] = {
		[GROUP_PROJECT] = "Projects",
		[GROUP_LOOK] = "Looking",
		[GROUP_IMAGE] = "Images and files",
		[GROUP_RESOURCE] = "Networks, volumes, disk",
		[GROUP_OTHER] = "Other",
	};

	fprintf(out, "Usage:  berth [OPTIONS] COMMAND\n\n"
		     "Run Compose projects without Docker.\n\nOptions:\n");
	print_options(global_opts, out);
	for (int g = 0; g < (int)countof(titles); g++) {
		fprintf(out, "\n%s:\n", titles[g]);
		print_commands(commands, g, world, out);
	}
	fprintf(out, "\n\"berth COMMAND --help\" tells more about a command.\n");
}

struct help {
	bool man, bash, zsh, fish;
};

static bool print_generated(const struct help *h)
{
	if (h->man)
		manual_man(stdout);
	else if (h->bash)
		manual_bash(stdout);
	else if (h->zsh)
		manual_zsh(stdout);
	else if (h->fish)
		manual_fish(stdout);
	return h->man || h->bash || h->zsh || h->fish;
}

static int help_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct command *const *rows = commands;
	const struct command *cmd = NULL;
	const char *path = c->program;

	if (print_generated(opts))
		return 0;
	if (!argc) {
		command_overview(stdout, c->world);
		return 0;
	}
	for (int i = 0; i < argc && rows; i++) {
		cmd = command_find(rows, argv[i], c->world);
		if (!cmd)
			return err_set(e, EINVAL, "there is no command \"%s %s\"", path, argv[i]);
		path = arena_printf(&c->arena, "%s %s", path, argv[i]);
		rows = cmd->sub;
	}
	command_help(cmd, path, stdout);
	return 0;
}

/* clang-format off */
static const struct opt help_opts[] = {
	{0, "man",  OPT_FLAG, offsetof(struct help, man),  NULL, "the manual page, for man -l -"},
	{0, "bash", OPT_FLAG, offsetof(struct help, bash), NULL, "completions for bash"},
	{0, "zsh",  OPT_FLAG, offsetof(struct help, zsh),  NULL, "completions for zsh"},
	{0, "fish", OPT_FLAG, offsetof(struct help, fish), NULL, "completions for fish"},
	{0},
};
/* clang-format on */

const struct command help_command = {
	.name = "help",
	.args = "[COMMAND...]",
	.brief = "Tell about berth or one of its commands",
	.opts = help_opts,
	.size = sizeof(struct help),
	.max = -1,
	.run = help_run,
	.group = GROUP_OTHER,
};

struct version {
	const char *format;
	bool brief;
};

static int version_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct version *v = opts;

	if (v->brief)
		puts(BERTH_VERSION);
	else if (v->format && !strcmp(v->format, "json"))
		puts("{\"version\":\"" BERTH_VERSION "\"}");
	else
		puts("berth version " BERTH_VERSION);
	return 0;
}

/* clang-format off */
static const struct opt version_opts[] = {
	{'f', "format", OPT_WORD, offsetof(struct version, format), "pretty|json", "how to print it"},
	{0,   "short",  OPT_FLAG, offsetof(struct version, brief),  NULL,          "only the number"},
	{0},
};
/* clang-format on */

const struct command version_command = {
	.name = "version",
	.brief = "Show the version of berth",
	.opts = version_opts,
	.size = sizeof(struct version),
	.run = version_run,
	.group = GROUP_OTHER,
};
