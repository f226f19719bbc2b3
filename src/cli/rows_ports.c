/* The ports of a container in the rows of ps: in the order of docker, neighbours as a range. */
#include "cli/rows.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *address_of(const struct status_port *p)
{
	if (!p->host_port)
		return "";
	return p->host_ip && *p->host_ip ? p->host_ip : "0.0.0.0";
}

static const char *protocol_of(const struct status_port *p)
{
	return p->protocol ? p->protocol : "tcp";
}

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_port(const void *one, const void *other)
{
	const struct status_port *a = one, *b = other;
	int r = compare(a->port, b->port);

	r = r ? r : strcmp(address_of(a), address_of(b));
	r = r ? r : compare(a->host_port, b->host_port);
	return r ? r : strcmp(protocol_of(a), protocol_of(b));
}

static int by_address(const void *one, const void *other)
{
	const struct status_port *a = one, *b = other;
	int r = strcmp(address_of(a), address_of(b));

	r = r ? r : compare(a->port, b->port);
	r = r ? r : compare(a->host_port, b->host_port);
	return r ? r : strcmp(protocol_of(a), protocol_of(b));
}

struct ports {
	struct status_port *v;
	size_t n, cap;
};

static bool has_ip6(const struct status *s)
{
	vec_each(n, &s->networks) {
		if (n->ip6)
			return true;
	}
	return false;
}

/* What is published on every address is there on those of IPv6 too, where the container has one. */
static struct ports sorted(struct arena *a, const struct status *s,
			   int (*order)(const void *, const void *))
{
	struct ports out = {0};

	vec_each(p, &s->ports) {
		*vec_push(a, &out) = *p;
		if (p->host_port && !strcmp(address_of(p), "0.0.0.0") && has_ip6(s)) {
			struct status_port *also = vec_push(a, &out);

			*also = *p;
			also->host_ip = "::";
		}
	}
	if (out.n > 1)
		qsort(out.v, out.n, sizeof(*out.v), order);
	return out;
}

/* Ports from..to of one address and protocol, which have the same number inside and outside. */
struct group {
	const struct status_port *like;
	int64_t from, to;
};
struct groups {
	struct group *v;
	size_t n, cap;
};

static void print_group(struct buf *b, const struct group *g)
{
	const char *ip = address_of(g->like);
	char range[48];

	if (g->from == g->to)
		snprintf(range, sizeof(range), "%lld", (long long)g->from);
	else
		snprintf(range, sizeof(range), "%lld-%lld", (long long)g->from, (long long)g->to);
	buf_str(b, b->n ? ", " : "");
	if (*ip)
		buf_printf(b, strchr(ip, ':') ? "[%s]:%s->" : "%s:%s->", ip, range);
	buf_printf(b, "%s/%s", range, protocol_of(g->like));
}

static struct group *group_of(struct groups *all, const struct status_port *p)
{
	vec_each(g, all) {
		if (!strcmp(address_of(g->like), address_of(p)) &&
		    !strcmp(protocol_of(g->like), protocol_of(p)))
			return g;
	}
	return NULL;
}

static void add_to_group(struct arena *a, struct groups *all, const struct status_port *p,
			 struct buf *done)
{
	struct group *g = group_of(all, p);

	if (g && p->port == g->to + 1) {
		g->to = p->port;
		return;
	}
	if (g)
		print_group(done, g);
	else
		g = vec_push(a, all);
	*g = (struct group){p, p->port, p->port};
}

char *rows_ports(struct arena *a, const struct status *s)
{
	struct ports ports = sorted(a, s, by_port);
	struct groups groups = {0};
	auto_buf b = {0}, mapped = {0};

	vec_each(p, &ports) {
		if (!p->host_port || p->host_port == p->port)
			add_to_group(a, &groups, p, &b);
		else
			buf_printf(&mapped,
				   strchr(address_of(p), ':') ? ", [%s]:%lld->%lld/%s"
							      : ", %s:%lld->%lld/%s",
				   address_of(p), (long long)p->host_port, (long long)p->port,
				   protocol_of(p));
	}
	vec_each(g, &groups)
		print_group(&b, g);
	if (mapped.n)
		buf_str(&b, mapped.p + (b.n ? 0 : 2));
	return buf_take(a, &b);
}

json_t *rows_publishers(struct arena *a, const struct status *s)
{
	struct ports ports = sorted(a, s, by_address);
	json_t *out = json_array();

	vec_each(p, &ports) {
		json_array_append_new(out, json_pack("{s:s, s:I, s:I, s:s}", "URL", address_of(p),
						     "TargetPort", (json_int_t)p->port,
						     "PublishedPort", (json_int_t)p->host_port,
						     "Protocol", protocol_of(p)));
	}
	return out;
}
