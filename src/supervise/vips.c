#include "base/log.h"
#include "net/ipam.h"
#include "net/publish.h"
#include "net/resolver.h"
#include "supervise/supervisor.h"
#include <string.h>

/*
 * The address has an owner of its own in the books of the network and stays while the service has
 * a replica. Its name takes the place of the replicas', which are found as tasks.SERVICE.
 */

bool vips_wanted(const struct instance *i)
{
	return i->svc && !i->st.one_off && i->svc->endpoint_mode &&
	       !strcmp(i->svc->endpoint_mode, "vip");
}

static const char *owner_of(struct arena *a, const struct instance *i)
{
	return arena_printf(a, "%s:%s", i->of->name, i->st.service);
}

static void add_target(struct arena *a, const char *text, struct resolver_record *out)
{
	struct ip_addr ip;
	struct err ignored;

	if (text && !ip_parse(text, &ip, &ignored))
		*vec_push(a, &out->targets) = ip;
}

static bool is_alive(const struct instance *i)
{
	return i->life != DOWN && i->life != WAITING && !i->removing;
}

/* Ready replicas; where none is, every running one: as for published ports. False: there is none.
 */
static bool find_targets(struct arena *a, const struct instance *of, const char *network,
			 struct resolver_record *out)
{
	bool alive = false;

	for (int pass = 0; pass < 2 && !out->targets.n; pass++) {
		for (const struct instance *i = of->of->instances; i; i = i->next) {
			if (i->st.one_off || strcmp(i->st.service, of->st.service))
				continue;
			alive |= is_alive(i);
			if (!(pass ? instance_is_up(i) : instance_serves(i)))
				continue;
			out->ready |= !pass;
			vec_each(n, &i->st.networks) {
				if (n->id && !strcmp(n->id, network)) {
					add_target(a, n->ip4, out);
					add_target(a, n->ip6, out);
				}
			}
		}
	}
	return alive;
}

static int announce(struct arena *a, struct instance *i, const struct status_net *n, struct err *e)
{
	struct resolver_record rec = {.network = n->id, .key = owner_of(a, i), .is_virtual = true};
	struct endpoint_spec ep = {0};
	struct net *net;
	int r;

	if (!find_targets(a, i, n->id, &rec)) {
		resolver_drop(i->of->resolver, n->id, rec.key);
		return 0;
	}
	r = nets_find_named(i->of, n->name, &net, e);
	if (!r)
		r = nets_take_addresses(net, rec.key, NULL, NULL, &ep, e);
	if (r < 0)
		return r;
	rec.ip4 = ep.ip4;
	rec.ip6 = ep.ip6;
	rec.quiet_ip6 = net->quiet_ip6;
	rec.ptr_name = arena_printf(a, "%s.%s", i->st.service, n->name);
	*vec_push(a, &rec.names) = i->st.service;
	vec_each(x, &n->aliases)
		*vec_push(a, &rec.names) = *x;
	nets_ports(a, i->svc, &rec);
	resolver_set(i->of->resolver, &rec);
	return 0;
}

void vips_announce(struct instance *i)
{
	auto_arena a = {0};
	struct err e = {0};

	if (!vips_wanted(i))
		return;
	vec_each(n, &i->st.networks) {
		if (announce(&a, i, n, &e) < 0) {
			err_wrap(&e, "give %s a virtual address", i->st.service);
			log_err(LOG_WARN_, &e);
		}
	}
}

void vips_release(struct instance *i)
{
	auto_arena a = {0};
	struct err ignored;

	for (const struct instance *o = i->of->instances; o; o = o->next) {
		if (o != i && !o->removing && !strcmp(o->st.service, i->st.service))
			return;
	}
	vec_each(n, &i->st.networks) {
		resolver_drop(i->of->resolver, n->id, owner_of(&a, i));
		(void)!ipam_addr_free(n->id, owner_of(&a, i), &ignored);
	}
}

static void add_rule(struct arena *a, const struct resolver_record *rec, const struct ip_addr *ip,
		     struct net_rules *out)
{
	struct publish_virtual v = {.ip = *ip};

	vec_each(t, &rec->targets) {
		if (t->family == ip->family)
			*vec_push(a, &v.targets) = *t;
	}
	if (v.targets.n)
		*vec_push(a, &out->virtuals) = v;
}

static void add_rules(struct arena *a, const struct instance *i, struct net_rules *out)
{
	const char *owner = owner_of(a, i);

	vec_each(n, &i->st.networks) {
		struct resolver_record rec = {0};
		struct endpoint_spec ep = {0};
		struct net *net;
		struct err ignored;

		if (!find_targets(a, i, n->id, &rec) || !rec.targets.n ||
		    nets_find_named(i->of, n->name, &net, &ignored) < 0 ||
		    nets_take_addresses(net, owner, NULL, NULL, &ep, &ignored) < 0)
			continue;
		add_rule(a, &rec, &ep.ip4, out);
		add_rule(a, &rec, &ep.ip6, out);
	}
}

void vips_rules(struct arena *a, struct supervisor *s, struct net_rules *out)
{
	struct strings seen = {0};

	for (const struct instance *i = s->instances; i; i = i->next) {
		if (!vips_wanted(i) || !is_alive(i) || !i->wired ||
		    strings_have(&seen, i->st.service))
			continue;
		*vec_push(a, &seen) = i->st.service;
		add_rules(a, i, out);
	}
}
