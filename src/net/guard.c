#include "net/guard.h"
#include "net/link.h"
#include "net/nfrule.h"
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <string.h>

#define NAME  GUARD_TABLE
#define CHAIN "from"

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
enum { IFNAME = 41, OWN4_TYPE = 41 << 12 | 9 << 6 | 7, OWN6_TYPE = 41 << 12 | 9 << 6 | 8 };
#define NOTE(text) text, sizeof(text) - 1
#define NAME_NOTE  NOTE("\0\4\1\0\0\0")
#define OWN_NOTE   NOTE("\0\4\0\0\0\0\3\10\0\4\15\0\0\0\1\0")

static const struct nfrule_set sets[] = {
	{{NFPROTO_BRIDGE, NAME, "ports"},  1, IFNAME,    KEY_PORT, NAME_NOTE},
	{{NFPROTO_BRIDGE, NAME, "ports6"}, 2, IFNAME,    KEY_PORT, NAME_NOTE},
	{{NFPROTO_BRIDGE, NAME, "own4"},   3, OWN4_TYPE, KEY_OWN4, OWN_NOTE},
	{{NFPROTO_BRIDGE, NAME, "own6"},   4, OWN6_TYPE, KEY_OWN6, OWN_NOTE},
};
enum { PORTS, PORTS6, OWN4, OWN6 };
enum { BRIDGE_PREROUTING = 0 }; /* <linux/netfilter_bridge.h> cannot stand beside <net/if.h> */

#define LINK(at, bytes, to) {RULE_PAYLOAD, to, NFT_PAYLOAD_LL_HEADER, at, bytes}
#define NET(at, bytes, to)  {RULE_PAYLOAD, to, NFT_PAYLOAD_NETWORK_HEADER, at, bytes}
#define IS(text)            {RULE_EQUAL, 1, .n = sizeof(text) - 1, .data = text}
#define PORT                {RULE_META, 1, NFT_META_IIFNAME}
#define MAC                 LINK(6, 6, 2)
#define NOT_IN(name, i)     {RULE_NOT_IN, 1, i, .data = name}
#define IP                  LINK(12, 2, 1), IS("\x08\x00")
#define ARP                 LINK(12, 2, 1), IS("\x08\x06")
#define IP6                 LINK(12, 2, 1), IS("\x86\xdd")
#define FROM6               {RULE_META, 1, NFT_META_PROTOCOL}, IS("\x86\xdd"), NET(8, 16, 1)
#define ICMP6               {RULE_META, 1, NFT_META_L4PROTO}, IS("\x3a")
#define ICMP6_TYPE          {RULE_PAYLOAD, 1, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1}

/* The chain, in the words of nft(8) and of the kernel. */
static const struct nfrule rules[][10] = {
	/* iifname != @ports accept */
	{PORT, NOT_IN("ports", 1), {RULE_ACCEPT}},
	/* ether type ip iifname . ether saddr . ip saddr != @own4 drop */
	{IP, PORT, MAC, NET(12, 4, 14), NOT_IN("own4", 3), {RULE_DROP}},
	/* ether type arp iifname . ether saddr . arp saddr ip != @own4 drop */
	{ARP, PORT, MAC, NET(14, 4, 14), NOT_IN("own4", 3), {RULE_DROP}},
	/* ether type != ip6 accept */
	{LINK(12, 2, 1), {RULE_UNLIKE, 1, .n = 2, .data = "\x86\xdd"}, {RULE_ACCEPT}},
	/* iifname != @ports6 drop */
	{PORT, NOT_IN("ports6", 2), {RULE_DROP}},
	/* icmpv6 type nd-router-advert drop */
	{IP6, ICMP6, ICMP6_TYPE, IS("\x86"), {RULE_DROP}},
	/* ip6 saddr fe80::/10 accept */
	{FROM6, {RULE_MASK, 1, .n = 16, .data = "\xff\xc0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"},
	 IS("\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), {RULE_ACCEPT}},
	/* ip6 saddr :: accept */
	{FROM6, IS("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), {RULE_ACCEPT}},
	/* iifname . ether saddr . ip6 saddr != @own6 drop */
	{{RULE_META, 1, NFT_META_PROTOCOL}, IS("\x86\xdd"), PORT, MAC, NET(8, 16, 14),
	 NOT_IN("own6", 4), {RULE_DROP}},
};
/* clang-format on */

static void own(struct nfnl_batch *b, struct key *k, const struct ip_addr *ip)
{
	k->v6 = (struct in6_addr){0};
	if (ip->family == AF_INET)
		k->v4 = ip->v4;
	else
		k->v6 = ip->v6;
	if (ip->family == AF_INET)
		nfnl_element(b, true, &sets[OWN4].set, k, KEY_OWN4);
	else if (ip->family == AF_INET6)
		nfnl_element(b, true, &sets[OWN6].set, k, KEY_OWN6);
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
		nfnl_element(b, true, &sets[PORTS6].set, &k, KEY_PORT);
	nfnl_element(b, true, &sets[PORTS].set, &k, KEY_PORT);
}

int guard_make(struct err *e)
{
	static const struct nfrule_hook hook = {"filter", BRIDGE_PREROUTING, -300};
	auto_nfnl b = {0};
	int r;

	nfrule_table(&b, NFPROTO_BRIDGE, NAME);
	nfrule_chain(&b, NFPROTO_BRIDGE, NAME, CHAIN, &hook);
	for (size_t i = 0; i < countof(sets); i++)
		nfrule_set(&b, &sets[i]);
	for (size_t i = 0; i < countof(rules); i++)
		nfrule_add(&b, NFPROTO_BRIDGE, NAME, CHAIN, rules[i]);
	r = nfnl_send(&b, e);
	return r == -EEXIST ? 0 : r; /* another project was faster */
}

int guard_apply(const struct nfnl_batch *b, struct err *e)
{
	int r = nfnl_send(b, e);

	if (r != -ENOENT)
		return r;
	/* The first port of this host, or somebody flushed the ruleset. */
	r = guard_make(e);
	return r < 0 ? r : nfnl_send(b, e);
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
		struct pruning p = {&sets[i].set, &gone};

		/* No table: no port was ever entered. */
		if (nfnl_elements(&sets[i].set, drop_gone, &p, &none) < 0)
			return 0;
	}
	return nfnl_send(&gone, e);
}
