/*
 * The DNS server that containers see at 127.0.0.11:53 (UDP and TCP): sockets made inside each
 * network namespace, served by the supervisor's loop. Every namespace sees exactly the names of
 * its own networks; the rest is forwarded to the host's resolvers.
 */
#pragma once
#include "base/loop.h"
#include "net/network.h"

struct resolver;

int resolver_new(struct loop *l, struct resolver **out, struct err *e) must_check;
void resolver_free(struct resolver *r);

/* A namespace starts or stops to be served. `key` names it in later calls. */
struct resolver_client {
	const char *key;
	struct strings networks;  /* ids */
	struct strings upstreams; /* "dns:" of the service; empty: the host's */
	struct pairs links;       /* other names that this client alone has for names */
	bool internal_only;       /* never forward */
	bool leaves_53;           /* port 53 of every address is the container's own */
};
int resolver_serve(struct resolver *r, int netns_fd, const struct resolver_client *c,
		   struct err *e) must_check;
/* Rules for virtual addresses that a client lacks, now instead of at the end of the turn. */
int resolver_settle(struct resolver *r, struct err *e) must_check;
void resolver_unserve(struct resolver *r, const char *key);

struct resolver_port { /* for SRV */
	uint16_t port;
	const char *protocol, *name; /* name: of the port in the file, or NULL */
};

/* Names of one endpoint on one network; replaces what (network, key) had. */
struct resolver_record {
	const char *network, *key; /* id of the network; name of the container */
	struct strings names;      /* service, aliases, container name, short id, hostname */
	const char *ptr_name;      /* what a reverse lookup answers: "container.network" */
	struct ip_addr ip4, ip6;
	bool quiet_ip6; /* ip6 answers to reverse lookups only */
	bool ready;     /* only ready ones are answered, unless none is */
	VEC(struct resolver_port) ports;
	bool is_virtual;             /* ip4 and ip6 stand for these: see net/virtual.h */
	VEC(struct ip_addr) targets; /* who serves now */
};
void resolver_set(struct resolver *r, const struct resolver_record *rec);
void resolver_drop(struct resolver *r, const char *network, const char *key);
