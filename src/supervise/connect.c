/* `network connect` and `disconnect`: networks of a running container that its file does not name.
 */
#include "net/ipam.h"
#include "net/resolver.h"
#include "supervise/conn.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <string.h>

static struct status_net *find_net(struct instance *i, const char *network)
{
	vec_each(n, &i->st.networks) {
		if (n->name && !strcmp(n->name, network))
			return n;
	}
	return NULL;
}

static int find(struct supervisor *s, const json_t *req, struct instance **i, const char **network,
		struct err *e)
{
	const char *name = json_string_or(req, "container", "");

	*network = json_string_or(req, "network", "");
	*i = instance_find(s, name);
	if (!*i)
		return err_set(e, ENOENT, "there is no container %s", name);
	if (!(*i)->wired || (*i)->netns < 0 || !instance_is_up(*i)) {
		err_set(e, ESRCH, "container %s does not run with networks of its own", name);
		return err_hint(
			e,
			"start it first; with network_mode host or none there is nothing to join");
	}
	return 0;
}

static const char *printed(struct arena *a, const struct ip_addr *ip)
{
	char text[64];

	return ip->family ? arena_printf(a, "%s", ip_print(ip, false, text)) : NULL;
}

static void remember(struct instance *i, const struct net *n, const struct endpoint_spec *ep,
		     const json_t *req)
{
	struct status_net *out = vec_push(&i->arena, &i->st.networks);

	*out = (struct status_net){
		.name = arena_printf(&i->arena, "%s", n->name),
		.key = arena_printf(&i->arena, "%s", n->key),
		.id = arena_printf(&i->arena, "%s", n->spec.id),
		.ip4 = printed(&i->arena, &ep->ip4),
		.ip6 = printed(&i->arena, &ep->ip6),
		.gateway = printed(&i->arena, &n->spec.gateway4),
		.mac = nets_mac(&i->arena, ep->mac),
		.interface = ep->interface ? arena_printf(&i->arena, "%s", ep->interface) : NULL,
	};
	json_take_words(&i->arena, json_object_get(req, "aliases"), &out->aliases);
	json_take_words(&i->arena, json_object_get(req, "links"), &out->links);
	out->gw_priority = json_int_or(req, "gw_priority", 0);
}

static struct net *net_of(struct supervisor *s, const struct status_net *on)
{
	struct err ignored;
	struct net *n;

	return nets_find_named(s, on->name, &n, &ignored) < 0 ? NULL : n;
}

/* No other network that leads outside has as high a priority. */
static bool is_preferred(struct supervisor *s, const struct instance *i, int64_t priority)
{
	vec_each(on, &i->st.networks) {
		const struct net *n = net_of(s, on);

		if (n && !n->spec.internal && on->gw_priority >= priority)
			return false;
	}
	return true;
}

/* The way out led over a network that is gone: over the best of the others now. */
static int find_way_out(struct supervisor *s, struct instance *i, struct err *e)
{
	struct endpoint_spec ep = {.route4 = true, .route6 = true};
	const struct status_net *best = NULL;

	vec_each(on, &i->st.networks) {
		const struct net *n = net_of(s, on);

		if (n && !n->spec.internal && (!best || on->gw_priority > best->gw_priority))
			best = on;
	}
	if (!best)
		return 0;
	ep.net = &net_of(s, best)->spec;
	ep.interface = best->interface;
	if ((best->mac && nets_parse_mac(best->mac, ep.mac) < 0) ||
	    (best->ip4 && ip_parse(best->ip4, &ep.ip4, e) < 0) ||
	    (best->ip6 && ip_parse(best->ip6, &ep.ip6, e) < 0))
		return err_set(e, EINVAL, "the way out over %s cannot be read", best->name);
	if (ep.ip4.family)
		ep.ip4.prefix = ep.net->subnet4.prefix;
	if (ep.ip6.family)
		ep.ip6.prefix = ep.net->subnet6.prefix;
	return endpoints_attach(&(struct attachment){i->netns, false, &ep, 1}, 1, e);
}

static int connect_to(struct supervisor *s, const json_t *req, struct err *e)
{
	struct endpoint_spec ep = {0};
	struct strings link_local = {0};
	auto_arena a = {0};
	const char *network;
	struct instance *i;
	struct net *n;
	struct err ignored;

	if (find(s, req, &i, &network, e) < 0)
		return -e->code;
	if (find_net(i, network))
		return err_set(e, EEXIST, "container %s is on network %s already", i->st.name,
			       network);
	if (nets_find_named(s, network, &n, e) < 0)
		return -e->code;
	ep.net = &n->spec;
	ep.interface = json_string_or(req, "interface", NULL);
	ep.sysctls = json_string_or(req, "sysctls", NULL);
	json_take_words(&a, json_object_get(req, "link_local"), &link_local);
	if (nets_link_local(&a, &link_local, &ep, e) < 0)
		return -e->code;
	/* The way out stays as it is, unless there was none, or this one is to be preferred. */
	ep.route4 = ep.route6 = is_preferred(s, i, json_int_or(req, "gw_priority", 0));
	if (nets_take_addresses(n, i->st.name, json_string_or(req, "ip4", NULL),
				json_string_or(req, "ip6", NULL), &ep, e) < 0 ||
	    endpoints_attach(&(struct attachment){i->netns, false, &ep, 1}, 1, e) < 0) {
		(void)!endpoint_detach(i->netns, &ep, &ignored); /* no half of it stays */
		(void)!ipam_addr_free(n->spec.id, i->st.name, &ignored);
		return -e->code;
	}
	remember(i, n, &ep, req);
	return nets_serve(i, e);
}

static int disconnect_from(struct supervisor *s, const json_t *req, struct err *e)
{
	struct endpoint_spec ep = {0};
	struct status_net *on;
	const char *network;
	struct instance *i;
	struct net *n;
	struct err ignored;

	if (find(s, req, &i, &network, e) < 0)
		return -e->code;
	on = find_net(i, network);
	if (!on)
		return err_set(e, ENOENT, "container %s is not on network %s", i->st.name, network);
	if (nets_find_named(s, network, &n, e) < 0)
		return -e->code;
	ep.net = &n->spec;
	ep.interface = on->interface;
	/* The interface is found by its MAC. */
	if (on->mac && nets_parse_mac(on->mac, ep.mac) < 0)
		return err_set(e, EINVAL, "\"%s\" is not a MAC address", on->mac);
	if ((on->ip4 && ip_parse(on->ip4, &ep.ip4, e) < 0) ||
	    (on->ip6 && ip_parse(on->ip6, &ep.ip6, e) < 0) || endpoint_detach(i->netns, &ep, e) < 0)
		return -e->code;
	resolver_drop(s->resolver, n->spec.id, i->st.name);
	(void)!ipam_addr_free(n->spec.id, i->st.name, &ignored);
	*on = i->st.networks.v[--i->st.networks.n];
	if (find_way_out(s, i, e) < 0)
		return -e->code;
	return nets_serve(i, e);
}

static void answer(struct conn *c, const json_t *req, int r, const struct err *e)
{
	struct instance *i = instance_find(c->of, json_string_or(req, "container", ""));

	if (r < 0) {
		conn_done(c, 1, e);
		return;
	}
	instance_changed(i, NULL);
	conn_done(c, 0, NULL);
}

void connect_request(struct conn *c, const json_t *req)
{
	struct err e = {0};

	answer(c, req, connect_to(c->of, req, &e), &e);
}

void disconnect_request(struct conn *c, const json_t *req)
{
	struct err e = {0};

	answer(c, req, disconnect_from(c->of, req, &e), &e);
}
