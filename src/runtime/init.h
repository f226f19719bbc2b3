/* The reaper of `init: true` (init_main.c), carried inside berth as bytes. */
#pragma once
#include "base/err.h"

/* A sealed, executable memfd. */
int init_open(struct err *e) must_check;
/* In process 1: forks; the child returns 0 to go on to its own execve, the parent becomes init and
 * returns only on failure. */
int init_split(int memfd, struct err *e) must_check;
