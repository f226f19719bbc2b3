/*
 * What berth itself answers: names of endpoints, their addresses backwards, their ports as SRV.
 */
#pragma once
#include "net/dns.h"
#include "net/names.h"

struct answer_ask {
	struct names *names;
	const struct resolver_client *client;
	const uint8_t *packet;
	const struct dns_question *question; /* of that packet */
	unsigned turn;                       /* which of several comes first */
	uint8_t *out;
	size_t room;
};

/* The length of the answer in out; 0: others must be asked. */
size_t answer(const struct answer_ask *a);
size_t answer_code(const struct answer_ask *a, enum dns_code code);
