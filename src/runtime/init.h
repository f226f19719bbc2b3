/* Small programs for the inside of containers, carried in berth as bytes (init_main.c,
 * exec_main.c). */
#pragma once
#include "base/err.h"

/* Sealed, executable memfds. */
int init_open(struct err *e) must_check;
int init_open_joiner(struct err *e) must_check;
/* In process 1: forks; the child returns 0 to go on to its own execve, the parent becomes init and
 * returns only on failure. */
int init_split(int memfd, struct err *e) must_check;
