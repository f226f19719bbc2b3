/*
 * A further process in a running container: exec, health probes, hooks. Joins the namespaces,
 * cgroup, rights and seccomp filter of the container; never exposes a handle on the host.
 */
#pragma once
#include "runtime/launch.h"

struct exec_spec {
	pid_t target;             /* the container's first process */
	uint64_t start_time;      /* checked, so that a reused pid is refused */
	const char *state_file;   /* runtime/state: rights and limits to apply */
	struct strings argv, env; /* env: added to the container's own */
	const char *cwd, *user;
	bool tty, privileged;
	unsigned short rows, cols;
	int stdio[3];
	bool clone_parent;
	const char
		*sub_cgroup; /* NULL, or a child group, so that exec_kill() gets all of a probe */
};

int exec_begin(const struct exec_spec *s, struct launch *out, struct err *e) must_check;
