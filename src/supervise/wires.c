/* From a container's networks in the file to interfaces in its namespace. */
#include "base/log.h"
#include "net/ip.h"
#include "net/ipam.h"
#include "net/resolver.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *printed(struct arena *a, const struct ip_addr *ip, bool prefix)
{
	char text[64];

	return ip->family ? arena_printf(a, "%s", ip_print(ip, prefix, text)) : NULL;
}

/*
 * IPv6 that nobody asked for needs no books: the IPv4 address, which is unique in the network, is
 * the lower half of it.
 */
static struct ip_addr quiet_address(const struct net *n, const struct ip_addr *ip4)
{
	struct ip_addr out = ip_network(&n->spec.subnet6);

	memcpy(out.v6.s6_addr + 12, &ip4->v4, 4);
	return out;
}

/* The first pool with an address left gives one. */
static int take_free(const struct net *n, const char *owner, int family, struct ip_addr *out,
		     struct err *e)
{
	bool v4 = family == AF_INET;
	const struct ip_addr *range = v4 ? &n->spec.range4 : &n->spec.range6;
	const struct ip_addr *subnet = v4 ? &n->spec.subnet4 : &n->spec.subnet6;
	int r = ipam_addr_take(n->spec.id, owner, NULL, range->family ? range : subnet, family, out,
			       e);

	vec_each(p, &n->spec.more) {
		if (r == -EADDRNOTAVAIL && p->subnet.family == family)
			r = ipam_addr_take(n->spec.id, owner, NULL,
					   p->range.family ? &p->range : &p->subnet, family, out,
					   e);
	}
	return r;
}

static int take_address(const struct net *n, const char *owner, const char *fixed, int family,
			struct ip_addr *out, struct err *e)
{
	const struct ip_addr *subnet = family == AF_INET ? &n->spec.subnet4 : &n->spec.subnet6;
	struct ip_addr wanted = {0};

	if (!subnet->family)
		return !fixed ? 0
			      : err_set(e, EINVAL, "network %s has no IPv%d addresses", n->name,
					family == AF_INET ? 4 : 6);
	if (!fixed)
		return take_free(n, owner, family, out, e);
	if (ip_parse(fixed, &wanted, e) < 0)
		return -e->code;
	return ipam_addr_take(n->spec.id, owner, &wanted, NULL, family, out, e);
}

int nets_take_addresses(const struct net *n, const char *owner, const char *fixed4,
			const char *fixed6, struct endpoint_spec *out, struct err *e)
{
	int r = take_address(n, owner, fixed4, AF_INET, &out->ip4, e);

	if (!r && n->quiet_ip6 && !fixed6 && out->ip4.family)
		out->ip6 = quiet_address(n, &out->ip4);
	else if (!r)
		r = take_address(n, owner, fixed6, AF_INET6, &out->ip6, e);
	return r;
}

int nets_link_local(struct arena *a, const struct strings *words, struct endpoint_spec *out,
		    struct err *e)
{
	vec_each(l, words) {
		struct ip_addr *ip = vec_push(a, &out->link_local);
		int r = ip_parse(*l, ip, e);

		if (r < 0)
			return r;
		if (!strchr(*l, '/')) /* as the whole of 169.254/16 or fe80::/64 */
			ip->prefix = ip->family == AF_INET ? 16 : 64;
	}
	return 0;
}

static int plug(struct arena *a, struct instance *i, const struct endpoint *ep, struct net *n,
		struct endpoint_spec *out, struct err *e)
{
	const char *mac = ep->mac_address ? ep->mac_address : i->svc->mac_address;
	int r = nets_take_addresses(n, i->st.name, ep->ipv4_address, ep->ipv6_address, out, e);

	if (r < 0)
		return ep->ipv4_address || ep->ipv6_address ? err_at(e, "%s", i->svc->at) : r;
	out->net = &n->spec;
	out->interface = ep->interface_name ? ep->interface_name
					    : pairs_get(&ep->driver_opts,
							"com.docker.network.endpoint.ifname");
	if (mac && nets_parse_mac(mac, out->mac) < 0)
		return err_set(e, EINVAL, "\"%s\" is not a MAC address", mac);
	out->sysctls = pairs_get(&ep->driver_opts, "com.docker.network.endpoint.sysctls");
	return nets_link_local(a, &ep->link_local_ips, out, e);
}

/* The way out of a family is by the highest gw_priority, else by the first that leads outside. */
static struct endpoint_spec *pick_route(const struct service *svc, struct endpoint_spec *eps,
					size_t n, bool v6)
{
	struct endpoint_spec *best = NULL;

	for (size_t i = 0; i < n; i++) {
		if (eps[i].net->internal || !(v6 ? eps[i].ip6 : eps[i].ip4).family)
			continue;
		if (!best ||
		    svc->networks.v[i].gw_priority > svc->networks.v[best - eps].gw_priority)
			best = &eps[i];
	}
	return best;
}

static void pick_routes(const struct service *svc, struct endpoint_spec *eps, size_t n)
{
	struct endpoint_spec *by4 = pick_route(svc, eps, n, false);
	struct endpoint_spec *by6 = pick_route(svc, eps, n, true);

	if (by4)
		by4->route4 = true;
	if (by6)
		by6->route6 = true;
}

const char *nets_mac(struct arena *a, const uint8_t mac[6])
{
	return arena_printf(a, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
			    mac[4], mac[5]);
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
			.mac = nets_mac(a, eps[k].mac),
			.interface =
				eps[k].interface ? arena_printf(a, "%s", eps[k].interface) : NULL,
			.gw_priority = ep->gw_priority,
		};
		vec_each(alias, &ep->aliases)
			*vec_push(a, &out->aliases) = arena_printf(a, "%s", *alias);
	}
}

/* "db:database" lets this container alone say "database" for db. */
static void add_links(struct arena *a, const struct strings *links, struct pairs *out)
{
	vec_each(link, links) {
		struct span rest = span_of(*link), target;

		if (span_cut(&rest, ':', &target))
			*vec_push(a, out) =
				(struct pair){rest.p, text_lower(a, span_dup(a, target))};
	}
}

/* A DNS server among those in the namespace, which may well bind 0.0.0.0:53. */
static bool serves_dns(const struct instance *i)
{
	struct resolver_record rec = {0};
	auto_arena a = {0};

	nets_ports(&a, i->svc, &rec);
	vec_each(p, &rec.ports) {
		if (p->port == 53)
			return true;
	}
	return false;
}

static bool is_internal(const struct supervisor *s, const struct status_net *on)
{
	struct network_status st = {0};
	auto_arena a = {0};
	struct err ignored;

	for (const struct net *n = s->nets; n; n = n->next) {
		if (!strcmp(n->spec.id, on->id))
			return n->spec.internal;
	}
	return !status_network_read(&a, on->name, &st, &ignored) && st.internal;
}

int nets_serve(struct instance *i, struct err *e)
{
	struct resolver_client c = {.key = i->st.name};
	auto_arena a = {0};

	c.internal_only = i->st.networks.n > 0;
	vec_each(n, &i->st.networks) {
		*vec_push(&a, &c.networks) = n->id;
		c.internal_only &= is_internal(i->of, n);
		add_links(&a, &n->links, &c.links);
	}
	if (i->svc) {
		c.upstreams = i->svc->dns;
		c.leaves_53 = serves_dns(i);
		add_links(&a, &i->svc->links, &c.links);
		add_links(&a, &i->svc->external_links, &c.links);
	}
	return resolver_serve(i->of->resolver, i->netns, &c, e);
}

/* Isolation holds before anything is on the wire; all networks of the project in one transaction.
 */
static void rule_all(struct supervisor *s)
{
	struct net *net;
	struct err none;

	for (size_t k = 0; s->project && k < s->project->networks.n; k++)
		(void)!nets_find(s, s->project->networks.v[k].key, &net, &none);
	s->unruled = false;
	ports_apply_now(s);
}

/* One container on its way onto its networks. */
struct wiring {
	struct instance *i;
	struct attachment to;
};

/* A namespace and addresses: what is taken in the books, before anything is on the wire. */
static int wire_begin(struct arena *a, struct wiring *w, struct err *e)
{
	struct instance *i = w->i;
	size_t n = i->svc->networks.n;
	struct id_map ids;
	int r = spec_ids(i, &ids, e);

	if (i->netns >= 0)
		close(take_fd(&i->netns));
	if (!i->st.netns)
		i->st.netns = nets_place(i);
	if (r >= 0)
		r = netns_make(i->st.netns, r ? &ids : NULL, &i->netns, e);
	if (r < 0)
		return r;
	w->to = (struct attachment){i->netns, r == NETNS_MADE,
				    arena_alloc(a, (n + 1) * sizeof(*w->to.eps)), n};
	r = 0;
	for (size_t k = 0; !r && k < n; k++) {
		struct net *net;

		r = nets_find(i->of, i->svc->networks.v[k].network, &net, e);
		if (!r)
			r = plug(a, i, &i->svc->networks.v[k], net, &w->to.eps[k], e);
	}
	if (!r)
		pick_routes(i->svc, w->to.eps, n);
	return r;
}

static int wire_end(struct wiring *w, struct err *e)
{
	int r = 0;

	remember(w->i, w->to.eps, w->to.n);
	if (w->to.n)
		r = nets_serve(w->i, e);
	w->i->wired = r == 0;
	return r;
}

static int wire_alone(struct instance *i, struct err *e)
{
	auto_arena a = {0};
	struct wiring w = {.i = i};
	int r = wire_begin(&a, &w, e);

	if (!r && i->of->unruled)
		rule_all(i->of);
	if (!r)
		r = endpoints_attach(&w.to, 1, e);
	return r ? r : wire_end(&w, e);
}

int nets_wire(struct instance *i, struct err *e)
{
	int r = i->wired ? 0 : wire_alone(i, e);

	if (r < 0)
		return r;
	nets_announce(i); /* before its first instruction, also when it starts again */
	return resolver_settle(i->of->resolver, e);
}

/* What one batch may hold; see RTNL_BATCH. */
enum { WAVE = 64 };

static void wire_batch(struct instance **v, size_t n)
{
	auto_arena a = {0};
	struct wiring *all = arena_alloc(&a, n * sizeof(*all));
	struct attachment *to = arena_alloc(&a, n * sizeof(*to));
	struct err e;
	size_t ok = 0;

	for (size_t k = 0; k < n; k++) {
		all[ok] = (struct wiring){.i = v[k]};
		if (!wire_begin(&a, &all[ok], &e))
			to[ok] = all[ok].to, ok++;
	}
	if (ok && all->i->of->unruled)
		rule_all(all->i->of);
	if (endpoints_attach(to, ok, &e) < 0) {
		log_debug("%s: one by one instead", e.why);
		return;
	}
	for (size_t k = 0; k < ok; k++) {
		if (wire_end(&all[k], &e) < 0)
			log_debug("%s: %s", all[k].i->st.name, e.why);
	}
}

void nets_wire_all(struct instance **v, size_t n)
{
	size_t todo = 0;

	for (size_t k = 0; k < n; k++) {
		if (!v[k]->wired && nets_has_own(v[k]))
			v[todo++] = v[k];
	}
	for (size_t k = 0; todo > 1 && k < todo; k += WAVE)
		wire_batch(v + k, todo - k < WAVE ? todo - k : WAVE);
}
