/*
 * What berth must change on the host as a whole, and remembers to have changed: forwarding.
 */
#pragma once
#include "net/network.h"

/* Turns forwarding on for the families that the network routes. */
int host_forwarding(const struct net_spec *n, struct err *e) must_check;
/*
 * After a bridge went: turns off what berth turned on where nobody is left who may need it, that is
 * where no bridge, tunnel or the like remains, ours or another's.
 */
int host_forwarding_rest(struct err *e) must_check;
/* False on a kernel without IPv6, and where its sysctls turn it off. */
bool host_has_ipv6(void);
/* True where berth turned it on: then it must forward for nobody but berth's networks. */
bool host_forwards_for_us(void);
