#include "net/publish.h"
#include "base/hash.h"
#include "net/door.h"
#include "net/flows.h"
#include "net/guard.h"
#include "net/host.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/nft.h"
#include <linux/netfilter.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * The ruleset of a project, top to bottom:
 *   spoof        what may not even enter: foreign source addresses, 127/8 from a wire
 *   nat-in       connections from elsewhere to an address of this host: to the door, see door.h
 *   nat-out      the same from this host itself, 127.0.0.1 included
 *   loopback6-*  what ::1 needs on top
 *   ports        a map from port to its chain, which rewrites to a ready container
 *   nat-source   masquerading to the outside, and of connections that turn round on their bridge
 *   forward      isolation
 * `accept` here ends only this project's chain: the host's own forward rules still have their say.
 */

static void line(struct buf *b, const char *fmt, ...) printf_like(2, 3);
static void line(struct buf *b, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(b, "\t\t%s\n", text);
}

static void open_chain(struct buf *b, const char *name, const char *hook)
{
	buf_printf(b, "\tchain %s {\n", name);
	if (hook)
		line(b, "type %s; policy accept;", hook);
}

static void close_chain(struct buf *b)
{
	buf_str(b, "\t}\n");
}

static const char *ip_word(int family)
{
	return family == AF_INET ? "ip" : "ip6";
}

static bool is_any(const struct ip_addr *ip)
{
	return !ip->family ||
	       (ip->family == AF_INET ? !ip->v4.s_addr : IN6_IS_ADDR_UNSPECIFIED(&ip->v6));
}

static bool is_bridge(const struct net_spec *n)
{
	return n->driver == NET_BRIDGE;
}

/* "10.1.0.0/24, 10.2.0.0/24": all subnets of the family, in the order of the pools. */
static bool subnets(struct buf *b, const struct net_spec *n, int family)
{
	const struct ip_addr *first = family == AF_INET ? &n->subnet4 : &n->subnet6;
	char text[64];

	if (first->family)
		buf_str(b, ip_print(first, true, text));
	vec_each(p, &n->more) {
		if (p->subnet.family == family)
			buf_printf(b, "%s%s", b->n ? ", " : "", ip_print(&p->subnet, true, text));
	}
	return b->n > 0;
}

static void spoof_rules(struct buf *b, const struct net_spec *n)
{
	auto_buf v4 = {0}, v6 = {0};
	char bridge[LINK_NAME];

	link_bridge_name(n, bridge);
	if (subnets(&v4, n, AF_INET))
		line(b, "iifname \"%s\" ip saddr != { %s } drop", bridge, v4.p);
	else
		line(b, "iifname \"%s\" meta nfproto ipv4 drop", bridge);
	if (subnets(&v6, n, AF_INET6))
		line(b, "iifname \"%s\" ip6 saddr != { %s, fe80::/10, :: } drop", bridge, v6.p);
	else
		line(b, "iifname \"%s\" meta nfproto ipv6 drop", bridge);
}

static void spoof_chain(struct buf *b, const struct net_rules *r)
{
	open_chain(b, "spoof", "filter hook prerouting priority raw");
	/* The bridges have route_localnet, so the kernel alone would let these in. */
	line(b, "iif != \"lo\" ip daddr 127.0.0.0/8 drop");
	line(b, "iif != \"lo\" ip6 daddr ::1 drop");
	vec_each(n, &r->networks) {
		if (is_bridge(*n))
			spoof_rules(b, *n);
	}
	close_chain(b);
}

static size_t count_targets(const struct publish_rule *p, int family)
{
	size_t n = 0;

	vec_each(t, &p->targets)
		n += t->ip.family == family;
	return n;
}

/* "dnat ip to ..." over the targets of one family. */
static void rewrite(struct buf *b, const struct publish_rule *p, int family, const char *match)
{
	size_t n = count_targets(p, family), i = 0;
	const char *word = ip_word(family);
	char ip[64];

	if (!n)
		return;
	buf_printf(b, "\t\t%s", match);
	if (n > 1 && p->sticky)
		/* The kernel's seed is a new one with each change of the rules. */
		buf_printf(b, "dnat %s to jhash %s saddr mod %zu seed 0x1 map { ", word, word, n);
	else if (n > 1)
		buf_printf(b, "dnat %s to numgen inc mod %zu map { ", word, n);
	vec_each(t, &p->targets) {
		if (t->ip.family != family)
			continue;
		ip_print(&t->ip, false, ip);
		if (n > 1)
			buf_printf(b, "%s%zu : %s . %u", i ? ", " : "", i, ip, t->port);
		else
			buf_printf(b,
				   family == AF_INET ? "dnat ip to %s:%u" : "dnat ip6 to [%s]:%u",
				   ip, t->port);
		i++;
	}
	buf_str(b, n > 1 ? " }\n" : "\n");
}

static void rule_lines(struct buf *b, const struct publish_rule *p)
{
	char match[128], ip[64];

	for (int i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET;

		if (p->host_ip.family && p->host_ip.family != family)
			continue;
		if (is_any(&p->host_ip))
			snprintf(match, sizeof(match), "meta l4proto %s meta nfproto %s ",
				 p->protocol, i ? "ipv6" : "ipv4");
		else
			snprintf(match, sizeof(match), "meta l4proto %s %s daddr %s ", p->protocol,
				 ip_word(family), ip_print(&p->host_ip, false, ip));
		rewrite(b, p, family, match);
	}
}

static bool same_port(const struct publish_rule *a, const struct publish_rule *b)
{
	return a->host_port == b->host_port && !strcmp(a->protocol, b->protocol);
}

static bool seen_before(const struct net_rules *r, const struct publish_rule *p)
{
	for (const struct publish_rule *q = r->published.v; q < p; q++) {
		if (same_port(p, q))
			return true;
	}
	return false;
}

/* One chain per port: an exact address wins over "every address", whatever the file's order. */
static void port_chain(struct buf *b, const struct net_rules *r, const struct publish_rule *p)
{
	char name[32];

	snprintf(name, sizeof(name), "%s-%u", p->protocol, p->host_port);
	open_chain(b, name, NULL);
	vec_each(q, &r->published) {
		if (same_port(p, q) && !is_any(&q->host_ip))
			rule_lines(b, q);
	}
	vec_each(q, &r->published) {
		if (same_port(p, q) && is_any(&q->host_ip))
			rule_lines(b, q);
	}
	close_chain(b);
}

static void ports_chains(struct buf *b, const struct net_rules *r)
{
	const char *comma = "";

	vec_each(p, &r->published) {
		if (!seen_before(r, p))
			port_chain(b, r, p);
	}
	open_chain(b, "ports", NULL);
	if (r->published.n) {
		buf_str(b, "\t\tmeta l4proto . th dport vmap {");
		vec_each(p, &r->published) {
			if (seen_before(r, p))
				continue;
			buf_printf(b, "%s %s . %u : goto %s-%u", comma, p->protocol, p->host_port,
				   p->protocol, p->host_port);
			comma = ",";
		}
		buf_str(b, " }\n");
	}
	close_chain(b);
}

static bool is_loopback(const struct ip_addr *ip)
{
	if (ip->family == AF_INET)
		return ntohl(ip->v4.s_addr) >> 24 == 127;
	return ip->family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&ip->v6);
}

/* Elements for a set of ports: with the address in front, or those of every address. */
static size_t door_elements(struct buf *b, const struct net_rules *r, int family, bool any)
{
	size_t n = 0;
	char ip[64];

	vec_each(p, &r->published) {
		if (!count_targets(p, family) || is_any(&p->host_ip) != any ||
		    is_loopback(&p->host_ip) || (p->host_ip.family && p->host_ip.family != family))
			continue;
		buf_str(b, n++ ? ", " : "");
		if (!any)
			buf_printf(b, "%s . ", ip_print(&p->host_ip, false, ip));
		buf_printf(b, "%s . %u", p->protocol, p->host_port);
	}
	return n;
}

static void door_rules(struct buf *b, const struct net_rules *r)
{
	for (int i = 0; i < 4; i++) {
		int family = i & 1 ? AF_INET6 : AF_INET;
		auto_buf set = {0};

		if (!door_elements(&set, r, family, i & 2))
			continue;
		buf_printf(b, "\t\tmeta nfproto %s ", i & 1 ? "ipv6" : "ipv4");
		if (!(i & 2))
			buf_printf(b, "%s daddr . ", ip_word(family));
		buf_printf(b, "meta l4proto . th dport { %s } ct mark set ct mark or %d accept\n",
			   set.p, DOOR_MARK);
	}
}

/* The host's address on the network that the rule's IPv6 targets are on; NULL: there is none. */
static const struct ip_addr *gateway6_of(const struct net_rules *r, const struct publish_rule *p)
{
	if (p->host_ip.family == AF_INET || (!is_any(&p->host_ip) && !is_loopback(&p->host_ip)))
		return NULL;
	vec_each(t, &p->targets) {
		vec_each(it, &r->networks) {
			const struct net_spec *n = *it;

			if (is_bridge(n) && ip_in(&t->ip, &n->subnet6) && n->gateway6.family)
				return &n->gateway6;
		}
	}
	return NULL;
}

/*
 * ::1 has no route_localnet: the kernel neither sends nor takes ::1 off lo. So what this host says
 * to a published port of ::1 leaves with the bridge's address for its source, changed before
 * connection tracking sees it, and the answer, whose source is ::1 again by then, is changed back
 * as the last thing before the socket.
 */
static void loopback6_chains(struct buf *b, const struct net_rules *r)
{
	auto_buf out = {0}, in = {0};
	char ip[64];

	vec_each(p, &r->published) {
		const struct ip_addr *gateway = gateway6_of(r, p);

		if (!gateway)
			continue;
		ip_print(gateway, false, ip);
		buf_printf(&out,
			   "\t\tip6 saddr ::1 ip6 daddr ::1 meta l4proto %s th dport %u ip6 saddr "
			   "set %s\n",
			   p->protocol, p->host_port, ip);
		buf_printf(&in, "%s%s", in.n ? ", " : "", ip);
	}
	if (!out.n)
		return;
	open_chain(b, "loopback6-out", "route hook output priority raw");
	buf_str(b, out.p);
	close_chain(b);
	open_chain(b, "loopback6-in", "filter hook input priority 9000");
	line(b, "iif != \"lo\" ip6 saddr ::1 ip6 daddr { %s } ip6 daddr set ::1", in.p);
	close_chain(b);
}

static void source_rules(struct buf *b, const struct net_spec *n)
{
	char bridge[LINK_NAME];

	link_bridge_name(n, bridge);
	for (int i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET;
		auto_buf from = {0};

		if (!subnets(&from, n, family))
			continue;
		if (!n->no_masquerade)
			line(b, "%s saddr { %s } oifname != \"%s\" masquerade", ip_word(family),
			     from.p, bridge);
		line(b, "%s saddr { %s } oifname \"%s\" ct status dnat masquerade", ip_word(family),
		     from.p, bridge);
	}
}

/* Containers have such rules of their own; who is on the host comes through here. */
static void virtual_rules(struct buf *b, const struct net_rules *r)
{
	char text[64];

	vec_each(v, &r->virtuals) {
		const char *word = ip_word(v->ip.family), *comma = "";
		size_t i = 0;

		buf_printf(b, "\t\t%s daddr %s dnat %s to numgen inc mod %zu map { ", word,
			   ip_print(&v->ip, false, text), word, v->targets.n);
		vec_each(t, &v->targets) {
			buf_printf(b, "%s%zu : %s", comma, i++, ip_print(t, false, text));
			comma = ", ";
		}
		buf_str(b, " }\n");
	}
}

static void nat_chains(struct buf *b, const struct net_rules *r)
{
	ports_chains(b, r);
	/* Rules of 127.0.0.1 cannot match here: such packets do not pass `spoof`. */
	open_chain(b, "nat-in", "nat hook prerouting priority dstnat");
	line(b, "fib daddr type != local accept");
	line(b, "iifgroup %d jump ports", LINK_GROUP);
	line(b, "iifname \"" DOOR_OUTER "\" jump ports");
	line(b, "iifgroup %d accept", LINK_GROUP);
	door_rules(b, r);
	close_chain(b);
	open_chain(b, "nat-out", "nat hook output priority -100");
	line(b, "fib daddr type local jump ports");
	virtual_rules(b, r);
	close_chain(b);
	open_chain(b, "nat-source", "nat hook postrouting priority srcnat");
	line(b, "oifgroup %d ip saddr 127.0.0.0/8 masquerade", LINK_GROUP);
	line(b, "oifgroup %d ip6 saddr ::1 masquerade", LINK_GROUP);
	vec_each(n, &r->networks) {
		if (is_bridge(*n))
			source_rules(b, *n);
	}
	close_chain(b);
}

static void forward_rules(struct buf *b, const struct net_spec *n)
{
	char br[LINK_NAME];

	link_bridge_name(n, br);
	if (!n->metadata) {
		line(b, "iifname \"%s\" ip daddr 169.254.169.254 drop", br);
		line(b, "iifname \"%s\" ip6 daddr fd00:ec2::254 drop", br);
	}
	if (n->internal) {
		line(b, "iifname \"%s\" oifname != \"%s\" drop", br, br);
		line(b, "iifname != \"%s\" oifname \"%s\" drop", br, br);
	}
	line(b, "oifname \"%s\" ct status dnat accept", br);
	/* Seen only with br_netfilter, or when a packet turns round on its bridge. */
	line(b, "iifname \"%s\" oifname \"%s\" %s", br, br, n->no_icc ? "drop" : "accept");
	line(b, "oifname \"%s\" drop", br);
	/* `!=` would compare the whole status. */
	line(b, "iifname \"%s\" oifgroup %d ct status & dnat == 0 drop", br, LINK_GROUP);
}

static void forward_chain(struct buf *b, const struct net_rules *r)
{
	open_chain(b, "forward", "filter hook forward priority filter");
	line(b, "ct state established,related accept");
	if (r->host_forwards_for_us)
		line(b, "iifgroup != %d oifgroup != %d drop", LINK_GROUP, LINK_GROUP);
	vec_each(n, &r->networks) {
		if (is_bridge(*n))
			forward_rules(b, *n);
	}
	close_chain(b);
}

char *publish_text(struct arena *a, const struct net_rules *r)
{
	auto_buf b = {0};

	buf_printf(&b, "table inet berth-%s {\n", r->project);
	spoof_chain(&b, r);
	nat_chains(&b, r);
	loopback6_chains(&b, r);
	forward_chain(&b, r);
	buf_str(&b, "}\n");
	return buf_take(a, &b);
}

/* The table's last chain stands for all of it: "what we put there is there". */
static struct nfnl_chain look(const char *project)
{
	auto_arena a = {0};
	struct nfnl_chain c;
	struct err none;

	(void)!nfnl_chain(NFPROTO_INET, arena_printf(&a, "berth-%s", project), "forward", &c,
			  &none);
	return c;
}

/* Tables of berth, of all projects. */
struct tables {
	const char *project;
	bool own, others, guard;
	int doors;
};

static void note_table(int family, const char *name, void *arg)
{
	struct tables *t = arg;

	if (!strcmp(name, GUARD_TABLE))
		t->guard = true;
	else if (!strcmp(name, DOOR_TABLE))
		t->doors |= family == NFPROTO_IPV4 ? 1 : 2;
	else if (family == NFPROTO_INET && text_starts(name, "berth-"))
		*(strcmp(name + 6, t->project) ? &t->others : &t->own) = true;
}

int publish_apply(const struct net_rules *r, struct publish_seen *seen, struct err *e)
{
	struct tables tables = {.project = r->project};
	struct net_rules full = *r;
	auto_arena a = {0};
	auto_buf b = {0};
	char *text, digest[HASH_HEX];
	struct nfnl_chain now = look(r->project);

	full.host_forwards_for_us = host_forwards_for_us();
	if (r->published.n && door_open(e) < 0)
		return -e->code;
	text = publish_text(&a, &full);
	hash_sha256(text, strlen(text), digest);
	if (now.rules && nfnl_same(&now, &seen->chain) && !strcmp(digest, seen->digest))
		return flows_settle(r, e); /* who ended since is not in the text */
	if (nfnl_tables(note_table, &tables, e) < 0)
		return -e->code;
	if (!tables.guard && guard_make(e) < 0)
		return -e->code;
	if (r->published.n)
		door_text(&b);
	/* A table that is not there is not deleted either: the kernel would wait for the end of all
	 * readers of what nobody reads. */
	if (tables.own)
		buf_printf(&b, "delete table inet berth-%s\n", r->project);
	buf_str(&b, text);
	if (nft_run(b.p, e) < 0)
		return err_hint(e, "the kernel needs nf_tables with nft_nat, nft_fib, nft_numgen, "
				   "nft_dup_ipv4");
	seen->chain = look(r->project);
	memcpy(seen->digest, digest, sizeof(digest));
	return flows_settle(r, e);
}

/* The last project shuts the door behind it. */
int publish_remove(const char *project, struct err *e)
{
	struct tables t = {.project = project};
	auto_nfnl drop = {0};
	auto_arena a = {0};
	int r = nfnl_tables(note_table, &t, e);

	if (!r && t.own)
		nfnl_drop_table(&drop, NFPROTO_INET, arena_printf(&a, "berth-%s", project));
	if (!r && !t.others && t.doors & 1)
		nfnl_drop_table(&drop, NFPROTO_IPV4, DOOR_TABLE);
	if (!r && !t.others && t.doors & 2)
		nfnl_drop_table(&drop, NFPROTO_IPV6, DOOR_TABLE);
	if (!r && !t.others && t.guard)
		nfnl_drop_table(&drop, NFPROTO_BRIDGE, GUARD_TABLE);
	if (!r)
		r = nfnl_send(&drop, e);
	if (!r && !t.others && t.doors)
		r = door_close(e);
	return r || !t.others ? r : guard_prune(e);
}
