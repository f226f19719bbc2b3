/*
 * The commands array, one row each; the struct is NAME_command in its own file. The order is
 * that of the overview within a group. Two commands may share a word in different worlds.
 */
#pragma once
#include "cli/command.h"

/* clang-format off */
#define COMMANDS(X) \
	/* projects */ \
	X(up) \
	X(down) \
	X(create) \
	X(start) \
	X(stop) \
	X(restart) \
	X(kill) \
	X(pause) \
	X(unpause) \
	X(rm) \
	X(scale) \
	X(exec) \
	X(run) \
	X(docker_run) \
	X(docker_create) \
	X(wait) \
	X(attach) \
	X(watch) \
	X(plan) \
	X(rollout) \
	X(rollback) \
	/* looking */ \
	X(ps) \
	X(docker_ps) \
	X(ls) \
	X(logs) \
	X(top) \
	X(stats) \
	X(events) \
	X(inspect) \
	X(images) \
	X(volumes) \
	X(revisions) \
	X(heal) \
	X(why) \
	X(timeline) \
	X(doctor) \
	X(diff) \
	X(cp) \
	X(export) \
	\
	/* images and files (image, build) */ \
	X(pull) \
	X(docker_pull) \
	X(push) \
	X(docker_images) \
	X(image) \
	X(rmi) \
	X(tag) \
	X(history) \
	X(build) \
	X(builder) \
	X(load) \
	X(save) \
	X(import) \
	X(commit) \
	X(login) \
	X(logout) \
	X(volume) \
	X(secret) \
	X(system) \
	\
	/* the file (compose) */ \
	X(config) \
	X(env) \
	\
	/* networks and ports (net) */ \
	X(network) \
	X(port) \
	\
	/* running for months (ops) */ \
	X(enable) \
	X(disable) \
	X(boot) \
	\
	/* other */ \
	X(info) \
	X(search) \
	X(rename) \
	X(publish) \
	X(bridge) \
	X(help) \
	X(version)
/* clang-format on */

#define COMMAND_DECLARE(name) extern const struct command name##_command;
COMMANDS(COMMAND_DECLARE)
#undef COMMAND_DECLARE
