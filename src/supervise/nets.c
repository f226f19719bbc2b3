#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/paths.h"
#include "base/when.h"
#include "net/ipam.h"
#include "net/resolver.h"
#include "plan/plan.h"
#include "supervise/supervisor.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const char *id_of(struct arena *a, const char *name)
{
	char hex[HASH_HEX];
	char *text = arena_printf(a, "berth network %s", name);

	return arena_printf(a, "%s", hash_sha256(text, strlen(text), hex));
}

static void first_address(const struct ip_addr *subnet, struct ip_addr *out)
{
	*out = *subnet;
	if (subnet->family == AF_INET)
		out->v4.s_addr = htonl(ntohl(subnet->v4.s_addr) + 1);
	else if (subnet->family == AF_INET6)
		out->v6.s6_addr[15]++;
}

static int family_of_text(const char *s)
{
	return s && strchr(s, ':') ? AF_INET6 : AF_INET;
}

/* The pool of that family in the file, or NULL. */
static const struct ipam_pool *pool_of(const struct network *n, int family)
{
	vec_each(p, &n->pools) {
		if (p->subnet && family_of_text(p->subnet) == family)
			return p;
	}
	return NULL;
}

static int take_subnet(const struct network *n, const char *id, int family, struct ip_addr *subnet,
		       struct ip_addr *gateway, struct err *e)
{
	const struct ipam_pool *pool = pool_of(n, family);
	struct ip_addr wanted = {0};
	int r = pool ? ip_parse(pool->subnet, &wanted, e) : 0;

	if (!r)
		r = ipam_subnet_take(id, n->name, pool ? &wanted : NULL, family, subnet, e);
	if (r < 0)
		return n->at ? err_at(e, "%s", n->at) : r;
	first_address(subnet, gateway);
	if (pool && pool->gateway) {
		r = ip_parse(pool->gateway, gateway, e);
		gateway->prefix = subnet->prefix;
	}
	return r;
}

static const char *opt(const struct network *n, const char *key)
{
	return pairs_get(&n->driver_opts, key);
}

static bool opt_is(const struct network *n, const char *key, const char *value)
{
	const char *v = opt(n, key);

	return v && !strcmp(v, value);
}

static int describe(struct arena *a, const struct network *n, struct net_spec *out, struct err *e)
{
	const char *driver = n->driver && *n->driver ? n->driver : "bridge";
	const char *mtu = opt(n, "com.docker.network.driver.mtu");
	uint64_t number = 0;
	int r = 0;

	*out = (struct net_spec){.id = id_of(a, n->name), .name = n->name};
	if (!strcmp(driver, "macvlan"))
		out->driver = NET_MACVLAN;
	else if (!strcmp(driver, "ipvlan"))
		out->driver = NET_IPVLAN;
	else if (strcmp(driver, "bridge") && strcmp(driver, "default"))
		return err_set(e, EINVAL, "network %s: driver \"%s\" is not known here", n->name,
			       driver);
	out->bridge = opt(n, "com.docker.network.bridge.name");
	out->parent = opt(n, "parent");
	out->internal = n->internal;
	out->no_icc = opt_is(n, "com.docker.network.bridge.enable_icc", "false");
	out->no_masquerade = opt_is(n, "com.docker.network.bridge.enable_ip_masquerade", "false");
	if (mtu && !text_to_u64(mtu, &number))
		out->mtu = (int)number;
	if (n->enable_ipv4 || !n->enable_ipv6)
		r = take_subnet(n, out->id, AF_INET, &out->subnet4, &out->gateway4, e);
	if (!r && (n->enable_ipv6 || pool_of(n, AF_INET6)))
		r = take_subnet(n, out->id, AF_INET6, &out->subnet6, &out->gateway6, e);
	return r;
}

static const char *printed(struct arena *a, const struct ip_addr *ip, bool prefix)
{
	char text[64];

	return ip->family ? arena_printf(a, "%s", ip_print(ip, prefix, text)) : NULL;
}

static int record(struct supervisor *s, const struct network *n, const struct net_spec *spec,
		  struct err *e)
{
	auto_arena a = {0};
	struct network_status st = {
		.name = n->name,
		.id = spec->id,
		.project = s->name,
		.key = n->key,
		.driver = n->driver && *n->driver ? n->driver : "bridge",
		.hash = plan_network_hash(&a, n),
		.subnet4 = printed(&a, &spec->subnet4, true),
		.gateway4 = printed(&a, &spec->gateway4, false),
		.subnet6 = printed(&a, &spec->subnet6, true),
		.gateway6 = printed(&a, &spec->gateway6, false),
		.parent = spec->parent,
		.bridge = spec->bridge,
		.internal = spec->internal,
		.attachable = n->attachable,
		.no_icc = spec->no_icc,
		.no_masquerade = spec->no_masquerade,
		.mtu = spec->mtu,
		.created_ns = when_wall_ns(),
		.labels = n->labels,
	};

	return status_network_write(&st, e);
}

void nets_forget(struct supervisor *s)
{
	struct net *next;

	for (struct net *n = s->nets; n; n = next) {
		next = n->next;
		arena_free(&n->arena);
		free(n);
	}
	s->nets = NULL;
}

int nets_make(struct supervisor *s, const struct network *n, struct err *e)
{
	auto_arena a = {0};
	struct net_spec spec;
	int r = describe(&a, n, &spec, e);

	nets_forget(s);
	if (!r) /* a changed definition: the old bridge goes first; nobody is on it */
		r = network_down(&spec, e);
	if (!r)
		r = network_up(&spec, e);
	if (!r)
		r = record(s, n, &spec, e);
	return r < 0 ? err_wrap(e, "make network %s", n->name) : 0;
}

/* Other projects' containers on this network, by their states. */
static bool used_by_others(struct supervisor *s, const char *name)
{
	auto_arena a = {0};
	struct strings projects = {0};
	struct err ignored;

	if (status_projects(&a, &projects, &ignored) < 0)
		return false;
	vec_each(p, &projects) {
		struct statuses all = {0};

		if (!strcmp(*p, s->name) || status_read(&a, *p, &all, &ignored) < 0)
			continue;
		vec_each(st, &all) {
			vec_each(n, &st->networks) {
				if (n->name && !strcmp(n->name, name))
					return true;
			}
		}
	}
	return false;
}

static bool used_here(struct supervisor *s, const char *name)
{
	for (struct instance *i = s->instances; i; i = i->next) {
		vec_each(n, &i->st.networks) {
			if (n->name && !strcmp(n->name, name))
				return true;
		}
	}
	return false;
}

int nets_remove(struct supervisor *s, const struct network *n, bool *absent, struct err *e)
{
	auto_arena a = {0};
	struct network_status st = {0};
	struct net_spec spec = {.id = id_of(&a, n->name), .name = n->name};
	struct err ignored;
	int r;

	*absent = status_network_read(&a, n->name, &st, &ignored) < 0;
	if (*absent)
		return 0;
	if (used_here(s, n->name) || used_by_others(s, n->name))
		return err_set(e, EBUSY, "network %s is still in use", n->name);
	nets_forget(s);
	spec.bridge = st.bridge;
	spec.parent = st.parent;
	r = network_down(&spec, e);
	if (!r)
		r = ipam_subnet_free(spec.id, e);
	if (r < 0)
		return err_wrap(e, "remove network %s", n->name);
	unlink(arena_printf(&a, "%s/networks/%s.json", paths_root(), n->name));
	return 0;
}

static void parse_known(const char *subnet, const char *gateway, struct ip_addr *s,
			struct ip_addr *g)
{
	struct err ignored;

	if (!subnet || ip_parse(subnet, s, &ignored) < 0)
		return;
	first_address(s, g);
	if (gateway && !ip_parse(gateway, g, &ignored))
		g->prefix = s->prefix;
}

static void from_record(const struct network_status *st, struct net_spec *out)
{
	*out = (struct net_spec){.id = st->id,
				 .name = st->name,
				 .bridge = st->bridge,
				 .parent = st->parent,
				 .internal = st->internal,
				 .no_icc = st->no_icc,
				 .no_masquerade = st->no_masquerade,
				 .mtu = (int)st->mtu};
	if (st->driver && !strcmp(st->driver, "macvlan"))
		out->driver = NET_MACVLAN;
	else if (st->driver && !strcmp(st->driver, "ipvlan"))
		out->driver = NET_IPVLAN;
	parse_known(st->subnet4, st->gateway4, &out->subnet4, &out->gateway4);
	parse_known(st->subnet6, st->gateway6, &out->subnet6, &out->gateway6);
}

/* From its record; the bridge is made again where it is missing. */
static int find_recorded(struct supervisor *s, const char *key, const char *name, struct net **out,
			 struct err *e)
{
	struct net *n = calloc(1, sizeof(*n));
	struct network_status st = {0};
	int r;

	if (!n)
		abort();
	r = status_network_read(&n->arena, name, &st, e);
	if (!r && !st.id)
		r = err_set(e, ENOENT, "network %s could not be found", name);
	if (!r) {
		from_record(&st, &n->spec);
		r = network_up(&n->spec, e); /* after a reboot, or when somebody took it away */
	}
	if (r < 0) {
		arena_free(&n->arena);
		free(n);
		return err_wrap(e, "network %s", name);
	}
	n->key = arena_printf(&n->arena, "%s", key);
	n->name = st.name;
	n->next = s->nets;
	s->nets = n;
	*out = n;
	return 0;
}

int nets_find(struct supervisor *s, const char *key, struct net **out, struct err *e)
{
	const struct network *def = s->project ? project_network(s->project, key) : NULL;
	struct err why;

	for (struct net *n = s->nets; n; n = n->next) {
		if (!strcmp(n->key, key)) {
			*out = n;
			return 0;
		}
	}
	/* Not in the file: joined by `network connect`, under its own name. */
	if (!find_recorded(s, key, def ? def->name : key, out, &why))
		return 0;
	if (!def)
		return err_set(e, ENOENT, "network \"%s\" is not in the file", key);
	if (def->external)
		return err_set(e, ENOENT, "network %s declared as external, but could not be found",
			       def->name);
	*e = why;
	return -e->code;
}

int nets_find_named(struct supervisor *s, const char *name, struct net **out, struct err *e)
{
	for (struct net *n = s->nets; n; n = n->next) {
		if (!strcmp(n->name, name)) {
			*out = n;
			return 0;
		}
	}
	return find_recorded(s, name, name, out, e);
}

static int parse_mac(const char *s, uint8_t out[6])
{
	unsigned v[6];

	if (sscanf(s, "%2x%*1[:-]%2x%*1[:-]%2x%*1[:-]%2x%*1[:-]%2x%*1[:-]%2x", v, v + 1, v + 2,
		   v + 3, v + 4, v + 5) != 6)
		return -EINVAL;
	for (int i = 0; i < 6; i++)
		out[i] = (uint8_t)v[i];
	return 0;
}

static int take_address(struct instance *i, const struct net *n, const char *fixed, int family,
			struct ip_addr *out, struct err *e)
{
	const struct ip_addr *subnet = family == AF_INET ? &n->spec.subnet4 : &n->spec.subnet6;
	struct ip_addr wanted = {0};
	int r = 0;

	if (!subnet->family)
		return 0;
	if (fixed)
		r = ip_parse(fixed, &wanted, e);
	if (!r)
		r = ipam_addr_take(n->spec.id, i->st.name, fixed ? &wanted : NULL, NULL, family,
				   out, e);
	if (!r)
		out->prefix = subnet->prefix;
	return r;
}

static int plug(struct arena *a, struct instance *i, const struct endpoint *ep, struct net *n,
		struct endpoint_spec *out, struct err *e)
{
	const char *mac = ep->mac_address ? ep->mac_address : i->svc->mac_address;
	int r = take_address(i, n, ep->ipv4_address, AF_INET, &out->ip4, e);

	if (!r)
		r = take_address(i, n, ep->ipv6_address, AF_INET6, &out->ip6, e);
	if (r < 0)
		return ep->ipv4_address || ep->ipv6_address ? err_at(e, "%s", i->svc->at) : r;
	out->net = &n->spec;
	out->interface = ep->interface_name;
	if (mac && parse_mac(mac, out->mac) < 0)
		return err_set(e, EINVAL, "\"%s\" is not a MAC address", mac);
	vec_each(l, &ep->link_local_ips) {
		r = ip_parse(*l, vec_push(a, &out->link_local), e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The default route goes to the highest gw_priority, else the first that leads outside. */
static void pick_route(const struct service *svc, struct endpoint_spec *eps, size_t n)
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < n; i++) {
		if (eps[i].net->internal)
			continue;
		if (best == SIZE_MAX ||
		    svc->networks.v[i].gw_priority > svc->networks.v[best].gw_priority)
			best = i;
	}
	if (best != SIZE_MAX)
		eps[best].default_route = true;
}

static void remember(struct instance *i, const struct endpoint_spec *eps, size_t n)
{
	struct arena *a = &i->arena;

	i->st.networks.n = 0;
	for (size_t k = 0; k < n; k++) {
		const struct endpoint *ep = &i->svc->networks.v[k];
		struct status_net *out = vec_push(a, &i->st.networks);

		*out = (struct status_net){
			.name = arena_printf(a, "%s", eps[k].net->name),
			.key = arena_printf(a, "%s", ep->network),
			.id = arena_printf(a, "%s", eps[k].net->id),
			.ip4 = printed(a, &eps[k].ip4, false),
			.ip6 = printed(a, &eps[k].ip6, false),
			.gateway = printed(a, &eps[k].net->gateway4, false),
			.interface =
				eps[k].interface ? arena_printf(a, "%s", eps[k].interface) : NULL,
		};
		vec_each(alias, &ep->aliases)
			*vec_push(a, &out->aliases) = arena_printf(a, "%s", *alias);
	}
}

int nets_serve(struct instance *i, struct err *e)
{
	struct resolver_client c = {.key = i->st.name};
	auto_arena a = {0};

	c.internal_only = i->st.networks.n > 0;
	vec_each(n, &i->st.networks) {
		struct network_status st = {0};
		struct err ignored;

		*vec_push(&a, &c.networks) = n->id;
		if (status_network_read(&a, n->name, &st, &ignored) < 0 || !st.internal)
			c.internal_only = false;
	}
	if (i->svc)
		c.upstreams = i->svc->dns;
	return resolver_serve(i->of->resolver, i->netns, &c, e);
}

static int attach_all(struct instance *i, struct err *e)
{
	auto_arena a = {0};
	size_t n = i->svc->networks.n;
	struct endpoint_spec *eps = arena_alloc(&a, (n + 1) * sizeof(*eps));
	int r = 0;

	for (size_t k = 0; !r && k < n; k++) {
		struct net *net;

		r = nets_find(i->of, i->svc->networks.v[k].network, &net, e);
		if (!r)
			r = plug(&a, i, &i->svc->networks.v[k], net, &eps[k], e);
	}
	if (r < 0)
		return r;
	pick_route(i->svc, eps, n);
	r = endpoints_attach(i->netns, eps, n, e);
	if (!r)
		remember(i, eps, n);
	return r;
}

int nets_wire(struct instance *i, struct err *e)
{
	int r;

	if (i->wired)
		return 0;
	if (!i->st.netns)
		i->st.netns = arena_printf(&i->arena, "%s/netns/%s", i->of->run_dir, i->st.name);
	if (i->netns >= 0)
		close(take_fd(&i->netns));
	r = netns_make(i->st.netns, &i->netns, e);
	if (!r)
		r = attach_all(i, e);
	if (!r && i->st.networks.n)
		r = nets_serve(i, e);
	if (r < 0)
		return r;
	i->wired = true;
	nets_announce(i);
	return 0;
}

bool nets_is_shared(const struct instance *i)
{
	auto_arena a = {0};
	const char *by_service = arena_printf(&a, "service:%s", i->st.service);
	const char *by_name = arena_printf(&a, "container:%s", i->st.name);

	for (const struct instance *o = i->of->instances; o; o = o->next) {
		const char *mode = o->svc ? o->svc->network_mode : NULL;

		if (mode && o->life != DOWN &&
		    (!strcmp(mode, by_service) || !strcmp(mode, by_name)))
			return true;
	}
	return false;
}

void nets_unwire(struct instance *i, bool keep_addresses)
{
	struct err e;

	nets_withdraw(i);
	if (!i->st.netns)
		return;
	resolver_unserve(i->of->resolver, i->st.name);
	if (i->netns >= 0)
		close(take_fd(&i->netns));
	i->wired = false;
	if (netns_remove(i->st.netns, &e) < 0)
		log_err(LOG_WARN_, &e);
	if (keep_addresses)
		return;
	vec_each(n, &i->st.networks) {
		if (ipam_addr_free(n->id, i->st.name, &e) < 0)
			log_err(LOG_WARN_, &e);
	}
}

static void set_address(struct ip_addr *out, const char *text)
{
	struct err ignored;

	if (text && ip_parse(text, out, &ignored) < 0)
		out->family = 0;
}

void nets_announce(struct instance *i)
{
	auto_arena a = {0};

	if (i->life == DOWN || i->life == WAITING) { /* a name is gone with its container */
		nets_withdraw(i);
		return;
	}
	vec_each(n, &i->st.networks) {
		struct resolver_record rec = {.network = n->id, .key = i->st.name};
		const char *alias = pairs_get(&i->st.labels, "berth.use-aliases");

		*vec_push(&a, &rec.names) = i->st.name;
		*vec_push(&a, &rec.names) = arena_strndup(&a, i->st.id, 12);
		if (!i->st.one_off || alias) {
			*vec_push(&a, &rec.names) = i->st.service;
			vec_each(x, &n->aliases)
				*vec_push(&a, &rec.names) = *x;
		}
		if (i->svc && i->svc->hostname)
			*vec_push(&a, &rec.names) = i->svc->hostname;
		rec.ptr_name = arena_printf(&a, "%s.%s", i->st.name, n->name);
		set_address(&rec.ip4, n->ip4);
		set_address(&rec.ip6, n->ip6);
		rec.ready = instance_is_ready(i);
		resolver_set(i->of->resolver, &rec);
	}
}

void nets_withdraw(struct instance *i)
{
	vec_each(n, &i->st.networks)
		resolver_drop(i->of->resolver, n->id, i->st.name);
}
