/*
 * Block style YAML as docker compose prints it: two blanks of indentation, lists indented under
 * their key, quotes only where a reader would otherwise see something else.
 */
#include "compose/node.h"
#include "compose/render.h"
#include <ctype.h>

static void indent(struct buf *b, int depth)
{
	static const char blanks[] = "                                                ";

	for (size_t n = 2 * (size_t)depth, step; n; n -= step) {
		step = n < sizeof(blanks) - 1 ? n : sizeof(blanks) - 1;
		buf_add(b, blanks, step);
	}
}

/* Characters that a reader may take for structure, at the start of a plain scalar or inside. */
static bool plain_allowed(const char *s)
{
	size_t n = strlen(s);

	if (!n || isspace((unsigned char)s[0]) || isspace((unsigned char)s[n - 1]))
		return false;
	if (strchr("#,[]{}&*!|>'\"%@`", s[0]))
		return false;
	if (strchr("-?:", s[0]) && (!s[1] || isspace((unsigned char)s[1])))
		return false;
	if (!strncmp(s, "---", 3) || !strncmp(s, "...", 3))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == ':' && (i + 1 == n || isspace((unsigned char)s[i + 1])))
			return false;
		if (s[i] == '#' && i && isspace((unsigned char)s[i - 1]))
			return false;
	}
	return true;
}

/* A word that only a text can be, and that needs no quotes. */
static bool plain_word(const char *s)
{
	enum { LETTER = 1, OTHER };
	static const unsigned char class[256] = {
		['a' ... 'z'] = LETTER, ['A' ... 'Z'] = LETTER, ['0' ... '9'] = OTHER,
		['_'] = OTHER,          ['.'] = OTHER,          ['/'] = OTHER,
		['-'] = OTHER,          ['='] = OTHER,          ['@'] = OTHER,
	};
	const char *at = s;

	while (class[(unsigned char)*at])
		at++;
	/* Longer than "false". */
	return !*at && at - s > 5 && class[(unsigned char)*s] == LETTER;
}

static bool printable(const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* Old YAML words that yaml.v3 quotes so that older readers agree. */
static bool old_bool(const char *s)
{
	static const char *const words[] = {"y", "Y", "yes", "Yes", "YES", "on",  "On",  "ON",
					    "n", "N", "no",  "No",  "NO",  "off", "Off", "OFF"};

	for (size_t i = 0; i < countof(words) && strlen(s) <= 3; i++) {
		if (!strcmp(words[i], s))
			return true;
	}
	return false;
}

/* [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)? : a time of day to YAML 1.1 */
static bool base_60(const char *s)
{
	size_t parts = 0;

	if (*s == '-' || *s == '+')
		s++;
	if (!isdigit((unsigned char)*s))
		return false;
	s += strspn(s, "0123456789_");
	while (*s == ':') {
		size_t n = strspn(++s, "0123456789");

		if (!n || n > 2 || (n == 2 && s[0] > '5'))
			return false;
		s += n;
		parts++;
	}
	if (*s == '.')
		s += 1 + strspn(s + 1, "0123456789_");
	return parts && !*s;
}

static bool reads_as_text(struct arena *a, const char *s)
{
	const char *same;

	return node_type_of(a, s, &same) == TYPE_STR && !base_60(s) && !old_bool(s) &&
	       strcmp(s, "<<") && strcmp(s, "=");
}

static void double_quoted(struct buf *b, const char *s)
{
	static const char names[] = "\"\"\\\\\nn\tt\rr\bb\ff\033e\aa\vv";

	buf_char(b, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		const char *name = NULL;

		for (size_t i = 0; i + 1 < sizeof(names); i += 2) {
			if ((unsigned char)names[i] == c)
				name = &names[i + 1];
		}
		if (name)
			buf_printf(b, "\\%c", *name);
		else if (c < 0x20 || c == 0x7f)
			buf_printf(b, "\\x%02X", c);
		else
			buf_char(b, (char)c);
	}
	buf_char(b, '"');
}

static void single_quoted(struct buf *b, const char *s)
{
	buf_char(b, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_char(b, '\'');
		buf_char(b, *s);
	}
	buf_char(b, '\'');
}

static void literal(struct buf *b, const char *s, int depth)
{
	size_t n = strlen(s);
	const char *end;

	buf_char(b, '|');
	if (*s == ' ' || *s == '\n')
		buf_char(b, '2');
	if (s[n - 1] != '\n')
		buf_char(b, '-');
	else if (n == 1 || s[n - 2] == '\n')
		buf_char(b, '+');
	buf_char(b, '\n');
	for (; *s; s = *end ? end + 1 : end) {
		end = strchrnul(s, '\n');
		if (end != s)
			indent(b, depth);
		buf_add(b, s, (size_t)(end - s));
		if (*end)
			buf_char(b, '\n');
	}
	if (s[-1] == '\n')
		b->n--; /* the caller ends the line */
	b->p[b->n] = '\0';
}

/* A block would lose blanks at the end of its lines. */
static bool blank_at_end(const char *s)
{
	for (; *s; s++) {
		if (*s == ' ' && (s[1] == '\n' || !s[1]))
			return true;
	}
	return false;
}

struct yaml {
	struct arena *a; /* of this rendering */
	struct buf *out;
	bool double_dollars;
};

static void text(struct yaml *y, const char *raw, int depth, bool key)
{
	struct buf *b = y->out;
	auto_buf doubled = {0};
	const char *s = raw;

	if (plain_word(raw)) {
		buf_str(b, raw);
		return;
	}
	for (; y->double_dollars && *s; s++) {
		if (*s == '$')
			buf_char(&doubled, '$');
		buf_char(&doubled, *s);
	}
	s = doubled.p ? doubled.p : raw;
	if (!reads_as_text(y->a, s) || !printable(s) || (blank_at_end(s) && strchr(s, '\n')))
		double_quoted(b, s);
	else if (strchr(s, '\n') && !key)
		literal(b, s, depth);
	else if (strchr(s, '\n') || strchr(s, '\t'))
		double_quoted(b, s);
	else if (plain_allowed(s))
		buf_str(b, s);
	else
		single_quoted(b, s);
}

/* ---- order of keys: numbers by value, punctuation before letters, as yaml.v3 sorts maps ------ */

static int64_t digits_at(const char *s, size_t at, size_t *end)
{
	int64_t v = 0;

	for (*end = at; isdigit((unsigned char)s[*end]); ++*end)
		v = (int64_t)((uint64_t)v * 10 + (uint64_t)(s[*end] - '0'));
	return v;
}

static bool is_letter(unsigned char c)
{
	return isalpha(c) || c >= 0x80;
}

/* The keys differ at i, neither character being a letter. */
static int compare_numbers(const char *a, const char *b, size_t i)
{
	size_t a_end, b_end;
	int64_t x = digits_at(a, i, &a_end), y = digits_at(b, i, &b_end);
	bool lead = false;

	for (size_t j = i; (a[i] == '0' || b[i] == '0') && j-- > 0 && isdigit((unsigned char)a[j]);)
		lead |= a[j] != '0';
	if (lead && a_end != b_end) /* digits of one longer number: the longer is the larger */
		return a_end < b_end ? -1 : 1;
	if (x != y)
		return x < y ? -1 : 1;
	if (a_end != b_end)
		return a_end < b_end ? -1 : 1;
	return (unsigned char)a[i] < (unsigned char)b[i] ? -1 : 1;
}

static int by_natural_key(const void *p, const void *q)
{
	const char *a = (*(struct node *const *)p)->key, *b = (*(struct node *const *)q)->key;
	bool digits = false;
	size_t i = 0;

	for (; a[i] && b[i] && a[i] == b[i]; i++)
		digits = isdigit((unsigned char)a[i]);
	if (!a[i] || !b[i])
		return (a[i] != 0) - (b[i] != 0);
	bool al = is_letter((unsigned char)a[i]), bl = is_letter((unsigned char)b[i]);

	if (al && bl)
		return (unsigned char)a[i] < (unsigned char)b[i] ? -1 : 1;
	if (al || bl)
		return (digits ? al : bl) ? -1 : 1;
	return compare_numbers(a, b, i);
}

/* A copy of the kids: attributes in table order, then extensions; the user's names sorted. */
static void ordered(struct arena *a, const struct node *n, struct nodes *out)
{
	size_t fixed = 0;

	vec_each(k, &n->kids) {
		if (!n->record || strncmp((*k)->key, "x-", 2))
			*vec_push(a, out) = *k;
	}
	fixed = n->record ? out->n : 0;
	vec_each(k, &n->kids) {
		if (n->record && !strncmp((*k)->key, "x-", 2))
			*vec_push(a, out) = *k;
	}
	if (out->n > fixed + 1)
		qsort(out->v + fixed, out->n - fixed, sizeof(*out->v), by_natural_key);
}

static void block(struct yaml *y, const struct node *n, int depth, bool inline_first);

static bool shown(const struct node *n)
{
	return !n->json_only;
}

static size_t count_shown(const struct node *n)
{
	size_t count = 0;

	vec_each(k, &n->kids)
		count += shown(*k);
	return count;
}

static const char *number(const char *s)
{
	if (!strcmp(s, "NaN"))
		return ".nan";
	return !strcmp(s, "+Inf") ? ".inf" : !strcmp(s, "-Inf") ? "-.inf" : s;
}

static void value(struct yaml *y, const struct node *n, int depth)
{
	struct buf *b = y->out;

	if (n->kind == NODE_SCALAR) {
		if (n->type == TYPE_STR || n->type == TYPE_TIME)
			text(y, n->text, depth, false);
		else
			buf_str(b, n->type == TYPE_NULL ? "null" : number(n->text));
		buf_char(b, '\n');
	} else if (!count_shown(n)) {
		buf_str(b, n->kind == NODE_MAP ? "{}\n" : "[]\n");
	} else {
		block(y, n, depth, true);
	}
}

/* inline_first: the first line stands behind what is on the line already. */
static void block(struct yaml *y, const struct node *n, int depth, bool inline_first)
{
	struct buf *b = y->out;
	bool first = inline_first;
	struct nodes kids = {0};

	if (n->kind == NODE_MAP)
		ordered(y->a, n, &kids);
	else
		kids = (struct nodes){n->kids.v, n->kids.n, n->kids.cap};
	vec_each(k, &kids) {
		if (!shown(*k))
			continue;
		if (!first)
			indent(b, depth);
		first = false;
		if (n->kind == NODE_SEQ) {
			buf_str(b, "- ");
			value(y, *k, depth + 1);
			continue;
		}
		if (n->record)
			buf_str(b, (*k)->key);
		else
			text(y, (*k)->key, depth, true);
		buf_char(b, ':');
		if ((*k)->kind == NODE_SCALAR || !count_shown(*k)) {
			buf_char(b, ' ');
			value(y, *k, depth + 1);
		} else {
			buf_char(b, '\n');
			block(y, *k, depth + 1, false);
		}
	}
}

void render_yaml(const struct node *n, bool double_dollars, struct buf *out)
{
	auto_arena a = {0};
	struct yaml y = {&a, out, double_dollars};

	if (n->kind == NODE_SCALAR || !count_shown(n))
		value(&y, n, 0);
	else
		block(&y, n, 0, false);
}
