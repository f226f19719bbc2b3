/*
 * The names of all endpoints, by network. Pure: the resolver asks, whoever knows the endpoints
 * fills. Records are copied in.
 */
#pragma once
#include "net/resolver.h"

struct names;

struct names *names_new(void);
void names_free(struct names *n);
/* mark: of the record's contents; false where the entry has it already. */
bool names_set(struct names *n, const struct resolver_record *rec, uint64_t mark);
/* The entry is this supervisor's own. */
bool names_own(struct names *n, const char *network, const char *key);
void names_drop(struct names *n, const char *network, const char *key);

/* The same for endpoints of other projects, which never touch one's own. */
void names_set_foreign(struct names *n, const struct resolver_record *rec);
/* key NULL: all of them on the network. */
void names_drop_foreign(struct names *n, const char *network, const char *key);

enum { NAMES_MAX = 64 };
/*
 * Endpoints that answer to the name in the first of these networks that knows it: the ready ones,
 * or all where none is. How many; 0: the name is unknown. `name` is lower case.
 */
size_t names_find(struct names *n, const struct strings *networks, const char *name,
		  const struct resolver_record *out[static NAMES_MAX]);
const struct resolver_record *names_reverse(struct names *n, const struct strings *networks,
					    const struct ip_addr *ip);
/* Those that stand for several, on these networks. */
struct names_list {
	const struct resolver_record **v;
	size_t n, cap;
};
void names_virtual(struct arena *a, const struct names *n, const struct strings *networks,
		   struct names_list *out);
/* fn: called when one of those is about to change. */
void names_on_virtual(struct names *n, void (*fn)(void *arg), void *arg);
