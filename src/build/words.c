#include "build/words.h"
#include "build/glob.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

/*
 * A recursive walk over the text, one function for each kind of thing: quotes, dollars, braces.
 * Two results grow at once: the word (blanks kept) and the list of words (split at blanks that
 * were neither quoted nor escaped; also at those that a variable brought in).
 */
enum { DEEPEST = 64 };

struct walk {
	struct arena *a;
	const struct words *w;
	const char *p;
	bool raw_escapes, nested; /* nested: a substitution with a word has been seen */
	int depth;
	struct err *e;
};

struct result {
	struct buf word, part;
	struct strings list;
	bool in_word;
};

static void forget(struct result *r)
{
	r->part.n = 0;
	r->in_word = false;
}

static void result_done(struct result *r)
{
	buf_done(&r->word);
	buf_done(&r->part);
}
#define auto_result __attribute__((cleanup(result_done))) struct result

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void end_word(struct walk *w, struct result *r)
{
	if (r->part.n)
		*vec_push(w->a, &r->list) = buf_take(w->a, &r->part);
	r->part.n = 0;
	r->in_word = false;
}

static void add_raw(struct result *r, const char *s, size_t n)
{
	buf_add(&r->part, s, n);
	r->in_word = true;
}

static void add_split(struct walk *w, struct result *r, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_blank(s[i]))
			add_raw(r, s + i, 1);
		else if (r->in_word && r->part.n)
			end_word(w, r);
	}
}

static int dollar(struct walk *w, struct buf *out);

static int single_quote(struct walk *w, struct buf *out)
{
	const char *end = strchr(w->p + 1, '\'');

	if (!end)
		return err_set(
			w->e, EINVAL,
			"unexpected end of statement while looking for matching single-quote");
	if (w->w->raw_quotes)
		buf_add(out, w->p, (size_t)(end + 1 - w->p));
	else
		buf_add(out, w->p + 1, (size_t)(end - w->p - 1));
	w->p = end + 1;
	return 0;
}

/* Inside double quotes the escape works on itself, the quote and the dollar only. */
static void quoted_char(struct walk *w, struct buf *out)
{
	char c = *w->p++;

	if (c == w->w->escape) {
		if (w->raw_escapes)
			buf_char(out, c);
		if (!*w->p)
			return;
		if (*w->p == '"' || *w->p == '$' || *w->p == w->w->escape)
			c = *w->p++;
	}
	buf_char(out, c);
}

static int double_quote(struct walk *w, struct buf *out)
{
	int r = 0;

	if (w->w->raw_quotes)
		buf_char(out, '"');
	w->p++;
	while (r == 0 && *w->p && *w->p != '"') {
		if (*w->p == '$')
			r = dollar(w, out);
		else
			quoted_char(w, out);
	}
	if (r < 0)
		return r;
	if (!*w->p)
		return err_set(
			w->e, EINVAL,
			"unexpected end of statement while looking for matching double-quote");
	if (w->w->raw_quotes)
		buf_char(out, '"');
	w->p++;
	return 0;
}

static int special(struct walk *w, struct result *res)
{
	auto_buf tmp = {};
	char c = *w->p;
	int r;

	w->nested = false;
	r = c == '$' ? dollar(w, &tmp) : c == '\'' ? single_quote(w, &tmp) : double_quote(w, &tmp);
	if (r < 0)
		return r;
	if (w->nested && w->w->forget)
		forget(res);
	buf_add(&res->word, tmp.p ? tmp.p : "", tmp.n);
	if (c == '$')
		add_split(w, res, tmp.p, tmp.n);
	else
		add_raw(res, tmp.p ? tmp.p : "", tmp.n);
	return 0;
}

static void plain_char(struct walk *w, struct result *res)
{
	char c = *w->p++;

	if (c != w->w->escape) {
		add_split(w, res, &c, 1);
	} else {
		if (w->raw_escapes) {
			add_raw(res, &c, 1);
			buf_char(&res->word, c);
		}
		if (!*w->p)
			return;
		c = *w->p++;
		add_raw(res, &c, 1);
	}
	buf_char(&res->word, c);
}

/* Up to `stop` (consumed), or to the end where stop is 0. */
static int until(struct walk *w, char stop, bool raw_escapes, struct result *res)
{
	bool before = w->raw_escapes;
	int r = 0;

	if (++w->depth > DEEPEST)
		return err_set(w->e, EINVAL, "substitutions are nested too deep");
	w->raw_escapes = raw_escapes;
	while (r == 0 && *w->p && !(stop && *w->p == stop)) {
		if (*w->p == '$' || (!w->w->skip_quotes && (*w->p == '\'' || *w->p == '"')))
			r = special(w, res);
		else
			plain_char(w, res);
	}
	w->raw_escapes = before;
	w->depth--;
	if (r < 0)
		return r;
	if (stop && !*w->p)
		return err_set(w->e, EINVAL,
			       stop == '/' ? "syntax error: missing '/' in ${}"
					   : "syntax error: missing '}'");
	if (stop)
		w->p++;
	end_word(w, res);
	return 0;
}

static int until_text(struct walk *w, char stop, bool raw_escapes, const char **out)
{
	auto_result res = {};
	int r = until(w, stop, raw_escapes, &res);

	w->nested = true;
	if (r < 0)
		return r;
	*out = buf_take(w->a, &res.word);
	return 0;
}

static const char *name(struct walk *w)
{
	const char *start = w->p;

	if (isdigit((unsigned char)*w->p)) {
		while (isdigit((unsigned char)*w->p))
			w->p++;
	} else if (*w->p && strchr("@*#?-$!", *w->p)) {
		w->p++;
	} else {
		/* Letters of any script: bytes above ASCII count as such. */
		while (isalnum((unsigned char)*w->p) || *w->p == '_' || (*w->p & 0x80))
			w->p++;
	}
	return arena_strndup(w->a, start, (size_t)(w->p - start));
}

static void note(struct walk *w, struct strings *list, const char *key)
{
	if (list && !strings_have(list, key))
		*vec_push(w->a, list) = key;
}

static const char *lookup(struct walk *w, const char *key)
{
	const char *value = w->w->env ? pairs_get(w->w->env, key) : NULL;

	note(w, value ? w->w->matched : w->w->unmatched, key);
	return value;
}

static int required(struct walk *w, const char *key, const char *value, const char *word,
		    bool null_is_unset, struct buf *out)
{
	if (!value)
		return err_set(w->e, EINVAL, "%s: %s", key,
			       *word ? word : "is not allowed to be unset");
	if (null_is_unset && !*value)
		return err_set(w->e, EINVAL, "%s: %s", key,
			       *word ? word : "is not allowed to be empty");
	buf_str(out, value);
	return 0;
}

static int trimmed(struct walk *w, char op, const char *word, const char *value, struct buf *out)
{
	bool longest = *word == op;
	const char *text;
	int r = glob_trim(w->a, word + longest, value ? value : "", op == '%', longest, &text,
			  w->e);

	if (r == 0)
		buf_str(out, text);
	return r;
}

static int unsupported(struct walk *w, const char *op)
{
	return err_set(w->e, EINVAL, "unsupported modifier (%s) in substitution", op);
}

static int modified(struct walk *w, const char *key, const char *op, struct buf *out)
{
	bool null_is_unset = op[0] == ':', empty;
	char kind = op[null_is_unset];
	const char *word, *value;
	int r;

	if (null_is_unset && !(kind && strchr("-+?", kind)))
		return unsupported(w, op);
	r = until_text(w, '}', kind == '#' || kind == '%', &word);
	if (r < 0)
		return r;
	value = lookup(w, key);
	if (w->w->skip_unset && !value) {
		buf_printf(out, "${%s%s%s}", key, op, word);
		return 0;
	}
	empty = !value || (null_is_unset && !*value);
	switch (kind) {
	case '-':
		buf_str(out, empty ? word : value);
		return 0;
	case '+':
		buf_str(out, empty ? "" : word);
		return 0;
	case '?':
		return required(w, key, value, word, null_is_unset, out);
	case '#':
	case '%':
		return trimmed(w, kind, word, value, out);
	}
	return unsupported(w, op);
}

static int replaced(struct walk *w, const char *key, struct buf *out)
{
	bool all = *w->p == '/';
	const char *pattern, *by, *value, *text;
	int r;

	w->p += all;
	r = until_text(w, '/', true, &pattern);
	if (r == 0)
		r = until_text(w, '}', true, &by);
	if (r < 0)
		return r;
	value = lookup(w, key);
	if (w->w->skip_unset && !value) {
		buf_printf(out, "${%s/%s/%s}", key, pattern, by);
		return 0;
	}
	r = glob_replace(w->a, pattern, value ? value : "", by, all, &text, w->e);
	if (r == 0)
		buf_str(out, text);
	return r;
}

static int braces(struct walk *w, struct buf *out)
{
	const char *key, *value;
	char op[3] = {};

	if (!*w->p)
		return err_set(w->e, EINVAL, "syntax error: missing '}'");
	if (*w->p == '{' || *w->p == '}' || *w->p == ':')
		return err_set(w->e, EINVAL, "syntax error: bad substitution");
	key = name(w);
	if (!*w->p)
		return err_set(w->e, EINVAL, "syntax error: missing '}'");
	op[0] = *w->p++;
	if (op[0] == '}') {
		value = lookup(w, key);
		if (!value && w->w->skip_unset)
			buf_printf(out, "${%s}", key);
		else
			buf_str(out, value ? value : "");
		return 0;
	}
	if (op[0] == '/')
		return replaced(w, key, out);
	if (op[0] == ':' && *w->p)
		op[1] = *w->p++;
	return strchr(":+-?#%", op[0]) ? modified(w, key, op, out) : unsupported(w, op);
}

static int dollar(struct walk *w, struct buf *out)
{
	const char *key, *value;

	w->p++;
	if (*w->p == '{') {
		w->p++;
		return braces(w, out);
	}
	key = name(w);
	value = *key ? lookup(w, key) : NULL;
	if (!*key)
		buf_char(out, '$');
	else if (!value && w->w->skip_unset)
		buf_printf(out, "$%s", key);
	else
		buf_str(out, value ? value : "");
	return 0;
}

int words_expand(struct arena *a, const struct words *w, const char *text, const char **word,
		 struct strings *list, struct err *e)
{
	struct walk walk = {.a = a, .w = w, .p = text, .raw_escapes = w->raw_escapes, .e = e};
	auto_result res = {};
	int r = until(&walk, '\0', w->raw_escapes, &res);

	if (r < 0)
		return err_wrap(e, "expand \"%s\"", text);
	if (word)
		*word = buf_take(a, &res.word);
	if (list)
		*list = res.list;
	return 0;
}
