#include "net/virtual.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/flows.h"
#include "net/netns.h"
#include "net/nft.h"
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TABLE "berth-vip"

static size_t count_of(const struct resolver_record *rec, int family)
{
	size_t n = 0;

	vec_each(ip, &rec->targets)
		n += ip->family == family;
	return n;
}

static void lead(struct buf *b, const struct resolver_record *rec, const struct ip_addr *to)
{
	const char *word = to->family == AF_INET ? "ip" : "ip6";
	size_t n = count_of(rec, to->family), i = 0;
	char ip[64];

	if (!to->family || !n)
		return;
	buf_printf(b, "\t\t%s daddr %s dnat %s to numgen inc mod %zu map { ", word,
		   ip_print(to, false, ip), word, n);
	vec_each(target, &rec->targets) {
		if (target->family != to->family)
			continue;
		buf_printf(b, "%s%zu : %s", i ? ", " : "", i, ip_print(target, false, ip));
		i++;
	}
	buf_str(b, " }\n");
}

/* As a host without a listener would say; otherwise the asker waits for a neighbour that is not. */
static void refuse(struct buf *b, const struct resolver_record *rec, const struct ip_addr *to)
{
	char ip[64];

	if (to->family && !count_of(rec, to->family))
		buf_printf(b, "\t\t%s daddr %s reject\n", to->family == AF_INET ? "ip" : "ip6",
			   ip_print(to, false, ip));
}

typedef void (*rule_fn)(struct buf *b, const struct resolver_record *rec, const struct ip_addr *to);

static void chain(struct buf *b, const struct names_list *all, const char *head, rule_fn rule)
{
	buf_printf(b, "\tchain %s; policy accept;\n", head);
	vec_each(rec, all) {
		rule(b, *rec, &(*rec)->ip4);
		rule(b, *rec, &(*rec)->ip6);
	}
	buf_str(b, "\t}\n");
}

void virtual_text(struct buf *b, const struct names *n, const struct strings *networks)
{
	struct names_list all = {0};
	auto_arena a = {0};

	names_virtual(&a, n, networks, &all);
	if (!all.n)
		return;
	buf_str(b, "table inet " TABLE "\ndelete table inet " TABLE "\ntable inet " TABLE " {\n");
	chain(b, &all, "lead {\n\t\ttype nat hook output priority -100", lead);
	chain(b, &all, "refuse {\n\t\ttype filter hook output priority 0", refuse);
	buf_str(b, "}\n");
}

/* To flows, a virtual address is a published port of every number. */
static void add_rule(struct arena *a, const struct resolver_record *rec, const struct ip_addr *to,
		     struct net_rules *out)
{
	struct publish_rule rule = {.host_ip = *to, .protocol = "udp"};

	if (!to->family)
		return;
	vec_each(ip, &rec->targets)
		*vec_push(a, &rule.targets) = (struct publish_target){.ip = *ip};
	*vec_push(a, &out->published) = rule;
}

struct settling {
	struct net_rules rules;
	struct err e;
};

static int settle_here(void *arg)
{
	struct settling *s = arg;

	return flows_settle(&s->rules, &s->e);
}

/* UDP flows to replicas that do not serve any more. */
static void settle(const struct names *n, const struct virtual_client *c, int netns)
{
	struct names_list all = {0};
	struct settling s = {0};
	auto_arena a = {0};

	names_virtual(&a, n, c->networks, &all);
	vec_each(rec, &all) {
		add_rule(&a, *rec, &(*rec)->ip4, &s.rules);
		add_rule(&a, *rec, &(*rec)->ip6, &s.rules);
	}
	/* A flow that stays is a client that waits for its own time-out. */
	(void)!netns_call(netns, settle_here, &s);
}

struct virtuals {
	struct loop *loop;
	struct names *names;
	struct virtual_client *clients;
	struct later look;
	bool closing;
};

static int on_look(struct later *later)
{
	struct virtuals *v = container_of(later, struct virtuals, look);
	struct err e = {0};

	if (v->closing)
		free(v);
	else if (virtual_now(v, &e) < 0)
		log_err(LOG_WARN_, &e);
	return 0;
}

void virtual_later(struct virtuals *v)
{
	loop_later(v->loop, &v->look, on_look);
}

static void on_names(void *arg)
{
	virtual_later(arg);
}

struct virtuals *virtuals_new(struct loop *l, struct names *n)
{
	struct virtuals *v = mem_new(sizeof(*v));

	*v = (struct virtuals){.loop = l, .names = n};
	names_on_virtual(n, on_names, v);
	return v;
}

void virtuals_free(struct virtuals *v)
{
	if (!v)
		return;
	names_on_virtual(v->names, NULL, NULL);
	v->closing = true;
	if (!v->look.queued)
		free(v);
}

void virtual_join(struct virtuals *v, struct virtual_client *c)
{
	c->next = v->clients;
	v->clients = c;
}

void virtual_leave(struct virtuals *v, struct virtual_client *c)
{
	struct virtual_client **at = &v->clients;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
}

struct change {
	struct virtual_client *client;
	uint64_t mark;
};
struct changes {
	VEC(struct change) of;
	VEC(struct nft_job) jobs;
};

/* The namespace is known by a socket in it. */
static void note_change(struct arena *a, struct virtuals *v, struct virtual_client *c,
			struct changes *out)
{
	struct nft_job job = {.text = "table inet " TABLE "\ndelete table inet " TABLE "\n"};
	auto_buf text = {0};
	uint64_t mark = 0;

	virtual_text(&text, v->names, c->networks);
	if (text.n) {
		mark = hash_quick(text.p, text.n);
		job.text = arena_strndup(a, text.p, text.n);
	}
	if (mark == c->seen)
		return;
	job.netns = ioctl(c->socket, SIOCGSKNS);
	if (job.netns < 0)
		return;
	*vec_push(a, &out->of) = (struct change){c, mark};
	*vec_push(a, &out->jobs) = job;
}

int virtual_now(struct virtuals *v, struct err *e)
{
	struct changes all = {0};
	auto_arena a = {0};
	int r = 0;

	for (struct virtual_client *c = v->clients; c; c = c->next)
		note_change(&a, v, c, &all);
	if (all.jobs.n)
		r = nft_run_in(all.jobs.v, all.jobs.n, e);
	for (size_t i = 0; i < all.jobs.n; i++) {
		if (!r) {
			all.of.v[i].client->seen = all.of.v[i].mark;
			settle(v->names, all.of.v[i].client, all.jobs.v[i].netns);
		}
		close(all.jobs.v[i].netns);
	}
	return r < 0 ? err_wrap(e, "lead virtual addresses to replicas") : 0;
}
