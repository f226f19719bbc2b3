#include "build/line.h"
#include "build/blank.h"
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

enum { DEEPEST = 8 };

/* Keywords and how their arguments are cut. */
typedef int cut_fn(struct arena *a, struct span rest, char escape, struct instruction *in,
		   struct err *e);

static cut_fn cut_pairs, cut_names, cut_whole, cut_blanks, cut_json, cut_json_list, cut_health,
	cut_sub;

/* clang-format off */
static const struct rule {
	const char *keyword;
	cut_fn *cut;
} rules[] = {
	{"add",         cut_json_list},
	{"arg",         cut_names},
	{"cmd",         cut_json},
	{"copy",        cut_json_list},
	{"entrypoint",  cut_json},
	{"env",         cut_pairs},
	{"expose",      cut_blanks},
	{"from",        cut_blanks},
	{"healthcheck", cut_health},
	{"label",       cut_pairs},
	{"maintainer",  cut_whole},
	{"onbuild",     cut_sub},
	{"run",         cut_json},
	{"shell",       cut_json},
	{"stopsignal",  cut_whole},
	{"user",        cut_whole},
	{"volume",      cut_json_list},
	{"workdir",     cut_whole},
};
/* clang-format on */

/* The class that separates words: not the newline, which only heredocs can bring. */
static bool is_gap(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

static struct span skip_gap(struct span s)
{
	while (s.n && is_gap(*s.p)) {
		s.p++;
		s.n--;
	}
	return s;
}

static struct span cut_gap(struct span *s)
{
	struct span head = {s->p, 0};

	while (s->n && !is_gap(*s->p)) {
		s->p++;
		s->n--;
		head.n++;
	}
	*s = skip_gap(*s);
	return head;
}

struct cutter {
	struct span rest;
	struct buf word;
	bool quoted; /* an empty word counts when it was quoted */
};

static char cutter_take(struct cutter *c)
{
	char ch = *c->rest.p;

	c->rest.p++;
	c->rest.n--;
	return ch;
}

/* A flag's quotes and backslashes are removed; always the backslash, whatever `escape` says. */
static void flag_word(struct cutter *c)
{
	char quote = 0;

	while (c->rest.n && (quote || !blank_at(c->rest.p, c->rest.p + c->rest.n))) {
		char ch = cutter_take(c);

		if (quote && ch == quote) {
			quote = 0;
			continue;
		}
		if (!quote && (ch == '"' || ch == '\'')) {
			quote = ch;
			c->quoted = true;
			continue;
		}
		if (ch == '\\') {
			if (!c->rest.n) {
				quote = 0;
				continue;
			}
			ch = cutter_take(c);
		}
		buf_char(&c->word, ch);
	}
}

static struct span cut_flags(struct arena *a, struct span rest, struct strings *flags)
{
	for (;;) {
		struct cutter c = {.rest = blank_trim_left(rest)};

		if (c.rest.n < 2 || c.rest.p[0] != '-' || c.rest.p[1] != '-')
			return c.rest;
		flag_word(&c);
		rest = c.rest;
		if (c.word.n == 2 && !memcmp(c.word.p, "--", 2)) {
			buf_done(&c.word);
			return rest;
		}
		if (c.word.n || c.quoted)
			*vec_push(a, flags) = buf_take(a, &c.word);
		buf_done(&c.word);
	}
}

/* A word keeps its quotes and escapes; they are removed when it is expanded. */
static void kept_word(struct cutter *c, char escape)
{
	char quote = 0;

	while (c->rest.n && (quote || !blank_at(c->rest.p, c->rest.p + c->rest.n))) {
		char ch = cutter_take(c);

		if (quote && ch == quote) {
			quote = 0;
		} else if (!quote && (ch == '"' || ch == '\'')) {
			quote = ch;
			c->quoted = true;
		} else if (ch == escape && quote != '\'') {
			if (!c->rest.n)
				return;
			buf_char(&c->word, ch);
			ch = cutter_take(c);
		}
		buf_char(&c->word, ch);
	}
}

static void cut_words(struct arena *a, struct span rest, char escape, struct strings *out)
{
	while ((rest = blank_trim_left(rest)).n) {
		struct cutter c = {.rest = rest};

		kept_word(&c, escape);
		rest = c.rest;
		if (c.word.n || c.quoted)
			*vec_push(a, out) = buf_take(a, &c.word);
		buf_done(&c.word);
	}
}

static int cut_names(struct arena *a, struct span rest, char escape, struct instruction *in,
		     struct err *e)
{
	cut_words(a, rest, escape, &in->args);
	return 0;
}

static void add_pair(struct arena *a, struct instruction *in, const char *key, const char *value,
		     const char *separator)
{
	*vec_push(a, &in->args) = key;
	*vec_push(a, &in->args) = value;
	*vec_push(a, &in->args) = separator;
}

/* "KEY rest of the line" where the first word has no "=", else "K=V K=V ...". */
static int cut_pairs(struct arena *a, struct span rest, char escape, struct instruction *in,
		     struct err *e)
{
	struct strings words = {};

	cut_words(a, rest, escape, &words);
	if (!words.n)
		return 0;
	if (!strchr(words.v[0], '=')) {
		struct span tail = rest, head = cut_gap(&tail);

		if (head.n == rest.n)
			return err_set(e, EINVAL, "%s must have two arguments",
				       *in->keyword == 'e' ? "ENV" : "LABEL");
		add_pair(a, in, span_dup(a, head), span_dup(a, tail), "");
		return 0;
	}
	for (size_t i = 0; i < words.n; i++) {
		const char *eq = strchr(words.v[i], '=');

		if (!eq)
			return err_set(e, EINVAL,
				       "can't find = in \"%s\": it must be of the form name=value",
				       words.v[i]);
		add_pair(a, in, arena_strndup(a, words.v[i], (size_t)(eq - words.v[i])), eq + 1,
			 "=");
	}
	return 0;
}

static int cut_blanks(struct arena *a, struct span rest, char escape, struct instruction *in,
		      struct err *e)
{
	while (rest.n)
		*vec_push(a, &in->args) = span_dup(a, cut_gap(&rest));
	return 0;
}

static int cut_whole(struct arena *a, struct span rest, char escape, struct instruction *in,
		     struct err *e)
{
	if (rest.n)
		*vec_push(a, &in->args) = span_dup(a, rest);
	return 0;
}

static int json_words(struct arena *a, const json_t *list, struct instruction *in, struct err *e)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item))
			return err_set(e, EINVAL,
				       "when using JSON array syntax, arrays must be comprised of "
				       "strings only");
		*vec_push(a, &in->args) = span_dup(
			a, (struct span){json_string_value(item), json_string_length(item)});
	}
	in->json = true;
	return 0;
}

/* 1: it is no JSON array, so it is shell words. */
static int try_json(struct arena *a, struct span rest, struct instruction *in, struct err *e)
{
	json_error_t je;
	json_t *list;
	int r;

	rest = blank_trim_left(rest);
	if (!rest.n || *rest.p != '[')
		return 1;
	list = json_loadb(rest.p, rest.n, JSON_ALLOW_NUL, &je);
	if (!list)
		return 1;
	r = json_words(a, list, in, e);
	json_decref(list);
	return r;
}

static int cut_json(struct arena *a, struct span rest, char escape, struct instruction *in,
		    struct err *e)
{
	int r = rest.n ? try_json(a, rest, in, e) : 0;

	return r == 1 ? cut_whole(a, rest, escape, in, e) : r;
}

static int cut_json_list(struct arena *a, struct span rest, char escape, struct instruction *in,
			 struct err *e)
{
	int r = try_json(a, rest, in, e);

	return r == 1 ? cut_blanks(a, rest, escape, in, e) : r;
}

static int cut_health(struct arena *a, struct span rest, char escape, struct instruction *in,
		      struct err *e)
{
	struct span head = {rest.p, 0};

	while (rest.n && !blank_at(rest.p, rest.p + rest.n)) {
		rest.p++;
		rest.n--;
		head.n++;
	}
	if (!head.n)
		return 0;
	*vec_push(a, &in->args) = span_dup(a, head);
	return cut_json(a, blank_trim_left(rest), escape, in, e);
}

static int cut_sub(struct arena *a, struct span rest, char escape, struct instruction *in,
		   struct err *e)
{
	if (!rest.n)
		return 0;
	if (in->depth == DEEPEST)
		return err_set(e, EINVAL, "ONBUILD is nested too deep");
	in->sub = arena_new(a, struct instruction);
	in->sub->depth = in->depth + 1;
	return line_parse(a, rest, escape, in->sub, e);
}

static cut_fn *rule_for(const char *keyword)
{
	for (size_t i = 0; i < countof(rules); i++)
		if (!strcmp(rules[i].keyword, keyword))
			return rules[i].cut;
	return NULL;
}

int line_parse(struct arena *a, struct span line, char escape, struct instruction *out,
	       struct err *e)
{
	struct span rest = blank_trim(line), head = cut_gap(&rest);
	cut_fn *cut;
	char *lower = span_dup(a, head);

	for (char *p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	out->written = span_dup(a, head);
	out->keyword = lower;
	out->original = span_dup(a, line);
	rest = blank_trim(cut_flags(a, rest, &out->flags));
	cut = rule_for(lower);
	return cut ? cut(a, rest, escape, out, e) : 0;
}
