#include "base/arena.h"
#include "base/hash.h"
#include "base/sys.h"
#include "net/guard.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/netns.h"
#include "net/parent.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Attaching goes in two steps: one batch on the host that creates every pair with its peer directly
 * inside its target namespace, and one inside each namespace that dresses what arrived there. The
 * numbers of the new interfaces are asked for from inside: veth takes a wish for the peer's number
 * only together with one for the host side, which could clash.
 */

/* An endpoint and what was learnt about it. */
struct wire {
	struct endpoint_spec *ep;
	int parent; /* interface number of the bridge, or of macvlan's parent */
	int inside; /* interface number in the namespace */
	bool exists;
	uint8_t mac[6];
	char name[LINK_NAME];
};

enum { MAX_ETH = 1024 }; /* a bridge takes no more ports either (BR_MAX_PORTS) */

/* A namespace, its wires, and what it holds already. */
struct census {
	int netns_fd;
	bool fresh;
	struct wire *wires;
	size_t n;
	uint8_t eths[MAX_ETH / 8]; /* bit per ethN in use */
};

/* All namespaces of one call. */
struct wave {
	struct census *v;
	size_t n;
};

static void choose_mac(const struct endpoint_spec *ep, uint8_t mac[6])
{
	static const uint8_t none[6];
	const uint8_t *low =
		ep->ip4.family ? (const uint8_t *)&ep->ip4.v4 : (const uint8_t *)&ep->ip6.v6 + 12;

	memcpy(mac, ep->mac, 6);
	if (memcmp(mac, none, 6))
		return;
	mac[0] = 0x02;
	mac[1] = ep->ip4.family ? 0x42 : 0x46;
	memcpy(mac + 2, low, 4);
}

static void name_port(int netns_fd, const char *net_id, const uint8_t mac[static 6],
		      char out[static 16])
{
	char key[256], hex[HASH_HEX];
	struct stat st = {0};

	fstat(netns_fd, &st);
	snprintf(key, sizeof(key), "%lu %s %02x%02x%02x%02x", (unsigned long)st.st_ino, net_id,
		 mac[2], mac[3], mac[4], mac[5]);
	hash_sha256(key, strlen(key), hex);
	snprintf(out, 16, "veth%.11s", hex);
}

static void choose_host_side(int netns_fd, const struct wire *w)
{
	if (!w->ep->host_side[0])
		name_port(netns_fd, w->ep->net->id, w->mac, w->ep->host_side);
}

int endpoint_port(int netns_fd, const char *net_id, const uint8_t mac[static 6])
{
	char name[16];
	int index;

	name_port(netns_fd, net_id, mac, name);
	index = link_index(name);
	return index > 0 ? index : 0;
}

int endpoint_drop_ports(const struct port_numbers *all, struct err *e)
{
	auto_rtnl host = {.fd = -1};

	if (!all->n)
		return 0;
	if (rtnl_open(&host, -1, e) < 0)
		return -e->code;
	for (size_t i = 0; i < all->n; i++) {
		struct ifinfomsg *m = rtnl_add(
			&host, RTM_DELLINK, 0, sizeof(*m),
			(struct rtnl_note){.what = "remove an interface", .tolerate = ENODEV});

		m->ifi_index = all->v[i];
		if (rtnl_full(&host) && rtnl_send(&host, e) < 0)
			return -e->code;
	}
	return rtnl_send(&host, e);
}

static int count_link(const struct nlmsghdr *h, void *arg)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(h);
	struct census *c = arg;
	const struct nlattr *attr;
	const void *mac = NULL;
	const char *name = "";
	unsigned n;

	mnl_attr_for_each(attr, h, sizeof(*m))
	{
		if (mnl_attr_get_type(attr) == IFLA_ADDRESS && mnl_attr_get_payload_len(attr) == 6)
			mac = mnl_attr_get_payload(attr);
		if (mnl_attr_get_type(attr) == IFLA_IFNAME)
			name = mnl_attr_get_str(attr);
	}
	if (sscanf(name, "eth%u", &n) == 1 && n < MAX_ETH)
		c->eths[n / 8] |= (uint8_t)(1u << n % 8);
	for (struct wire *w = c->wires; mac && w < c->wires + c->n; w++) {
		if (w->name[0] ? strcmp(w->name, name) : memcmp(w->mac, mac, 6))
			continue;
		w->exists = true;
		w->inside = m->ifi_index;
		snprintf(w->name, sizeof(w->name), "%.15s", name);
	}
	return 0;
}

static int take_census(struct rtnl *in, struct census *c, struct err *e)
{
	struct {
		struct ifinfomsg m;
		struct nlattr a;
		uint32_t mask;
	} ask = {.a = {.nla_len = 8, .nla_type = IFLA_EXT_MASK}, .mask = RTEXT_FILTER_SKIP_STATS};

	return rtnl_dump(in, RTM_GETLINK, &ask, sizeof(ask), count_link, c, e);
}

static int free_eth(struct census *c)
{
	int n = 0;

	while (n < MAX_ETH - 1 && c->eths[n / 8] & 1u << n % 8)
		n++;
	c->eths[n / 8] |= (uint8_t)(1u << n % 8);
	return n;
}

static int find_parent(const struct rtnl *host, struct wire *w, struct err *e)
{
	const struct net_spec *n = w->ep->net;
	char bridge[LINK_NAME];
	const char *name =
		n->driver == NET_BRIDGE ? link_bridge_name(n, bridge) : parent_name(n, bridge);

	w->parent = link_index_by(host->fd, name);
	if (w->parent < 0)
		return err_set(e, ENODEV, "network %s has no interface %s on this host", n->name,
			       name);
	return 0;
}

static int look_inside(struct census *c, struct err *e)
{
	auto_rtnl in = {.fd = -1};
	int r = c->fresh || !c->n ? 0 : rtnl_open(&in, c->netns_fd, e);

	return r || in.fd < 0 ? r : take_census(&in, c, e);
}

static int plan_wires(const struct rtnl *host, struct census *c, struct err *e)
{
	int r = look_inside(c, e);

	for (struct wire *w = c->wires; !r && w < c->wires + c->n; w++) {
		choose_host_side(c->netns_fd, w);
		r = find_parent(host, w, e);
		if (w->exists)
			continue;
		if (w->ep->interface)
			snprintf(w->name, sizeof(w->name), "%.15s", w->ep->interface);
		else
			snprintf(w->name, sizeof(w->name), "eth%d", free_eth(c));
	}
	return r;
}

/* The attributes of the inner end, the same for a peer and for a macvlan. */
static void describe_inside(struct rtnl *r, const struct wire *w, int netns_fd)
{
	mnl_attr_put_strz(r->now, IFLA_IFNAME, w->name);
	if (w->ep->net->driver != NET_IPVLAN) /* which shares its parent's */
		mnl_attr_put(r->now, IFLA_ADDRESS, 6, w->mac);
	if (w->ep->net->mtu)
		mnl_attr_put_u32(r->now, IFLA_MTU, (uint32_t)w->ep->net->mtu);
	mnl_attr_put_u32(r->now, IFLA_NET_NS_FD, (uint32_t)netns_fd);
}

static void create_pair(struct rtnl *r, const struct wire *w, int netns_fd)
{
	struct nlattr *info, *data, *peer;

	rtnl_add(r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg),
		 (struct rtnl_note){.what = "make a pair of interfaces"});
	mnl_attr_put_strz(r->now, IFLA_IFNAME, w->ep->host_side);
	mnl_attr_put_u32(r->now, IFLA_MASTER, (uint32_t)w->parent);
	if (w->ep->net->mtu)
		mnl_attr_put_u32(r->now, IFLA_MTU, (uint32_t)w->ep->net->mtu);
	info = mnl_attr_nest_start(r->now, IFLA_LINKINFO);
	mnl_attr_put_strz(r->now, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(r->now, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(r->now, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(r->now, sizeof(struct ifinfomsg));
	describe_inside(r, w, netns_fd);
	mnl_attr_nest_end(r->now, peer);
	mnl_attr_nest_end(r->now, data);
	mnl_attr_nest_end(r->now, info);
}

/*
 * With br_netfilter (built in, or loaded by others) a rewritten packet whose new target is on the
 * same bridge never leaves the bridge: a container that calls itself by the host's address needs
 * the port to send back where it came from.
 */
static bool bridges_filter(void)
{
	auto_fd int fd =
		sys_open(AT_FDCWD, "/proc/sys/net/bridge/bridge-nf-call-iptables", O_RDONLY, 0);
	char on = '0';

	return fd >= 0 && sys_read(fd, &on, 1) == 1 && on == '1';
}

/* Creation ignores these, so they come as a change; the port goes up only once they hold. */
static void tune_port(struct rtnl *r, const struct wire *w, bool reflect)
{
	struct nlattr *info, *data;
	struct ifinfomsg *m;

	rtnl_add(r, RTM_NEWLINK, 0, sizeof(*m), (struct rtnl_note){.what = "set up a bridge port"});
	mnl_attr_put_strz(r->now, IFLA_IFNAME, w->ep->host_side);
	link_no_ipv6_auto(r);
	info = mnl_attr_nest_start(r->now, IFLA_LINKINFO);
	mnl_attr_put_strz(r->now, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(r->now, IFLA_INFO_SLAVE_DATA);
	mnl_attr_put_u8(r->now, IFLA_BRPORT_MODE, reflect);
	mnl_attr_put_u8(r->now, IFLA_BRPORT_ISOLATED, w->ep->net->no_icc);
	mnl_attr_nest_end(r->now, data);
	mnl_attr_nest_end(r->now, info);
	m = rtnl_add(r, RTM_NEWLINK, 0, sizeof(*m),
		     (struct rtnl_note){.what = "bring a bridge port up"});
	m->ifi_flags = m->ifi_change = IFF_UP;
	mnl_attr_put_strz(r->now, IFLA_IFNAME, w->ep->host_side);
}

static uint32_t mode_number(const struct net_spec *n)
{
	/* clang-format off */
	static const struct { enum net_driver driver; const char *mode; uint32_t number; } rows[] = {
		{NET_MACVLAN, "bridge",   MACVLAN_MODE_BRIDGE},
		{NET_MACVLAN, "private",  MACVLAN_MODE_PRIVATE},
		{NET_MACVLAN, "vepa",     MACVLAN_MODE_VEPA},
		{NET_MACVLAN, "passthru", MACVLAN_MODE_PASSTHRU},
		{NET_IPVLAN,  "l2",       IPVLAN_MODE_L2},
		{NET_IPVLAN,  "l3",       IPVLAN_MODE_L3},
		{NET_IPVLAN,  "l3s",      IPVLAN_MODE_L3S},
	};
	/* clang-format on */

	for (size_t i = 0; n->mode && i < countof(rows); i++) {
		if (rows[i].driver == n->driver && !strcmp(rows[i].mode, n->mode))
			return rows[i].number;
	}
	return n->driver == NET_MACVLAN ? MACVLAN_MODE_BRIDGE : IPVLAN_MODE_L2;
}

static void create_vlan(struct rtnl *r, const struct wire *w, int netns_fd)
{
	bool macvlan = w->ep->net->driver == NET_MACVLAN;
	struct nlattr *info, *data;

	rtnl_add(r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg),
		 (struct rtnl_note){.what = macvlan ? "make a macvlan interface"
						    : "make an ipvlan interface"});
	describe_inside(r, w, netns_fd);
	mnl_attr_put_u32(r->now, IFLA_LINK, (uint32_t)w->parent);
	info = mnl_attr_nest_start(r->now, IFLA_LINKINFO);
	mnl_attr_put_strz(r->now, IFLA_INFO_KIND, macvlan ? "macvlan" : "ipvlan");
	data = mnl_attr_nest_start(r->now, IFLA_INFO_DATA);
	if (macvlan)
		mnl_attr_put_u32(r->now, IFLA_MACVLAN_MODE, mode_number(w->ep->net));
	else
		mnl_attr_put_u16(r->now, IFLA_IPVLAN_MODE, (uint16_t)mode_number(w->ep->net));
	mnl_attr_nest_end(r->now, data);
	mnl_attr_nest_end(r->now, info);
}

/* A host side of this name whose namespace is gone: the kernel removes it later than we come. */
static int clear_stale(struct rtnl *host, const struct census *c, struct err *e)
{
	for (const struct wire *w = c->wires; w < c->wires + c->n; w++) {
		if (!w->exists && w->ep->net->driver == NET_BRIDGE &&
		    link_index_by(host->fd, w->ep->host_side) > 0)
			link_delete(host, w->ep->host_side);
	}
	return rtnl_send(host, e);
}

static void create_one(struct rtnl *host, const struct wire *w, int netns_fd, bool reflect)
{
	if (w->ep->net->driver == NET_BRIDGE) {
		create_pair(host, w, netns_fd);
		tune_port(host, w, reflect);
	} else {
		create_vlan(host, w, netns_fd);
	}
}

static int create_all(struct rtnl *host, const struct wave *all, struct err *e)
{
	bool reflect = bridges_filter();
	int r = 0;

	for (const struct census *c = all->v; !r && c < all->v + all->n; c++)
		r = clear_stale(host, c, e);
	for (const struct census *c = all->v; !r && c < all->v + all->n; c++) {
		for (const struct wire *w = c->wires; !r && w < c->wires + c->n; w++) {
			if (!w->exists)
				create_one(host, w, c->netns_fd, reflect);
			if (rtnl_full(host))
				r = rtnl_send(host, e);
		}
	}
	return r ? r : rtnl_send(host, e);
}

/* What the new ports may send is settled before they carry anything. */
static int guard_all(const struct wave *all, struct err *e)
{
	auto_nfnl batch = {0};

	for (const struct census *c = all->v; c < all->v + all->n; c++) {
		for (const struct wire *w = c->wires; w < c->wires + c->n; w++) {
			if (w->ep->net->driver == NET_BRIDGE)
				guard_add(&batch, w->ep, w->mac);
		}
	}
	return guard_apply(&batch, e);
}

static bool speaks_ip6(const struct endpoint_spec *ep)
{
	vec_each(a, &ep->link_local) {
		if (a->family == AF_INET6)
			return true;
	}
	return ep->ip6.family;
}

/* What is done from inside a namespace in one visit. */
struct visit {
	struct census *c;
	struct rtnl *in;
	struct err *e;
};

/* "net.ipv4.conf.IFNAME.arp_accept=1": of this interface and no other place. */
static int set_sysctl(const struct wire *w, struct span row, struct err *e)
{
	auto_buf path = {0};
	struct span key, word;
	bool own = false;

	if (!span_cut(&row, '=', &key) || !span_cut(&key, '.', &word) || !span_is(word, "net"))
		return err_set(e, EINVAL, "sysctls of an endpoint are net.X.Y.IFNAME.Z=VALUE,...");
	while (key.n) {
		span_cut(&key, '.', &word);
		own |= span_is(word, "IFNAME");
		if (!word.n || memchr(word.p, '/', word.n))
			return err_set(e, EINVAL, "not a sysctl");
		buf_str(&path, path.n ? "/" : "");
		buf_add(&path, span_is(word, "IFNAME") ? w->name : word.p,
			span_is(word, "IFNAME") ? strlen(w->name) : word.n);
	}
	if (!own)
		return err_set(e, EINVAL, "sysctls of an endpoint have IFNAME for its interface");
	auto_arena a = {0};
	int r = netns_sysctl(span_dup(&a, row), "%s", path.p);

	return r < 0 ? err_set(e, -r, "net/%s: %s", path.p, strerror(-r)) : 0;
}

static int set_sysctls(const struct wire *w, struct err *e)
{
	struct span rest = span_of(w->ep->sysctls ? w->ep->sysctls : ""), row;
	int r = 0;

	while (!r && rest.n) {
		span_cut(&rest, ',', &row);
		r = set_sysctl(w, row, e);
	}
	return r < 0 ? err_wrap(e, "%s", w->ep->sysctls) : 0;
}

/* Per-interface switches exist once the interfaces do, and only inside. */
static int look_around(void *arg)
{
	const struct visit *v = arg;
	int r = rtnl_open(v->in, -1, v->e);

	for (struct wire *w = v->c->wires; !r && w < v->c->wires + v->c->n; w++) {
		w->inside = link_index_by(v->in->fd, w->name);
		if (w->inside < 0)
			r = err_set(v->e, ENODEV, "interface %s did not arrive inside", w->name);
		else if (!speaks_ip6(w->ep))
			(void)netns_sysctl("1", "ipv6/conf/%s/disable_ipv6", w->name);
		if (!r)
			r = set_sysctls(w, v->e);
	}
	return r;
}

/* By the gateway of the pool that the address is of. Layer 3 has no neighbours to go by. */
static void way_out(struct rtnl *in, const struct wire *w, const struct ip_addr *ip)
{
	const struct net_spec *n = w->ep->net;
	struct ip_addr gateway = ip->family == AF_INET ? n->gateway4 : n->gateway6;

	vec_each(p, &n->more) {
		if (ip_in(ip, &p->subnet))
			gateway = p->gateway;
	}
	if (n->driver == NET_IPVLAN && n->mode && text_starts(n->mode, "l3"))
		link_default_route(in, w->inside, &(struct ip_addr){.family = ip->family}, true);
	else if (gateway.family)
		link_default_route(in, w->inside, &gateway, false);
}

static void dress(struct rtnl *in, const struct wire *w)
{
	const struct endpoint_spec *ep = w->ep;
	const struct net_spec *n = ep->net;

	link_up(in, w->inside, "bring an interface up inside");
	if (ep->ip4.family)
		link_address(in, w->inside, &ep->ip4, false);
	if (ep->ip6.family)
		link_address(in, w->inside, &ep->ip6, false);
	vec_each(a, &ep->link_local)
		link_address(in, w->inside, a, true);
	if (n->internal)
		return;
	if (ep->route4 && ep->ip4.family)
		way_out(in, w, &ep->ip4);
	if (ep->route6 && ep->ip6.family)
		way_out(in, w, &ep->ip6);
}

static int dress_all(struct rtnl *in, const struct census *c, struct err *e)
{
	int r = 0;

	link_up(in, 1, "bring lo up");
	for (const struct wire *w = c->wires; !r && w < c->wires + c->n; w++) {
		dress(in, w);
		if (rtnl_full(in))
			r = rtnl_send(in, e);
	}
	return r ? r : rtnl_send(in, e);
}

/*
 * The kernel tells bridges and queues of a new carrier from a work queue, and until then drops what
 * is sent: the first packet of a fast container would be repeated a second later. Asking for the
 * link state makes it tell at once.
 */
static void settle(const struct rtnl *in, const struct rtnl *host, const struct census *c)
{
	char bridge[LINK_NAME];

	for (const struct wire *w = c->wires; w < c->wires + c->n; w++) {
		link_settle(in->fd, w->name);
		if (w->ep->net->driver != NET_BRIDGE)
			continue;
		link_settle(host->fd, w->ep->host_side);
		link_settle(host->fd, link_bridge_name(w->ep->net, bridge));
	}
}

static int dress_place(const struct rtnl *host, struct census *c, struct err *e)
{
	auto_rtnl in = {.fd = -1};
	int r;

	*e = (struct err){0};
	r = netns_call(c->netns_fd, look_around, &(struct visit){c, &in, e});
	if (r < 0 && !e->code)
		return err_set(e, -r, "cannot enter the network namespace: %s", strerror(-r));
	if (!r)
		r = dress_all(&in, c, e);
	if (!r)
		settle(&in, host, c);
	return r;
}

static int attach(const struct wave *all, struct err *e)
{
	auto_rtnl host = {.fd = -1};
	int r = rtnl_open(&host, -1, e);

	for (struct census *c = all->v; !r && c < all->v + all->n; c++)
		r = plan_wires(&host, c, e);
	if (!r)
		r = create_all(&host, all, e);
	if (!r)
		r = guard_all(all, e);
	for (struct census *c = all->v; !r && c < all->v + all->n; c++)
		r = dress_place(&host, c, e);
	return r;
}

static void prepare(const struct attachment *a, struct census *c)
{
	*c = (struct census){a->netns_fd, a->fresh, c->wires, a->n, {0}};
	for (size_t i = 0; i < a->n; i++) {
		c->wires[i].ep = &a->eps[i];
		choose_mac(&a->eps[i], c->wires[i].mac);
		memcpy(a->eps[i].mac, c->wires[i].mac, sizeof(a->eps[i].mac));
	}
}

int endpoints_attach(const struct attachment *all, size_t n, struct err *e)
{
	auto_arena a = {0};
	struct wave wave = {arena_alloc(&a, (n + 1) * sizeof(*wave.v)), n};
	int r;

	for (size_t i = 0; i < n; i++) {
		wave.v[i].wires = arena_alloc(&a, (all[i].n + 1) * sizeof(struct wire));
		prepare(&all[i], &wave.v[i]);
	}
	r = attach(&wave, e);
	return r ? err_wrap(e, "connect to the network") : 0;
}

int endpoint_detach(int netns_fd, const struct endpoint_spec *ep, struct err *e)
{
	struct endpoint_spec copy = *ep;
	struct wire w = {.ep = &copy};
	struct census c = {.wires = &w, .n = 1};
	auto_rtnl in = {.fd = -1};
	struct ifinfomsg *m;
	int r;

	choose_mac(ep, w.mac);
	r = rtnl_open(&in, netns_fd, e);
	if (!r)
		r = take_census(&in, &c, e);
	if (r < 0 || !w.exists)
		return r;
	/* Deleting one end deletes the other. */
	m = rtnl_add(&in, RTM_DELLINK, 0, sizeof(*m),
		     (struct rtnl_note){.what = "disconnect from the network", .tolerate = ENODEV});
	m->ifi_index = w.inside;
	return rtnl_send(&in, e);
}
