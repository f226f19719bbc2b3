/*
 * Networks as records of their own, made, described and removed: for the supervisor, whose project
 * names them, and for the network commands. No project need know a network.
 */
#pragma once
#include "net/network.h"
#include "supervise/status.h"

/* The id that follows from a name, so that a file may declare the network external. */
const char *networks_id(struct arena *a, const char *name);

struct networks_wish {
	bool ip4, ip6; /* a subnet of that family, also where no pool of it is given */
	bool ip6_if_possible;
};
/* Enters what the record says of subnets and gateways into the ledgers, where they do not have it.
 */
int networks_hold(struct arena *a, struct network_status *n, struct err *e) must_check;
/*
 * Finds subnets and gateways for the pools of `n`, brings the network up and writes the record.
 * `n->id` and `n->name` are set; the rest of a pool may be left open. Half of it never stays.
 */
int networks_make(struct arena *a, struct network_status *n, const struct networks_wish *w,
		  struct err *e) must_check;
int networks_remove(const struct network_status *n, struct err *e) must_check;
/* What the net room must know of it; `n` lives as long. */
int networks_spec(struct arena *a, const struct network_status *n, struct net_spec *out,
		  struct err *e) must_check;
/* The first of that family, or NULL. */
const char *networks_subnet(const struct network_status *n, int family);
const char *networks_gateway(const struct network_status *n, int family);
const char *networks_option(const struct network_status *n, const char *key); /* NULL: not given */
