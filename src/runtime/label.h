/* Labels of the kernel's security modules, taken at execve. */
#pragma once
#include "base/err.h"
#include "runtime/spec.h"

/* An asked-for label on a kernel without its module is refused, before anything is made. */
int label_check(const struct container_spec *s, struct err *e) must_check;
/* proc: a procfs that we mounted ourselves (CVE-2019-16884: never one found by path). */
int label_take(const struct container_spec *s, int proc, struct err *e) must_check;
