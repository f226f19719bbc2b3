/*
 * The commands array, one row each; the struct is NAME_command in its own file. The order is
 * that of the overview within a group. Two commands may share a word in different worlds.
 */
#pragma once
#include "cli/command.h"

/* clang-format off */
#define COMMANDS(X) \
	/* images and files (image, build) */ \
	X(load) \
	X(import) \
	\
	/* the file (compose) */ \
	X(config) \
	\
	/* networks and ports (net) */ \
	\
	/* running for months (ops) */ \
	\
	/* other */ \
	X(help) \
	X(version)
/* clang-format on */

#define COMMAND_DECLARE(name) extern const struct command name##_command;
COMMANDS(COMMAND_DECLARE)
#undef COMMAND_DECLARE
