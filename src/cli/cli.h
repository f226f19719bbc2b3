/*
 * What every command gets: the global options, the arena of this command, and how to talk to the
 * terminal. The project is loaded when a command asks for it.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "cli/command.h"
#include "compose/load.h"

struct global {
	struct strings files, profiles, env_files;
	const char *project_name, *project_directory, *progress, *ansi;
	int parallel;
	bool all_resources, dry_run, compatibility, verbose, version, no_ansi;
};

struct cli {
	struct arena arena;
	struct global global;
	enum command_world world;
	const char *program; /* "berth", "docker compose", ... for messages */
	bool colour_out, colour_err;
	int failure;    /* exit status of an error; 0: the usual one */
	bool bad_usage; /* the error is about flags: docker ends with 125 */
	bool fleeting;  /* the project ends with this command: no power cut matters to it */
	enum command_reads reads; /* struct command */
	struct project *project;  /* after cli_project() */
};

/*
 * Loads the project once. `services` (may be NULL) are names from the command line: their
 * profiles count as active. Warnings are printed here.
 */
int cli_project(struct cli *c, const struct strings *services, struct project **out,
		struct err *e) must_check;
/* What is to be said about the file, as struct command's `reads` has it. */
void cli_warnings(const struct cli *c, const struct project *p);
/* The options that cli_project() loads with, for commands that load in their own way. */
void cli_load_options(struct cli *c, struct load_options *out);
/*
 * The project's name: -p, COMPOSE_PROJECT_NAME, or from the file. Loads the file only where
 * the name cannot be known without.
 */
int cli_project_name(struct cli *c, const char **out, struct err *e) must_check;
/* A project whose guardian and supervisor are both dead gets a new pair, and the user is told. */
void cli_mend(struct cli *c, const char *project);

/* Asks "... [y/N]"; where nobody answers, on the terminal or through a pipe, it is no. */
bool cli_confirm(struct cli *c, const char *question);

/* An environment variable that means yes ("1", "true", ...). */
bool cli_env_bool(const char *name);
