#include "compose/schema.h"
#include "base/when.h"
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const unsigned usual_kinds[] = {
	[A_ANY] = KS | KI | KF | KB | KN | KQ | KM,
	[A_STR] = KS,
	[A_BOOL] = KB | KS,
	[A_INT] = KI | KS,
	[A_MICROS] = KI | KF | KS,
	[A_FLOAT] = KI | KF | KS,
	[A_BYTES] = KI | KF | KS,
	[A_DURATION] = KS,
	[A_MODE] = KI | KF | KS,
	[A_WORDS] = KS | KQ | KN,
	[A_STRS] = KQ,
	[A_PAIRS] = KM | KQ,
	[A_MAP] = KM,
	[A_NAMED] = KM,
	[A_LIST] = KQ,
};

static void tell(struct walk *w, struct strings *list, const struct node *n, const char *text,
		 va_list ap)
{
	auto_buf b = {0};
	char line[512];

	if (!list)
		return;
	vsnprintf(line, sizeof(line), text, ap);
	buf_printf(&b, "%s: %s", node_at(w->a, n), line);
	if (!strings_have(list, b.p))
		*vec_push(w->a, list) = buf_take(w->a, &b);
}

void walk_warn(struct walk *w, const struct node *n, const char *text, ...)
{
	va_list ap;

	va_start(ap, text);
	tell(w, w->warnings, n, text, ap);
	va_end(ap);
}

void walk_notice(struct walk *w, const struct node *n, const char *text, ...)
{
	va_list ap;

	va_start(ap, text);
	tell(w, w->notices, n, text, ap);
	va_end(ap);
}

const struct attr *schema_row(const struct attr *rows, const char *name)
{
	for (; rows && rows->name; rows++) {
		/* A settled tree has the very name. */
		if (rows->name == name || (rows->name[0] == name[0] && rows->name[1] == name[1] &&
					   !strcmp(rows->name, name)))
			return rows;
	}
	return NULL;
}

const struct attr *schema_find(const struct attr *top, const char *path)
{
	struct span rest = span_of(path), head;
	const struct attr *row = top;
	char name[128];

	while (row && rest.n) {
		span_cut(&rest, '.', &head);
		snprintf(name, sizeof(name), "%.*s", (int)head.n, head.p);
		if (row->type == A_LIST && strspn(name, "0123456789[]*") != strlen(name))
			row = row->item;
		if (row && row->type == A_MAP)
			row = schema_row(row->sub, name);
		else
			row = row ? row->item : NULL;
	}
	return row;
}

/* ---- expand ------------------------------------------------------------------------------- */

static bool is_whole(const char *number)
{
	double v = strtod(number, NULL);

	return fabs(v) < 0x1p53 && v == trunc(v);
}

static unsigned kind_of(const struct node *n)
{
	static const unsigned scalar[] = {[TYPE_NULL] = KN,  [TYPE_BOOL] = KB, [TYPE_INT] = KI,
					  [TYPE_FLOAT] = KF, [TYPE_STR] = KS,  [TYPE_TIME] = 0};

	/* A number of the schema's is whole by its value: 1e3. */
	if (n->kind == NODE_SCALAR && n->type == TYPE_FLOAT && is_whole(n->text))
		return KI | KF;
	return n->kind == NODE_MAP ? KM : n->kind == NODE_SEQ ? KQ : scalar[n->type];
}

static const char *const kind_names[] = {"a text",  "a whole number", "a number", "true or false",
					 "nothing", "a list",         "a mapping"};

static int wrong_kind(const char *name, unsigned kinds, const struct node *n, struct err *e)
{
	auto_buf b = {0};
	unsigned have = kind_of(n);
	const char *got =
		n->kind == NODE_SCALAR && n->type == TYPE_TIME ? "a date" : "something else";

	if (kinds & KF)
		kinds &= ~(unsigned)KI;
	for (unsigned i = 0; i < countof(kind_names); i++) {
		if (have & 1u << i)
			got = kind_names[i];
		if (!(kinds & 1u << i) || 1u << i == KN)
			continue;
		kinds &= ~(1u << i);
		buf_printf(&b, "%s%s",
			   !b.n                    ? ""
			   : kinds & ~(unsigned)KN ? ", "
						   : " or ",
			   kind_names[i]);
	}
	node_fail(n, e, "%s\"%s\" takes %s, not %s", n->key ? "" : "an entry of ", name,
		  b.p ? b.p : "another value", got);
	if (n->kind == NODE_SCALAR && n->type != TYPE_NULL && b.p && strstr(b.p, "a text"))
		return err_hint(e, "quote it: \"%s\"", n->text);
	if (have == KN)
		return err_hint(e, "give it a value, or leave the line out");
	return -e->code;
}

static int unknown(const struct attr *rows, const struct node *n, struct err *e)
{
	const char *names[160], *best;
	size_t count = 0;

	for (const struct attr *r = rows; r->name && count < countof(names); r++)
		names[count++] = r->name;
	best = text_nearest(n->key, names, count);
	node_fail_key(n, e, "no attribute is called \"%s\" here", n->key);
	if (best)
		return err_hint(e, "did you mean \"%s\"?", best);
	return err_hint(e, "attributes of your own begin with \"x-\"");
}

static int cast_bool(struct walk *w, struct node *n, const char *name, struct err *e)
{
	static const char *const yes[] = {"true", "y", "yes", "on"};
	static const char *const no[] = {"false", "n", "no", "off"};

	for (size_t i = 0; i < countof(yes); i++) {
		bool is_yes = !strcasecmp(n->text, yes[i]);

		if (!is_yes && strcasecmp(n->text, no[i]))
			continue;
		if (i > 0)
			walk_notice(w, n, "\"%s\" is read as %s: write true or false", n->text,
				    is_yes ? "true" : "false");
		n->type = TYPE_BOOL;
		n->text = is_yes ? "true" : "false";
		return 0;
	}
	return node_fail(n, e, "\"%s\" takes true or false, not \"%s\"", name, n->text);
}

static int at_node(const struct node *n, struct err *e)
{
	return err_at(e, "%s:%d:%d", n->file, n->line, n->col);
}

static int cast_number(struct walk *w, const struct attr *row, struct node *n, struct err *e)
{
	enum node_type type;
	int64_t v;

	if (row->type == A_BYTES) {
		if (size_parse(n->text, &v, e) < 0)
			return at_node(n, e);
		if (v < 0) {
			node_fail(n, e, "\"%s\" is no size", n->text);
			return err_hint(e, "write it as a number, without quotes: %s", n->text);
		}
	} else if (row->type == A_MICROS && text_to_i64(n->text, &v)) {
		if (when_parse_duration(n->text, &v, e) < 0)
			return at_node(n, e);
		v /= 1000;
	} else if (row->type == A_FLOAT) {
		while (n->text[0] == '0' && isdigit((unsigned char)n->text[1]))
			n->text++; /* 010 is ten in a text */
		type = node_type_of(w->a, n->text, &n->text);
		if (type != TYPE_INT && type != TYPE_FLOAT)
			return node_fail(n, e, "\"%s\" takes a number, not \"%s\"", row->name,
					 n->text);
		n->type = type;
		return 0;
	} else if (text_to_i64(n->text + (*n->text == '+'), &v)) {
		return node_fail(n, e, "\"%s\" takes a whole number, not \"%s\"", row->name,
				 n->text);
	}
	n->type = TYPE_INT;
	n->text = arena_printf(w->a, "%lld", (long long)v);
	return 0;
}

/* "8" where a number is wanted becomes one, so that ${N:-8} works. */
static int cast(struct walk *w, const struct attr *row, struct node *n, struct err *e)
{
	if (w->raw || n->kind != NODE_SCALAR || n->type != TYPE_STR || row->expand)
		return 0;
	switch (row->type) {
	case A_BOOL:
		return cast_bool(w, n, row->name, e);
	case A_INT:
	case A_MICROS:
	case A_FLOAT:
	case A_BYTES:
		return cast_number(w, row, n, e);
	default:
		return 0;
	}
}

static int check_range(const struct attr *row, const struct node *n, struct err *e)
{
	int64_t v;

	if ((!row->min && !row->max) || n->kind != NODE_SCALAR || n->type != TYPE_INT)
		return 0;
	if (!text_to_i64(n->text, &v) && v >= row->min && v <= row->max)
		return 0;
	if (row->max == INT64_MAX)
		return node_fail(n, e, "\"%s\" takes no number below %lld", row->name,
				 (long long)row->min);
	return node_fail(n, e, "\"%s\" takes a number from %lld to %lld, not %s", row->name,
			 (long long)row->min, (long long)row->max, n->text);
}

static int check_word(struct walk *w, const struct attr *row, const struct node *n, struct err *e)
{
	size_t count = 0;
	const char *best;

	if (!row->words || n->kind != NODE_SCALAR || (w->raw && strchr(n->text, '$')))
		return 0;
	for (; row->words[count]; count++) {
		if (!strcmp(row->words[count], n->text))
			return 0;
	}
	best = text_nearest(n->text, row->words, count);
	node_fail(n, e, "\"%s\" is not a value of \"%s\"", n->text, row->name);
	if (best)
		return err_hint(e, "did you mean \"%s\"?", best);
	return err_hint(e, "it takes %s, %s%s%s", row->words[0], row->words[1],
			count > 2 ? ", " : "", count > 2 ? row->words[2] : "");
}

int schema_check_names(const struct node *map, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";

	vec_each(k, &map->kids) {
		if (*(*k)->key && !(*k)->key[strspn((*k)->key, allowed)])
			continue;
		node_fail_key(*k, e, "\"%s\" is no name", (*k)->key);
		return err_hint(e, "a name holds letters, digits, dots, hyphens and underscores");
	}
	return 0;
}

static int check_entries(const struct attr *row, const struct node *n, struct err *e)
{
	unsigned kinds = row->entries ? row->entries : KS;

	if (row->type == A_PAIRS && n->kind == NODE_SEQ)
		kinds = KS;
	else if (row->type == A_PAIRS && !row->entries)
		kinds = KS | KI | KF | KB | KN;
	else if (row->type == A_STRS && n->kind == NODE_MAP)
		kinds |= KN;
	vec_each(k, &n->kids) {
		if ((*k)->key && !*(*k)->key)
			return node_fail_key(*k, e, "a name in \"%s\" is empty", row->name);
		unsigned inside = kinds & (KB | KI) ? kinds & ~(unsigned)KQ : (unsigned)KS;

		if (!(kind_of(*k) & kinds))
			return wrong_kind((*k)->key ? (*k)->key : row->name, kinds, *k, e);
		vec_each(in, &(*k)->kids) {
			if (!(kind_of(*in) & inside))
				return wrong_kind(row->name, inside, *in, e);
		}
	}
	return 0;
}

static int expand_record(struct walk *w, const struct attr *row, struct node *map, struct err *e)
{
	for (size_t i = 0; i < map->kids.n; i++) {
		struct node *k = map->kids.v[i];
		const struct attr *inner = schema_row(row->sub, k->key);
		int r;

		if (k->mark == MARK_RESET || (!inner && schema_extension(k->key)))
			continue;
		if (!inner)
			return unknown(row->sub, k, e);
		if (inner->flags & F_INERT && !node_null(k))
			walk_warn(w, k, "\"%s\" has no effect here: %s", inner->name, inner->doc);
		r = schema_expand(w, inner, &map->kids.v[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int expand_children(struct walk *w, const struct attr *row, struct node *n, struct err *e)
{
	switch (row->type) {
	case A_STRS:
	case A_PAIRS:
	case A_WORDS:
		return check_entries(row, n, e);
	case A_MAP:
		return n->kind == NODE_MAP ? expand_record(w, row, n, e) : 0;
	case A_LIST:
	case A_NAMED:
		for (size_t i = 0; i < n->kids.n; i++) {
			int r = n->kids.v[i]->mark == MARK_RESET
					? 0
					: schema_expand(w, row->item, &n->kids.v[i], e);
			if (r < 0)
				return r;
		}
		return 0;
	default:
		return 0;
	}
}

int schema_expand(struct walk *w, const struct attr *row, struct node **n, struct err *e)
{
	struct node *was = *n;
	const char *key = was->key;
	bool over = w->over;
	unsigned kinds = row->kinds ? row->kinds : usual_kinds[row->type];
	int r;

	if (was->mark == MARK_RESET || row->type == A_ANY)
		return row->type == A_ANY && !(kind_of(was) & kinds)
			       ? wrong_kind(row->name, kinds, was, e)
			       : 0;
	if (w->over && node_null(was))
		return 0; /* schema_check sees what is left of these */
	if (!(kind_of(was) & kinds))
		return wrong_kind(row->name, kinds, was, e);
	r = cast(w, row, was, e);
	if (!r)
		r = check_range(row, was, e);
	if (!r && row->words)
		r = check_word(w, row, was, e);
	if (!r && row->flags & F_NAMES && was->kind == NODE_MAP)
		r = schema_check_names(was, e);
	if (!r && row->flags & F_SPLIT_ONE && was->kind == NODE_SCALAR && !node_null(was) &&
	    !(w->raw && row->flags & F_LATE)) {
		*n = node_new(w->a, NODE_SEQ, was);
		node_push(w->a, *n, node_str(w->a, was->text, was));
	}
	if (!r && row->expand)
		r = row->expand(w, n, e);
	if (*n != was) {
		(*n)->key = key;
		(*n)->mark = was->mark;
		(*n)->key_line = was->key_line;
		(*n)->key_col = was->key_col;
	}
	/* a service goes over what it extends */
	w->over |= row->flags & F_FILLED && (*n)->kind == NODE_MAP && node_get(*n, "extends");
	r = r < 0 ? r : expand_children(w, row, *n, e);
	w->over = over;
	return r;
}

/* ---- check -------------------------------------------------------------------------------- */

static bool same_tree(const struct node *a, const struct node *b)
{
	if (a->kind != b->kind || a->kids.n != b->kids.n)
		return false;
	if (a->kind == NODE_SCALAR)
		return !strcmp(a->text, b->text);
	for (size_t i = 0; i < a->kids.n; i++) {
		const struct node *other =
			a->kind == NODE_MAP ? node_get(b, a->kids.v[i]->key) : b->kids.v[i];
		if (!other || !same_tree(a->kids.v[i], other))
			return false;
	}
	return true;
}

static int check_unique(const struct attr *row, const struct node *n, struct err *e)
{
	for (size_t i = 0; i < n->kids.n && n->kids.n <= 2000; i++) {
		for (size_t j = 0; j < i; j++) {
			if (!same_tree(n->kids.v[i], n->kids.v[j]))
				continue;
			node_fail(n->kids.v[i], e, "\"%s\" says the same twice, first at line %d",
				  row->name, n->kids.v[j]->line);
			return err_hint(e, "keep one of the two");
		}
	}
	return 0;
}

static int missing(const struct attr *inner, const struct node *n, struct err *e)
{
	node_fail(n, e, "\"%s\" is missing here", inner->name);
	if (inner->words)
		return err_hint(e, "it takes %s, %s%s%s", inner->words[0], inner->words[1],
				inner->words[2] ? ", " : "",
				inner->words[2] ? inner->words[2] : "");
	return err_hint(e, "add \"%s\": %s", inner->name,
			inner->doc ? inner->doc : "it is required");
}

static int check_record(struct arena *a, const struct attr *row, const struct node *n,
			struct err *e)
{
	int r = 0;

	for (const struct attr *in = row->sub; in->name; in++) {
		if (in->flags & F_REQUIRED && !node_get(n, in->name))
			return missing(in, n, e);
	}
	for (size_t i = 0; i < n->kids.n && !r; i++) {
		const struct attr *in = schema_row(row->sub, n->kids.v[i]->key);

		if (in)
			r = schema_check(a, in, n->kids.v[i], e);
	}
	return r;
}

int schema_check(struct arena *a, const struct attr *row, const struct node *n, struct err *e)
{
	unsigned kinds = row->kinds ? row->kinds : usual_kinds[row->type];
	int r = 0;

	if (node_null(n) && !(kinds & KN))
		return wrong_kind(row->name, kinds, n, e);
	if (n->kind == NODE_SEQ && row->flags & F_UNIQUE)
		r = check_unique(row, n, e);
	if (row->flags & F_FILLED && node_null(n)) {
		node_fail_key(n, e, "service \"%s\" is empty", n->key);
		return err_hint(e, "give it an image");
	}
	if (row->type == A_MAP && n->kind == NODE_MAP) {
		r = check_record(a, row, n, e);
	} else if (row->type == A_LIST || row->type == A_NAMED) {
		for (size_t i = 0; i < n->kids.n && !r; i++)
			r = schema_check(a, row->item, n->kids.v[i], e);
	}
	return r;
}

/* ---- describe ----------------------------------------------------------------------------- */

void schema_describe(const struct attr *row, const char *name, struct buf *out)
{
	static const char *const type[] = {"anything", "text",         "true|false",
					   "number",   "microseconds", "number",
					   "size",     "duration",     "octal mode",
					   "command",  "list",         "NAME=value list or mapping",
					   "mapping",  "mapping",      "list"};

	buf_printf(out, "%s (%s)\n  %s\n", name, type[row->type], row->doc ? row->doc : "");
	if (row->words) {
		buf_str(out, "  one of:");
		for (const char *const *word = row->words; *word; word++)
			buf_printf(out, " %s", *word);
		buf_char(out, '\n');
	}
	if (row->dflt)
		buf_printf(out, "  default: %s\n", row->dflt);
}
