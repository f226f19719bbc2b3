/*
 * What a plain scalar means. The rules are those of the loader that everyone's files were written
 * against: YAML 1.2 words for booleans, but 010 is eight and 1_000 a thousand.
 */
#include "compose/node.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static bool one_of(const char *s, const char *const *words)
{
	for (; *words; words++) {
		if (!strcmp(s, *words))
			return true;
	}
	return false;
}

/* Digits of `base` only; underscores are dropped. */
static int integer(const char *s, int base, uint64_t *out)
{
	uint64_t v = 0;
	bool any = false;

	for (; *s; s++) {
		int d = isdigit((unsigned char)*s) ? *s - '0'
						   : tolower((unsigned char)*s) - 'a' + 10;

		if (*s == '_')
			continue;
		if (d < 0 || d >= base || (base <= 10 && !isdigit((unsigned char)*s)))
			return -EINVAL;
		if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)d, &v))
			return -ERANGE;
		any = true;
	}
	if (!any)
		return -EINVAL;
	*out = v;
	return 0;
}

static int read_digits(const char *s, uint64_t *out)
{
	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	if (s[0] == '0' && s[1]) {
		char base = s[1];

		if (base == 'x' || base == 'X')
			return integer(s + 2, 16, out);
		if (base == 'o' || base == 'O')
			return integer(s + 2, 8, out);
		if (base == 'b' || base == 'B')
			return integer(s + 2, 2, out);
		if (!integer(s + 1, 8, out))
			return 0;
	}
	return integer(s, 10, out);
}

/* Whole numbers go as far as 64 bits do; those beyond are fractions. */
static const char *read_int(struct arena *a, const char *s)
{
	bool negative = *s == '-';
	uint64_t v;

	if (read_digits(s + (*s == '-' || *s == '+'), &v))
		return NULL;
	if (!negative)
		return arena_printf(a, "%" PRIu64, v);
	return v <= (uint64_t)INT64_MAX ? arena_printf(a, "%" PRId64, -(int64_t)v) : NULL;
}

/* [-+]?(digits[.digits]|.digits)([eE][-+]?digits)? */
static bool looks_float(const char *s)
{
	size_t whole, part = 0;

	if (*s == '-' || *s == '+')
		s++;
	whole = strspn(s, "0123456789_");
	s += whole;
	if (*s == '.') {
		part = strspn(s + 1, "0123456789_");
		s += 1 + part;
	}
	if (!whole && !part)
		return false;
	if (*s == 'e' || *s == 'E') {
		s++;
		if (*s == '-' || *s == '+')
			s++;
		if (!isdigit((unsigned char)*s))
			return false;
		s += strspn(s, "0123456789");
	}
	return !*s;
}

/* As Go prints a float64: shortest digits that read back the same. */
static const char *float_text(struct arena *a, double v)
{
	char buf[40];
	int digits = 1, exponent;
	char *p;

	do {
		snprintf(buf, sizeof(buf), "%.*e", digits - 1, v);
	} while (strtod(buf, NULL) != v && ++digits <= 17);
	p = strchr(buf, 'e');
	exponent = p ? atoi(p + 1) : 0;
	if (exponent >= -4 && exponent < 6)
		snprintf(buf, sizeof(buf), "%.*f",
			 digits - 1 - exponent > 0 ? digits - 1 - exponent : 0, v);
	return arena_strndup(a, buf, strlen(buf));
}

static double read_float(const char *s)
{
	char plain[64];
	size_t n = 0;

	for (; *s && n + 1 < sizeof(plain); s++) {
		if (*s != '_')
			plain[n++] = *s;
	}
	plain[n] = '\0';
	return strtod(plain, NULL);
}

/* 2001-12-14, or that with a time behind it. */
static bool looks_time(const char *s)
{
	static const char shape[] = "dddd-dd-dd";
	size_t i = 0;

	for (; shape[i]; i++) {
		if (shape[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != shape[i])
			return false;
	}
	if (!s[i])
		return true;
	return (s[i] == 'T' || s[i] == 't' || s[i] == ' ') && isdigit((unsigned char)s[i + 1]) &&
	       strchr(s + i, ':');
}

enum node_type node_type_of(struct arena *a, const char *s, const char **canonical)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const yes[] = {"true", "True", "TRUE", NULL};
	static const char *const no[] = {"false", "False", "FALSE", NULL};
	static const char *const odd[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
					  "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
					  ".NaN",  ".NAN",  NULL};
	const char *number;

	*canonical = s;
	if (*s && !strchr("~nNtTfF+-.0123456789", *s))
		return TYPE_STR;
	if (one_of(s, nulls))
		return TYPE_NULL;
	if (one_of(s, yes) || one_of(s, no)) {
		*canonical = one_of(s, yes) ? "true" : "false";
		return TYPE_BOOL;
	}
	if (!strchr("+-.0123456789", *s))
		return TYPE_STR;
	if (one_of(s, odd)) {
		*canonical = strpbrk(s, "aA") ? "NaN" : *s == '-' ? "-Inf" : "+Inf";
		return TYPE_FLOAT;
	}
	number = read_int(a, s);
	if (number) {
		*canonical = number;
		return TYPE_INT;
	}
	if (strlen(s) < 64 && looks_float(s) && !isinf(read_float(s))) {
		*canonical = float_text(a, read_float(s));
		return TYPE_FLOAT;
	}
	return looks_time(s) ? TYPE_TIME : TYPE_STR;
}

void node_resolve(struct arena *a, struct node *n)
{
	if (n->quoted) {
		n->type = TYPE_STR;
		return;
	}
	n->octal = n->text[0] == '0' && n->text[1];
	n->type = node_type_of(a, n->text, &n->text);
}
