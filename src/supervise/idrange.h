/*
 * Ids of their own for a project (`userns_mode: auto`): 65536 user and group ids that no other
 * project of this host has, the same at every start. The record is a symbolic link
 * BERTH_ROOT/ids/FIRST -> PROJECT for each range: made or found in one step, never half written.
 */
#pragma once
#include "base/err.h"
#include <stdint.h>

/*
 * Between what adduser hands out (/etc/subuid, from 100000 on) and what systemd keeps for others
 * (above 0x6fffffff), see systemd's UIDS-GIDS; ranges of /etc/subuid and subgid are left alone.
 */
enum { IDRANGE_COUNT = 65536, IDRANGE_FIRST = 0x10000000, IDRANGE_LAST = 0x6fff0000 };

/* The first id of the project's range. -ENOSPC: all are taken. */
int idrange_of(const char *project, uint32_t *first, struct err *e) must_check;
