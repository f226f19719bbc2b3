#include "compose/dotenv.h"
#include "compose/interpolate.h"
#include "compose/node.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

struct reader {
	struct arena *a;
	const struct dotenv *d;
	const char *p, *end;
	int line;
	struct pairs *out;
	struct node *seen; /* name -> value of what *out holds, to be found fast */
	struct err *e;
};

static const char *find_variable(void *arg, const char *name)
{
	struct reader *r = arg;
	const char *v = r->d->lookup ? r->d->lookup(r->d->arg, name) : NULL;

	return v ? v : node_get_text(r->seen, name);
}

static int fail(struct reader *r, int line, const char *why)
{
	err_set(r->e, EINVAL, "%s", why);
	return err_at(r->e, "%s:%d", r->d->file, line);
}

static void skip_line(struct reader *r)
{
	while (r->p < r->end && *r->p != '\n')
		r->p++;
}

/* Past blank lines, comments and leading blanks; false at the end. */
static bool to_statement(struct reader *r)
{
	while (r->p < r->end) {
		if (*r->p == '#') {
			skip_line(r);
		} else if (isspace((unsigned char)*r->p)) {
			r->line += *r->p == '\n';
			r->p++;
		} else {
			return true;
		}
	}
	return false;
}

static bool key_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.-[]", c)) || (unsigned char)c >= 0x80;
}

/* Leaves p behind the "=" or ":", or at the end of the line where there is neither. */
static int read_key(struct reader *r, const char **key, bool *inherit)
{
	const char *start;
	size_t n;

	if (r->end - r->p > 7 && !strncmp(r->p, "export", 6) && isblank((unsigned char)r->p[6])) {
		r->p += 6;
		while (r->p < r->end && isblank((unsigned char)*r->p))
			r->p++;
	}
	start = r->p;
	while (r->p < r->end && key_char(*r->p))
		r->p++;
	n = (size_t)(r->p - start);
	while (r->p < r->end && *r->p != '\n' && isspace((unsigned char)*r->p))
		r->p++;
	*key = arena_strndup(r->a, start, n);
	*inherit = r->p >= r->end || *r->p == '\n' || *r->p == '#';
	if (*inherit) {
		skip_line(r);
		return 0;
	}
	if (*r->p != '=' && *r->p != ':') {
		char why[80];

		if (r->p > start + n)
			return fail(r, r->line, "a key cannot contain a space");
		snprintf(why, sizeof(why), "unexpected character \"%c\" in a variable name", *r->p);
		return fail(r, r->line, why);
	}
	r->p++;
	return 0;
}

static void note_unset(void *arg, const char *name, const char *op, const char *word,
		       const char *value)
{
	struct reader *r = arg;
	const char *text;

	(void)word;
	if (value || *op || !r->d->unset)
		return;
	text = arena_printf(r->a, "%s:%d: the variable %s is not set and becomes empty text",
			    r->d->file, r->line, name);
	if (!strings_have(r->d->unset, text))
		*vec_push(r->a, r->d->unset) = text;
}

static int substitute(struct reader *r, const char *text, int line, const char **out)
{
	struct interpolation i = {.lookup = find_variable, .seen = note_unset, .arg = r};
	int ret = interpolate(r->a, text, &i, out, r->e);

	return ret < 0 ? err_at(r->e, "%s:%d", r->d->file, line) : 0;
}

/* Bytes of the blank at p: also the no-break space and the next-line control of Latin-1. */
static size_t blank(const char *p, const char *end)
{
	if (p < end && isspace((unsigned char)*p) && *p != '\n')
		return 1;
	return end - p >= 2 && p[0] == '\xc2' && (p[1] == '\xa0' || p[1] == '\x85') ? 2 : 0;
}

static int read_plain(struct reader *r, const char **out)
{
	const char *start = r->p, *end, *hash;
	char *text;

	skip_line(r);
	end = r->p;
	for (hash = start; hash < end; hash++) {
		if (*hash == '#' && hash > start && hash[-1] == ' ')
			end = hash;
	}
	for (;;) {
		if (end > start && blank(end - 1, end))
			end--;
		else if (end > start + 1 && blank(end - 2, end) == 2)
			end -= 2;
		else
			break;
	}
	text = arena_strndup(r->a, start, (size_t)(end - start));
	return substitute(r, text, r->line, out);
}

/* One escape of a double-quoted value; p stands on the backslash. */
static void read_escape(struct reader *r, struct buf *b)
{
	static const char names[] = "n\nr\rt\tv\vf\fa\ab\b\"\"\\\\";
	char c = r->p + 1 < r->end ? r->p[1] : '\0';

	for (size_t i = 0; i + 1 < sizeof(names); i += 2) {
		if (names[i] == c) {
			buf_char(b, names[i + 1]);
			r->p += 2;
			return;
		}
	}
	if (c == '$') {
		buf_str(b, "$$"); /* interpolation makes it one */
		r->p += 2;
	} else if (c == '0') {
		int v = 0, n = 0;

		for (r->p += 2; n < 3 && r->p < r->end && *r->p >= '0' && *r->p <= '7'; n++)
			v = v * 8 + (*r->p++ - '0');
		buf_char(b, (char)v);
	} else {
		buf_char(b, *r->p++);
	}
}

static int read_quoted(struct reader *r, char quote, const char **out)
{
	auto_buf b = {0};
	int line = r->line;

	for (r->p++; r->p < r->end && *r->p != quote;) {
		r->line += *r->p == '\n';
		if (*r->p != '\\')
			buf_char(&b, *r->p++);
		else if (quote == '"')
			read_escape(r, &b);
		else if (r->p + 1 < r->end && (r->p[1] == '\'' || r->p[1] == '\\')) {
			buf_add(&b, r->p + (r->p[1] == '\''), 2 - (r->p[1] == '\''));
			r->p += 2;
		} else
			buf_char(&b, *r->p++);
	}
	if (r->p >= r->end)
		return fail(r, line,
			    quote == '"' ? "this double quote is never closed"
					 : "this single quote is never closed");
	r->p++;
	if (b.n && memchr(b.p, 0, b.n))
		return fail(r, line, "a value holds a NUL byte");
	*out = buf_take(r->a, &b);
	return quote == '"' ? substitute(r, *out, line, out) : 0;
}

static void keep(struct reader *r, const char *key, const char *value)
{
	*vec_push(r->a, r->out) = (struct pair){key, value};
	node_set(r->a, r->seen, key, node_str(r->a, value, NULL));
}

static int statement(struct reader *r)
{
	const char *key, *value;
	bool inherit;
	int ret = read_key(r, &key, &inherit);

	if (ret < 0)
		return ret;
	if (inherit) {
		value = *key && r->d->lookup ? r->d->lookup(r->d->arg, key) : NULL;
		if (value)
			keep(r, key, value);
		return 0;
	}
	for (size_t n; (n = blank(r->p, r->end));)
		r->p += n;
	if (r->p < r->end && (*r->p == '"' || *r->p == '\''))
		ret = read_quoted(r, *r->p, &value);
	else
		ret = read_plain(r, &value);
	if (!ret)
		keep(r, key, value);
	return ret;
}

static int check_bytes(const char *file, struct span src, struct err *e)
{
	if (src.n && memchr(src.p, 0, src.n))
		err_set(e, EINVAL, "the file holds NUL bytes");
	else if (!text_is_utf8(src.p, src.n))
		err_set(e, EINVAL, "the file is not UTF-8");
	else
		return 0;
	return err_at(e, "%s", file);
}

static struct span without_bom(struct span s)
{
	if (s.n >= 3 && !memcmp(s.p, "\xef\xbb\xbf", 3))
		return (struct span){s.p + 3, s.n - 3};
	return s;
}

int dotenv_parse(struct arena *a, const struct dotenv *d, struct span src, struct pairs *out,
		 struct err *e)
{
	struct reader r = {.a = a, .d = d, .line = 1, .out = out, .e = e};
	int ret = check_bytes(d->file, src, e);

	r.seen = node_new(a, NODE_MAP, NULL);
	vec_each(p, out)
		node_set(a, r.seen, p->key, node_str(a, p->value, NULL));
	src = without_bom(src);
	r.p = src.p;
	r.end = src.p + src.n;
	while (!ret && to_statement(&r))
		ret = statement(&r);
	return ret;
}

static int raw_line(struct arena *a, const struct dotenv *d, struct span line, struct pairs *out,
		    struct err *e)
{
	const char *eq = memchr(line.p, '=', line.n), *key, *value;
	size_t n = eq ? (size_t)(eq - line.p) : line.n;

	key = arena_strndup(a, line.p, n);
	if (!n)
		return err_set(e, EINVAL, "a line names no variable");
	if (key[strcspn(key, " \t")])
		return err_set(e, EINVAL, "a blank in the name \"%.80s\"", key);
	value = eq          ? arena_strndup(a, eq + 1, line.n - n - 1)
		: d->lookup ? d->lookup(d->arg, key)
			    : NULL;
	if (value)
		*vec_push(a, out) = (struct pair){key, value};
	return 0;
}

int dotenv_parse_raw(struct arena *a, const struct dotenv *d, struct span src, struct pairs *out,
		     struct err *e)
{
	struct span rest = without_bom(src), line;
	int number = 0, r = check_bytes(d->file, src, e);

	while (rest.n && !r) {
		number++;
		span_cut(&rest, '\n', &line);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		while (line.n && isspace((unsigned char)*line.p)) {
			line.p++;
			line.n--;
		}
		if (line.n && *line.p != '#' && raw_line(a, d, line, out, e) < 0)
			r = err_at(e, "%s:%d", d->file, number);
	}
	return r;
}
