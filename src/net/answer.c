#include "net/answer.h"
#include <netdb.h>
#include <string.h>
#include <strings.h>

/* Endpoints come and go and only ready ones are answered: nobody may keep an answer. */
enum { TTL = 0 };

size_t answer_code(const struct answer_ask *a, enum dns_code code)
{
	struct dns_writer w;

	dns_begin(&w, a->out, a->room, a->packet, a->question, code);
	return dns_finish(&w, a->question);
}

/* A name that is known has at least an empty answer for every type (RFC 2308, NODATA). */
static size_t give_addresses(const struct answer_ask *a, const struct resolver_record **found,
			     size_t n)
{
	uint16_t type = a->question->type;
	struct dns_writer w;

	dns_begin(&w, a->out, a->room, a->packet, a->question, DNS_NOERROR);
	for (size_t i = 0; i < n; i++) {
		const struct resolver_record *rec = found[(a->turn + i) % n];

		if ((type == DNS_A || type == DNS_ANY) && rec->ip4.family)
			dns_put_ip(&w, &rec->ip4, TTL);
		if ((type == DNS_AAAA || type == DNS_ANY) && rec->ip6.family && !rec->quiet_ip6)
			dns_put_ip(&w, &rec->ip6, TTL);
	}
	return dns_finish(&w, a->question);
}

static size_t give_name(const struct answer_ask *a, const struct resolver_record *rec)
{
	struct dns_writer w;

	dns_begin(&w, a->out, a->room, a->packet, a->question, DNS_NOERROR);
	if (a->question->type == DNS_PTR || a->question->type == DNS_ANY)
		dns_put_name(&w, DNS_PTR, rec->ptr_name ? rec->ptr_name : rec->key, TTL);
	return dns_finish(&w, a->question);
}

/* "_http._tcp.web" or "web" itself. */
struct service {
	char port[64];      /* "http", "80", or "": any */
	char protocol[8];   /* "tcp", or "": any */
	const char *target; /* in the question's name */
};

static bool take_label(const char **name, char *out, size_t room)
{
	size_t n = strcspn(*name, ".");

	if (**name != '_' || !(*name)[n] || n > room)
		return false;
	memcpy(out, *name + 1, n - 1);
	out[n - 1] = '\0';
	*name += n + 1;
	return true;
}

static void split_service(const char *name, struct service *out)
{
	*out = (struct service){.target = name};
	if (take_label(&name, out->port, sizeof(out->port)) &&
	    take_label(&name, out->protocol, sizeof(out->protocol)))
		out->target = name;
	else
		*out = (struct service){.target = out->target};
}

/* The number that the name itself or /etc/services gives, or 0. */
static uint16_t port_number(const struct service *s)
{
	struct servent *entry;
	uint64_t n;

	if (!text_to_u64(s->port, &n) && n < 65536)
		return (uint16_t)n;
	entry = *s->port ? getservbyname(s->port, *s->protocol ? s->protocol : NULL) : NULL;
	return entry ? ntohs((uint16_t)entry->s_port) : 0;
}

static bool is_meant(const struct service *s, uint16_t number, const struct resolver_port *p)
{
	if (*s->protocol && strcmp(s->protocol, p->protocol))
		return false;
	return !*s->port || number == p->port || (p->name && !strcasecmp(p->name, s->port));
}

static size_t give_services(const struct answer_ask *a, const struct service *s,
			    const struct resolver_record **found, size_t n)
{
	uint16_t wanted = port_number(s);
	struct dns_writer w;

	dns_begin(&w, a->out, a->room, a->packet, a->question, DNS_NOERROR);
	for (size_t i = 0; i < n; i++) {
		const struct resolver_record *rec = found[(a->turn + i) % n];

		vec_each(port, &rec->ports) {
			if (is_meant(s, wanted, port))
				dns_put_srv(&w, port->port,
					    rec->ptr_name ? rec->ptr_name : rec->key, TTL);
		}
	}
	return dns_finish(&w, a->question);
}

/* The name is not ours; `internal` networks ask nobody else. */
static size_t give_up(const struct answer_ask *a)
{
	return a->client->internal_only ? answer_code(a, DNS_NXDOMAIN) : 0;
}

/* A link to a name that does not resolve is that name's failure. */
static const char *follow_link(const struct answer_ask *a, const char *name)
{
	vec_each(p, &a->client->links) {
		if (!strcasecmp(p->key, name))
			return p->value;
	}
	return name;
}

size_t answer(const struct answer_ask *a)
{
	const struct dns_question *q = a->question;
	const struct resolver_record *found[NAMES_MAX], *rec;
	struct service service;
	struct ip_addr ip;
	size_t n;

	if (q->is_odd || q->class != 1)
		return give_up(a);
	if (dns_reverse(q->name, &ip)) {
		rec = names_reverse(a->names, &a->client->networks, &ip);
		return rec ? give_name(a, rec) : give_up(a);
	}
	split_service(q->name, &service);
	n = names_find(a->names, &a->client->networks,
		       follow_link(a, q->type == DNS_SRV ? service.target : q->name), found);
	if (!n)
		return give_up(a);
	return q->type == DNS_SRV ? give_services(a, &service, found, n)
				  : give_addresses(a, found, n);
}
