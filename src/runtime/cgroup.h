/*
 * Control groups: v2 is the design; v1 and hybrid are a second table of {attribute, file, format}
 * behind the same functions. `path` is relative to the hierarchy roots.
 */
#pragma once
#include "base/err.h"
#include "runtime/spec.h"

enum cgroup_layout { CGROUP_V2, CGROUP_V1, CGROUP_HYBRID };
enum cgroup_layout cgroup_layout(void);

int cgroup_make(const char *path, const struct cgroup_limits *limits, bool privileged,
		struct err *e) must_check;
/* Only the group that a process can be born into (cgroup_fd), where there is one: the process then
 * makes the others, which takes a while, and beside its siblings. */
int cgroup_make_first(const char *path, struct err *e) must_check;
int cgroup_enter(const char *path, pid_t pid, struct err *e) must_check;
/* Out of the groups that this process was started in (a session's, a service's), to the roots: what
 * becomes of those is not its business. What cannot be left is not. */
void cgroup_leave(void);
/* A v2 directory descriptor for CLONE_INTO_CGROUP, or -1 where the layout has none. */
int cgroup_fd(const char *path);
int cgroup_freeze(const char *path, bool frozen, struct err *e) must_check;
int cgroup_kill(const char *path, struct err *e) must_check;   /* SIGKILL to all, thawing first */
int cgroup_remove(const char *path, struct err *e) must_check; /* -EBUSY while occupied */
int cgroup_pids(struct arena *a, const char *path, pid_t **out, size_t *n,
		struct err *e) must_check;

struct cgroup_stats {
	uint64_t cpu_ns, memory, memory_limit, pids, pids_limit;
	uint64_t io_read, io_written, oom_kills, throttled_ns, throttled_periods, periods;
};
int cgroup_stats(const char *path, struct cgroup_stats *out, struct err *e) must_check;
