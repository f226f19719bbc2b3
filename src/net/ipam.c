#include "net/ipam.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/paths.h"
#include "net/ip.h"
#include "net/ledger.h"
#include "net/link.h"
#include "net/rtnl.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>

/* What the host routes already. */
struct routes {
	struct arena arena;
	int own; /* interface number of this network's bridge, whose routes do not count */
	VEC(struct ip_addr) subnets;
};

static void routes_done(struct routes *r)
{
	arena_free(&r->arena);
}

static int note_route(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	struct ip_addr ip = {.family = m->rtm_family, .prefix = m->rtm_dst_len};
	struct routes *routes = arg;
	const struct nlattr *attr;
	int out = -1;

	if (!m->rtm_dst_len || m->rtm_flags & RTM_F_CLONED || m->rtm_type != RTN_UNICAST)
		return 0;
	mnl_attr_for_each(attr, h, sizeof(*m))
	{
		if (mnl_attr_get_type(attr) == RTA_DST &&
		    mnl_attr_get_payload_len(attr) == ip_size(ip.family))
			memcpy(&ip.v6, mnl_attr_get_payload(attr), ip_size(ip.family));
		if (mnl_attr_get_type(attr) == RTA_OIF)
			out = (int)mnl_attr_get_u32(attr);
	}
	if (out != routes->own)
		*vec_push(&routes->arena, &routes->subnets) = ip;
	return 0;
}

static int list_routes(const char *id, int family, struct routes *out, struct err *e)
{
	struct rtmsg ask = {.rtm_family = (uint8_t)family};
	struct net_spec own = {.id = id};
	auto_rtnl r = {.fd = -1};
	char name[LINK_NAME];

	out->own = link_index(link_bridge_name(&own, name));
	if (rtnl_open(&r, -1, e) < 0)
		return -e->code;
	return rtnl_dump(&r, RTM_GETROUTE, &ask, sizeof(ask), note_route, out, e);
}

static const struct row *taken_by(const struct ledger *l, const struct ip_addr *subnet)
{
	vec_each(row, &l->rows) {
		if (ip_overlap(&row->ip, subnet))
			return row;
	}
	return NULL;
}

static const struct ip_addr *routed_as(const struct routes *routes, const struct ip_addr *subnet)
{
	vec_each(ip, &routes->subnets) {
		if (ip_overlap(ip, subnet))
			return ip;
	}
	return NULL;
}

static int check_wanted(const struct ledger *l, const struct routes *routes,
			const struct ip_addr *wanted, struct err *e)
{
	const struct row *row = taken_by(l, wanted);
	const struct ip_addr *route = routed_as(routes, wanted);
	char a[64], b[64];

	ip_print(wanted, true, a);
	if (row) {
		err_set(e, EADDRINUSE, "subnet %s overlaps %s of network %s", a,
			ip_print(&row->ip, true, b), row->second);
		return err_hint(e, "choose another subnet, or take the other network down first");
	}
	if (route) {
		err_set(e, EADDRINUSE, "subnet %s overlaps %s, which this host routes already", a,
			ip_print(route, true, b));
		return err_hint(e, "choose another subnet; `ip route` shows what is in use");
	}
	return 0;
}

/* 40 random bits, drawn once per host (RFC 4193): fdXX:XXXX:XXXX::/48. */
static int own_ula(struct ip_addr *out, struct err *e)
{
	auto_arena a = {0};
	char *path = arena_printf(&a, "%s/net/ula", paths_root()), text[64];
	struct span old;
	struct err none;

	if (!file_read(&a, AT_FDCWD, path, 100, &old, &none) &&
	    !ip_parse(span_dup(&a, span_trim((struct span){old.p, strcspn(old.p, "\n")})), out,
		      &none) &&
	    out->family == AF_INET6)
		return 0;
	*out = (struct ip_addr){.family = AF_INET6, .prefix = 48};
	out->v6.s6_addr[0] = 0xfd;
	if (getrandom(out->v6.s6_addr + 1, 5, 0) != 5)
		return err_set(e, EIO, "no random numbers");
	ip_print(out, true, text);
	return file_replace(AT_FDCWD, path, text, strlen(text), 0600, FILE_DURABLE, e);
}

/*
 * The pools, and how they are cut. 172.16/12 first: home and office networks live in 192.168/16
 * and the low end of 10/8.
 */
static int pools(int family, struct ip_addr out[2], unsigned *cut, struct err *e)
{
	out[1] = (struct ip_addr){0};
	if (family == AF_INET6) {
		*cut = 64;
		return own_ula(&out[0], e);
	}
	*cut = 24;
	out[0] = (struct ip_addr){.family = AF_INET, .v4.s_addr = htonl(0xac100000), .prefix = 12};
	out[1] = (struct ip_addr){.family = AF_INET, .v4.s_addr = htonl(0x0a800000), .prefix = 9};
	return 0;
}

static struct ip_addr slot_of(const struct ip_addr *pool, unsigned cut, uint64_t slot)
{
	struct ip_addr out = ip_network(pool);
	unsigned shift = cut == 24 ? 8 : 0;
	uint64_t value = slot << shift;

	if (pool->family == AF_INET) {
		out.v4.s_addr = htonl(ntohl(out.v4.s_addr) + (uint32_t)value);
	} else {
		out.v6.s6_addr[6] = (uint8_t)(value >> 8);
		out.v6.s6_addr[7] = (uint8_t)value;
	}
	out.prefix = (uint8_t)cut;
	return out;
}

/* Where to look first comes from the name: a project finds its subnet again after `down`. */
static uint64_t first_slot(const char *name, uint64_t slots)
{
	char hex[HASH_HEX];

	hash_sha256(name, strlen(name), hex);
	hex[12] = '\0';
	return strtoull(hex, NULL, 16) % slots;
}

static int find_free(const struct ledger *l, const struct routes *routes, const char *name,
		     int family, struct ip_addr *out, struct err *e)
{
	struct ip_addr pool[2];
	unsigned cut;

	if (pools(family, pool, &cut, e) < 0)
		return -e->code;
	for (int p = 0; p < 2 && pool[p].family; p++) {
		uint64_t slots = (uint64_t)1 << (cut - pool[p].prefix);
		uint64_t start = first_slot(name, slots);

		for (uint64_t i = 0; i < slots; i++) {
			*out = slot_of(&pool[p], cut, (start + i) % slots);
			if (!taken_by(l, out) && !routed_as(routes, out))
				return 0;
		}
	}
	err_set(e, EADDRNOTAVAIL, "no free subnet is left for network %s", name);
	return err_hint(e, "remove networks that are not in use: berth network prune");
}

int ipam_subnet_take(const char *id, const char *name, const struct ip_addr *wanted, int family,
		     struct ip_addr *out, struct err *e)
{
	struct routes routes __attribute__((cleanup(routes_done))) = {0};
	struct ip_addr subnet = wanted ? ip_network(wanted) : (struct ip_addr){0};
	auto_ledger l;
	int r = ledger_open(&l, "subnets", e);

	if (r < 0 || ledger_word("a network", id, e) < 0 || ledger_word("a network", name, e) < 0)
		return -e->code;
	vec_each(row, &l.rows) {
		if (strcmp(row->first, id) || row->ip.family != family)
			continue;
		if (!subnet.family ||
		    (ip_equal(&row->ip, &subnet) && row->ip.prefix == subnet.prefix)) {
			*out = row->ip;
			return 0;
		}
	}
	r = list_routes(id, family, &routes, e);
	if (!r && subnet.family)
		r = check_wanted(&l, &routes, &subnet, e);
	else if (!r)
		r = find_free(&l, &routes, name, family, &subnet, e);
	if (r < 0)
		return err_wrap(e, "find a subnet for network %s", name);
	*vec_push(&l.arena, &l.rows) = (struct row){id, name, subnet};
	r = ledger_write(&l, e);
	if (!r)
		*out = subnet;
	return r;
}

int ipam_subnet_free(const char *id, struct err *e)
{
	auto_ledger l;
	int r = ledger_open(&l, "subnets", e);
	char *addresses;
	size_t before;

	if (r < 0 || ledger_word("a network", id, e) < 0)
		return -e->code;
	before = l.rows.n;
	for (size_t i = 0; i < l.rows.n;) {
		if (strcmp(l.rows.v[i].first, id))
			i++;
		else
			ledger_drop(&l, &l.rows.v[i]);
	}
	addresses = arena_printf(&l.arena, "%s/net/addresses-%s", paths_root(), id);
	if (unlink(addresses) < 0 && errno != ENOENT)
		return err_set(e, errno, "cannot remove %s: %s", addresses, strerror(errno));
	(void)unlink(arena_printf(&l.arena, "%s~", addresses));
	return before == l.rows.n ? 0 : ledger_write(&l, e);
}
