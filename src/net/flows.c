#include "net/flows.h"
#include "net/ip.h"
#include "net/rtnl.h"
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

enum { GET = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET };
enum { DELETE = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE };

struct end {
	struct ip_addr from, to;
	uint16_t to_port;
	uint8_t protocol;
};

struct stale { /* the tuple of the first direction, as the kernel wrote it */
	int family;
	void *tuple;
	uint16_t n;
};

struct search {
	const struct net_rules *rules;
	struct ifaddrs *own;
	struct arena arena;
	VEC(struct stale) found;
};

static void search_done(struct search *s)
{
	if (s->own)
		freeifaddrs(s->own);
	arena_free(&s->arena);
}

static void read_ip(const struct nlattr *attr, struct ip_addr *out)
{
	size_t n = mnl_attr_get_payload_len(attr);

	out->family = n == 4 ? AF_INET : AF_INET6;
	out->prefix = ip_bits(out->family);
	memcpy(&out->v6, mnl_attr_get_payload(attr), n < 16 ? n : 16);
}

static void read_tuple(const struct nlattr *tuple, struct end *out)
{
	const struct nlattr *part, *attr;

	mnl_attr_for_each_nested(part, tuple)
	{
		mnl_attr_for_each_nested(attr, part)
		{
			uint16_t type = mnl_attr_get_type(attr);

			if (mnl_attr_get_type(part) == CTA_TUPLE_IP) {
				if (type == CTA_IP_V4_SRC || type == CTA_IP_V6_SRC)
					read_ip(attr, &out->from);
				if (type == CTA_IP_V4_DST || type == CTA_IP_V6_DST)
					read_ip(attr, &out->to);
			} else if (mnl_attr_get_type(part) == CTA_TUPLE_PROTO) {
				if (type == CTA_PROTO_NUM)
					out->protocol = mnl_attr_get_u8(attr);
				if (type == CTA_PROTO_DST_PORT)
					out->to_port = ntohs(mnl_attr_get_u16(attr));
			}
		}
	}
}

static bool is_own(const struct search *s, const struct ip_addr *ip)
{
	for (const struct ifaddrs *i = s->own; i; i = i->ifa_next) {
		struct ip_addr own = {.family = i->ifa_addr ? i->ifa_addr->sa_family : 0};

		if (own.family == AF_INET)
			own.v4 = ((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
		else if (own.family == AF_INET6)
			own.v6 =
				((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr;
		else
			continue;
		if (ip_equal(&own, ip))
			return true;
	}
	return false;
}

static bool is_unspecified(const struct ip_addr *ip)
{
	static const struct in6_addr zero;

	return !ip->family || !memcmp(&ip->v6, &zero, ip_size(ip->family));
}

/* The answers come from one of its containers, or the flow leads nowhere. */
static bool is_stale(const struct search *s, const struct end *asked, const struct end *answers)
{
	bool ours = false, named = false;

	vec_each(p, &s->rules->published) {
		if ((p->host_port && p->host_port != asked->to_port) ||
		    strcmp(p->protocol, "udp") ||
		    (!is_unspecified(&p->host_ip) && !ip_equal(&p->host_ip, &asked->to)))
			continue;
		named |= !is_unspecified(&p->host_ip);
		vec_each(t, &p->targets) {
			ours |= t->ip.family == asked->to.family;
			if (ip_equal(&t->ip, &answers->from))
				return false;
		}
		vec_each(ip, &p->leaving) {
			if (ip_equal(ip, &answers->from))
				return false;
		}
	}
	return ours && (named || is_own(s, &asked->to));
}

static int look(const struct nlmsghdr *h, void *arg)
{
	const struct nfgenmsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *attr, *tuple = NULL;
	struct end asked = {0}, answers = {0};
	struct search *s = arg;
	struct stale *x;

	mnl_attr_for_each(attr, h, sizeof(*m))
	{
		if (mnl_attr_get_type(attr) == CTA_TUPLE_ORIG) {
			tuple = attr;
			read_tuple(attr, &asked);
		} else if (mnl_attr_get_type(attr) == CTA_TUPLE_REPLY) {
			read_tuple(attr, &answers);
		}
	}
	if (!tuple || asked.protocol != IPPROTO_UDP || !is_stale(s, &asked, &answers))
		return 0;
	x = vec_push(&s->arena, &s->found);
	x->family = m->nfgen_family;
	x->n = mnl_attr_get_payload_len(tuple);
	x->tuple = memcpy(arena_alloc(&s->arena, x->n), mnl_attr_get_payload(tuple), x->n);
	return 0;
}

static bool has_udp(const struct net_rules *r)
{
	vec_each(p, &r->published) {
		if (!strcmp(p->protocol, "udp"))
			return true;
	}
	return false;
}

static int forget(struct rtnl *r, const struct search *s, struct err *e)
{
	vec_each(x, &s->found) {
		struct nfgenmsg *m = rtnl_add(
			r, DELETE, 0, sizeof(*m),
			(struct rtnl_note){.what = "forget a UDP flow", .tolerate = ENOENT});

		m->nfgen_family = (uint8_t)x->family;
		m->version = NFNETLINK_V0;
		mnl_attr_put(r->now, CTA_TUPLE_ORIG | NLA_F_NESTED, x->n, x->tuple);
		if (rtnl_full(r) && rtnl_send(r, e) < 0)
			return -e->code;
	}
	return rtnl_send(r, e);
}

int flows_settle(const struct net_rules *rules, struct err *e)
{
	struct search s __attribute__((cleanup(search_done))) = {.rules = rules};
	struct nfgenmsg ask = {.version = NFNETLINK_V0};
	auto_rtnl r = {.fd = -1};

	if (!has_udp(rules))
		return 0;
	if (getifaddrs(&s.own) < 0)
		return err_set(e, errno, "cannot list addresses: %s", strerror(errno));
	if (rtnl_open_flows(&r, e) < 0 || rtnl_dump(&r, GET, &ask, sizeof(ask), look, &s, e) < 0)
		return err_wrap(e, "look for stale UDP flows");
	return forget(&r, &s, e);
}
