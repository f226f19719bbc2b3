/*
 * Tables, sets and rules of nf_tables written without libnftables, for what never changes: a rule
 * is a list of expressions over the kernel's registers, as `nft --debug=netlink` prints them.
 * Register 1 is 16 bytes wide; 2 and 14 are the four bytes that follow the first 16 and those after
 * eight more, so that the keys of concatenated sets come to lie side by side.
 */
#pragma once
#include "net/nfnl.h"

enum nfrule_kind {
	RULE_END,
	RULE_META,    /* a: NFT_META_* */
	RULE_PAYLOAD, /* a: NFT_PAYLOAD_*_HEADER, b: offset, n: bytes */
	RULE_MASK,    /* data: to keep, n bytes */
	RULE_EQUAL,   /* data, n bytes */
	RULE_UNLIKE,
	RULE_NOT_IN, /* data: name of the set, a: its number */
	RULE_ACCEPT,
	RULE_DROP,
};
struct nfrule {
	enum nfrule_kind kind;
	uint32_t reg, a, b;
	size_t n;
	const void *data;
};

struct nfrule_set {
	struct nfnl_set set;
	uint32_t number, type, key; /* type as nft(8) names it; bytes of the key */
	const char *note;           /* how nft(8) is to print it, n bytes */
	size_t n;
};

struct nfrule_hook {
	const char *type;
	uint32_t hook;
	int32_t priority;
};

/* -EEXIST at the end where there is such a table. */
void nfrule_table(struct nfnl_batch *b, int family, const char *table);
void nfrule_chain(struct nfnl_batch *b, int family, const char *table, const char *chain,
		  const struct nfrule_hook *hook);
void nfrule_set(struct nfnl_batch *b, const struct nfrule_set *s);
/* At the end of the chain. */
void nfrule_add(struct nfnl_batch *b, int family, const char *table, const char *chain,
		const struct nfrule *rule);
