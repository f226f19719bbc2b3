/*
 * The interface of the host under a macvlan or ipvlan network: one that is there, a VLAN of one
 * that is there ("eth0.10", made where missing), or, where none is named, one that leads nowhere.
 */
#pragma once
#include "net/link.h"

char *parent_name(const struct net_spec *n, char out[static LINK_NAME]);
int parent_up(const struct net_spec *n, struct err *e) must_check;
int parent_down(const struct net_spec *n, struct err *e) must_check; /* only what berth made */
