#include "cli/commands.h"
#include "cli/cli.h"

#define COMMAND_ROW(name) &name##_command,
const struct command *const commands[] = {COMMANDS(COMMAND_ROW) NULL};

#define G(field) offsetof(struct global, field)

/* clang-format off */
const struct opt global_opts[] = {
	{'f', "file",              OPT_LIST, G(files),             "PATH",  "Compose file; several are merged in order; - is standard input"},
	{'p', "project-name",      OPT_STR,  G(project_name),      "NAME",  "name of the project"},
	{0,   "profile",           OPT_LIST, G(profiles),          "NAME",  "activate a profile; * is all"},
	{0,   "env-file",          OPT_LIST, G(env_files),         "PATH",  "read variables from here instead of .env"},
	{0,   "project-directory", OPT_STR,  G(project_directory), "PATH",  "what relative paths start from"},
	{0,   "workdir",           OPT_STR,  G(project_directory), "PATH",  NULL},
	{0,   "progress",          OPT_WORD, G(progress),          "auto|tty|plain|json|quiet", "how to show progress"},
	{0,   "ansi",              OPT_WORD, G(ansi),              "auto|never|always", "colours and cursor movement"},
	{0,   "parallel",          OPT_INT,  G(parallel),          "N",     "at most N downloads and builds at once; -1 is no limit"},
	{0,   "no-ansi",           OPT_FLAG, G(no_ansi),           NULL,    NULL},
	{0,   "dry-run",           OPT_FLAG, G(dry_run),           NULL,    "say what would be done, and change nothing"},
	{0,   "all-resources",     OPT_FLAG, G(all_resources),     NULL,    "keep networks and volumes that no service uses"},
	{0,   "compatibility",     OPT_FLAG, G(compatibility),     NULL,    "do as docker compose does: join names with _, leave unhealthy containers alone, ... (docs/compatibility.md)"},
	{0,   "compat",            OPT_FLAG, G(compatibility),     NULL,    NULL},
	{0,   "verbose",           OPT_FLAG, G(verbose),           NULL,    "say more"},
	{'v', "version",           OPT_FLAG, G(version),           NULL,    "show the version"},
	{0},
};
/* clang-format on */
