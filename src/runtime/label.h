/* Labels of the kernel's security modules, taken at execve. */
#pragma once
#include "base/err.h"
#include "runtime/spec.h"

/*
 * While the host's /sys is in sight, before anything is made: *profile is the one of AppArmor to
 * take, or NULL. An asked-for label on a kernel without its module is refused.
 */
int label_choose(const struct container_spec *s, const char **profile, struct err *e) must_check;
/* proc: a procfs that we mounted ourselves (CVE-2019-16884: never one found by path). */
int label_take(const struct container_spec *s, const char *profile, int proc,
	       struct err *e) must_check;
