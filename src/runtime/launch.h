/*
 * Starting a container. launch_begin() returns as soon as the child exists; the outcome (execve
 * done, or a struct err from any set-up step) arrives on launch.sync_fd, so that one loop starts
 * many at once. launch_finish() reads it; launch_wait() is both, blocking.
 */
#pragma once
#include "base/err.h"
#include "runtime/spec.h"

struct launch {
	pid_t pid;           /* of the container's first process, in our pid namespace */
	int pidfd;           /* caller closes */
	int sync_fd;         /* readable: call launch_finish(); caller closes */
	int tty_fd;          /* master side of the terminal allocated inside; -1 without tty */
	uint64_t start_time; /* field 22 of /proc/PID/stat: with pid, names the process for ever */
};

int launch_begin(const struct container_spec *s, struct launch *out, struct err *e) must_check;
/* 0: execve succeeded. -errno with e: it did not; e says which step and why, and errors map to
 * exit codes by launch_exit_code(). -EAGAIN: not known yet. */
int launch_finish(struct launch *l, struct err *e) must_check;
int launch_wait(struct launch *l, struct err *e) must_check;
/* 127 not found, 126 found but not executable, 125 anything else (as docker has them). */
int launch_exit_code(const struct err *e);

/* Unmounts what is left of a container's root, removes its cgroups; repeatable. */
int launch_cleanup(const struct container_spec *s, struct err *e) must_check;
/* The same from the few facts in a state file. */
int launch_cleanup_paths(const char *dir, const char *cgroup_path, struct err *e) must_check;

/* Facts about a user inside a root, for chown of secrets and volumes before launch. */
struct user_ids {
	uid_t uid;
	gid_t gid;
	char home[256];
};
int launch_resolve_user(int root_fd, const char *user, struct user_ids *out,
			struct err *e) must_check;
