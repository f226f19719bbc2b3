#include "base/text.h"
#include "base/mem.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *pairs_get(const struct pairs *p, const char *key)
{
	for (size_t i = p->n; i-- > 0;) {
		if (!strcmp(p->v[i].key, key))
			return p->v[i].value;
	}
	return NULL;
}

bool strings_have(const struct strings *s, const char *word)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!strcmp(s->v[i], word))
			return true;
	}
	return false;
}

struct span span_of(const char *s)
{
	return (struct span){s, strlen(s)};
}

bool span_is(struct span s, const char *word)
{
	return s.n == strlen(word) && !memcmp(s.p, word, s.n);
}

struct span span_trim(struct span s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool span_cut(struct span *s, char sep, struct span *head)
{
	const char *at = s->n ? memchr(s->p, sep, s->n) : NULL;

	*head = *s;
	if (!at) {
		*s = (struct span){s->p + s->n, 0};
		return false;
	}
	head->n = (size_t)(at - s->p);
	*s = (struct span){at + 1, s->n - head->n - 1};
	return true;
}

char *span_dup(struct arena *a, struct span s)
{
	return arena_strndup(a, s.p, s.n);
}

char *text_lower(struct arena *a, const char *s)
{
	char *out = arena_strndup(a, s, strlen(s));

	for (char *c = out; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return out;
}

bool text_starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool text_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !memcmp(s + n - m, suffix, m);
}

int text_to_u64(const char *s, uint64_t *out)
{
	uint64_t value = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
			return -ERANGE;
	}
	*out = value;
	return 0;
}

int text_to_i64(const char *s, int64_t *out)
{
	bool negative = *s == '-';
	uint64_t value;
	int r = text_to_u64(s + negative, &value);

	if (r < 0)
		return r;
	if (value > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*out = negative ? -(int64_t)(value - 1) - 1 : (int64_t)value;
	return 0;
}

enum { NEAR_MAX = 64 };

/* Levenshtein with swaps of neighbours, for words up to NEAR_MAX. */
static size_t distance(const char *a, const char *b)
{
	size_t m = strlen(a), n = strlen(b);
	size_t rows[3][NEAR_MAX + 1];
	size_t *before = rows[0], *prev = rows[1], *cur = rows[2], *swap;

	if (m > NEAR_MAX || n > NEAR_MAX)
		return NEAR_MAX;
	for (size_t j = 0; j <= n; j++) {
		prev[j] = j;
		before[j] = 0;
	}
	for (size_t i = 1; i <= m; i++) {
		cur[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = prev[j - 1] + (a[i - 1] != b[j - 1]);

			if (prev[j] + 1 < best)
				best = prev[j] + 1;
			if (cur[j - 1] + 1 < best)
				best = cur[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			cur[j] = best;
		}
		swap = before;
		before = prev;
		prev = cur;
		cur = swap;
	}
	return prev[n];
}

const char *text_nearest(const char *s, const char *const *words, size_t n)
{
	size_t len = strlen(s), best = len < 4 ? 2 : len / 3 + 1;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(s, words[i]);

		if (d < best || (d == best && !found && d < len)) {
			best = d;
			found = words[i];
		}
	}
	return found;
}

/* Bytes of the UTF-8 sequence at p (RFC 3629: no surrogates, no overlong forms); 0: none. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	static const struct {
		unsigned char lo, hi, second_lo, second_hi, length;
	} rows[] = {
		{0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		if (p[0] < rows[i].lo || p[0] > rows[i].hi)
			continue;
		if (rows[i].length > n)
			return 0;
		if (rows[i].length > 1 && (p[1] < rows[i].second_lo || p[1] > rows[i].second_hi))
			return 0;
		for (size_t j = 2; j < rows[i].length; j++) {
			if ((p[j] & 0xc0) != 0x80)
				return 0;
		}
		return rows[i].length;
	}
	return 0;
}

bool text_is_name(const char *s)
{
	static const char first[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char more[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t n = strlen(s);

	return n >= 2 && n <= 240 && strchr(first, *s) && strspn(s, more) == n;
}

bool text_is_utf8(const char *s, size_t n)
{
	for (size_t i = 0, step; i < n; i += step) {
		step = utf8_length((const unsigned char *)s + i, n - i);
		if (!step)
			return false;
	}
	return true;
}

void buf_done(struct buf *b)
{
	free(b->p);
	*b = (struct buf){0};
}

static void reserve(struct buf *b, size_t more)
{
	size_t need = b->n + more + 1;

	if (need <= b->cap)
		return;
	b->cap = need > 2 * b->cap ? need + 64 : 2 * b->cap;
	b->p = mem_grow(b->p, b->cap);
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	reserve(b, n);
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	if (b->n + 1 >= b->cap)
		reserve(b, 1);
	b->p[b->n++] = c;
	b->p[b->n] = '\0';
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	reserve(b, (size_t)n);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
	va_end(again);
	b->n += (size_t)n;
}

static void json_char(struct buf *b, unsigned char c)
{
	static const char names[] = "\"\"\\\\b\bf\fn\nr\rt\t";

	for (size_t i = 0; i + 1 < sizeof(names); i += 2) {
		if ((unsigned char)names[i + 1] == c) {
			buf_char(b, '\\');
			buf_char(b, names[i]);
			return;
		}
	}
	if (c < 0x20 || c == 0x7f)
		buf_printf(b, "\\u%04x", c);
	else
		buf_char(b, (char)c);
}

void buf_json(struct buf *b, const char *s, size_t n)
{
	buf_char(b, '"');
	for (size_t i = 0, step; i < n; i += step) {
		step = utf8_length((const unsigned char *)s + i, n - i);
		if (step > 1)
			buf_add(b, s + i, step);
		else if (step == 1)
			json_char(b, (unsigned char)s[i]);
		else
			buf_str(b, "\\ufffd");
		step += !step;
	}
	buf_char(b, '"');
}

void buf_go(struct buf *b, const char *s)
{
	static const char from[] = "\a\b\f\n\r\t\v\"\\", to[] = "abfnrtv\"\\";

	buf_char(b, '"');
	for (; *s; s++) {
		const char *at = strchr(from, *s);

		if (at)
			buf_printf(b, "\\%c", to[at - from]);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			buf_printf(b, "\\x%02x", (unsigned char)*s);
		else
			buf_char(b, *s);
	}
	buf_char(b, '"');
}

void buf_shell(struct buf *b, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-+=./:,@%";

	if (*s && !s[strspn(s, plain)]) {
		buf_str(b, s);
		return;
	}
	buf_char(b, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_str(b, "'\\''");
		else
			buf_char(b, *s);
	}
	buf_char(b, '\'');
}

void buf_terminal(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0, step; i < n; i += step) {
		unsigned char c = (unsigned char)s[i];

		step = utf8_length((const unsigned char *)s + i, n - i);
		/* C0, DEL and C1 (U+0080 to U+009F) would steer the terminal. */
		if (!step || (step == 1 && (c < 0x20 || c == 0x7f) && c != '\t'))
			buf_printf(b, "\\x%02x", c);
		else if (step == 2 && c == 0xc2 && (unsigned char)s[i + 1] < 0xa0)
			buf_printf(b, "\\x%02x", (unsigned char)s[i + 1]);
		else
			buf_add(b, s + i, step);
		step += !step;
	}
}

char *buf_take(struct arena *a, struct buf *b)
{
	char *s = arena_strndup(a, b->p ? b->p : "", b->n);

	buf_done(b);
	return s;
}
