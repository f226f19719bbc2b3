/*
 * Networks and endpoints, for callers that know no netlink. Everything is idempotent: asking for
 * what exists changes nothing, removing what is gone is fine.
 */
#pragma once
#include "base/err.h"
#include "base/nsholder.h"
#include "base/text.h"
#include "base/vec.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct ip_addr {
	int family; /* AF_INET, AF_INET6, or 0: none */
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
	uint8_t prefix; /* length, where it is a subnet or an interface address */
};
int ip_parse(const char *s, struct ip_addr *out, struct err *e) must_check; /* with or without /n */
char *ip_print(const struct ip_addr *a, bool with_prefix, char buf[static 64]);

enum net_driver { NET_BRIDGE, NET_MACVLAN, NET_IPVLAN };
struct net_pool {
	struct ip_addr subnet, gateway;
	struct ip_addr range; /* the part given out unasked; family 0: all of it */
};
struct net_spec {
	const char *id;   /* 64 hex digits: names the bridge "br-<first 12>" */
	const char *name; /* "project_default" */
	enum net_driver driver;
	const char *bridge; /* interface name; NULL: from the id */
	const char *parent; /* macvlan, ipvlan; NULL: an interface that leads nowhere */
	const char *mode; /* of macvlan: bridge, private, vepa, passthru; of ipvlan: l2, l3, l3s */
	struct ip_addr subnet4, gateway4, subnet6, gateway6; /* the first pool of each family */
	struct ip_addr range4, range6;
	VEC(struct net_pool) more;
	bool internal, no_icc, no_masquerade;
	bool metadata; /* the cloud's metadata address may be reached */
	int mtu;       /* 0: kernel's */
};

struct endpoint_spec {
	const struct net_spec *net;
	struct ip_addr ip4, ip6;
	uint8_t mac[6];        /* all zero: derived from ip4, and filled in */
	const char *interface; /* inside; NULL: ethN */
	bool route4, route6;   /* the container's way out, by family */
	VEC(struct ip_addr) link_local;
	/* "net.ipv4.conf.IFNAME.arp_accept=1,...", the word IFNAME as it is; NULL: none */
	const char *sysctls;
	char host_side[16]; /* out: name of the veth on the host */
};

/*
 * The network namespace of a replica, pinned at `pin` (a file) so that it outlives its processes.
 * ids: who may rule it, a user namespace of its own with that one map; NULL: the host's root.
 * NETNS_MADE: it was not there before, so nothing is in it.
 */
enum { NETNS_MADE = 1 };
int netns_make(const char *pin, const struct id_map *ids, int *out_fd, struct err *e) must_check;
/* The user namespace that owns a network namespace; -ENOENT: that is the caller's. */
int netns_owner(int netns_fd, int *out_fd, struct err *e) must_check;
int netns_open(const char *pin, int *out_fd, struct err *e) must_check;
int netns_remove(const char *pin, struct err *e) must_check;
/* Sockets are left in it: those of processes, or connections that outlive theirs for minutes. */
bool netns_in_use(int netns_fd);

int network_up(const struct net_spec *n, struct err *e) must_check;
int network_down(const struct net_spec *n, struct err *e) must_check;
/* All endpoints of one namespace. */
struct attachment {
	int netns_fd;
	bool fresh; /* just made: nothing is in it but lo */
	struct endpoint_spec *eps;
	size_t n;
};
/*
 * Wires many namespaces: all interfaces in one netlink message and what their ports may send in one
 * transaction; then each is dressed from inside by a message of its own, and lo brought up. Where
 * that fails some may be wired and others not; asked again, it goes on from there.
 */
int endpoints_attach(const struct attachment *all, size_t n, struct err *e) must_check;
int endpoint_detach(int netns_fd, const struct endpoint_spec *ep, struct err *e) must_check;
struct port_numbers { /* interface indices: a name may come again at once, a number does not */
	int *v;
	size_t n, cap;
};
/* The number of an endpoint's port on the host, 0 where there is none. */
int endpoint_port(int netns_fd, const char *net_id, const uint8_t mac[static 6]);
/*
 * Ports go with the namespaces of their containers; but a connection that was cut with words on the
 * way keeps its namespace, which answers for its address, for minutes. Removes those that are left.
 */
int endpoint_drop_ports(const struct port_numbers *all, struct err *e) must_check;
