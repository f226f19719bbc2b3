/* Commands as one text: split as docker compose does, without a shell. */
#include "compose/short.h"
#include <ctype.h>
#include <errno.h>

struct splitter {
	struct buf word;
	bool any, escaped, single, twice, back, dollar;
	struct strings *out;
	struct arena *a;
};

static void end_word(struct splitter *s)
{
	if (s->any)
		*vec_push(s->a, s->out) =
			arena_strndup(s->a, s->word.p ? s->word.p : "", s->word.n);
	s->word.n = 0;
	s->any = false;
}

static bool quoted(const struct splitter *s)
{
	return s->single || s->twice || s->back || s->dollar;
}

static void add(struct splitter *s, char c)
{
	buf_char(&s->word, c);
	s->any = true;
}

/* 1: an unquoted operator ends the command; -EINVAL: a parenthesis in the wrong place. */
static int special(struct splitter *s, char c)
{
	switch (c) {
	case '`':
		if (!s->single && !s->twice && !s->dollar)
			s->back = !s->back;
		break;
	case ')':
		if (!s->single && !s->twice && !s->back)
			s->dollar = !s->dollar;
		break;
	case '(':
		if (s->single || s->twice || s->back)
			break;
		if (s->dollar || !s->word.n || s->word.p[s->word.n - 1] != '$')
			return -EINVAL;
		s->dollar = true;
		break;
	case '"':
		if (s->single || s->dollar)
			break;
		s->any |= s->twice;
		s->twice = !s->twice;
		return 0;
	case '\'':
		if (s->twice || s->dollar)
			break;
		s->any |= s->single;
		s->single = !s->single;
		return 0;
	case ';':
	case '&':
	case '|':
	case '<':
	case '>':
		if (quoted(s))
			break;
		/* "2>file": the number belongs to the operator */
		if (c == '>' && s->word.n && isdigit((unsigned char)s->word.p[0]))
			s->any = false;
		return 1;
	default:
		break;
	}
	add(s, c);
	return 0;
}

static int split_char(struct splitter *s, char c)
{
	if (s->escaped) {
		add(s, (char)(c == 't' ? '\t' : c == 'n' ? '\n' : c));
		s->escaped = false;
		return 0;
	}
	if (c == '\\') {
		if (s->single)
			buf_char(&s->word, c);
		else
			s->escaped = true;
		return 0;
	}
	if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
		if (quoted(s))
			buf_char(&s->word, c);
		else
			end_word(s);
		return 0;
	}
	return special(s, c);
}

int short_split(struct arena *a, const char *text, struct strings *out, const char **operator_at)
{
	struct splitter s = {.out = out, .a = a};
	int r = 0;

	*operator_at = NULL;
	for (; *text && !r; text++)
		r = split_char(&s, *text);
	if (r == 1) {
		*operator_at = text - 1;
		r = 0;
	}
	end_word(&s);
	if (s.escaped || quoted(&s))
		r = -EINVAL;
	buf_done(&s.word);
	return r;
}

int short_words(struct walk *w, struct node *n, struct node **out, struct err *e)
{
	struct strings words = {0};
	const char *operator_at;

	*out = n;
	if (n->kind != NODE_SCALAR) {
		*out = node_new(w->a, NODE_SEQ, n);
		vec_each(k, &n->kids)
			node_push(w->a, *out, node_str(w->a, (*k)->text, *k));
		return 0;
	}
	if (short_split(w->a, n->text, &words, &operator_at) < 0) {
		node_fail(n, e, "this command line has an open quote or a stray parenthesis");
		return err_hint(e, "write it as a list: [\"sh\", \"-c\", \"...\"]");
	}
	if (operator_at)
		walk_warn(w, n,
			  "no shell reads this command: it ends before the unquoted \"%c\"; "
			  "write [\"sh\", \"-c\", \"...\"]",
			  *operator_at);
	*out = node_new(w->a, NODE_SEQ, n);
	vec_each(word, &words)
		node_push(w->a, *out, node_str(w->a, *word, n));
	return 0;
}

int short_test(struct walk *w, struct node *n, struct node **out, struct err *e)
{
	if (n->kind == NODE_SEQ)
		return short_words(w, n, out, e);
	*out = node_new(w->a, NODE_SEQ, n);
	node_push(w->a, *out, node_str(w->a, "CMD-SHELL", n));
	node_push(w->a, *out, node_str(w->a, n->text, n));
	return 0;
}
