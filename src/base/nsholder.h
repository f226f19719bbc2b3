/*
 * New namespaces with a user namespace that owns them. A process must be in it when they are made
 * and berth could not come back from there, so a child that does nothing holds them until they are
 * opened.
 */
#pragma once
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

/* uid_map or gid_map line (user_namespaces(7)). */
struct id_map {
	uint32_t inside, outside, count;
};
struct id_maps {
	const struct id_map *uid, *gid;
	size_t uids, gids;
};
struct nsholder {
	int pid, pidfd;
};

/* flags: CLONE_NEW* besides CLONE_NEWUSER. The child sends no SIGCHLD. */
int nsholder_begin(struct nsholder *h, uint64_t flags, const struct id_maps *maps,
		   struct err *e) must_check;
/* kind: a name below /proc/PID/ns; the descriptor is the caller's. -errno. */
int nsholder_open(const struct nsholder *h, const char *kind);
void nsholder_end(struct nsholder *h);
#define auto_nsholder __attribute__((cleanup(nsholder_end))) struct nsholder
