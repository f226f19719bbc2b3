/*
 * Published ports and network rules: one nftables table per project, replaced in one transaction,
 * removed in one. Pure text from structs, then libnftables (loaded on first use).
 */
#pragma once
#include "net/network.h"
#include "net/nfnl.h"

struct publish_target {
	struct ip_addr ip; /* of a container */
	uint16_t port;
};
struct publish_rule {
	const char *protocol;   /* tcp, udp, sctp */
	struct ip_addr host_ip; /* family 0: every address, v4 and v6 */
	uint16_t host_port;
	bool sticky; /* jhash on the client's address instead of round robin */
	VEC(struct publish_target) targets; /* the ready ones; several: balanced */
	VEC(struct ip_addr) leaving;        /* get nothing new, but keep what they have */
};
/* A virtual address of a service: this host's own connections to it; see net/virtual.h. */
struct publish_virtual {
	struct ip_addr ip;
	VEC(struct ip_addr) targets; /* of its family */
};
struct net_rules {
	const char *project;
	VEC(const struct net_spec *) networks;
	VEC(struct publish_rule) published;
	VEC(struct publish_virtual) virtuals;
	bool host_forwards_for_us; /* set by publish_apply(): forward for berth's networks only */
};

char *publish_text(struct arena *a,
		   const struct net_rules *r); /* the ruleset, for tests and eyes */
/* What was applied last; its owner sets it to zero once. */
struct publish_seen {
	char digest[65];
	struct nfnl_chain chain;
};
/* Changes nothing where the same rules were applied last and still stand. */
int publish_apply(const struct net_rules *r, struct publish_seen *seen, struct err *e) must_check;
int publish_remove(const char *project, struct err *e) must_check;

/*
 * Holds a host port by a bound socket, so that nobody else takes it while berth publishes it.
 * -EADDRINUSE: e names the holder (program and pid) where /proc shows it.
 */
int publish_reserve(const char *protocol, const struct ip_addr *host_ip, uint16_t port, int *out_fd,
		    struct err *e) must_check;
/* The lowest free port of [first, last]; 0,0: an ephemeral one. */
int publish_reserve_range(const char *protocol, const struct ip_addr *host_ip, uint16_t first,
			  uint16_t last, uint16_t *out_port, int *out_fd, struct err *e) must_check;
