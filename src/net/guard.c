#include "net/guard.h"
#include "net/link.h"
#include "net/nft.h"
#include <errno.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <string.h>

#define NAME  GUARD_TABLE
#define TABLE "bridge " NAME

static const char table_text[] =
	"table " TABLE " {\n"
	"	set ports { type ifname; }\n"
	"	set ports6 { type ifname; }\n"
	"	set own4 { type ifname . ether_addr . ipv4_addr; }\n"
	"	set own6 { type ifname . ether_addr . ipv6_addr; }\n"
	"	chain from {\n"
	"		type filter hook prerouting priority -300; policy accept;\n"
	"		iifname != @ports accept\n"
	"		ether type ip iifname . ether saddr . ip saddr != @own4 drop\n"
	"		ether type arp iifname . ether saddr . arp saddr ip != @own4 drop\n"
	"		ether type != ip6 accept\n"
	"		iifname != @ports6 drop\n"
	"		icmpv6 type nd-router-advert drop\n"
	"		ip6 saddr fe80::/10 accept\n"
	"		ip6 saddr :: accept\n"
	"		iifname . ether saddr . ip6 saddr != @own6 drop\n"
	"	}\n"
	"}\n";

/*
 * Keys as the kernel keeps them: each part padded to 32 bits. An element is entered without
 * libnftables, whose parser and listings would cost more than all the rest of an endpoint.
 */
struct key {
	char port[IFNAMSIZ];
	uint8_t mac[6], pad[2];
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
};

enum { KEY_PORT = IFNAMSIZ, KEY_OWN4 = IFNAMSIZ + 8 + 4, KEY_OWN6 = IFNAMSIZ + 8 + 16 };

/* clang-format off */
static const struct nfnl_set sets[] = {
	{NFPROTO_BRIDGE, NAME, "ports"},
	{NFPROTO_BRIDGE, NAME, "ports6"},
	{NFPROTO_BRIDGE, NAME, "own4"},
	{NFPROTO_BRIDGE, NAME, "own6"},
};
/* clang-format on */
enum { PORTS, PORTS6, OWN4, OWN6 };

static void own(struct nfnl_batch *b, struct key *k, const struct ip_addr *ip)
{
	k->v6 = (struct in6_addr){0};
	if (ip->family == AF_INET)
		k->v4 = ip->v4;
	else
		k->v6 = ip->v6;
	if (ip->family == AF_INET)
		nfnl_element(b, true, &sets[OWN4], k, KEY_OWN4);
	else if (ip->family == AF_INET6)
		nfnl_element(b, true, &sets[OWN6], k, KEY_OWN6);
}

void guard_add(struct nfnl_batch *b, const struct endpoint_spec *ep, const uint8_t mac[6])
{
	struct key k = {0};

	memcpy(k.port, ep->host_side, strnlen(ep->host_side, IFNAMSIZ - 1));
	memcpy(k.mac, mac, sizeof(k.mac));
	own(b, &k, &ep->ip4);
	own(b, &k, &ep->ip6);
	vec_each(ip, &ep->link_local)
		own(b, &k, ip);
	if (ep->ip6.family)
		nfnl_element(b, true, &sets[PORTS6], &k, KEY_PORT);
	nfnl_element(b, true, &sets[PORTS], &k, KEY_PORT);
}

int guard_apply(const struct nfnl_batch *b, struct err *e)
{
	int r = nfnl_send(b, e);

	if (r != -ENOENT)
		return r;
	/* The first port of this host, or somebody flushed the ruleset. */
	r = nft_run(table_text, e);
	return r < 0 ? r : nfnl_send(b, e);
}

const char *guard_table_text(void)
{
	return table_text;
}

struct pruning {
	const struct nfnl_set *set;
	struct nfnl_batch *gone;
};

static void drop_gone(const void *key, size_t n, void *arg)
{
	const struct pruning *p = arg;
	char name[IFNAMSIZ + 1] = "";

	if (n < IFNAMSIZ)
		return;
	memcpy(name, key, IFNAMSIZ);
	if (link_index(name) < 0)
		nfnl_element(p->gone, false, p->set, key, n);
}

int guard_prune(struct err *e)
{
	auto_nfnl gone = {0};
	struct err none;

	for (size_t i = 0; i < countof(sets); i++) {
		struct pruning p = {&sets[i], &gone};

		/* No table: no port was ever entered. */
		if (nfnl_elements(&sets[i], drop_gone, &p, &none) < 0)
			return 0;
	}
	return nfnl_send(&gone, e);
}
