/*
 * The host's firewall keeps its say over published ports.
 *
 * A packet for a published port is rewritten to a container and then forwarded, so the rules that
 * the administrator wrote for `input` never see it (Docker's well-known hole). berth therefore
 * leaves the first packet of a connection from outside alone: it goes the way of any packet for
 * this host, through every input rule there is. Behind them, as the very last input rule, stands
 * the door: what comes out alive is copied into one end of a pair of interfaces, and the original
 * dropped before it founds a connection. The copy enters the host again at the other end, and
 * there it is rewritten and forwarded; the rest of the connection follows it by connection
 * tracking, at full speed. No process takes part, the client's address is kept, and a rule added
 * to the firewall later counts from the next connection on.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

#define DOOR_TABLE "berth-door"  /* one in ip, one in ip6 */
#define DOOR_OUTER "berth-in1"   /* where copies come in again */
enum { DOOR_MARK = 0x0be27000 }; /* bits of the connection mark: to the door, if input agrees */

/* Makes the pair where it is missing. */
int door_open(struct err *e) must_check;
/* The tables of the door, to be part of the transaction that needs them. */
void door_text(struct buf *b);
/* Takes the pair away, once its tables are gone. */
int door_close(struct err *e) must_check;
