#include "supervise/networks.h"
#include "base/hash.h"
#include "base/paths.h"
#include "net/host.h"
#include "net/ip.h"
#include "net/ipam.h"
#include <errno.h>
#include <string.h>

const char *networks_id(struct arena *a, const char *name)
{
	char hex[HASH_HEX];
	char *text = arena_printf(a, "berth network %s", name);

	return arena_printf(a, "%s", hash_sha256(text, strlen(text), hex));
}

const char *networks_option(const struct network_status *n, const char *key)
{
	return pairs_get(&n->options, key);
}

static bool option_is(const struct network_status *n, const char *key, const char *value)
{
	const char *v = networks_option(n, key);

	return v && !strcmp(v, value);
}

/* --- the kinds of networks --- */

static const struct kind {
	const char *name;
	enum net_driver driver;
	const char *mode_option;
	const char *modes[5];
} kinds[] = {
	/* clang-format off */
	{"bridge",  NET_BRIDGE,  NULL,           {NULL}},
	{"default", NET_BRIDGE,  NULL,           {NULL}},
	{"macvlan", NET_MACVLAN, "macvlan_mode", {"bridge", "private", "vepa", "passthru", NULL}},
	{"ipvlan",  NET_IPVLAN,  "ipvlan_mode",  {"l2", "l3", "l3s", NULL}},
	/* clang-format on */
};

static int choose_kind(const struct network_status *n, struct net_spec *out, struct err *e)
{
	const char *driver = n->driver && *n->driver ? n->driver : "bridge", *mode;
	const struct kind *k = kinds;

	while (k < kinds + countof(kinds) && strcmp(k->name, driver))
		k++;
	if (k == kinds + countof(kinds)) {
		err_set(e, EINVAL, "network %s: driver \"%s\" is not known here", n->name, driver);
		return err_hint(e, "bridge, macvlan and ipvlan are");
	}
	out->driver = k->driver;
	out->mode = k->modes[0];
	mode = k->mode_option ? networks_option(n, k->mode_option) : NULL;
	if (!mode)
		return 0;
	for (const char *const *m = k->modes; *m; m++) {
		if (!strcmp(*m, mode)) {
			out->mode = *m;
			return 0;
		}
	}
	return err_set(e, EINVAL, "network %s: %s \"%s\" is not known", n->name, k->mode_option,
		       mode);
}

static int read_options(const struct network_status *n, struct net_spec *out, struct err *e)
{
	const char *mtu = networks_option(n, "com.docker.network.driver.mtu");
	uint64_t number;

	out->bridge = networks_option(n, "com.docker.network.bridge.name");
	if (out->bridge && (!*out->bridge || strlen(out->bridge) > 15 ||
			    out->bridge[strcspn(out->bridge, " /\t\n\"")]))
		return err_set(e, EINVAL, "\"%s\" cannot name a bridge: at most 15 plain letters",
			       out->bridge);
	out->parent = networks_option(n, "parent");
	out->no_icc = option_is(n, "com.docker.network.bridge.enable_icc", "false");
	out->no_masquerade =
		option_is(n, "com.docker.network.bridge.enable_ip_masquerade", "false");
	out->metadata = option_is(n, "berth.metadata", "true");
	if (!mtu)
		return 0;
	if (text_to_u64(mtu, &number) < 0 || number < 68 || number > 65535)
		return err_set(e, EINVAL, "network %s: \"%s\" is no MTU: 68 to 65535", n->name,
			       mtu);
	out->mtu = (int)number;
	return 0;
}

static int read_pool(const struct network_status *n, const struct status_pool *p,
		     struct net_pool *out, struct err *e)
{
	int r = ip_parse(p->subnet, &out->subnet, e);

	if (!r && p->gateway && *p->gateway) {
		r = ip_parse(p->gateway, &out->gateway, e);
		out->gateway.prefix = out->subnet.prefix;
	}
	if (!r && p->range)
		r = ip_parse(p->range, &out->range, e);
	return r < 0 ? err_wrap(e, "network %s", n->name) : 0;
}

int networks_spec(struct arena *a, const struct network_status *n, struct net_spec *out,
		  struct err *e)
{
	*out = (struct net_spec){.id = n->id, .name = n->name, .internal = n->internal};
	if (choose_kind(n, out, e) < 0 || read_options(n, out, e) < 0)
		return -e->code;
	vec_each(p, &n->pools) {
		struct net_pool pool = {0};

		if (!p->subnet)
			continue;
		if (read_pool(n, p, &pool, e) < 0)
			return -e->code;
		if (pool.subnet.family == AF_INET && !out->subnet4.family) {
			out->subnet4 = pool.subnet;
			out->gateway4 = pool.gateway;
			out->range4 = pool.range;
		} else if (pool.subnet.family == AF_INET6 && !out->subnet6.family) {
			out->subnet6 = pool.subnet;
			out->gateway6 = pool.gateway;
			out->range6 = pool.range;
		} else {
			*vec_push(a, &out->more) = pool;
		}
	}
	return 0;
}

/* --- finding addresses --- */

static int family_of(const struct status_pool *p)
{
	const char *text = p->subnet ? p->subnet : p->gateway;

	return text && strchr(text, ':') ? AF_INET6 : AF_INET;
}

const char *networks_subnet(const struct network_status *n, int family)
{
	vec_each(p, &n->pools) {
		if (p->subnet && family_of(p) == family)
			return p->subnet;
	}
	return NULL;
}

const char *networks_gateway(const struct network_status *n, int family)
{
	vec_each(p, &n->pools) {
		if (p->gateway && family_of(p) == family)
			return p->gateway;
	}
	return NULL;
}

static const char *printed(struct arena *a, const struct ip_addr *ip, bool prefix)
{
	char text[64];

	return arena_printf(a, "%s", ip_print(ip, prefix, text));
}

static int take_gateway(struct arena *a, const struct network_status *n, struct status_pool *p,
			const struct ip_addr *subnet, struct err *e)
{
	size_t at = (size_t)(p - n->pools.v);
	struct ip_addr wanted = {0}, got;
	const char *owner = at ? arena_printf(a, "gateway%zu", at + 1) : "gateway";
	int r = p->gateway ? ip_parse(p->gateway, &wanted, e) : 0;

	if (!r)
		r = ipam_addr_take(n->id, owner, wanted.family ? &wanted : NULL, subnet,
				   subnet->family, &got, e);
	if (!r)
		p->gateway = printed(a, &got, false);
	return r;
}

/* Addresses that something else on the wire has are never given out. */
static int take_reserved(struct arena *a, const struct network_status *n,
			 const struct status_pool *p, const struct ip_addr *subnet, struct err *e)
{
	struct ip_addr ip, got;

	vec_each(x, &p->reserved) {
		if (ip_parse(x->value ? x->value : "", &ip, e) < 0)
			return -e->code;
		if (ipam_addr_take(n->id, arena_printf(a, "reserved:%s", x->key), &ip, NULL,
				   subnet->family, &got, e) < 0)
			return -e->code;
	}
	return 0;
}

static int check_range(const struct status_pool *p, const struct ip_addr *subnet, struct err *e)
{
	struct ip_addr range, low, high;

	if (!p->range)
		return 0;
	if (ip_parse(p->range, &range, e) < 0)
		return -e->code;
	low = ip_network(&range);
	high = ip_nth(&range, ip_hosts(&range) - 1);
	if (ip_in(&low, subnet) && ip_in(&high, subnet))
		return 0;
	return err_set(e, EINVAL, "ip_range %s is not within the subnet %s", p->range, p->subnet);
}

static int take_pool(struct arena *a, const struct network_status *n, struct status_pool *p,
		     int family, struct err *e)
{
	struct ip_addr wanted = {0}, subnet;
	int r = p->subnet ? ip_parse(p->subnet, &wanted, e) : 0;

	if (!r)
		r = ipam_subnet_take(n->id, n->name, p->subnet ? &wanted : NULL, family, &subnet,
				     e);
	if (r < 0)
		return r;
	p->subnet = printed(a, &subnet, true);
	r = check_range(p, &subnet, e);
	if (!r)
		r = take_gateway(a, n, p, &subnet, e);
	return r ? r : take_reserved(a, n, p, &subnet, e);
}

static int take_any(struct arena *a, struct network_status *n, int family, struct err *e)
{
	int r;

	*vec_push(a, &n->pools) = (struct status_pool){0};
	r = take_pool(a, n, &n->pools.v[n->pools.n - 1], family, e);
	if (r < 0)
		n->pools.n--;
	return r;
}

static int take_pools(struct arena *a, struct network_status *n, const struct networks_wish *w,
		      struct err *e)
{
	struct err ignored;
	int r = 0;

	vec_each(p, &n->pools) {
		if (!r)
			r = take_pool(a, n, p, family_of(p), e);
	}
	if (!r && w->ip4 && !networks_subnet(n, AF_INET))
		r = take_any(a, n, AF_INET, e);
	if (!r && w->ip6 && !networks_subnet(n, AF_INET6))
		r = take_any(a, n, AF_INET6, e);
	/* Nobody asked: a host without IPv6 is no reason to complain. */
	if (!r && !w->ip6 && w->ip6_if_possible && !networks_subnet(n, AF_INET6) && host_has_ipv6())
		n->quiet_ip6 = !take_any(a, n, AF_INET6, &ignored);
	return r;
}

int networks_hold(struct arena *a, struct network_status *n, struct err *e)
{
	int r = 0;

	vec_each(p, &n->pools) {
		if (!r && p->subnet)
			r = take_pool(a, n, p, family_of(p), e);
	}
	return r;
}

int networks_make(struct arena *a, struct network_status *n, const struct networks_wish *w,
		  struct err *e)
{
	struct net_spec spec = {.id = n->id, .name = n->name};
	struct err ignored;
	int r = networks_spec(a, n, &spec, e);

	if (!r)
		r = take_pools(a, n, w, e);
	if (!r)
		r = networks_spec(a, n, &spec, e);
	if (!r) /* one that a crash left is perhaps of another definition */
		r = network_down(&spec, e);
	if (!r)
		r = network_up(&spec, e);
	if (!r)
		r = status_network_write(n, e);
	if (r < 0) {
		(void)!network_down(&spec, &ignored);
		(void)!ipam_subnet_free(n->id, &ignored);
	}
	return r;
}

int networks_remove(const struct network_status *n, struct err *e)
{
	auto_arena a = {0};
	struct net_spec spec;
	int r = networks_spec(&a, n, &spec, e);

	if (!r)
		r = network_down(&spec, e);
	if (!r)
		r = ipam_subnet_free(n->id, e);
	if (r < 0)
		return err_wrap(e, "remove network %s", n->name);
	unlink(arena_printf(&a, "%s/networks/%s.json", paths_root(), n->name));
	unlink(arena_printf(&a, "%s/networks/%s.json~", paths_root(), n->name));
	return 0;
}
