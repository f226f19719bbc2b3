/*
 * Theory: the text is walked, never compiled. walk() copies what stands outside {{ }} and carries
 * out tags; a loop's body is walked once per element, an untaken branch with `emit` false. Every
 * value made on the way is put into `keep` and dies with the run, so the rest only borrows.
 */
#include "cli/template.h"
#include "base/json.h"
#include "base/vec.h"
#include "cli/template_functions.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { DEPTH_MAX = 40, ARGS_MAX = 12, OUT_MAX = 1 << 24 };

enum stop { STOP_TEXT, STOP_END, STOP_ELSE };

/* --- expressions --- */

static void skip_blanks(struct span *s)
{
	while (s->n && isspace((unsigned char)*s->p)) {
		s->p++;
		s->n--;
	}
}

static struct span take_name(struct span *s)
{
	struct span name = {s->p, 0};

	while (s->n && (isalnum((unsigned char)*s->p) || *s->p == '_')) {
		s->p++;
		s->n--;
		name.n++;
	}
	return name;
}

/* docker's rows print labels as "a=b,c=d"; .Label "a" looks inside. */
static json_t *label_of(struct run *t, json_t *row, const char *key)
{
	json_t *labels = json_object_get(row, "Labels");
	struct span rest, one, name;

	if (json_is_object(labels) || !key)
		return json_object_get(labels, key ? key : "");
	rest = span_of(json_string_value(labels) ? json_string_value(labels) : "");
	while (rest.n) {
		span_cut(&rest, ',', &one);
		if (span_cut(&one, '=', &name) && span_is(name, key))
			return kept(t, json_stringn_nocheck(one.p, one.n));
	}
	return NULL;
}

static int no_member(struct run *t, const char *word)
{
	const char *near, *key;
	struct strings names = {0};
	auto_arena a = {0};
	json_t *value;

	json_object_foreach(t->root, key, value) * vec_push(&a, &names) = key;
	near = text_nearest(word, names.v, names.n);
	err_set(t->e, EINVAL, "template: there is no .%s here", word);
	if (near)
		return err_hint(t->e, "did you mean {{.%s}}?", near);
	return err_hint(t->e, "--format json shows what there is");
}

static int term(struct run *t, struct span *s, json_t *dot, json_t **out);
static int pipeline(struct run *t, struct span s, json_t *dot, json_t **out);

/* .A.B after its head was read; `at` is the head's value. */
static int members(struct run *t, struct span *s, json_t *at, json_t **out)
{
	while (s->n && *s->p == '.') {
		struct span name;
		json_t *key = NULL;
		char word[128];

		s->p++;
		s->n--;
		name = take_name(s);
		if (!name.n)
			break;
		snprintf(word, sizeof(word), "%.*s", (int)name.n, name.p);
		if (!strcmp(word, "Label") && !json_object_get(at, word)) {
			skip_blanks(s);
			if (term(t, s, NULL, &key) < 0)
				return -EINVAL;
			at = label_of(t, at, json_string_value(key));
		} else if (t->known && at == t->root && !json_object_get(at, word)) {
			return no_member(t, word);
		} else {
			at = json_object_get(at, word);
		}
	}
	*out = at;
	return 0;
}

static int quoted(struct run *t, struct span *s, json_t **out)
{
	char quote = *s->p;
	auto_buf b = {0};
	size_t i = 1;

	for (; i < s->n && s->p[i] != quote; i++) {
		char c = s->p[i];

		if (c == '\\' && quote == '"' && i + 1 < s->n) {
			c = s->p[++i];
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
		}
		buf_char(&b, c);
	}
	if (i == s->n)
		return err_set(t->e, EINVAL, "a string in the template is not closed");
	s->p += i + 1;
	s->n -= i + 1;
	*out = kept_text(t, &b);
	return 0;
}

static json_t *variable(struct run *t, struct span name)
{
	for (size_t i = t->n_vars; i-- > 0;) {
		if (t->vars[i].name.n == name.n && !memcmp(t->vars[i].name.p, name.p, name.n))
			return t->vars[i].value;
	}
	return name.n ? NULL : t->root;
}

static int nested(struct run *t, struct span *s, json_t *dot, json_t **out)
{
	size_t i = 1, open = 1;
	struct span inner;

	for (; i < s->n && open; i++)
		open += (s->p[i] == '(') - (size_t)(s->p[i] == ')');
	if (open || ++t->depth > DEPTH_MAX)
		return err_set(t->e, EINVAL, "a parenthesis in the template is not closed");
	inner = (struct span){s->p + 1, i - 2};
	s->p += i;
	s->n -= i;
	return pipeline(t, inner, dot, out);
}

static int term(struct run *t, struct span *s, json_t *dot, json_t **out)
{
	struct span name;
	char word[64];
	int64_t number;
	int r;

	if (*s->p == '"' || *s->p == '`')
		return quoted(t, s, out);
	if (*s->p == '.')
		return members(t, s, dot, out);
	if (*s->p == '$') {
		s->p++;
		s->n--;
		name = take_name(s);
		return members(t, s, variable(t, name), out);
	}
	if (*s->p == '(') {
		r = nested(t, s, dot, out);
		return r < 0 ? r : members(t, s, *out, out);
	}
	if (*s->p == '-') {
		s->p++;
		s->n--;
		name = take_name(s);
		snprintf(word, sizeof(word), "-%.*s", (int)name.n, name.p);
	} else {
		name = take_name(s);
		snprintf(word, sizeof(word), "%.*s", (int)name.n, name.p);
	}
	if (!text_to_i64(word, &number))
		*out = kept(t, json_integer(number));
	else if (!strcmp(word, "true") || !strcmp(word, "false"))
		*out = json_boolean(word[0] == 't');
	else if (!strcmp(word, "nil"))
		*out = NULL;
	else
		return err_set(t->e, EINVAL, "template: \"%.*s\" is not understood",
			       *word ? (int)strlen(word) : (int)(s->n > 20 ? 20 : s->n),
			       *word ? word : s->p);
	return 0;
}

static const struct function *take_function(struct span *s)
{
	struct span left = *s;
	const struct function *f = function_named(take_name(&left));

	if (f)
		*s = left;
	return f;
}

/* One command of a pipeline; `piped` (if has_piped) becomes its last argument. */
static int call(struct run *t, struct span s, json_t *dot, json_t *piped, bool has_piped,
		json_t **out)
{
	const struct function *f;
	json_t *args[ARGS_MAX];
	size_t n = 0;

	skip_blanks(&s);
	f = take_function(&s);
	skip_blanks(&s);
	while (s.n && n < ARGS_MAX - 1) {
		if (term(t, &s, dot, &args[n++]) < 0)
			return -EINVAL;
		skip_blanks(&s);
	}
	if (has_piped)
		args[n++] = piped;
	if (f && n < f->least)
		return err_set(t->e, EINVAL, "template: %s takes %zu argument(s)", f->name,
			       f->least);
	if (!f && n != 1)
		return err_set(t->e, EINVAL, "template: {{ }} needs one value or a function");
	*out = f ? f->call(t, args, n) : args[0];
	return 0;
}

static int pipeline(struct run *t, struct span s, json_t *dot, json_t **out)
{
	bool has_piped = false;
	size_t start = 0, open = 0;
	json_t *value = NULL;
	char quote = 0;

	for (size_t i = 0; i <= s.n; i++) {
		char c = i < s.n ? s.p[i] : '|';

		if (quote && i < s.n) {
			quote = c == quote ? 0 : quote;
			continue;
		}
		if (c == '"' || c == '`')
			quote = c;
		open += (c == '(') - (size_t)(c == ')');
		if (c != '|' || (open && i < s.n))
			continue;
		if (call(t, (struct span){s.p + start, i - start}, dot, value, has_piped, &value) <
		    0)
			return -EINVAL;
		has_piped = true;
		start = i + 1;
	}
	*out = value;
	return 0;
}

/* --- tags --- */

static int walk(struct run *t, const char **p, json_t *dot, bool emit, enum stop *how);

/* The text between {{ and }}; moves *p behind, honouring {{- and -}}. */
static int take_tag(struct run *t, const char **p, struct span *tag)
{
	const char *end = strstr(*p, "}}");

	if (!end)
		return err_set(t->e, EINVAL, "template: \"{{\" without \"}}\"");
	*tag = (struct span){*p + 2, (size_t)(end - *p - 2)};
	*p = end + 2;
	if (tag->n && *tag->p == '-') {
		tag->p++;
		tag->n--;
		while (t->out->n && isspace((unsigned char)t->out->p[t->out->n - 1]))
			t->out->n--;
	}
	if (tag->n && tag->p[tag->n - 1] == '-') {
		tag->n--;
		while (isspace((unsigned char)**p))
			++*p;
	}
	skip_blanks(tag);
	while (tag->n && isspace((unsigned char)tag->p[tag->n - 1]))
		tag->n--;
	return 0;
}

static bool tag_word(struct span *tag, const char *word)
{
	size_t n = strlen(word);

	if (tag->n < n || memcmp(tag->p, word, n) ||
	    (tag->n > n && !isspace((unsigned char)tag->p[n])))
		return false;
	tag->p += n;
	tag->n -= n;
	skip_blanks(tag);
	return true;
}

/* `$k, $v :=` or `$v :=` before a pipeline. */
static size_t take_variables(struct span *tag, struct span names[2])
{
	const char *assign = memmem(tag->p, tag->n, ":=", 2);
	size_t n = 0;

	if (!assign || *tag->p != '$')
		return 0;
	while (tag->p < assign && n < 2) {
		struct span name;

		if (*tag->p != '$') {
			tag->p++;
			tag->n--;
			continue;
		}
		tag->p++;
		tag->n--;
		name = take_name(tag);
		names[n++] = name;
	}
	tag->n -= (size_t)(assign + 2 - tag->p);
	tag->p = assign + 2;
	return n;
}

static int body(struct run *t, const char **p, json_t *dot, bool emit, enum stop *how)
{
	int r = walk(t, p, dot, emit, how);

	if (r >= 0 && *how == STOP_TEXT)
		return err_set(t->e, EINVAL, "template: {{end}} is missing");
	return r;
}

static int do_if(struct run *t, struct span tag, const char **p, json_t *dot, bool emit, bool with)
{
	json_t *value = NULL;
	enum stop how;
	bool yes;

	if (emit && pipeline(t, tag, dot, &value) < 0)
		return -EINVAL;
	yes = is_true(value);
	if (body(t, p, with && yes ? value : dot, emit && yes, &how) < 0)
		return -EINVAL;
	if (how == STOP_ELSE) {
		const char *back = *p;
		struct span other;

		/* {{else if x}}: the tag is read again as an if of its own. */
		while (memcmp(back, "{{", 2))
			back--;
		if (take_tag(t, &back, &other) < 0)
			return -EINVAL;
		tag_word(&other, "else");
		if (tag_word(&other, "if"))
			return do_if(t, other, p, dot, emit && !yes, false);
		return body(t, p, dot, emit && !yes, &how);
	}
	return 0;
}

static void set_variables(struct run *t, const struct span *names, size_t n, json_t *key, json_t *v)
{
	if (n == 2 && t->n_vars < TEMPLATE_VARS)
		t->vars[t->n_vars++] = (struct variable){names[0], key};
	if (n && t->n_vars < TEMPLATE_VARS)
		t->vars[t->n_vars++] = (struct variable){names[n - 1], v};
}

static int do_range(struct run *t, struct span tag, const char **p, json_t *dot, bool emit)
{
	size_t n_names, count = 0, vars = t->n_vars;
	const char *start = *p, *key;
	json_t *over = NULL, *item;
	struct span names[2];
	enum stop how;
	size_t i;

	n_names = take_variables(&tag, names);
	if (emit && pipeline(t, tag, dot, &over) < 0)
		return -EINVAL;
	json_array_foreach(over, i, item)
	{
		set_variables(t, names, n_names, kept(t, json_integer((json_int_t)i)), item);
		*p = start;
		count++;
		if (body(t, p, item, true, &how) < 0)
			return -EINVAL;
		t->n_vars = vars;
	}
	json_object_foreach(over, key, item)
	{
		set_variables(t, names, n_names, kept(t, json_string_nocheck(key)), item);
		*p = start;
		count++;
		if (body(t, p, item, true, &how) < 0)
			return -EINVAL;
		t->n_vars = vars;
	}
	if (!count && body(t, p, dot, false, &how) < 0)
		return -EINVAL;
	return how == STOP_ELSE ? body(t, p, dot, emit && !count, &how) : 0;
}

static int do_value(struct run *t, struct span tag, json_t *dot)
{
	struct span names[2];
	size_t n = take_variables(&tag, names);
	json_t *value;

	if (pipeline(t, tag, dot, &value) < 0)
		return -EINVAL;
	if (n)
		set_variables(t, names, 1, NULL, value);
	else
		template_value(t->out, value);
	return 0;
}

static int do_tag(struct run *t, struct span tag, const char **p, json_t *dot, bool emit)
{
	if (tag_word(&tag, "range"))
		return do_range(t, tag, p, dot, emit);
	if (tag_word(&tag, "if"))
		return do_if(t, tag, p, dot, emit, false);
	if (tag_word(&tag, "with"))
		return do_if(t, tag, p, dot, emit, true);
	if (!emit || (tag.n > 1 && !memcmp(tag.p, "/*", 2)))
		return 0;
	return do_value(t, tag, dot);
}

static int walk(struct run *t, const char **p, json_t *dot, bool emit, enum stop *how)
{
	if (++t->depth > DEPTH_MAX)
		return err_set(t->e, E2BIG, "template: nested too deep");
	while (**p) {
		size_t plain = strcspn(*p, "{");
		struct span tag;

		if (t->out->n > OUT_MAX)
			return err_set(t->e, E2BIG, "template: the result is too long");
		if (plain || (*p)[1] != '{') {
			plain += !plain;
			if (emit)
				buf_add(t->out, *p, plain);
			*p += plain;
			continue;
		}
		if (take_tag(t, p, &tag) < 0)
			return -EINVAL;
		*how = tag_word(&tag, "end")    ? STOP_END
		       : tag_word(&tag, "else") ? STOP_ELSE
						: STOP_TEXT;
		if (*how != STOP_TEXT)
			goto out;
		if (do_tag(t, tag, p, dot, emit) < 0)
			return -EINVAL;
	}
	*how = STOP_TEXT;
out:
	t->depth--;
	return 0;
}

static int print(struct buf *out, const char *text, json_t *dot, bool known, struct err *e)
{
	auto_json *keep = json_array();
	struct run t = {.out = out, .root = dot, .keep = keep, .known = known, .e = e};
	enum stop how;

	if (walk(&t, &text, dot, true, &how) < 0)
		return -e->code;
	if (how != STOP_TEXT)
		return err_set(e, EINVAL, "template: {{end}} or {{else}} without a beginning");
	return 0;
}

int template_print(struct buf *out, const char *text, json_t *dot, struct err *e)
{
	return print(out, text, dot, false, e);
}

int template_row(struct buf *out, const char *text, json_t *row, struct err *e)
{
	return print(out, text, row, true, e);
}

char *template_unescape(struct arena *a, const char *text)
{
	auto_buf b = {0};

	for (; *text; text++) {
		if (*text == '\\' && (text[1] == 't' || text[1] == 'n'))
			buf_char(&b, *++text == 't' ? '\t' : '\n');
		else
			buf_char(&b, *text);
	}
	return buf_take(a, &b);
}
