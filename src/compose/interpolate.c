#include "compose/interpolate.h"
#include <ctype.h>
#include <errno.h>

enum { DEPTH_MAX = 50, RESULT_MAX = 4 << 20 };

static bool name_start(char c)
{
	return c == '_' || isalpha((unsigned char)c);
}

static size_t name_length(const char *s)
{
	size_t n = 0;

	if (!name_start(*s))
		return 0;
	while (s[n] == '_' || isalnum((unsigned char)s[n]))
		n++;
	return n;
}

static int invalid(const char *text, const char *at, struct err *e)
{
	err_set(e, EINVAL, "\"%.120s\" is not a variable", at);
	if (!strncmp(at, "${", 2) && !strchr(at, '}'))
		return err_hint(e, "close the brace, or write $$ for a dollar that is meant");
	(void)text;
	return err_hint(e, "write ${NAME}, ${NAME:-default}, ${NAME:?message} or ${NAME:+instead}; "
			   "$$ for a dollar that is meant");
}

/* Operators, longest first. */
static const char *const operators[] = {":-", ":+", ":?", "-", "+", "?"};

static const char *operator_at(const char *s)
{
	for (size_t i = 0; i < countof(operators); i++) {
		if (text_starts(s, operators[i]))
			return operators[i];
	}
	return NULL;
}

static int expand(struct arena *a, const char *text, int depth, const struct interpolation *i,
		  struct buf *out, struct err *e);

static int word_text(struct arena *a, const char *word, int depth, const struct interpolation *i,
		     const char **out, struct err *e)
{
	auto_buf b = {0};
	int r = expand(a, word, depth + 1, i, &b, e);

	if (!r)
		*out = buf_take(a, &b);
	return r;
}

static int missing(const char *name, const char *why, struct err *e)
{
	err_set(e, ENOENT, "required variable %s is missing a value%s%s", name, *why ? ": " : "",
		why);
	return err_hint(e, "set %s in the environment or in .env", name);
}

/* name, op and word of "${...}" are known: what comes in its place? */
static int substitute(struct arena *a, const char *name, const char *op, const char *word,
		      int depth, const struct interpolation *i, struct buf *out, struct err *e)
{
	const char *value = i->lookup(i->arg, name), *text = "";
	bool has = value && (*op != ':' || *value);
	char kind = op[*op == ':'];
	bool use_word = kind == '+' ? has : kind && !has;
	/* the message is a text like any other, needed or not */
	int r = use_word || kind == '?' || (kind && i->dry) ? word_text(a, word, depth, i, &text, e)
							    : 0;

	if (i->seen)
		i->seen(i->arg, name, op, word, value);
	if (r < 0)
		return r;
	if (kind == '?' && !has && !i->dry && !i->lenient)
		return missing(name, text, e);
	if (kind == '?' && !has)
		return 0;
	buf_str(out, use_word ? text : kind == '+' ? "" : value ? value : "");
	return 0;
}

/* The brace that closes the one before s, or NULL. */
static const char *closing(const char *s)
{
	int open = 1;

	for (; *s; s++) {
		if (s[0] == '$' && s[1] == '{') {
			open++;
			s++;
		} else if (*s == '{') {
			open++;
		} else if (*s == '}' && --open == 0) {
			return s;
		}
	}
	return NULL;
}

/* s stands behind "${"; *end behind the closing brace. */
static int braced(struct arena *a, const char *whole, const char *s, int depth,
		  const struct interpolation *i, struct buf *out, const char **end, struct err *e)
{
	size_t n = name_length(s);
	const char *name = arena_strndup(a, s, n), *op, *close;

	if (!n)
		return invalid(whole, s - 2, e);
	if (s[n] == '}') {
		*end = s + n + 1;
		return substitute(a, name, "", "", depth, i, out, e);
	}
	op = operator_at(s + n);
	close = op ? closing(s + n + strlen(op)) : NULL;
	if (!close)
		return invalid(whole, s - 2, e);
	s += n + strlen(op);
	*end = close + 1;
	return substitute(a, name, op, arena_strndup(a, s, (size_t)(close - s)), depth, i, out, e);
}

static int expand(struct arena *a, const char *text, int depth, const struct interpolation *i,
		  struct buf *out, struct err *e)
{
	const char *s = text;
	int r = 0;

	if (depth > DEPTH_MAX)
		return err_set(e, ELOOP, "variables are nested more than %d deep", DEPTH_MAX);
	while (*s && !r) {
		size_t plain = strcspn(s, "$"), n;

		buf_add(out, s, plain);
		s += plain;
		if (out->n > RESULT_MAX)
			return err_set(e, EFBIG, "a value grows beyond 4 MiB");
		if (!*s)
			break;
		n = name_length(s + 1);
		if (s[1] == '$') {
			buf_char(out, '$');
			s += 2;
		} else if (s[1] == '{') {
			r = braced(a, text, s + 2, depth, i, out, &s, e);
		} else if (n) {
			r = substitute(a, arena_strndup(a, s + 1, n), "", "", depth, i, out, e);
			s += 1 + n;
		} else {
			buf_char(out, *s++);
		}
	}
	return r;
}

int interpolate(struct arena *a, const char *text, const struct interpolation *i, const char **out,
		struct err *e)
{
	auto_buf b = {0};
	int r;

	if (!strchr(text, '$')) {
		*out = text;
		return 0;
	}
	r = expand(a, text, 0, i, &b, e);
	if (!r)
		*out = buf_take(a, &b);
	return r;
}
