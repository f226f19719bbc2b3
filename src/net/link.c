#include "net/link.h"
#include "base/hash.h"
#include "net/host.h"
#include "net/ip.h"
#include "net/netns.h"
#include "net/parent.h"
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

char *link_bridge_name(const struct net_spec *n, char out[static LINK_NAME])
{
	if (n->bridge)
		snprintf(out, LINK_NAME, "%s", n->bridge);
	else
		snprintf(out, LINK_NAME, "br-%.12s", n->id);
	return out;
}

int link_index(const char *name)
{
	unsigned i = if_nametoindex(name);

	return i ? (int)i : -ENODEV;
}

int link_index_by(int fd, const char *name)
{
	struct ifreq req = {0};

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	return ioctl(fd, SIOCGIFINDEX, &req) < 0 ? -errno : req.ifr_ifindex;
}

void link_up(struct rtnl *r, int index, const char *what)
{
	struct ifinfomsg *m =
		rtnl_add(r, RTM_NEWLINK, 0, sizeof(*m), (struct rtnl_note){.what = what});

	m->ifi_index = index;
	m->ifi_flags = m->ifi_change = IFF_UP;
}

void link_delete(struct rtnl *r, const char *name)
{
	struct ifinfomsg *m =
		rtnl_add(r, RTM_DELLINK, 0, sizeof(*m),
			 (struct rtnl_note){.what = "remove an interface", .tolerate = ENODEV});

	(void)m;
	mnl_attr_put_strz(r->now, IFLA_IFNAME, name);
}

void link_no_ipv6_auto(struct rtnl *r)
{
	struct nlattr *spec = mnl_attr_nest_start(r->now, IFLA_AF_SPEC);
	struct nlattr *v6 = mnl_attr_nest_start(r->now, AF_INET6);

	mnl_attr_put_u8(r->now, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(r->now, v6);
	mnl_attr_nest_end(r->now, spec);
}

void link_address(struct rtnl *r, int index, const struct ip_addr *a, bool link_scope)
{
	struct ifaddrmsg *m =
		rtnl_add(r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*m),
			 (struct rtnl_note){.what = "set an address", .tolerate = EEXIST});

	m->ifa_family = (uint8_t)a->family;
	m->ifa_prefixlen = a->prefix;
	m->ifa_index = (uint32_t)index;
	m->ifa_scope = link_scope ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	m->ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD : 0;
	mnl_attr_put(r->now, IFA_LOCAL, ip_size(a->family), &a->v6);
	mnl_attr_put(r->now, IFA_ADDRESS, ip_size(a->family), &a->v6);
}

void link_default_route(struct rtnl *r, int index, const struct ip_addr *gateway, bool direct)
{
	struct rtmsg *m = rtnl_add(r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*m),
				   (struct rtnl_note){.what = "set the default route"});

	m->rtm_family = (uint8_t)gateway->family;
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_STATIC;
	m->rtm_scope = direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	m->rtm_type = RTN_UNICAST;
	if (!direct)
		mnl_attr_put(r->now, RTA_GATEWAY, ip_size(gateway->family), &gateway->v6);
	mnl_attr_put_u32(r->now, RTA_OIF, (uint32_t)index);
}

void link_settle(int fd, const char *name)
{
	struct ethtool_value ask = {.cmd = ETHTOOL_GLINK};
	struct ifreq req = {.ifr_data = (void *)&ask};

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	/* A driver that cannot tell has nothing to settle. */
	(void)ioctl(fd, SIOCETHTOOL, &req);
}

/* A MAC of its own: otherwise the bridge takes its lowest port's and changes it under traffic. */
static void bridge_mac(const struct net_spec *n, uint8_t mac[6])
{
	char hex[HASH_HEX];
	unsigned byte;

	hash_sha256(n->id, strlen(n->id), hex);
	mac[0] = 0x02;
	for (int i = 1; i < 6; i++) {
		sscanf(hex + 2 * i, "%2x", &byte);
		mac[i] = (uint8_t)byte;
	}
}

/* An interface of that name that another made, or another network, must stay as it is. */
static bool is_foreign(const struct rtnl *r, const struct net_spec *n, const char *name)
{
	struct ifreq req = {0};
	uint8_t mac[6];

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	bridge_mac(n, mac);
	return ioctl(r->fd, SIOCGIFHWADDR, &req) == 0 && memcmp(req.ifr_hwaddr.sa_data, mac, 6);
}

static int make_bridge(struct rtnl *r, const struct net_spec *n, const char *name, struct err *e)
{
	struct nlattr *info, *data;
	uint8_t mac[6];

	if (is_foreign(r, n, name)) {
		err_set(e, EEXIST, "interface %s exists already, and is not of this network", name);
		return err_hint(e, "choose another com.docker.network.bridge.name");
	}

	rtnl_add(r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg),
		 (struct rtnl_note){.what = "make the bridge", .tolerate = EEXIST});
	mnl_attr_put_strz(r->now, IFLA_IFNAME, name);
	mnl_attr_put_u32(r->now, IFLA_GROUP, LINK_GROUP);
	if (n->mtu)
		mnl_attr_put_u32(r->now, IFLA_MTU, (uint32_t)n->mtu);
	bridge_mac(n, mac);
	mnl_attr_put(r->now, IFLA_ADDRESS, sizeof(mac), mac);
	info = mnl_attr_nest_start(r->now, IFLA_LINKINFO);
	mnl_attr_put_strz(r->now, IFLA_INFO_KIND, "bridge");
	data = mnl_attr_nest_start(r->now, IFLA_INFO_DATA);
	mnl_attr_put_u32(r->now, IFLA_BR_FORWARD_DELAY, 0);
	/* Snooping without a querier forgets IPv6 neighbours after minutes. */
	mnl_attr_put_u8(r->now, IFLA_BR_MCAST_SNOOPING, 0);
	mnl_attr_nest_end(r->now, data);
	mnl_attr_nest_end(r->now, info);
	return rtnl_send(r, e);
}

static void prepare_host(const struct net_spec *n, const char *bridge)
{
	bool v6 = n->subnet6.family;

	/*
	 * Addresses of the bridge answer for 127.0.0.1:published (see publish.c); the ruleset drops
	 * 127/8 that comes from anywhere but lo.
	 */
	(void)netns_sysctl("1", "ipv4/conf/%s/route_localnet", bridge);
	(void)netns_sysctl(v6 ? "0" : "1", "ipv6/conf/%s/disable_ipv6", bridge);
	(void)netns_sysctl("0", "ipv6/conf/%s/accept_ra", bridge);
	(void)netns_sysctl("0", "ipv6/conf/%s/accept_dad", bridge);
}

int network_up(const struct net_spec *n, struct err *e)
{
	auto_rtnl r = {.fd = -1};
	char name[LINK_NAME];
	int index, ret;

	if (n->driver != NET_BRIDGE)
		return parent_up(n, e);
	link_bridge_name(n, name);
	ret = rtnl_open(&r, -1, e);
	if (!ret)
		ret = make_bridge(&r, n, name, e);
	if (ret < 0)
		return err_wrap(e, "bring up network %s", n->name);
	prepare_host(n, name);
	index = link_index(name);
	if (n->gateway4.family)
		link_address(&r, index, &n->gateway4, false);
	if (n->gateway6.family)
		link_address(&r, index, &n->gateway6, false);
	vec_each(p, &n->more) {
		if (p->gateway.family)
			link_address(&r, index, &p->gateway, false);
	}
	link_up(&r, index, "bring the bridge up");
	if (rtnl_send(&r, e) < 0)
		return err_wrap(e, "bring up network %s", n->name);
	return host_forwarding(n, e);
}

int network_down(const struct net_spec *n, struct err *e)
{
	auto_rtnl r = {.fd = -1};
	char name[LINK_NAME];

	if (n->driver != NET_BRIDGE)
		return parent_down(n, e);
	if (rtnl_open(&r, -1, e) < 0)
		return -e->code;
	link_bridge_name(n, name);
	if (link_index_by(r.fd, name) < 0 || is_foreign(&r, n, name))
		return host_forwarding_rest(e);
	link_delete(&r, name);
	if (rtnl_send_removal(&r, e) < 0)
		return err_wrap(e, "take down network %s", n->name);
	return host_forwarding_rest(e);
}
