/*
 * A command describes itself: parsing, --help, man pages and shell completions all read the
 * same rows. run() returns the exit code (0 and up), or -errno with *e filled.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <stdio.h>

struct cli;

/* clang-format off */
enum opt_type {
	OPT_FLAG, /* bool; --x, --x=false */
	OPT_STR,  /* const char * */
	OPT_INT,  /* int */
	OPT_WORD, /* const char *, one of the words in .value ("a|b") */
	OPT_LIST, /* struct strings, repeatable */
};
/* clang-format on */

struct opt {
	char letter;
	const char *name; /* long; NULL ends the rows */
	enum opt_type type;
	size_t off;
	const char *value; /* its name in the help; for OPT_WORD the words */
	const char *help;  /* NULL: an old spelling, not shown */
};

/* Where a command may be called: `docker X` has another ps, run, images than `docker compose X`. */
enum command_world { WORLD_BOTH, WORLD_COMPOSE, WORLD_DOCKER };
/*
 * What a command takes from the file. READS_NAMES: who is in it; of warnings, those that docker
 * compose has as well. READS_BUILD: what is built, with all warnings. READS_ALL: what runs, so
 * the files of env_file have to be there too.
 */
enum command_reads { READS_NAMES, READS_BUILD, READS_ALL };
enum command_group { GROUP_PROJECT, GROUP_LOOK, GROUP_IMAGE, GROUP_RESOURCE, GROUP_OTHER };

struct command {
	const char *name, *args, *brief;
	const char *more; /* NULL, or paragraphs and examples for --help and the man page */
	const struct opt *opts;
	size_t size;          /* bytes of the struct the options are read into */
	const void *defaults; /* NULL: zeroes */
	int min, max;         /* number of words; -1: any */
	int (*run)(struct cli *c, void *opts, int argc, char **argv, struct err *e);
	const struct command *const *sub; /* `image ls`: rows ended by NULL */
	enum command_group group;
	enum command_world world;
	bool unplanned; /* nothing knows in steps what it would do: --dry-run says its words */
	enum command_reads reads;
	bool words_end_options; /* exec, run: what follows the first word is not ours */
};

extern const struct command *const commands[]; /* cli/commands.h, ended by NULL */
extern const struct opt global_opts[];

/* NULL: none of that name in that world (WORLD_BOTH: compose's first, then docker's). */
const struct command *command_find(const struct command *const *rows, const char *name,
				   enum command_world world);
/* The rest of the command line, argv[0] being the first word after berth's global options. */
int command_main(struct cli *c, int argc, char **argv, struct err *e);

/* Reads the options before the command. Returns the index of the first word, or -errno. */
int command_globals(struct cli *c, int argc, char **argv, struct err *e) must_check;

/* One parse of one table; moves the words to the front of argv. For tests and command.c. */
struct parse {
	struct arena *arena;
	const struct opt *opts;
	void *into;
	const struct opt *more_opts; /* NULL, or a second table that is asked after the first */
	void *more_into;
	bool words_end_options;
	bool help; /* out: --help was there */
};
int command_parse(struct parse *p, int *argc, char **argv, struct err *e) must_check;

void command_help(const struct command *c, const char *path, FILE *out);
void command_overview(FILE *out, enum command_world world);
