#include "build/ignore.h"
#include "build/blank.h"
#include "build/path.h"
#include <errno.h>
#include <string.h>

/*
 * A pattern is compiled to tokens and followed as a set of places in it, so time is pattern times
 * path at worst. The three cheap kinds are not only faster: the reference implementation gives
 * them slightly other meanings than the general one ("**foo" is a plain suffix), and so do we.
 */
enum { MOST_TOKENS = 1024 };
enum kind { EXACT, PREFIX, SUFFIX, TOKENS };
/* "**" followed by more is two tokens, DIRS and DIRS_BODY: an optional run that ends in a slash. */
enum token_kind { LITERAL, ONE, MANY, DIRS, DIRS_BODY, REST, CLASS };

struct token {
	enum token_kind kind;
	const char *p; /* LITERAL: one character; CLASS: after the '[' */
	size_t n;
};

struct ignore_pattern {
	enum kind kind;
	bool exception;
	const char *text; /* without the '!' */
	struct token *v;
	size_t n, cap;
};

/* ---- reading ---- */

void ignore_lines(struct arena *a, struct span text, struct strings *out)
{
	struct span line;
	bool more = true;

	if (text.n >= 3 && !memcmp(text.p, "\xef\xbb\xbf", 3)) {
		text.p += 3;
		text.n -= 3;
	}
	while (more) {
		const char *p;
		bool exception;

		more = span_cut(&text, '\n', &line);
		if (line.n && *line.p == '#')
			continue;
		line = blank_trim(line);
		if (!line.n)
			continue;
		exception = *line.p == '!';
		if (exception)
			line = blank_trim((struct span){line.p + 1, line.n - 1});
		p = span_dup(a, line);
		if (*p)
			p = path_clean(a, p);
		if (*p == '/' && p[1])
			p++;
		*vec_push(a, out) = exception ? arena_printf(a, "!%s", p) : p;
	}
}

/* ---- compiling ---- */

static size_t rune(const char *s, const char *end)
{
	size_t n = 1;

	while (s + n < end && (s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* End of a [class] whose first character is at p, or NULL where it is malformed. */
static const char *class_end(const char *p)
{
	const char *end = p + strlen(p);
	bool any = false;

	p += *p == '^';
	while (*p && (*p != ']' || !any)) {
		const char *low;

		if (*p == '-' || *p == ']')
			return NULL;
		p += *p == '\\';
		if (!*p)
			return NULL;
		low = p;
		p += rune(p, end);
		if (*p == '-') {
			p++;
			if (!*p || *p == ']' || *p == '-')
				return NULL;
			p += *p == '\\';
			/* Longer code points begin with greater bytes. */
			if (!*p || strncmp(p, low, (size_t)rune(low, end)) < 0)
				return NULL;
			p += rune(p, end);
		}
		any = true;
	}
	return *p ? p : NULL;
}

static void push(struct arena *a, struct ignore_pattern *p, enum token_kind kind)
{
	*vec_push(a, p) = (struct token){.kind = kind};
}

static const char *compile_stars(struct arena *a, struct ignore_pattern *p, const char *s)
{
	bool first = s == p->text;

	if (s[1] != '*') {
		push(a, p, MANY);
		p->kind = TOKENS;
		return s + 1;
	}
	s += 2;
	s += *s == '/';
	if (!*s && p->kind == EXACT) {
		p->kind = PREFIX;
	} else {
		push(a, p, *s ? DIRS : REST);
		if (*s)
			push(a, p, DIRS_BODY);
		p->kind = TOKENS;
	}
	if (first)
		p->kind = SUFFIX;
	return s;
}

static const char *compile_class(struct arena *a, struct ignore_pattern *p, const char *s)
{
	const char *end = class_end(s + 1);

	*vec_push(a, p) = (struct token){CLASS, s + 1, (size_t)(end - s - 1)};
	p->kind = TOKENS;
	return end + 1;
}

static const char *compile_one(struct arena *a, struct ignore_pattern *p, const char *s)
{
	size_t n;

	if (*s == '*')
		return compile_stars(a, p, s);
	if (*s == '[')
		return compile_class(a, p, s);
	if (*s == '?') {
		push(a, p, ONE);
		p->kind = TOKENS;
		return s + 1;
	}
	if (*s == '\\') {
		s++;
		p->kind = TOKENS;
	}
	n = rune(s, s + strlen(s));
	*vec_push(a, p) = (struct token){LITERAL, s, n};
	return s + n;
}

bool ignore_is_well_formed(const char *p)
{
	for (; *p; p++) {
		if (*p == '\\' && !*++p)
			return false;
		if (*p == '[' && !(p = class_end(p + 1)))
			return false;
	}
	return true;
}

static int compile(struct arena *a, const char *text, struct ignore_pattern *p, struct err *e)
{
	const char *s;

	if (!ignore_is_well_formed(text))
		return err_set(e, EINVAL, "the pattern \"%s\" is malformed", text);
	p->text = text;
	for (s = text; *s && p->n < MOST_TOKENS - 2;)
		s = compile_one(a, p, s);
	return *s ? err_set(e, E2BIG, "the pattern \"%.60s...\" is too long", text) : 0;
}

int ignore_make(struct arena *a, const struct strings *patterns, struct ignore *out, struct err *e)
{
	*out = (struct ignore){};
	for (size_t i = 0; i < patterns->n; i++) {
		const char *p = span_dup(a, blank_trim(span_of(patterns->v[i])));
		struct ignore_pattern *made;

		if (!*p)
			continue;
		p = path_clean(a, p);
		if (!strcmp(p, "!"))
			return err_set(e, EINVAL, "illegal exclusion pattern: \"!\"");
		made = vec_push(a, &out->patterns);
		*made = (struct ignore_pattern){.exception = *p == '!'};
		out->has_exceptions |= made->exception;
		if (compile(a, p + made->exception, made, e) < 0)
			return -EINVAL;
	}
	return 0;
}

/* ---- matching ---- */

static int compare(const char *x, size_t xn, const char *y, size_t yn)
{
	int r = memcmp(x, y, xn < yn ? xn : yn);

	return r ? r : (xn > yn) - (xn < yn);
}

/* UTF-8 keeps the order of code points, so ranges compare as bytes. */
static bool in_class(const struct token *t, const char *s, size_t n)
{
	const char *p = t->p, *end = t->p + t->n;
	bool negated = p < end && *p == '^', found = false;

	p += negated;
	while (p < end) {
		const char *low, *high;
		size_t low_n, high_n;

		p += *p == '\\';
		low = high = p;
		low_n = high_n = rune(p, end);
		p += low_n;
		if (p < end && *p == '-') {
			p++;
			p += *p == '\\';
			high = p;
			high_n = rune(p, end);
			p += high_n;
		}
		found = found ||
			(compare(s, n, low, low_n) >= 0 && compare(s, n, high, high_n) <= 0);
	}
	return found != negated;
}

/* Adds the places that are reachable without taking a character. */
static void close_over(const struct ignore_pattern *p, char *at)
{
	for (size_t i = 0; i < p->n; i++) {
		enum token_kind k = p->v[i].kind;

		if (at[i] && (k == MANY || k == REST || k == DIRS))
			at[i + 1] = 1;
		if (at[i] && k == DIRS)
			at[i + 2] = 1;
	}
}

static void take(const struct token *t, char *next, const char *s, size_t n)
{
	bool stay = t->kind == REST || t->kind == DIRS_BODY || (t->kind == MANY && *s != '/');
	bool go = (t->kind == LITERAL && n == t->n && !memcmp(s, t->p, n)) ||
		  (t->kind == ONE && *s != '/') || (t->kind == CLASS && in_class(t, s, n)) ||
		  (t->kind == DIRS_BODY && *s == '/');

	if (stay)
		next[0] = 1;
	if (go)
		next[1] = 1;
}

static bool match_tokens(const struct ignore_pattern *p, const char *path, size_t n)
{
	char at[MOST_TOKENS + 1] = {}, next[MOST_TOKENS + 1];
	const char *end = path + n;

	at[0] = 1;
	close_over(p, at);
	while (path < end) {
		size_t step = rune(path, end);

		memset(next, 0, p->n + 1);
		for (size_t i = 0; i < p->n; i++)
			if (at[i])
				take(&p->v[i], next + i, path, step);
		if (!memchr(next, 1, p->n + 1))
			return false;
		close_over(p, next);
		memcpy(at, next, p->n + 1);
		path += step;
	}
	return at[p->n];
}

static bool match(const struct ignore_pattern *p, const char *path, size_t n)
{
	size_t len = strlen(p->text);

	switch (p->kind) {
	case EXACT:
		return n == len && !memcmp(path, p->text, n);
	case PREFIX:
		return n >= len - 2 && !memcmp(path, p->text, len - 2);
	case SUFFIX:
		if (n >= len - 2 && !memcmp(path + n - (len - 2), p->text + 2, len - 2))
			return true;
		return p->text[2] == '/' && n == len - 3 && !memcmp(path, p->text + 3, n);
	case TOKENS:
		return match_tokens(p, path, n);
	}
	return false;
}

static bool match_parents(const struct ignore_pattern *p, const char *dir)
{
	if (!strcmp(dir, "."))
		return false;
	for (size_t i = 1; dir[i - 1]; i++)
		if ((dir[i] == '/' || !dir[i]) && match(p, dir, i))
			return true;
	return false;
}

bool ignore_match(struct arena *a, const struct ignore *ig, const char *path)
{
	const char *dir = path_dir(a, path);
	bool ignored = false;

	vec_each(p, &ig->patterns) {
		if (p->exception != ignored)
			continue;
		if (match(p, path, strlen(path)) || match_parents(p, dir))
			ignored = !p->exception;
	}
	return ignored;
}

bool ignore_step(const struct ignore *ig, const char *path, const char *parent, char *own)
{
	size_t n = strlen(path), i = 0;
	bool ignored = false;

	vec_each(p, &ig->patterns) {
		bool hit = parent && parent[i];

		if (!hit && p->exception == ignored)
			hit = match(p, path, n);
		own[i++] = hit;
		if (hit)
			ignored = !p->exception;
	}
	return ignored;
}

bool ignore_may_return(const struct ignore *ig, const char *dir)
{
	size_t n = strlen(dir);

	vec_each(p, &ig->patterns) {
		size_t fixed = strcspn(p->text, "*?[\\");
		size_t common = fixed < n ? fixed : n;

		if (p->exception && !memcmp(p->text, dir, common))
			return true;
	}
	return false;
}

bool ignore_glob(struct arena *a, const char *pattern, const char *path, struct err *e)
{
	struct ignore_pattern p = {};

	if (compile(a, pattern, &p, e) < 0)
		return false;
	return match(&p, path, strlen(path));
}
