/*
 * What connection tracking remembers of UDP, which has no end that the kernel could see: a client
 * that goes on sending stays with a container that is gone, or with nobody, for as long as it
 * sends.
 */
#pragma once
#include "net/publish.h"

/* Forgets flows to published UDP ports that do not lead to one of the port's targets now. */
int flows_settle(const struct net_rules *r, struct err *e) must_check;
