/* Small programs for the inside of containers, carried in berth as bytes (init_main.c,
 * exec_main.c). */
#pragma once
#include "base/err.h"

/* Sealed, executable memfds. */
int init_open(struct err *e) must_check;
int init_open_joiner(struct err *e) must_check;
/* In process 1: forks; the child returns 0 to go on to its own execve, the parent becomes init and
 * returns only on failure. Its environment is the container's too: programs look it up in
 * /proc/1/environ. */
int init_split(int memfd, const char *const *envp, struct err *e) must_check;
