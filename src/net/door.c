#include "net/door.h"
#include "net/link.h"
#include "net/netns.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/veth.h>

/*
 * A strict rp_filter asks whether the client's address would be routed out of berth-in1. Copies
 * carry a mark; for that question alone (it does not come in by berth-in1) the mark leads to a
 * table whose only route says yes.
 */
enum { PACKET_MARK = 0xbe27, ROUTE_TABLE = 0xbe27, RULE_PREF = 100, PAIR_MTU = 65535 };

#define DOOR_INNER "berth-in0"
#define NEXT_HOP4  "169.254.190.39"
#define NEXT_HOP6  "fe80::be27"

static const uint8_t outer_mac[6] = {0x02, 0xbe, 0x27, 0, 0, 1};

static void create_pair(struct rtnl *r)
{
	struct nlattr *info, *data, *peer;

	rtnl_add(r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg),
		 (struct rtnl_note){.what = "make the pair berth-in0, berth-in1",
				    .tolerate = EEXIST});
	mnl_attr_put_strz(r->now, IFLA_IFNAME, DOOR_INNER);
	mnl_attr_put_u32(r->now, IFLA_MTU, PAIR_MTU);
	info = mnl_attr_nest_start(r->now, IFLA_LINKINFO);
	mnl_attr_put_strz(r->now, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(r->now, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(r->now, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(r->now, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(r->now, IFLA_IFNAME, DOOR_OUTER);
	mnl_attr_put(r->now, IFLA_ADDRESS, sizeof(outer_mac), outer_mac);
	mnl_attr_put_u32(r->now, IFLA_MTU, PAIR_MTU);
	mnl_attr_nest_end(r->now, peer);
	mnl_attr_nest_end(r->now, data);
	mnl_attr_nest_end(r->now, info);
}

static void add_neighbour(struct rtnl *r, int index, int family, const void *ip, size_t size)
{
	struct ndmsg *m = rtnl_add(r, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*m),
				   (struct rtnl_note){.what = "set a neighbour on berth-in0",
						      .tolerate = EAFNOSUPPORT});

	m->ndm_family = (uint8_t)family;
	m->ndm_ifindex = index;
	m->ndm_state = NUD_PERMANENT;
	mnl_attr_put(r->now, NDA_DST, size, ip);
	mnl_attr_put(r->now, NDA_LLADDR, sizeof(outer_mac), outer_mac);
}

static void add_route(struct rtnl *r, int index, uint32_t table, const struct in_addr *to)
{
	struct rtmsg *m = rtnl_add(r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*m),
				   (struct rtnl_note){.what = "set a route on the pair"});

	m->rtm_family = AF_INET;
	m->rtm_protocol = RTPROT_STATIC;
	m->rtm_scope = RT_SCOPE_LINK;
	m->rtm_type = RTN_UNICAST;
	m->rtm_dst_len = to ? 32 : 0;
	if (to)
		mnl_attr_put(r->now, RTA_DST, sizeof(*to), to);
	mnl_attr_put_u32(r->now, RTA_TABLE, table);
	mnl_attr_put_u32(r->now, RTA_OIF, (uint32_t)index);
}

static void put_rule(struct rtnl *r, uint16_t type, uint16_t flags, uint32_t pref, uint32_t table,
		     const char *in)
{
	struct fib_rule_hdr *m =
		rtnl_add(r, type, flags, sizeof(*m),
			 (struct rtnl_note){.what = "change a routing rule",
					    .tolerate = type == RTM_NEWRULE ? EEXIST : ENOENT});

	m->family = AF_INET;
	m->action = FR_ACT_TO_TBL;
	mnl_attr_put_u32(r->now, FRA_PRIORITY, pref);
	mnl_attr_put_u32(r->now, FRA_FWMARK, PACKET_MARK);
	mnl_attr_put_u32(r->now, FRA_TABLE, table);
	if (in)
		mnl_attr_put_strz(r->now, FRA_IIFNAME, in);
}

static void put_rules(struct rtnl *r, uint16_t type, uint16_t flags)
{
	put_rule(r, type, flags, RULE_PREF, RT_TABLE_MAIN, DOOR_OUTER);
	put_rule(r, type, flags, RULE_PREF + 1, ROUTE_TABLE, NULL);
}

static void set_switches(void)
{
	/* clang-format off */
	static const struct { const char *name, *value; } rows[] = {
		{"ipv4/conf/" DOOR_OUTER "/rp_filter",      "0"},
		{"ipv4/conf/" DOOR_OUTER "/src_valid_mark", "1"},
		{"ipv4/conf/" DOOR_OUTER "/forwarding",     "1"},
		{"ipv6/conf/" DOOR_OUTER "/disable_ipv6",   "0"},
		{"ipv6/conf/" DOOR_INNER "/disable_ipv6",   "0"},
		{"ipv6/conf/" DOOR_OUTER "/accept_ra",      "0"},
		{"ipv6/conf/" DOOR_INNER "/accept_ra",      "0"},
		{"ipv6/conf/" DOOR_INNER "/accept_dad",     "0"},
	};
	/* clang-format on */

	/* Absent ones belong to kernels without IPv6. */
	for (size_t i = 0; i < countof(rows); i++)
		(void)netns_sysctl(rows[i].value, "%s", rows[i].name);
}

int door_open(struct err *e)
{
	auto_rtnl r = {.fd = -1};
	int inner = link_index(DOOR_INNER), outer;
	struct in6_addr hop6;
	struct in_addr hop4;

	if (inner > 0 && link_index(DOOR_OUTER) > 0)
		return 0;
	if (rtnl_open(&r, -1, e) < 0)
		return -e->code;
	create_pair(&r);
	if (rtnl_send(&r, e) < 0)
		return err_wrap(e, "lead published ports past the host's firewall");
	set_switches();
	inner = link_index(DOOR_INNER);
	outer = link_index(DOOR_OUTER);
	inet_pton(AF_INET, NEXT_HOP4, &hop4);
	inet_pton(AF_INET6, NEXT_HOP6, &hop6);
	link_up(&r, inner, "bring berth-in0 up");
	link_up(&r, outer, "bring berth-in1 up");
	add_route(&r, inner, RT_TABLE_MAIN, &hop4);
	add_route(&r, outer, ROUTE_TABLE, NULL);
	add_neighbour(&r, inner, AF_INET, &hop4, sizeof(hop4));
	add_neighbour(&r, inner, AF_INET6, &hop6, sizeof(hop6));
	put_rules(&r, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
	if (rtnl_send(&r, e) < 0)
		return err_wrap(e, "lead published ports past the host's firewall");
	link_settle(r.fd, DOOR_INNER);
	link_settle(r.fd, DOOR_OUTER);
	return 0;
}

/* `dup` exists in the tables of one family only, hence two; they are the same for all projects. */
static void one_table(struct buf *b, const char *family, const char *hop)
{
	buf_printf(b, "table %s berth-door\ndelete table %s berth-door\ntable %s berth-door {\n",
		   family, family, family);
	buf_printf(b,
		   "\tchain copies {\n"
		   "\t\ttype filter hook prerouting priority raw; policy accept;\n"
		   "\t\tiifname \"" DOOR_OUTER "\" meta mark set %d\n"
		   "\t}\n",
		   PACKET_MARK);
	buf_printf(b,
		   "\tchain door {\n"
		   "\t\ttype filter hook input priority 10000; policy accept;\n"
		   "\t\tct mark and %d == %d dup to %s device \"" DOOR_INNER "\" drop\n"
		   "\t}\n}\n",
		   DOOR_MARK, DOOR_MARK, hop);
}

void door_text(struct buf *b)
{
	one_table(b, "ip", NEXT_HOP4);
	if (!access("/proc/net/if_inet6", F_OK))
		one_table(b, "ip6", NEXT_HOP6);
}

int door_close(struct err *e)
{
	auto_rtnl r = {.fd = -1};

	if (rtnl_open(&r, -1, e) < 0)
		return -e->code;
	put_rules(&r, RTM_DELRULE, 0);
	link_delete(&r, DOOR_INNER);
	return rtnl_send(&r, e);
}
