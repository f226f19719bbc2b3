#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "net/guard.h"
#include "net/ipam.h"
#include "net/resolver.h"
#include "plan/plan.h"
#include "supervise/networks.h"
#include "supervise/supervisor.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

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
		.labels = resource_labels(a, s, &n->labels, "network", n->key),
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

static bool is_on(const struct status *st, const char *network)
{
	vec_each(n, &st->networks) {
		if (n->name && !strcmp(n->name, network))
			return true;
	}
	return false;
}

static bool used_by_others(const struct supervisor *s, const char *name)
{
	return resource_of_others(s, is_on, name);
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

/* From its record; its bridge and what the ledgers say of it are made again where they are missing:
 * after a reboot, a power cut, or when somebody took them away. */
static int find_recorded(struct supervisor *s, const char *key, const char *name, struct net **out,
			 struct err *e)
{
	struct net *n = mem_new(sizeof(*n));
	struct network_status st = {0};
	int r;

	r = status_network_read(&n->arena, name, &st, e);
	if (!r && !st.id)
		r = err_set(e, ENOENT, "network %s could not be found", name);
	if (!r)
		r = networks_spec(&n->arena, &st, &n->spec, e);
	if (!r)
		r = networks_hold(&n->arena, &st, e);
	if (!r)
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

bool nets_has_own(const struct instance *i)
{
	const char *mode = i->svc ? i->svc->network_mode : "host";

	return (!mode || strcmp(mode, "host")) && !shares(i);
}

char *nets_place(struct instance *i)
{
	return arena_printf(&i->arena, "%s/netns/%s", i->of->run_dir, i->st.name);
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
	struct supervisor *s = container_of(t, struct supervisor, prune);
	struct err e;

	if (endpoint_drop_ports(&s->gone_ports, &e) < 0 || guard_prune(&e) < 0)
		log_err(LOG_WARN_, &e);
	s->gone_ports = (struct port_numbers){0};
	arena_free(&s->gone);
	s->stuck = false;
	return 0;
}

void nets_prune_stuck(struct supervisor *s)
{
	if (s->stuck)
		on_prune(&s->prune);
}

static void note_ports(struct instance *i)
{
	struct supervisor *s = i->of;
	uint8_t mac[6];

	vec_each(n, &i->st.networks) {
		int port;

		if (i->netns < 0 || !n->mac || nets_parse_mac(n->mac, mac) < 0)
			continue;
		port = endpoint_port(i->netns, n->id, mac);
		if (port)
			*vec_push(&s->gone, &s->gone_ports) = port;
	}
	s->stuck |= i->netns >= 0 && netns_in_use(i->netns);
}

/* A supervisor that died between taking addresses and writing so. */
static void free_unsaid(const struct instance *i)
{
	struct net *n;
	struct err e;

	for (size_t k = 0; i->svc && k < i->svc->networks.n; k++) {
		if (!nets_find(i->of, i->svc->networks.v[k].network, &n, &e))
			(void)!ipam_addr_free(n->spec.id, i->st.name, &e);
	}
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
	note_ports(i);
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
	if (!i->st.networks.n)
		free_unsaid(i);
}
