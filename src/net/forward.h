/*
 * Asks other DNS servers, from the host's network namespace, on the loop: a fresh socket (so a
 * random port) and a random id for every question, the next server after a timeout or a refusal,
 * answers kept for as long as they say.
 */
#pragma once
#include "base/loop.h"
#include "net/dns.h"

struct forwarder;

struct forwarder *forwarder_new(struct loop *l);
void forwarder_free(struct forwarder *f);

struct forward_ask {
	const struct strings *upstreams; /* addresses; empty: the host's /etc/resolv.conf */
	const uint8_t *packet;
	const struct dns_question *question; /* of that packet */
	bool tcp;
	/*
	 * The answer with the asker's id; SERVFAIL where no server gave one; n 0 where too many are
	 * asking. Called once, maybe before forward() returns.
	 */
	void (*done)(void *arg, uint8_t *p, size_t n);
	void *arg;
};
void forward(struct forwarder *f, const struct forward_ask *ask);
/* Nobody waits for this answer any more. */
void forward_cancel(struct forwarder *f, const void *arg);
