#include "build/dockerfile.h"
#include "build/blank.h"
#include "build/line.h"
#include "build/words.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

struct reader {
	struct arena *a;
	struct dockerfile *d;
	struct span rest;
	int line; /* number of the line read last */
	bool directives_over;
	const char *check, *ignore, *comment; /* of the comments right above */
	struct strings comments;
	struct err *e;
};

/* With its newline, which heredocs keep. */
static bool next_raw(struct reader *r, struct span *out)
{
	const char *nl;

	if (!r->rest.n)
		return false;
	nl = memchr(r->rest.p, '\n', r->rest.n);
	out->p = r->rest.p;
	out->n = nl ? (size_t)(nl + 1 - r->rest.p) : r->rest.n;
	r->rest.p += out->n;
	r->rest.n -= out->n;
	r->line++;
	return true;
}

static struct span without_newline(struct span s)
{
	while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

static bool is_comment(struct span s)
{
	s = blank_trim_left(s);
	return s.n && *s.p == '#';
}

static int fail(struct reader *r, int line)
{
	return err_at(r->e, "%s:%d", r->d->name, line);
}

/* ---- directives: "# escape=`" in the first comments of the file ---- */

static int set_directive(struct reader *r, const char *key, const char *value)
{
	struct dockerfile *d = r->d;
	const char **slot = !strcmp(key, "syntax") ? &d->syntax : &d->check;

	if (!strcmp(key, "escape")) {
		if (d->escape)
			return err_set(r->e, EINVAL,
				       "only one escape parser directive can be used");
		if (strcmp(value, "\\") && strcmp(value, "`"))
			return err_set(r->e, EINVAL,
				       "invalid escape token '%s' does not match ` or \\", value);
		d->escape = *value;
		return 0;
	}
	if (*slot)
		return err_set(r->e, EINVAL, "only one %s parser directive can be used", key);
	*slot = value;
	return 0;
}

static int directive(struct reader *r, struct span line)
{
	struct span s = line, key;
	char *name;

	if (r->directives_over)
		return 0;
	r->directives_over = true;
	if (!s.n || *s.p != '#')
		return 0;
	s = blank_trim_left((struct span){s.p + 1, s.n - 1});
	key = (struct span){s.p, 0};
	while (s.n && isalnum((unsigned char)*s.p)) {
		s.p++;
		s.n--;
		key.n++;
	}
	s = blank_trim_left(s);
	if (!key.n || isdigit((unsigned char)*key.p) || !s.n || *s.p != '=')
		return 0;
	s = blank_trim((struct span){s.p + 1, s.n - 1});
	name = span_dup(r->a, key);
	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (!s.n || (strcmp(name, "escape") && strcmp(name, "syntax") && strcmp(name, "check")))
		return 0;
	r->directives_over = false;
	return set_directive(r, name, span_dup(r->a, s));
}

/* ---- joining lines ---- */

/*
 * A line goes on where its last character that is not a blank is the escape, unless another
 * escape stands before it.
 */
static bool cut_continuation(struct span *s, char escape)
{
	size_t n = s->n;

	while (n && (s->p[n - 1] == ' ' || s->p[n - 1] == '\t'))
		n--;
	if (!n || s->p[n - 1] != escape || (n > 1 && s->p[n - 2] == escape))
		return false;
	s->n = n - 1;
	return true;
}

static char escape_of(const struct dockerfile *d)
{
	return d->escape ? d->escape : '\\';
}

static void join(struct reader *r, struct buf *line, bool *empty_seen)
{
	struct span raw, s;
	bool more = true;

	while (more && next_raw(r, &raw)) {
		if (is_comment(raw))
			continue;
		s = without_newline(raw);
		if (!blank_trim_left(s).n) {
			*empty_seen = true;
			continue;
		}
		more = cut_continuation(&s, escape_of(r->d));
		buf_add(line, s.p, s.n);
	}
}

/* ---- heredocs ---- */

static int word_count(struct arena *a, const char *text, bool raw, struct strings *out)
{
	struct words w = {
		.escape = '\\', .skip_unset = true, .raw_quotes = raw, .raw_escapes = raw};
	struct err ignored;

	return words_expand(a, &w, text, NULL, out, &ignored);
}

bool dockerfile_heredoc(struct arena *a, const char *word, struct heredoc *out)
{
	struct strings plain = {}, raw = {};
	const char *p = word;

	while (isdigit((unsigned char)*p))
		p++;
	if (p[0] != '<' || p[1] != '<')
		return false;
	p += 2;
	out->chomp = *p == '-';
	p += out->chomp;
	if (!*p || strchr(p, '<'))
		return false;
	if (word_count(a, p, false, &plain) < 0 || plain.n != 1 ||
	    word_count(a, p, true, &raw) < 0 || raw.n != 1)
		return false;
	out->name = plain.v[0];
	out->content = "";
	out->expand = !strcmp(plain.v[0], raw.v[0]);
	return true;
}

const char *dockerfile_chomp(struct arena *a, const char *content)
{
	auto_buf b = {};
	bool start = true;

	for (const char *p = content; *p; p++) {
		if (start && *p == '\t')
			continue;
		start = *p == '\n';
		buf_char(&b, *p);
	}
	return buf_take(a, &b);
}

static int read_heredoc(struct reader *r, struct heredoc *h)
{
	auto_buf content = {};
	struct span raw, s;

	while (next_raw(r, &raw)) {
		s = without_newline(raw);
		while (h->chomp && s.n && *s.p == '\t') {
			s.p++;
			s.n--;
		}
		if (span_is(s, h->name)) {
			h->content = buf_take(r->a, &content);
			return 0;
		}
		buf_add(&content, raw.p, raw.n);
	}
	return err_set(r->e, EINVAL, "the heredoc <<%s has no end", h->name);
}

static bool takes_heredocs(const struct instruction *in)
{
	if (in->sub)
		in = in->sub;
	return !in->json && (!strcmp(in->keyword, "add") || !strcmp(in->keyword, "copy") ||
			     !strcmp(in->keyword, "run"));
}

static int read_heredocs(struct reader *r, struct instruction *in)
{
	struct strings words = {};

	if (!takes_heredocs(in) || !strstr(in->original, "<<") ||
	    word_count(r->a, in->original, true, &words) < 0)
		return 0;
	for (size_t i = 0; i < words.n; i++) {
		struct heredoc h;

		if (!dockerfile_heredoc(r->a, words.v[i], &h))
			continue;
		if (read_heredoc(r, &h) < 0)
			return -EINVAL;
		*vec_push(r->a, &in->heredocs) = h;
	}
	return 0;
}

/* ---- instructions ---- */

static int read_instruction(struct reader *r, struct span first)
{
	int start = r->line;
	bool empty_seen = false;
	auto_buf line = {};
	struct span s = first;
	bool more = cut_continuation(&s, escape_of(r->d));
	struct instruction *in;

	if (!more && !s.n)
		return 0;
	buf_add(&line, s.p, s.n);
	if (more)
		join(r, &line, &empty_seen);
	in = vec_push(r->a, &r->d->list);
	*in = (struct instruction){.line = start,
				   .check = r->check,
				   .ignore = r->ignore,
				   .comment = r->comment,
				   .comments = r->comments};
	if (empty_seen)
		*vec_push(r->a, &r->d->empty_continuations) = r->line;
	if (line_parse(r->a, (struct span){line.p ? line.p : "", line.n}, escape_of(r->d), in,
		       r->e) < 0 ||
	    read_heredocs(r, in) < 0)
		return fail(r, start);
	in->end_line = r->line;
	return 0;
}

static const char *after(struct reader *r, struct span s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n > n && !memcmp(s.p, prefix, n) ? span_dup(r->a, (struct span){s.p + n, s.n - n})
						  : NULL;
}

/* Words for the checks; another comment between them and the instruction does no harm. */
static void read_comment(struct reader *r, struct span s)
{
	const char *check = after(r, s, "check="), *ignore = after(r, s, "hadolint ignore=");
	const char *everywhere = after(r, s, "hadolint global ignore=");

	r->comment = span_dup(r->a, s);
	if (s.n)
		*vec_push(r->a, &r->comments) = r->comment;
	else
		r->comments = (struct strings){0}; /* a "#" alone parts what is said */
	r->check = check ? check : r->check;
	r->ignore = ignore ? ignore : r->ignore;
	r->d->ignore = everywhere ? everywhere : r->d->ignore;
}

static int read_line(struct reader *r, struct span raw)
{
	struct span s = blank_trim_left(without_newline(raw));
	int code;

	if (directive(r, s) < 0)
		return fail(r, r->line);
	if (s.n && *s.p == '#') {
		read_comment(r, blank_trim((struct span){s.p + 1, s.n - 1}));
		return 0;
	}
	if (!s.n)
		return 0;
	code = read_instruction(r, s);
	r->check = r->ignore = r->comment = NULL;
	r->comments = (struct strings){0};
	return code;
}

int dockerfile_parse(struct arena *a, const char *name, struct span text, struct dockerfile *out,
		     struct err *e)
{
	struct reader r = {.a = a, .d = out, .rest = text, .e = e};
	struct span raw;
	int code = 0;

	*out = (struct dockerfile){.name = name, .text = text};
	if (text.n >= 3 && !memcmp(text.p, "\xef\xbb\xbf", 3)) {
		r.rest.p += 3;
		r.rest.n -= 3;
	}
	if (memchr(text.p ? text.p : "", '\0', text.n))
		return err_set(e, EINVAL, "%s has a NUL byte: it is no text file", name);
	while (code == 0 && next_raw(&r, &raw))
		code = read_line(&r, raw);
	if (code < 0)
		return code;
	out->escape = escape_of(out);
	if (!out->list.n)
		return err_set(e, EINVAL, "file with no instructions"), fail(&r, r.line);
	return 0;
}

int dockerfile_parse_one(struct arena *a, const char *text, struct instruction *out, struct err *e)
{
	struct dockerfile d;
	int r = dockerfile_parse(a, "ONBUILD", span_of(text), &d, e);

	if (r < 0)
		return r;
	if (d.list.n != 1)
		return err_set(e, EINVAL, "an ONBUILD trigger must be one instruction: %s", text);
	*out = d.list.v[0];
	return 0;
}

/* ---- dump ---- */

static void dump_one(const struct instruction *in, struct buf *out)
{
	buf_printf(out, "(%s", in->keyword);
	for (size_t i = 0; i < in->flags.n; i++) {
		buf_str(out, i ? " " : " [");
		buf_go(out, in->flags.v[i]);
	}
	if (in->flags.n)
		buf_char(out, ']');
	if (in->sub) {
		buf_char(out, ' ');
		dump_one(in->sub, out);
	}
	for (size_t i = 0; i < in->args.n; i++) {
		buf_char(out, ' ');
		buf_go(out, in->args.v[i]);
	}
	buf_char(out, ')');
}

void dockerfile_dump(const struct dockerfile *d, struct buf *out)
{
	vec_each(in, &d->list) {
		dump_one(in, out);
		buf_char(out, '\n');
	}
}
