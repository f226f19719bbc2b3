#include "net/ip.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

uint8_t ip_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

size_t ip_size(int family)
{
	return ip_bits(family) / 8;
}

static int parse_prefix(const char *s, const char *digits, struct ip_addr *a, struct err *e)
{
	uint64_t n;

	if (text_to_u64(digits, &n) < 0 || n > ip_bits(a->family))
		return err_set(e, EINVAL,
			       "\"%s\" is not a subnet: \"%s\" is not a prefix length up to %u", s,
			       digits, ip_bits(a->family));
	a->prefix = (uint8_t)n;
	return 0;
}

int ip_parse(const char *s, struct ip_addr *out, struct err *e)
{
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	struct ip_addr a = {0};
	char host[INET6_ADDRSTRLEN];
	int r = 0;

	if (n < sizeof(host)) {
		memcpy(host, s, n);
		host[n] = '\0';
		if (inet_pton(AF_INET, host, &a.v4) == 1)
			a.family = AF_INET;
		else if (inet_pton(AF_INET6, host, &a.v6) == 1)
			a.family = AF_INET6;
	}
	if (!a.family)
		return err_set(e, EINVAL, "\"%s\" is not an IP address", s);
	a.prefix = ip_bits(a.family);
	if (slash)
		r = parse_prefix(s, slash + 1, &a, e);
	if (!r)
		*out = a;
	return r;
}

char *ip_print(const struct ip_addr *a, bool with_prefix, char buf[static 64])
{
	size_t n;

	buf[0] = '\0';
	if (a->family && !inet_ntop(a->family, &a->v4, buf, INET6_ADDRSTRLEN))
		buf[0] = '\0';
	n = strlen(buf);
	if (n && with_prefix)
		snprintf(buf + n, 64 - n, "/%u", a->prefix);
	return buf;
}

bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->family == b->family &&
	       (!a->family || !memcmp(&a->v6, &b->v6, ip_size(a->family)));
}

bool ip_in(const struct ip_addr *a, const struct ip_addr *subnet)
{
	const uint8_t *x = (const uint8_t *)&a->v6, *y = (const uint8_t *)&subnet->v6;
	size_t whole = subnet->prefix / 8;
	uint8_t mask = (uint8_t)(0xff00 >> (subnet->prefix % 8));

	if (!a->family || a->family != subnet->family || memcmp(x, y, whole))
		return false;
	return !(subnet->prefix % 8) || !((x[whole] ^ y[whole]) & mask);
}

bool ip_overlap(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->prefix < b->prefix ? ip_in(b, a) : ip_in(a, b);
}

struct ip_addr ip_network(const struct ip_addr *a)
{
	struct ip_addr out = *a;
	uint8_t *x = (uint8_t *)&out.v6;

	if (!a->family)
		return out;
	for (size_t bit = a->prefix; bit < ip_bits(a->family); bit++)
		x[bit / 8] &= (uint8_t) ~(0x80 >> (bit % 8));
	return out;
}

struct ip_addr ip_nth(const struct ip_addr *subnet, uint64_t n)
{
	struct ip_addr out = ip_network(subnet);
	uint8_t *x = (uint8_t *)&out.v6;

	for (size_t i = ip_size(out.family); i-- && n;) {
		n += x[i];
		x[i] = (uint8_t)n;
		n >>= 8;
	}
	out.prefix = subnet->prefix;
	return out;
}

uint64_t ip_hosts(const struct ip_addr *subnet)
{
	unsigned host_bits = ip_bits(subnet->family) - subnet->prefix;

	return host_bits >= 32 ? UINT32_MAX : (uint64_t)1 << host_bits;
}
