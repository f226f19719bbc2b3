/*
 * Where berth keeps things. Both can be moved by environment, so that tests run side by side.
 *   BERTH_ROOT  state that survives a reboot; default /var/lib/berth
 *   BERTH_RUN   sockets, namespaces, container state; default /run/berth
 * Directories are made 0700 on first use.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"

const char *paths_root(void);
const char *paths_run(void);
/* Joins, makes the directory and its parents (0700), returns the path in the arena. */
int paths_make(struct arena *a, const char *base, const char *sub, char **out, struct err *e);
