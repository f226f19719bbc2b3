/*
 * DNS on the wire (RFC 1035, 2782, 6891): reads a question, writes an answer, and looks through
 * the answer of another server far enough to trust and to cache it. Everything is bounded by the
 * packet; nothing here allocates.
 */
#pragma once
#include "net/network.h"

enum dns_type {
	DNS_A = 1,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_OPT = 41,
	DNS_ANY = 255,
};
enum dns_code {
	DNS_NOERROR,
	DNS_FORMERR,
	DNS_SERVFAIL,
	DNS_NXDOMAIN,
	DNS_NOTIMP,
	DNS_REFUSED,
};
enum { DNS_NAME = 256, DNS_UDP_MIN = 512, DNS_UDP_MAX = 1232, DNS_TCP_MAX = 65535 };

struct dns_question {
	uint16_t id, flags, type, class;
	char name[DNS_NAME]; /* lower case, dotted, without the last dot; "" where is_odd */
	bool is_odd;         /* labels with bytes that no host name has */
	bool edns, dnssec_ok;
	size_t room; /* what the asker takes over UDP */
	size_t end;  /* of the question section in its packet */
};

/* 0; an enum dns_code that is the answer; -EBADMSG: to be ignored (too short, or itself an answer).
 */
int dns_read(const uint8_t *p, size_t n, struct dns_question *out);

struct dns_writer {
	uint8_t *p;
	size_t n, room;
	uint16_t answers;
	bool full; /* something did not fit: the answer says so */
};

/* Starts the answer to the question that stands in `ask`. */
void dns_begin(struct dns_writer *w, uint8_t *p, size_t room, const uint8_t *ask,
	       const struct dns_question *q, enum dns_code code);
void dns_put_ip(struct dns_writer *w, const struct ip_addr *ip, uint32_t ttl);
void dns_put_name(struct dns_writer *w, uint16_t type, const char *name, uint32_t ttl);
void dns_put_srv(struct dns_writer *w, uint16_t port, const char *target, uint32_t ttl);
/* The length of the finished answer. */
size_t dns_finish(struct dns_writer *w, const struct dns_question *q);

/*
 * The same question for another server, under a new id and without the asker's other options.
 * out: DNS_ASK_MAX bytes; the length.
 */
enum { DNS_ASK_MAX = 12 + DNS_NAME + 4 + 11 };
size_t dns_ask(uint8_t *out, const uint8_t *ask, const struct dns_question *q, uint16_t id);

/* "4.3.2.1.in-addr.arpa", "....ip6.arpa": the address. False for anything else. */
bool dns_reverse(const char *name, struct ip_addr *out);

/* What another server said. */
struct dns_reply {
	uint16_t id;
	enum dns_code code;
	bool truncated;
	uint32_t ttl; /* for the cache; 0: do not keep */
};
/* True where it is a well-formed answer to the question section of `ask`. */
bool dns_check(const uint8_t *p, size_t n, const uint8_t *ask, size_t ask_end,
	       struct dns_reply *out);
/* Takes `seconds` off every TTL of an answer that dns_check() has passed. */
void dns_age(uint8_t *p, size_t n, uint32_t seconds);
