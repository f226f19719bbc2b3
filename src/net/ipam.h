/*
 * Address pools in a file under lock: subnets per network, addresses per endpoint. Small subnets
 * out of a large pool, never one that the host already routes; stable per project.
 */
#pragma once
#include "net/network.h"

/*
 * A subnet for network `id`, the same as last time where it is free. `wanted` (family 0: any)
 * is checked against the host's routes and berth's other networks: -EADDRINUSE says who holds it.
 * A network may take several; one that asks for any gets the first that it has.
 */
int ipam_subnet_take(const char *id, const char *name, const struct ip_addr *wanted, int family,
		     struct ip_addr *out, struct err *e) must_check;
int ipam_subnet_free(const char *id, struct err *e) must_check;
/*
 * An address in the network for `owner`, who has one of each family; `wanted` family 0: the lowest
 * that is free in `range` (NULL or family 0: in the first subnet), sticky per owner.
 */
int ipam_addr_take(const char *id, const char *owner, const struct ip_addr *wanted,
		   const struct ip_addr *range, int family, struct ip_addr *out,
		   struct err *e) must_check;
int ipam_addr_free(const char *id, const char *owner, struct err *e) must_check;
