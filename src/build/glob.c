#include "build/glob.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>

/*
 * Patterns and values become arrays of code points, so that `?` takes one character and a suffix
 * is a prefix of the reversed arrays. Matching keeps the set of places that are reachable: the
 * time is pattern times value, whatever the pattern.
 */
enum { ANY_ONE = 0x110000, ANY_MANY };

struct points {
	uint32_t *v;
	size_t n, cap;
};

static size_t decode(const char *s, uint32_t *out)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n = p[0] < 0xc0 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? p[0] : p[0] & (0x7f >> n);

	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return *out = p[0], 1;
		c = c << 6 | (p[i] & 0x3f);
	}
	*out = c;
	return n;
}

static void read_value(struct arena *a, const char *s, struct points *out)
{
	uint32_t c;

	while (*s) {
		s += decode(s, &c);
		*vec_push(a, out) = c;
	}
}

static int read_pattern(struct arena *a, const char *s, struct points *out, struct err *e)
{
	uint32_t c;

	while (*s) {
		s += decode(s, &c);
		if (c == '*') {
			c = ANY_MANY;
		} else if (c == '?') {
			c = ANY_ONE;
		} else if (c == '\\') {
			if (*s == '}' || *s == '/')
				continue;
			if (*s != '*' && *s != '?' && *s != '\\')
				return err_set(e, EINVAL, "invalid escape \"\\%.1s\" in a pattern",
					       s);
			c = (unsigned char)*s++;
		}
		*vec_push(a, out) = c;
	}
	return 0;
}

static void reverse(struct points *p)
{
	for (size_t i = 0; i + i + 1 < p->n; i++) {
		uint32_t t = p->v[i];

		p->v[i] = p->v[p->n - 1 - i];
		p->v[p->n - 1 - i] = t;
	}
}

/* Follows the pattern from the places in `now`; a star reaches everything before a line's end. */
static void advance(uint32_t token, const uint32_t *value, size_t n, const char *now, char *next)
{
	bool open = false;

	memset(next, 0, n + 1);
	for (size_t i = 0; i <= n; i++) {
		if (token == ANY_MANY) {
			open = open || now[i];
			next[i] = open;
			if (i < n && value[i] == '\n')
				open = false;
		} else if (now[i] && i < n &&
			   (value[i] == token || (token == ANY_ONE && value[i] != '\n'))) {
			next[i + 1] = 1;
		}
	}
}

/* Length of the longest or shortest match at the start of value, or -1. */
static ssize_t match(struct arena *a, const struct points *pattern, const uint32_t *value, size_t n,
		     bool longest)
{
	char *now = arena_alloc(a, n + 1), *next = arena_alloc(a, n + 1), *swap;
	ssize_t best = -1;

	now[0] = 1;
	for (size_t i = 0; i < pattern->n; i++) {
		advance(pattern->v[i], value, n, now, next);
		swap = now;
		now = next;
		next = swap;
	}
	for (size_t i = 0; i <= n; i++)
		if (now[i] && (longest || best < 0))
			best = (ssize_t)i;
	return best;
}

static void encode(struct buf *b, const uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t c = v[i];

		if (c < 0x80) {
			buf_char(b, (char)c);
		} else if (c < 0x800) {
			buf_char(b, (char)(0xc0 | c >> 6));
			buf_char(b, (char)(0x80 | (c & 0x3f)));
		} else if (c < 0x10000) {
			buf_char(b, (char)(0xe0 | c >> 12));
			buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
			buf_char(b, (char)(0x80 | (c & 0x3f)));
		} else {
			buf_char(b, (char)(0xf0 | c >> 18));
			buf_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
			buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
			buf_char(b, (char)(0x80 | (c & 0x3f)));
		}
	}
}

int glob_trim(struct arena *a, const char *pattern, const char *value, bool suffix, bool longest,
	      const char **out, struct err *e)
{
	struct points p = {}, v = {};
	auto_buf b = {};
	ssize_t n;
	int r = read_pattern(a, pattern, &p, e);

	if (r < 0)
		return r;
	read_value(a, value, &v);
	if (suffix) {
		reverse(&p);
		reverse(&v);
	}
	n = match(a, &p, v.v, v.n, longest);
	if (n > 0) {
		v.v += n;
		v.n -= (size_t)n;
	}
	if (suffix)
		reverse(&v);
	encode(&b, v.v, v.n);
	*out = buf_take(a, &b);
	return 0;
}

int glob_replace(struct arena *a, const char *pattern, const char *value, const char *by, bool all,
		 const char **out, struct err *e)
{
	struct points p = {}, v = {};
	auto_buf b = {};
	bool done = false;
	size_t i = 0;
	int r = read_pattern(a, pattern, &p, e);

	if (r < 0)
		return r;
	read_value(a, value, &v);
	while (i <= v.n) {
		const uint32_t *rest = v.n ? v.v + i : NULL;
		ssize_t n = done ? -1 : match(a, &p, rest, v.n - i, true);

		if (n >= 0) {
			buf_str(&b, by);
			i += (size_t)n;
			done = !all;
		}
		if (n <= 0) {
			encode(&b, rest, i < v.n);
			i++;
		}
	}
	*out = buf_take(a, &b);
	return 0;
}
