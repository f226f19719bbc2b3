#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "net/publish.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* A fixed port is the service's; a range or none gives each replica its own. */
static int range_of(const struct port *p, uint16_t *first, uint16_t *last, struct err *e)
{
	unsigned a = 0, b = 0;
	int n = p->published && *p->published ? sscanf(p->published, "%u-%u", &a, &b) : 0;

	if (n == 1)
		b = a;
	if (a > 65535 || b > 65535 || a > b)
		return err_set(e, EINVAL, "port \"%s\" is not a port or a range", p->published);
	*first = (uint16_t)a;
	*last = (uint16_t)b;
	return 0;
}

static struct reservation *find(struct supervisor *s, const char *service, int64_t number,
				const struct port *p)
{
	for (struct reservation *r = s->ports; r; r = r->next) {
		if (!strcmp(r->service, service) && r->number == number && r->target == p->target &&
		    !strcmp(r->protocol, or_empty(p->protocol)) &&
		    !strcmp(r->host_ip, or_empty(p->host_ip)) &&
		    !strcmp(r->published, or_empty(p->published)))
			return r;
	}
	return NULL;
}

/* The port that it had before, as its state says; 0: none. */
static uint16_t port_before(const struct instance *i, const struct port *p)
{
	vec_each(x, &i->st.ports) {
		if (x->port == p->target && x->host_port && x->protocol &&
		    !strcmp(x->protocol, p->protocol ? p->protocol : "tcp"))
			return (uint16_t)x->host_port;
	}
	return 0;
}

static int reserve(struct instance *i, const struct port *p, const struct ip_addr *ip,
		   uint16_t first, uint16_t last, uint16_t *port, int *fd, struct err *e)
{
	const char *protocol = p->protocol ? p->protocol : "tcp";
	uint16_t before = port_before(i, p);
	struct err ignored;

	if (first == last && first) {
		*port = first;
		return publish_reserve(protocol, ip->family ? ip : NULL, first, fd, e);
	}
	if (before && (!first || (before >= first && before <= last)) &&
	    !publish_reserve(protocol, ip->family ? ip : NULL, before, fd, &ignored)) {
		*port = before;
		return 0;
	}
	return publish_reserve_range(protocol, ip->family ? ip : NULL, first, last, port, fd, e);
}

/* What a network of the service says about ports that name no address; NULL: nothing. */
static const char *usual_address(const struct instance *i)
{
	vec_each(ep, &i->svc->networks) {
		for (const struct net *n = i->of->nets; n; n = n->next) {
			if (n->host_ip && !strcmp(n->key, ep->network))
				return n->host_ip;
		}
	}
	return NULL;
}

static void unlist(struct reservation **at)
{
	struct reservation *r = *at;

	*at = r->next;
	close(r->fd);
	free(r->service);
	free(r->protocol);
	free(r->host_ip);
	free(r->published);
	free(r);
}

static bool still_wanted(const struct instance *i, const struct reservation *r)
{
	vec_each(given, &i->svc->ports) {
		struct port p = *given;

		if (!p.host_ip || !*p.host_ip)
			p.host_ip = usual_address(i);
		if (find(i->of, r->service, r->number, &p) == r)
			return true;
	}
	return false;
}

/* What the file said before about the service's ports may be all that is in its way now. */
static bool drop_former(const struct instance *i)
{
	const char *holder = i->st.one_off ? i->st.name : i->st.service;
	struct reservation **at = &i->of->ports;
	bool dropped = false;

	while (*at) {
		const struct reservation *r = *at;

		if (strcmp(r->service, holder) || (r->number && r->number != i->st.number) ||
		    still_wanted(i, r)) {
			at = &(*at)->next;
			continue;
		}
		unlist(at);
		dropped = true;
	}
	return dropped;
}

static int one(struct instance *i, const struct port *p, struct reservation **out, struct err *e)
{
	struct supervisor *s = i->of;
	struct reservation *r;
	struct ip_addr ip = {0};
	uint16_t first = 0, last = 0, port;
	int64_t number;
	int fd = -1, code = range_of(p, &first, &last, e);

	if (!code && p->host_ip && *p->host_ip)
		code = ip_parse(p->host_ip, &ip, e);
	if (code < 0)
		return code;
	number = first && first == last && !i->st.one_off ? 0 : i->st.number;
	*out = find(s, i->st.one_off ? i->st.name : i->st.service, number, p);
	if (*out)
		return 0;
	code = reserve(i, p, &ip, first, last, &port, &fd, e);
	if (code == -EADDRINUSE && drop_former(i))
		code = reserve(i, p, &ip, first, last, &port, &fd, e);
	if (code < 0)
		return p->at ? err_at(e, "%s", p->at) : code;
	r = mem_new(sizeof(*r));
	*r = (struct reservation){.next = s->ports,
				  .service = mem_text(i->st.one_off ? i->st.name : i->st.service),
				  .protocol = mem_text(or_empty(p->protocol)),
				  .host_ip = mem_text(or_empty(p->host_ip)),
				  .published = mem_text(or_empty(p->published)),
				  .target = p->target,
				  .number = number,
				  .port = port,
				  .fd = fd};
	s->ports = r;
	*out = r;
	return 0;
}

static void show(struct instance *i, const struct port *p, uint16_t host_port)
{
	struct arena *a = &i->arena;

	*vec_push(a, &i->st.ports) = (struct status_port){
		.host_ip =
			arena_printf(a, "%s", p->host_ip && *p->host_ip ? p->host_ip : "0.0.0.0"),
		.protocol = arena_printf(a, "%s", p->protocol ? p->protocol : "tcp"),
		.host_port = host_port,
		.port = p->target,
	};
}

static bool shows(const struct instance *i, uint16_t port, const char *protocol)
{
	vec_each(x, &i->st.ports) {
		if (x->port == port && !strcmp(x->protocol, protocol))
			return true;
	}
	return false;
}

/* "3000", "3000/udp", "3000-3005": shown as docker shows them, published nowhere. */
static void expose(struct instance *i, const char *text)
{
	struct span rest = span_of(text), last, first;
	const char *protocol = span_cut(&rest, '/', &last) ? rest.p : "tcp";
	uint64_t from, to;

	if (!span_cut(&last, '-', &first))
		last = first;
	if (text_to_u64(span_dup(&i->arena, first), &from) ||
	    text_to_u64(span_dup(&i->arena, last), &to))
		return;
	for (uint64_t port = from; port && port <= to && port <= UINT16_MAX; port++) {
		if (!shows(i, (uint16_t)port, protocol))
			*vec_push(&i->arena, &i->st.ports) = (struct status_port){
				.host_ip = "",
				.protocol = arena_printf(&i->arena, "%s", protocol),
				.port = (int64_t)port};
	}
}

void ports_expose(struct instance *i, const struct image *image)
{
	size_t published = 0;

	vec_each(x, &i->st.ports) {
		if (x->host_port)
			i->st.ports.v[published++] = *x;
	}
	i->st.ports.n = published;
	if (i->svc->network_mode && strcmp(i->svc->network_mode, "bridge") != 0)
		return;
	vec_each(x, &i->svc->expose)
		expose(i, *x);
	vec_each(x, &image->exposed)
		expose(i, *x);
}

int ports_reserve(struct instance *i, struct err *e)
{
	const char *mode = i->svc->network_mode;
	struct status before = i->st;
	int r = 0;

	if (mode && (!strcmp(mode, "host") || !strcmp(mode, "none")))
		return 0;
	before.ports = i->st.ports;
	i->st.ports.v = NULL;
	i->st.ports.n = i->st.ports.cap = 0;
	vec_each(given, &i->svc->ports) {
		struct reservation *got;
		struct instance known = {.of = i->of, .st = before, .svc = i->svc};
		struct port p = *given;

		if (!p.host_ip || !*p.host_ip)
			p.host_ip = usual_address(i);
		r = one(&known, &p, &got, e);
		if (r < 0)
			return r;
		show(i, &p, got->port);
	}
	vec_each(x, &before.ports) {
		if (!x->host_port && !shows(i, (uint16_t)x->port, x->protocol))
			*vec_push(&i->arena, &i->st.ports) = *x;
	}
	return 0;
}

static bool others_need(struct supervisor *s, const struct instance *but,
			const struct reservation *r)
{
	for (struct instance *i = s->instances; i; i = i->next) {
		if (i != but && i->life != DOWN && !r->number && !i->st.one_off &&
		    !strcmp(i->st.service, r->service))
			return true;
	}
	return false;
}

void ports_release(struct instance *i)
{
	const char *holder = i->st.one_off ? i->st.name : i->st.service;
	struct reservation **at = &i->of->ports, *r;

	while ((r = *at)) {
		if (strcmp(r->service, holder) || (r->number && r->number != i->st.number) ||
		    others_need(i->of, i, r)) {
			at = &r->next;
			continue;
		}
		unlist(at);
	}
	ports_apply_later(i->of);
}

/*
 * Answers leave by the default route, so that network's address is the one to publish; internal
 * networks take no connections from outside at all.
 */
static const char *address(const struct instance *i, bool v6)
{
	const char *found = NULL;
	int64_t best = INT64_MIN;

	vec_each(n, &i->st.networks) {
		const char *ip = v6 ? n->ip6 : n->ip4;
		int64_t rank = 0;

		for (const struct net *net = i->of->nets; net; net = net->next) {
			if (n->name && !strcmp(net->name, n->name) && net->spec.internal)
				rank = INT64_MIN;
		}
		if (i->svc && rank > INT64_MIN) {
			vec_each(ep, &i->svc->networks) {
				if (n->key && !strcmp(ep->network, n->key))
					rank = ep->gw_priority;
			}
		}
		if (!ip || (found && rank <= best))
			continue;
		found = ip;
		best = rank;
	}
	return found;
}

static void add_target(struct arena *a, const struct instance *i, bool v6,
		       const struct reservation *r, struct publish_rule *out)
{
	struct publish_target t = {.port = (uint16_t)r->target};
	const char *ip = address(i, v6);
	struct err ignored;

	if (ip && !ip_parse(ip, &t.ip, &ignored))
		*vec_push(a, &out->targets) = t;
}

static void add_leaving(struct arena *a, const struct instance *i, struct publish_rule *out)
{
	for (int v6 = 0; v6 < 2; v6++) {
		const char *text = address(i, v6);
		struct ip_addr ip;
		struct err ignored;

		if (text && !ip_parse(text, &ip, &ignored))
			*vec_push(a, &out->leaving) = ip;
	}
}

/* Ready replicas; where none is, every running one: a starting service may answer anyway. */
static void targets(struct arena *a, struct supervisor *s, const struct reservation *r,
		    struct publish_rule *out)
{
	for (int pass = 0; pass < 2 && !out->targets.n; pass++) {
		for (struct instance *i = s->instances; i; i = i->next) {
			const char *holder = i->st.one_off ? i->st.name : i->st.service;

			if (strcmp(holder, r->service) || (r->number && r->number != i->st.number))
				continue;
			if (!(pass ? instance_is_up(i) : instance_serves(i))) {
				if (i->st.pid && !pass)
					add_leaving(a, i, out);
				continue;
			}
			out->sticky = i->svc && i->svc->sticky;
			add_target(a, i, false, r, out);
			add_target(a, i, true, r, out);
		}
	}
}

/* A reload of the definition forgets them; what a container is on must be in the rules. */
static void find_nets(struct supervisor *s)
{
	struct net *net;
	struct err ignored;

	for (struct instance *i = s->instances; i && s->project; i = i->next) {
		vec_each(n, &i->st.networks)
			(void)!(nets_find(s, n->key, &net, &ignored) < 0);
	}
}

static int apply(struct later *later)
{
	struct supervisor *s = container_of(later, struct supervisor, rules);
	auto_arena a = {0};
	struct net_rules rules = {.project = s->name};
	struct err e = {0};
	int r;

	s->rules_due = false;
	loop_timer_drop(&s->rules_limit);
	find_nets(s);
	for (struct net *n = s->nets; n; n = n->next)
		*vec_push(&a, &rules.networks) = &n->spec;
	for (struct reservation *p = s->ports; p; p = p->next) {
		struct publish_rule rule = {.protocol = *p->protocol ? p->protocol : "tcp",
					    .host_port = p->port};
		struct err ignored;

		if (*p->host_ip && ip_parse(p->host_ip, &rule.host_ip, &ignored) < 0)
			continue;
		targets(&a, s, p, &rule);
		if (rule.targets.n)
			*vec_push(&a, &rules.published) = rule;
	}
	vips_rules(&a, s, &rules);
	if (rules.networks.n)
		r = publish_apply(&rules, &s->published, &e);
	else
		r = publish_remove(s->name, &e);
	if (r < 0)
		log_err(LOG_ERROR_, &e);
	return 0;
}

void ports_apply_now(struct supervisor *s)
{
	(void)apply(&s->rules);
}

void ports_apply_later(struct supervisor *s)
{
	loop_later(s->loop, &s->rules, apply);
}

void ports_apply_due(struct supervisor *s)
{
	if (s->rules_due)
		ports_apply_now(s);
}

static int on_limit(struct timer *t)
{
	ports_apply_now(container_of(t, struct supervisor, rules_limit));
	return 0;
}

/* A start may hang on a dead file server, and the others' ports do not wait for that. */
void ports_apply_together(struct supervisor *s)
{
	const struct instance *i = s->instances;

	while (i && i->life != STARTING)
		i = i->next;
	if (!i) {
		ports_apply_later(s);
	} else if (!s->rules_due) {
		s->rules_due = true;
		loop_timer_in(s->loop, &s->rules_limit, NS_PER_SEC, on_limit);
	}
}
