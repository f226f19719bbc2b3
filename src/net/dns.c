#include "net/dns.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	HEADER = 12,
	FLAG_QR = 0x8000,
	FLAG_TC = 0x0200,
	FLAG_RD = 0x0100,
	FLAG_RA = 0x0080,
	FLAG_AA = 0x0400,
	FLAG_AD = 0x0020,
	FLAG_CD = 0x0010,
	OPCODE = 0x7800,
	TTL_MAX = 3600,
	NEGATIVE_TTL_MAX = 60,
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void set16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void set32(uint8_t *p, uint32_t v)
{
	set16(p, (uint16_t)(v >> 16));
	set16(p + 2, (uint16_t)v);
}

static bool is_host_byte(uint8_t c)
{
	return isalnum(c) || c == '-' || c == '_';
}

/* The name of a question: no compression there. The offset behind it, or 0. */
static size_t read_name(const uint8_t *p, size_t n, size_t at, struct dns_question *q)
{
	size_t used = 0;

	while (at < n && p[at]) {
		size_t label = p[at++];

		if (label > 63 || at + label > n || used + label + 1 >= DNS_NAME)
			return 0;
		if (used)
			q->name[used++] = '.';
		for (size_t i = 0; i < label; i++) {
			q->is_odd |= !is_host_byte(p[at + i]);
			q->name[used++] = (char)tolower(p[at + i]);
		}
		at += label;
	}
	q->name[q->is_odd ? 0 : used] = '\0';
	return at < n ? at + 1 : 0;
}

/* Steps over a name that may be compressed. The offset behind it, or 0. */
static size_t skip_name(const uint8_t *p, size_t n, size_t at)
{
	while (at < n && p[at]) {
		if ((p[at] & 0xc0) == 0xc0)
			return at + 2 <= n ? at + 2 : 0;
		if (p[at] > 63)
			return 0;
		at += 1 + (size_t)p[at];
	}
	return at < n ? at + 1 : 0;
}

struct record {
	uint16_t type, class;
	size_t ttl_at, data_at, size;
};

/* The offset behind the record, or 0. */
static size_t read_record(const uint8_t *p, size_t n, size_t at, struct record *r)
{
	at = skip_name(p, n, at);
	if (!at || at + 10 > n)
		return 0;
	*r = (struct record){get16(p + at), get16(p + at + 2), at + 4, at + 10, get16(p + at + 8)};
	return r->data_at + r->size <= n ? r->data_at + r->size : 0;
}

static int read_extras(const uint8_t *p, size_t n, struct dns_question *q)
{
	unsigned count = get16(p + 6) + get16(p + 8) + get16(p + 10);
	size_t at = q->end;
	struct record r;

	for (unsigned i = 0; i < count; i++) {
		at = read_record(p, n, at, &r);
		if (!at)
			return DNS_FORMERR;
		if (r.type != DNS_OPT)
			continue;
		q->edns = true;
		q->dnssec_ok = p[r.ttl_at + 2] & 0x80;
		/* The class of OPT is the asker's packet size. */
		q->room = r.class < DNS_UDP_MIN ? DNS_UDP_MIN : r.class;
		if (q->room > DNS_UDP_MAX)
			q->room = DNS_UDP_MAX;
	}
	return 0;
}

int dns_read(const uint8_t *p, size_t n, struct dns_question *out)
{
	struct dns_question q = {.room = DNS_UDP_MIN};

	*out = q;
	if (n < HEADER)
		return -EBADMSG;
	q.id = get16(p);
	q.flags = get16(p + 2);
	*out = q;
	if (q.flags & FLAG_QR)
		return -EBADMSG;
	if (q.flags & OPCODE)
		return DNS_NOTIMP;
	if (get16(p + 4) != 1)
		return DNS_FORMERR;
	q.end = read_name(p, n, HEADER, &q);
	if (!q.end || q.end + 4 > n)
		return DNS_FORMERR;
	q.type = get16(p + q.end);
	q.class = get16(p + q.end + 2);
	q.end += 4;
	*out = q;
	return read_extras(p, n, out);
}

void dns_begin(struct dns_writer *w, uint8_t *p, size_t room, const uint8_t *ask,
	       const struct dns_question *q, enum dns_code code)
{
	uint16_t flags = FLAG_QR | FLAG_RA | (q->flags & (FLAG_RD | OPCODE)) | (uint16_t)code;

	*w = (struct dns_writer){.p = p, .room = room - (q->edns ? 11 : 0)};
	memset(p, 0, HEADER);
	if (code == DNS_NOERROR || code == DNS_NXDOMAIN)
		flags |= FLAG_AA;
	set16(p, q->id);
	set16(p + 2, flags);
	w->n = HEADER;
	if (q->end) {
		set16(p + 4, 1);
		memcpy(p + HEADER, ask + HEADER, q->end - HEADER);
		w->n = q->end;
	}
}

/* A record for the name asked, with `size` bytes of data to come; NULL where they do not fit. */
static uint8_t *put_record(struct dns_writer *w, uint16_t type, uint32_t ttl, size_t size)
{
	uint8_t *p = w->p + w->n;

	if (w->full || w->n + 12 + size > w->room) {
		w->full = true;
		return NULL;
	}
	set16(p, 0xc000 | HEADER); /* the name in the question */
	set16(p + 2, type);
	set16(p + 4, 1);
	set32(p + 6, ttl);
	set16(p + 10, (uint16_t)size);
	w->n += 12 + size;
	w->answers++;
	return p + 12;
}

void dns_put_ip(struct dns_writer *w, const struct ip_addr *ip, uint32_t ttl)
{
	bool v4 = ip->family == AF_INET;
	uint8_t *p = put_record(w, v4 ? DNS_A : DNS_AAAA, ttl, v4 ? 4 : 16);

	if (p)
		memcpy(p, &ip->v6, v4 ? 4 : 16);
}

/* "a.bc" as labels; the length, or 0 where it is no name. */
static size_t encode(const char *name, uint8_t out[DNS_NAME])
{
	size_t n = 0;

	while (*name) {
		size_t label = strcspn(name, ".");

		if (!label || label > 63 || n + label + 2 > DNS_NAME - 1)
			return 0;
		out[n++] = (uint8_t)label;
		memcpy(out + n, name, label);
		n += label;
		name += label + (name[label] == '.');
	}
	out[n++] = 0;
	return n;
}

void dns_put_name(struct dns_writer *w, uint16_t type, const char *name, uint32_t ttl)
{
	uint8_t wire[DNS_NAME];
	size_t n = encode(name, wire);
	uint8_t *p = n ? put_record(w, type, ttl, n) : NULL;

	if (p)
		memcpy(p, wire, n);
}

void dns_put_srv(struct dns_writer *w, uint16_t port, const char *target, uint32_t ttl)
{
	uint8_t wire[DNS_NAME];
	size_t n = encode(target, wire);
	uint8_t *p = n ? put_record(w, DNS_SRV, ttl, 6 + n) : NULL;

	if (!p)
		return;
	set16(p, 0);
	set16(p + 2, 1); /* equal weights */
	set16(p + 4, port);
	memcpy(p + 6, wire, n);
}

size_t dns_finish(struct dns_writer *w, const struct dns_question *q)
{
	uint8_t *p = w->p + w->n;

	if (w->full)
		set16(w->p + 2, get16(w->p + 2) | FLAG_TC);
	set16(w->p + 6, w->answers);
	if (!q->edns)
		return w->n;
	memset(p, 0, 11);
	set16(p + 1, DNS_OPT);
	set16(p + 3, DNS_UDP_MAX);
	set16(w->p + 10, 1);
	return w->n + 11;
}

size_t dns_ask(uint8_t *out, const uint8_t *ask, const struct dns_question *q, uint16_t id)
{
	size_t n = q->end;

	memset(out, 0, HEADER);
	set16(out, id);
	set16(out + 2, FLAG_RD | (q->flags & (FLAG_AD | FLAG_CD)));
	set16(out + 4, 1);
	memcpy(out + HEADER, ask + HEADER, n - HEADER);
	if (!q->edns)
		return n;
	set16(out + 10, 1);
	memset(out + n, 0, 11);
	set16(out + n + 1, DNS_OPT);
	set16(out + n + 3, DNS_UDP_MAX);
	out[n + 7] = q->dnssec_ok ? 0x80 : 0;
	return n + 11;
}

static bool reverse6(const char *name, struct ip_addr *out)
{
	uint8_t *x = out->v6.s6_addr;

	/* 32 nibbles, lowest first, each followed by a dot. */
	for (int i = 31; i >= 0; i--, name += 2) {
		int v = *name <= '9' ? *name - '0' : *name - 'a' + 10;

		if (!isxdigit((unsigned char)*name) || name[1] != '.')
			return false;
		x[i / 2] |= (uint8_t)(i % 2 ? v : v << 4);
	}
	return !strcmp(name, "ip6.arpa");
}

bool dns_reverse(const char *name, struct ip_addr *out)
{
	unsigned b[4];
	int end = 0;

	*out = (struct ip_addr){.family = AF_INET, .prefix = 32};
	if (text_ends(name, ".in-addr.arpa")) {
		if (sscanf(name, "%3u.%3u.%3u.%3u.in-addr.arpa%n", &b[0], &b[1], &b[2], &b[3],
			   &end) != 4 ||
		    !end || name[end] || b[0] > 255 || b[1] > 255 || b[2] > 255 || b[3] > 255)
			return false;
		out->v4.s_addr = htonl(b[3] << 24 | b[2] << 16 | b[1] << 8 | b[0]);
		return true;
	}
	*out = (struct ip_addr){.family = AF_INET6, .prefix = 128};
	return strlen(name) == 64 + strlen("ip6.arpa") && reverse6(name, out);
}

/* Walks the records behind the question; false where they are damaged. */
static bool walk(const uint8_t *p, size_t n, size_t at,
		 bool (*fn)(const struct record *r, void *arg), void *arg)
{
	unsigned count = get16(p + 6) + get16(p + 8) + get16(p + 10);
	struct record r;

	for (unsigned i = 0; i < count; i++) {
		at = read_record(p, n, at, &r);
		if (!at || !fn(&r, arg))
			return false;
	}
	return true;
}

struct lifetime {
	const uint8_t *p;
	uint32_t least;
	bool negative, has_soa;
};

static bool note_ttl(const struct record *r, void *arg)
{
	struct lifetime *l = arg;
	uint32_t ttl = get32(l->p + r->ttl_at), minimum;

	if (r->type == DNS_OPT)
		return true;
	if (ttl < l->least)
		l->least = ttl;
	if (r->type == DNS_SOA && r->size >= 20) {
		minimum = get32(l->p + r->data_at + r->size - 4);
		l->has_soa = true;
		if (l->negative && minimum < l->least)
			l->least = minimum;
	}
	return true;
}

static bool same_question(const uint8_t *p, const uint8_t *ask, size_t end)
{
	for (size_t i = HEADER; i < end; i++) {
		if (tolower(p[i]) != tolower(ask[i]))
			return false;
	}
	return true;
}

bool dns_check(const uint8_t *p, size_t n, const uint8_t *ask, size_t ask_end,
	       struct dns_reply *out)
{
	struct lifetime l = {.p = p};

	if (n < ask_end || ask_end < HEADER || !(get16(p + 2) & FLAG_QR) || get16(p + 4) != 1 ||
	    !same_question(p, ask, ask_end))
		return false;
	*out = (struct dns_reply){.id = get16(p), .code = get16(p + 2) & 15};
	out->truncated = get16(p + 2) & FLAG_TC;
	l.negative = out->code == DNS_NXDOMAIN || !get16(p + 6);
	l.least = l.negative ? NEGATIVE_TTL_MAX : TTL_MAX;
	if (!walk(p, n, ask_end, note_ttl, &l))
		return out->truncated; /* cut records are what truncation means */
	if (out->truncated || (out->code != DNS_NOERROR && out->code != DNS_NXDOMAIN))
		return true;
	/* Without an SOA nobody said how long nothing lasts (RFC 2308, 5). */
	out->ttl = l.negative && !l.has_soa ? 0 : l.least;
	return true;
}

struct aging {
	uint8_t *p;
	uint32_t seconds;
};

static bool age_record(const struct record *r, void *arg)
{
	struct aging *a = arg;
	uint32_t ttl = get32(a->p + r->ttl_at);

	/* The TTL field of OPT holds flags. */
	if (r->type != DNS_OPT)
		set32(a->p + r->ttl_at, ttl > a->seconds ? ttl - a->seconds : 0);
	return true;
}

void dns_age(uint8_t *p, size_t n, uint32_t seconds)
{
	struct aging a = {p, seconds};
	size_t at = n >= HEADER ? skip_name(p, n, HEADER) : 0;

	if (at && at + 4 <= n)
		walk(p, n, at + 4, age_record, &a);
}
