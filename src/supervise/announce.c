/* What other containers may call an instance, according to its state. */
#include "net/resolver.h"
#include "supervise/supervisor.h"
#include <string.h>

static void set_address(struct ip_addr *out, const char *text)
{
	struct err ignored;

	if (text && ip_parse(text, out, &ignored) < 0)
		out->family = 0;
}

enum { MOST_EXPOSED = 32 }; /* of a range: more would not fit into an answer */

/* "3000", "3000/udp", "3000-3005" */
static void add_exposed(struct arena *a, const char *text, struct resolver_record *rec)
{
	struct span rest = span_of(text), to, number;
	bool typed = span_cut(&rest, '/', &to);
	uint64_t first, last;

	if (!span_cut(&to, '-', &number))
		to = number;
	if (text_to_u64(span_dup(a, number), &first) || text_to_u64(span_dup(a, to), &last))
		return;
	for (uint64_t p = first; p && p <= last && p < 65536 && p < first + MOST_EXPOSED; p++)
		*vec_push(a, &rec->ports) = (struct resolver_port){
			(uint16_t)p, typed ? span_dup(a, rest) : "tcp", NULL};
}

static bool has_port(const struct resolver_record *rec, const struct port *p)
{
	vec_each(x, &rec->ports) {
		if (x->port == p->target && !strcmp(x->protocol, p->protocol ? p->protocol : "tcp"))
			return true;
	}
	return false;
}

void nets_ports(struct arena *a, const struct service *svc, struct resolver_record *rec)
{
	vec_each(p, &svc->ports) {
		if (!has_port(rec, p))
			*vec_push(a, &rec->ports) = (struct resolver_port){
				(uint16_t)p->target, p->protocol ? p->protocol : "tcp",
				p->name ? p->name : p->app_protocol};
	}
	vec_each(x, &svc->expose)
		add_exposed(a, *x, rec);
}

static bool is_quiet_ip6(const struct supervisor *s, const char *network)
{
	for (const struct net *n = s->nets; n; n = n->next) {
		if (!strcmp(n->spec.id, network))
			return n->quiet_ip6;
	}
	return false;
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
		if (vips_wanted(i)) {
			*vec_push(&a, &rec.names) = arena_printf(&a, "tasks.%s", i->st.service);
		} else if (!i->st.one_off || alias) {
			*vec_push(&a, &rec.names) = i->st.service;
			vec_each(x, &n->aliases)
				*vec_push(&a, &rec.names) = *x;
		}
		if (i->svc && i->svc->hostname)
			*vec_push(&a, &rec.names) = i->svc->hostname;
		rec.ptr_name = arena_printf(&a, "%s.%s", i->st.name, n->name);
		set_address(&rec.ip4, n->ip4);
		set_address(&rec.ip6, n->ip6);
		rec.quiet_ip6 = is_quiet_ip6(i->of, n->id);
		if (i->svc)
			nets_ports(&a, i->svc, &rec);
		rec.ready = instance_serves(i);
		resolver_set(i->of->resolver, &rec);
	}
	vips_announce(i);
}

void nets_withdraw(struct instance *i)
{
	vec_each(n, &i->st.networks)
		resolver_drop(i->of->resolver, n->id, i->st.name);
	vips_announce(i);
}
