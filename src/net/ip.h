/*
 * Arithmetic on addresses and subnets of both families. Parsing and printing are in
 * net/network.h, for everyone.
 */
#pragma once
#include "net/network.h"

uint8_t ip_bits(int family);                                     /* 32 or 128 */
size_t ip_size(int family);                                      /* 4 or 16 */
bool ip_equal(const struct ip_addr *a, const struct ip_addr *b); /* without the prefix */
bool ip_in(const struct ip_addr *a, const struct ip_addr *subnet);
bool ip_overlap(const struct ip_addr *a, const struct ip_addr *b);
struct ip_addr ip_network(const struct ip_addr *a); /* host bits cleared */
/* The nth address of the subnet, with its prefix; 0 is the subnet's own. */
struct ip_addr ip_nth(const struct ip_addr *subnet, uint64_t n);
uint64_t ip_hosts(const struct ip_addr *subnet); /* how many addresses, at most 2^32 - 1 */
