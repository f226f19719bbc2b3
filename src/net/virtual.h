/*
 * Virtual addresses: one stable address for all replicas of a service (endpoint_mode: vip). Whoever
 * is on a network with one has rules in its own network namespace that lead a new connection to a
 * replica in turn: no process and no detour by the host, and the replica sees the asker's address.
 */
#pragma once
#include "base/loop.h"
#include "net/names.h"

/* What a namespace on these networks needs; nothing is written where they have no such address. */
void virtual_text(struct buf *b, const struct names *n, const struct strings *networks);

/* A namespace; embedded in its owner. */
struct virtual_client {
	struct virtual_client *next;
	int socket; /* made inside it */
	const struct strings *networks;
	uint64_t seen; /* hash of the rules that it has; 0: none */
};

struct virtuals;
struct virtuals *virtuals_new(struct loop *l, struct names *n);
void virtuals_free(struct virtuals *v);
void virtual_join(struct virtuals *v, struct virtual_client *c);
void virtual_leave(struct virtuals *v, struct virtual_client *c);
/* Looks whose rules have changed at the end of this turn, or at once. All by one process. */
void virtual_later(struct virtuals *v);
int virtual_now(struct virtuals *v, struct err *e) must_check;
