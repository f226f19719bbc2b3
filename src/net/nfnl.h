/*
 * nf_tables over netlink for what needs no compiler of rules: set elements, whole tables, listings.
 * Tens of microseconds and no memory, where libnftables takes milliseconds and half a megabyte.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;

struct nfnl_set {
	int family; /* NFPROTO_* */
	const char *table, *set;
};

/* Changes that happen together or not at all. */
struct nfnl_batch {
	char *room;
	size_t used, cap;
	unsigned n;
	bool drops; /* a table */
};
void nfnl_done(struct nfnl_batch *b);
#define auto_nfnl __attribute__((cleanup(nfnl_done))) struct nfnl_batch

/* One message of at most 400 bytes beside its head, filled in between the two. */
struct nlmsghdr *nfnl_change(struct nfnl_batch *b, int type, uint16_t flags, int family);
void nfnl_finish(struct nfnl_batch *b, const struct nlmsghdr *h);

void nfnl_element(struct nfnl_batch *b, bool add, const struct nfnl_set *set, const void *key,
		  size_t n);
void nfnl_drop_table(struct nfnl_batch *b, int family, const char *table);
/* Sends it; the batch stays, to be sent again. An empty one is fine. */
int nfnl_send(const struct nfnl_batch *b, struct err *e) must_check;

int nfnl_tables(void (*fn)(int family, const char *name, void *arg), void *arg,
		struct err *e) must_check;
int nfnl_elements(const struct nfnl_set *set, void (*fn)(const void *key, size_t n, void *arg),
		  void *arg, struct err *e) must_check;

/* Tells whether a chain is the one that was put there: a table made anew has another handle, and a
 * chain that was changed most likely another count. */
struct nfnl_chain {
	uint64_t table;
	uint32_t rules;
};
/* By member: the bytes between them are anybody's. */
static inline bool nfnl_same(const struct nfnl_chain *a, const struct nfnl_chain *b)
{
	return a->table == b->table && a->rules == b->rules;
}
int nfnl_chain(int family, const char *table, const char *chain, struct nfnl_chain *out,
	       struct err *e) must_check;
