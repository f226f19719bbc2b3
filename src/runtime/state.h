/*
 * One file per container below BERTH_RUN: what exec, ps and a new supervisor need to find it
 * again. Written before the action it describes; replaced atomically.
 */
#pragma once
#include "base/err.h"
#include "runtime/spec.h"

/* Facts of the launch that exec needs: rights, environment, user, cgroup. */
int state_write(const char *path, const struct container_spec *s, pid_t pid, uint64_t start_time,
		struct err *e) must_check;
int state_read(struct arena *a, const char *path, struct container_spec *out, pid_t *pid,
	       uint64_t *start_time, struct err *e) must_check;
/* Start time of a live process; -ESRCH where there is none. */
int state_start_time(pid_t pid, uint64_t *out);
bool state_is_zombie(pid_t pid); /* it has ended; its parent has not asked yet */
/* 0 where there is no such process. */
pid_t state_parent(pid_t pid);
/* A pidfd of exactly that process, or -ESRCH. */
int state_adopt(pid_t pid, uint64_t start_time);
