/*
 * What a bridge port may send: its own addresses, under its own MAC, in IP and in ARP, and no
 * router advertisements. One table for all of berth; a port is entered before it comes up and
 * forgotten once its interface is gone.
 */
#pragma once
#include "net/network.h"
#include "net/nfnl.h"

#define GUARD_TABLE "berth-guard"

/* Writes what enters one port. */
void guard_add(struct nfnl_batch *b, const struct endpoint_spec *ep, const uint8_t mac[6]);
/* Applies what guard_add() wrote; the table is made where it is missing. */
int guard_apply(const struct nfnl_batch *b, struct err *e) must_check;
/* The table, unless it is there. */
int guard_make(struct err *e) must_check;
/* Forgets ports whose interface is gone. */
int guard_prune(struct err *e) must_check;
