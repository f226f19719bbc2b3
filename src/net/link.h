/*
 * Interfaces by name and number, and the messages that several files here build.
 */
#pragma once
#include "net/network.h"
#include "net/rtnl.h"

/* Interface group of every bridge of berth: one word in a rule means all of them. */
enum { LINK_GROUP = 0xbe27 };
enum { LINK_NAME = 16 };

char *link_bridge_name(const struct net_spec *n, char out[static LINK_NAME]);
int link_index(const char *name); /* in the caller's namespace; -ENODEV */
/* In that of a socket, which spares making one. */
int link_index_by(int fd, const char *name);
void link_up(struct rtnl *r, int index, const char *what);
void link_delete(struct rtnl *r, const char *name);
/* No automatic IPv6 link-local address: a bridge port or a dark interface needs none. */
void link_no_ipv6_auto(struct rtnl *r);
void link_address(struct rtnl *r, int index, const struct ip_addr *a, bool link_scope);
/* direct: all addresses are on the wire itself; of the gateway only the family counts. */
void link_default_route(struct rtnl *r, int index, const struct ip_addr *gateway, bool direct);
/* Makes the kernel act on a change of carrier now; fd: any socket in the interface's namespace. */
void link_settle(int fd, const char *name);
