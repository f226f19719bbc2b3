#include "base/mem.h"
#include "net/ip.h"
#include "net/ipam.h"
#include "net/ledger.h"
#include <errno.h>
#include <string.h>

/* Of a larger subnet only the first 65536 addresses are given out unasked. */
enum { ADDRESS_LIMIT = 1 << 16 };

static bool is_taken(const struct row *row)
{
	return row->first[0] == '+';
}

/* The network's subnet that holds the address, or the first where none is asked for. */
static int subnet_of(const char *id, int family, const struct ip_addr *holds, struct ip_addr *out,
		     struct err *e)
{
	const struct row *first = NULL;
	auto_ledger l;
	int r = ledger_open(&l, "subnets", e);

	if (r < 0)
		return r;
	vec_each(row, &l.rows) {
		if (strcmp(row->first, id) || row->ip.family != family)
			continue;
		if (!first || (holds && ip_in(holds, &row->ip)))
			first = row;
	}
	if (!first)
		return err_set(e, ENOENT, "network %.12s has no IPv%d subnet", id,
			       family == AF_INET ? 4 : 6);
	*out = first->ip;
	return 0;
}

static int check_wanted(const struct ledger *l, const char *owner, const struct ip_addr *wanted,
			const struct ip_addr *subnet, struct err *e)
{
	struct ip_addr last = ip_nth(subnet, ip_hosts(subnet) - 1), first = ip_network(subnet);
	char a[64], b[64];

	ip_print(wanted, false, a);
	ip_print(subnet, true, b);
	if (!ip_in(wanted, subnet))
		return err_set(e, EINVAL, "address %s is not in the network's subnet %s", a, b);
	if (subnet->prefix < ip_bits(subnet->family) - 1 &&
	    (ip_equal(wanted, &first) || (wanted->family == AF_INET && ip_equal(wanted, &last))))
		return err_set(e, EINVAL, "address %s is reserved in subnet %s", a, b);
	vec_each(row, &l->rows) {
		if (is_taken(row) && ip_equal(&row->ip, wanted) && strcmp(row->second, owner))
			return err_set(e, EADDRINUSE, "address %s is taken by %s", a, row->second);
	}
	return 0;
}

/* Distance of an address from the start of the range; false where it is not in reach. */
static bool offset_in(const struct ip_addr *ip, const struct ip_addr *range, size_t *out)
{
	const uint8_t *x = (const uint8_t *)&ip->v6, *y;
	struct ip_addr base = ip_network(range);
	size_t n = 0;

	if (!ip_in(ip, range))
		return false;
	y = (const uint8_t *)&base.v6;
	for (size_t i = 0; i < ip_size(ip->family); i++) {
		n = n * 256 + x[i] - y[i];
		if (n >= ADDRESS_LIMIT)
			return false;
	}
	*out = n;
	return true;
}

static bool ends_with(const struct ip_addr *range, const struct ip_addr *subnet)
{
	struct ip_addr a = ip_nth(range, ip_hosts(range) - 1);
	struct ip_addr b = ip_nth(subnet, ip_hosts(subnet) - 1);

	return ip_equal(&a, &b);
}

enum { FREE, KEPT, TAKEN };

/* The lowest address nobody has; failing that, one that is only kept for a former owner. */
static int find_lowest(const struct ledger *l, const struct ip_addr *subnet,
		       const struct ip_addr *range, size_t first, struct ip_addr *out)
{
	uint64_t size = ip_hosts(range), last = size < ADDRESS_LIMIT ? size : ADDRESS_LIMIT;
	struct ip_addr base = ip_network(range);
	auto_free uint8_t *map = mem_array(ADDRESS_LIMIT, 1);
	size_t at;

	/* A range that begins or ends with its subnet must leave out the same two. */
	if (!ip_equal(&base, subnet))
		first = 0;
	if (subnet->family == AF_INET && last == size && size > 2 && ends_with(range, subnet))
		last--; /* broadcast */
	vec_each(row, &l->rows) {
		if (offset_in(&row->ip, range, &at) && map[at] != TAKEN)
			map[at] = is_taken(row) ? TAKEN : KEPT;
	}
	for (uint8_t limit = FREE; limit <= KEPT; limit++) {
		for (at = first; at < last; at++) {
			if (map[at] > limit)
				continue;
			*out = ip_nth(range, at);
			return 0;
		}
	}
	return -EADDRNOTAVAIL;
}

static bool is_free(const struct ledger *l, const struct ip_addr *ip)
{
	vec_each(row, &l->rows) {
		if (is_taken(row) && ip_equal(&row->ip, ip))
			return false;
	}
	return true;
}

/* What the owner has or had. */
static struct row *remembered(struct ledger *l, const char *owner, int family)
{
	vec_each(row, &l->rows) {
		if (row->ip.family == family && !strcmp(row->second, owner))
			return row;
	}
	return NULL;
}

static bool forget(struct ledger *l, const struct ip_addr *ip)
{
	size_t before = l->rows.n;

	for (size_t i = 0; i < l->rows.n;) {
		if (ip_equal(&l->rows.v[i].ip, ip))
			ledger_drop(l, &l->rows.v[i]);
		else
			i++;
	}
	return l->rows.n < before;
}

static int note(struct ledger *l, const char *owner, const struct ip_addr *ip, struct err *e)
{
	struct row *old = remembered(l, owner, ip->family), row = {"+", owner, *ip};
	bool rewrite = old;

	/* Only its owner remembers it: a row for each address, one of each family for an owner. */
	if (old && ip_equal(&old->ip, ip))
		return is_taken(old) ? 0 : ledger_mark(l, old, "+", e);
	if (old)
		ledger_drop(l, old);
	rewrite |= forget(l, ip);
	if (!rewrite)
		return ledger_append(l, &row, e);
	*vec_push(&l->arena, &l->rows) = row;
	return ledger_write(l, e);
}

static int choose(struct ledger *l, const char *owner, const struct ip_addr *range,
		  const struct ip_addr *subnet, struct ip_addr *out, struct err *e)
{
	struct row *old = remembered(l, owner, subnet->family);
	/* The first address is the gateway's, also where it asks last. */
	bool first = text_starts(owner, "gateway") || remembered(l, "gateway", subnet->family);
	char text[64];

	if (old && ip_in(&old->ip, range) && (is_taken(old) || is_free(l, &old->ip))) {
		*out = old->ip;
		return 0;
	}
	if (find_lowest(l, subnet, range, first ? 1 : 2, out) < 0)
		return err_set(e, EADDRNOTAVAIL, "subnet %s has no free address left",
			       ip_print(range, true, text));
	return 0;
}

int ipam_addr_take(const char *id, const char *owner, const struct ip_addr *wanted,
		   const struct ip_addr *range, int family, struct ip_addr *out, struct err *e)
{
	auto_arena a = {0};
	struct ip_addr subnet, found = wanted && wanted->family ? *wanted : (struct ip_addr){0};
	auto_ledger l = {.lock = -1};
	int r = ledger_word("a network", id, e);

	if (r < 0 || ledger_word("an owner of addresses", owner, e) < 0)
		return -e->code;
	r = subnet_of(id, family, found.family ? &found : range, &subnet, e);
	if (!r)
		r = ledger_open(&l, arena_printf(&a, "addresses-%s", id), e);
	if (!r && found.family)
		r = check_wanted(&l, owner, &found, &subnet, e);
	else if (!r)
		r = choose(&l, owner, range && range->family ? range : &subnet, &subnet, &found, e);
	if (r < 0)
		return err_wrap(e, "find an address for %s", owner);
	found.prefix = subnet.prefix;
	r = note(&l, owner, &found, e);
	if (!r)
		*out = found;
	return r;
}

int ipam_addr_free(const char *id, const char *owner, struct err *e)
{
	auto_arena a = {0};
	auto_ledger l;
	int r = ledger_open(&l, arena_printf(&a, "addresses-%s", id), e);

	vec_each(row, &l.rows) {
		if (!r && is_taken(row) && !strcmp(row->second, owner))
			r = ledger_mark(&l, row, "-", e);
	}
	return r;
}
