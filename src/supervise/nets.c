#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/paths.h"
#include "base/when.h"
#include "net/guard.h"
#include "net/ip.h"
#include "net/ipam.h"
#include "net/resolver.h"
#include "plan/plan.h"
#include "supervise/networks.h"
#include "supervise/supervisor.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const char *printed(struct arena *a, const struct ip_addr *ip, bool prefix)
{
	char text[64];

	return ip->family ? arena_printf(a, "%s", ip_print(ip, prefix, text)) : NULL;
}

static void describe(struct arena *a, struct supervisor *s, const struct network *n,
		     struct network_status *out)
{
	*out = (struct network_status){
		.name = n->name,
		.id = networks_id(a, n->name),
		.project = s->name,
		.key = n->key,
		.driver = n->driver && *n->driver ? n->driver : "bridge",
		.hash = plan_network_hash(a, n),
		.options = n->driver_opts,
		.internal = n->internal,
		.attachable = n->attachable,
		.created_ns = when_wall_ns(),
		.labels = n->labels,
	};
	vec_each(p, &n->pools)
		*vec_push(a, &out->pools) =
			(struct status_pool){p->subnet, p->gateway, p->ip_range, p->aux_addresses};
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

/* Of a changed definition the old one goes first; only this project can have left it. */
static int remove_old(struct supervisor *s, const struct network *n, struct err *e)
{
	struct network_status old = {0};
	auto_arena a = {0};
	struct err ignored;

	if (status_network_read(&a, n->name, &old, &ignored) < 0)
		return 0;
	if (used_by_others(s, n->name)) {
		err_set(e, EBUSY,
			"its definition changed, but containers of other projects use it");
		return err_hint(e, "take them down first, or declare the network external");
	}
	return networks_remove(&old, e);
}

int nets_make(struct supervisor *s, const struct network *n, struct err *e)
{
	struct networks_wish wish = {
		.ip4 = n->enable_ipv4 || !n->enable_ipv6,
		.ip6 = n->enable_ipv6,
		.ip6_if_possible = !n->enable_ipv6_given && !s->project->compat,
	};
	struct network_status st;
	auto_arena a = {0};
	int r = remove_old(s, n, e);

	nets_forget(s);
	describe(&a, s, n, &st);
	if (!r)
		r = networks_make(&a, &st, &wish, e);
	if (r < 0 && n->at)
		err_at(e, "%s", n->at);
	return r < 0 ? err_wrap(e, "make network %s", n->name) : 0;
}

int nets_remove(struct supervisor *s, const struct network *n, bool *absent, struct err *e)
{
	struct network_status st = {0};
	auto_arena a = {0};
	struct err ignored;

	*absent = status_network_read(&a, n->name, &st, &ignored) < 0;
	if (*absent)
		return 0;
	if (used_here(s, n->name) || used_by_others(s, n->name))
		return err_set(e, EBUSY, "network %s is still in use", n->name);
	nets_forget(s);
	return networks_remove(&st, e);
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
	if (!r)
		r = networks_spec(&n->arena, &st, &n->spec, e);
	if (!r) /* after a reboot, or when somebody took it away */
		r = network_up(&n->spec, e);
	if (r < 0) {
		arena_free(&n->arena);
		free(n);
		return err_wrap(e, "network %s", name);
	}
	n->key = arena_printf(&n->arena, "%s", key);
	n->name = st.name;
	n->quiet_ip6 = st.quiet_ip6;
	n->host_ip = networks_option(&st, "com.docker.network.bridge.host_binding_ipv4");
	n->next = s->nets;
	s->nets = n;
	s->unruled = true;
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

int nets_parse_mac(const char *s, uint8_t out[6])
{
	unsigned v[6];

	if (sscanf(s, "%2x%*1[:-]%2x%*1[:-]%2x%*1[:-]%2x%*1[:-]%2x%*1[:-]%2x", v, v + 1, v + 2,
		   v + 3, v + 4, v + 5) != 6)
		return -EINVAL;
	for (int i = 0; i < 6; i++)
		out[i] = (uint8_t)v[i];
	return 0;
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
	vec_each(l, &ep->link_local_ips) {
		struct ip_addr *ip = vec_push(a, &out->link_local);

		r = ip_parse(*l, ip, e);
		if (r < 0)
			return r;
		if (!strchr(*l, '/')) /* as the whole of 169.254/16 or fe80::/64 */
			ip->prefix = ip->family == AF_INET ? 16 : 64;
	}
	return 0;
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
	if (i->of->unruled)
		rule_all(i->of);
	pick_routes(i->svc, eps, n);
	r = endpoints_attach(i->netns, eps, n, e);
	if (!r)
		remember(i, eps, n);
	return r;
}

int nets_wire(struct instance *i, struct err *e)
{
	struct id_map ids;
	int r;

	if (i->wired)
		return 0;
	if (!i->st.netns)
		i->st.netns = arena_printf(&i->arena, "%s/netns/%s", i->of->run_dir, i->st.name);
	if (i->netns >= 0)
		close(take_fd(&i->netns));
	r = spec_ids(i, &ids, e);
	if (r >= 0)
		r = netns_make(i->st.netns, r ? &ids : NULL, &i->netns, e);
	if (!r)
		r = attach_all(i, e);
	if (!r && i->st.networks.n)
		r = nets_serve(i, e);
	if (r < 0)
		return r;
	i->wired = true;
	nets_announce(i);
	return resolver_settle(i->of->resolver, e);
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

static bool shares(const struct instance *i)
{
	const char *mode = i->svc && i->svc->network_mode ? i->svc->network_mode : "";

	return text_starts(mode, "container:") || text_starts(mode, "service:");
}

static void drop_orphan(struct arena *a, const struct supervisor *s, const char *name)
{
	struct err e;

	if (netns_remove(arena_printf(a, "%s/netns/%s", s->run_dir, name), &e) < 0)
		log_err(LOG_WARN_, &e);
	for (const struct net *n = s->nets; n; n = n->next) {
		if (ipam_addr_free(n->spec.id, name, &e) < 0)
			log_err(LOG_WARN_, &e);
	}
}

void nets_drop_orphans(const struct instance *i)
{
	auto_arena a = {0};
	struct dirent *ent;
	DIR *d;

	for (const struct instance *o = i->of->instances; o; o = o->next) {
		if (o != i && o->life != DOWN && shares(o))
			return;
	}
	d = shares(i) ? opendir(arena_printf(&a, "%s/netns", i->of->run_dir)) : NULL;
	while (d && (ent = readdir(d))) {
		if (ent->d_name[0] != '.' && !instance_find(i->of, ent->d_name))
			drop_orphan(&a, i->of, ent->d_name);
	}
	if (d)
		closedir(d);
}

static int on_prune(struct timer *t)
{
	struct err e;

	if (guard_prune(&e) < 0)
		log_err(LOG_WARN_, &e);
	return 0;
}

void nets_unwire(struct instance *i, bool keep_addresses)
{
	struct err e;

	nets_withdraw(i);
	if (!i->st.netns)
		return;
	/* One look for all that go together; their interfaces vanish a little later anyway. */
	loop_timer_in(i->of->loop, &i->of->prune, NS_PER_SEC, on_prune);
	resolver_unserve(i->of->resolver, i->st.name);
	if (i->netns >= 0)
		close(take_fd(&i->netns));
	i->wired = false;
	if (netns_remove(i->st.netns, &e) < 0)
		log_err(LOG_WARN_, &e);
	if (keep_addresses)
		return;
	vips_release(i);
	vec_each(n, &i->st.networks) {
		if (ipam_addr_free(n->id, i->st.name, &e) < 0)
			log_err(LOG_WARN_, &e);
	}
}
