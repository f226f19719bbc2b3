/*
 * The settle and decode walks: from the merged tree to the form that `config` prints, and from
 * that to structs. Both rely on expand having fixed every shape.
 */
#include "base/when.h"
#include "compose/schema.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool zero(const struct attr *row, const struct node *n)
{
	if (n->kind != NODE_SCALAR)
		return !n->kids.n;
	if (row->type == A_STR)
		return !*n->text;
	return !*n->text || !strcmp(n->text, "0") || !strcmp(n->text, "false") ||
	       n->type == TYPE_NULL;
}

/* A float as Go prints a float32: shortest digits that read back the same. */
static const char *float32_text(struct arena *a, const char *text)
{
	float v = strtof(text, NULL);
	char buf[64];
	int digits = 1, exponent;

	do {
		snprintf(buf, sizeof(buf), "%.*g", digits, (double)v);
	} while (strtof(buf, NULL) != v && ++digits <= 9);
	snprintf(buf, sizeof(buf), "%.*e", digits - 1, (double)v);
	exponent = atoi(strchr(buf, 'e') + 1);
	if (exponent >= -4 && exponent < 6)
		snprintf(buf, sizeof(buf), "%.*f",
			 digits > exponent + 1 ? digits - 1 - exponent : 0, (double)v);
	return arena_strndup(a, buf, strlen(buf));
}

static int settle_duration(struct walk *w, struct node *n, struct node **out, struct err *e)
{
	char text[40];
	int64_t ns;

	if (when_parse_duration(n->text, &ns, e) < 0)
		return err_at(e, "%s:%d:%d", n->file, n->line, n->col);
	when_format_duration(ns, text);
	*out = node_str(w->a, arena_strndup(w->a, text, strlen(text)), n);
	return 0;
}

/* mode: 440 is decimal, and as permissions 0670. */
static void lint_mode(struct walk *w, const struct node *n, unsigned long v)
{
	if (n->type == TYPE_INT && !n->octal && v > 77 && !n->text[strspn(n->text, "01234567")])
		walk_warn(w, n, "mode %s is a decimal number, as permissions 0%lo: write 0%s",
			  n->text, v, n->text);
}

static int settle_mode(struct walk *w, struct node *n, struct node **out, struct err *e)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(n->text, &end, n->type == TYPE_STR ? 8 : 10);
	if (*end || end == n->text || *n->text == '-' || errno || v > 0xffffffff) {
		node_fail(n, e, "\"%s\" is not a file mode", n->text);
		return err_hint(e, "write it in octal: \"0440\"");
	}
	lint_mode(w, n, v);
	*out = node_str(w->a, arena_printf(w->a, "0%lo", v), n);
	return 0;
}

static int settle_bytes(struct walk *w, struct node *n, struct node **out, struct err *e)
{
	if (n->type == TYPE_FLOAT) {
		node_fail(n, e, "a size must not be a bare fraction: %s", n->text);
		return err_hint(e, "quote it and add a unit: \"%sm\"", n->text);
	}
	*out = node_str(w->a, n->text, n);
	return 0;
}

static int settle_scalar(struct walk *w, const struct attr *row, struct node *n, struct node **out,
			 struct err *e)
{
	if (node_null(n)) {
		*out = n;
		return 0;
	}
	if ((n->type == TYPE_FLOAT && strpbrk(n->text, "IN")) ||
	    (row->type == A_FLOAT && !isfinite(strtof(n->text, NULL))))
		return node_fail(n, e, "\"%s\" takes a finite number", row->name);
	switch (row->type) {
	case A_STR:
		*out = node_str(w->a, n->text, n);
		return 0;
	case A_DURATION:
		return settle_duration(w, n, out, e);
	case A_BYTES:
		return settle_bytes(w, n, out, e);
	case A_MODE:
		return settle_mode(w, n, out, e);
	case A_FLOAT:
		*out = node_typed(w->a, TYPE_FLOAT, float32_text(w->a, n->text), n);
		return 0;
	case A_INT:
	case A_MICROS:
		if (n->type == TYPE_FLOAT)
			*out = node_typed(w->a, TYPE_INT,
					  arena_printf(w->a, "%.0f", trunc(strtod(n->text, NULL))),
					  n);
		else
			*out = n;
		return 0;
	default:
		*out = n;
		return 0;
	}
}

/* Where a value came from stays with it, whatever form it takes. */
static void carry(struct node *v, const struct node *was)
{
	v->from = was->from;
	v->before = was->before;
	v->key_line = was->key_line;
	v->key_col = was->key_col;
	v->octal = was->octal;
}

static int bad_pair(const struct node *k, struct err *e)
{
	node_fail(k, e, "the name of \"%.80s\" ends in a blank", k->text);
	return err_hint(e, "write NAME=value without a blank before the =");
}

static int settle_pairs(struct walk *w, const struct attr *row, struct node *n, struct node **out,
			struct err *e)
{
	struct node *map = node_new(w->a, NODE_MAP, n);

	node_reserve(w->a, map, n->kids.n);
	vec_each(k, &n->kids) {
		const char *key = (*k)->key, *value = (*k)->text;
		bool null = node_null(*k);

		if (n->kind == NODE_SEQ) {
			const char *eq = strchr((*k)->text, '=');

			key = arena_strndup(w->a, value, eq ? (size_t)(eq - value) : strlen(value));
			null = !eq;
			value = eq ? eq + 1 : "";
			if (row->flags & F_NULLS && eq && eq > (*k)->text &&
			    (eq[-1] == ' ' || eq[-1] == '\t'))
				return bad_pair(*k, e);
		}
		struct node *v = null && row->flags & F_NULLS
					 ? node_typed(w->a, TYPE_NULL, "", *k)
					 : node_str(w->a, null ? "" : value, *k);

		carry(v, *k);
		node_put(w->a, map, key, v);
	}
	node_sort(map);
	*out = map;
	return 0;
}

static int settle_list(struct walk *w, const struct attr *row, struct node *n, struct node **out,
		       struct err *e)
{
	*out = node_new(w->a, n->kind, n);
	node_reserve(w->a, *out, n->kids.n);
	vec_each(k, &n->kids) {
		struct node *v = *k;
		int r = row->item ? schema_settle(w, row->item, *k, &v, e) : 0;

		if (r < 0)
			return r;
		if (!row->item)
			v = node_str(w->a, v->text, v);
		carry(v, *k);
		if (n->kind == NODE_MAP)
			node_put(w->a, *out, (*k)->key, v);
		else
			node_push(w->a, *out, v);
	}
	if (n->kind == NODE_MAP)
		node_sort(*out);
	return 0;
}

static void put(struct walk *w, const struct attr *row, struct node *map, struct node *v,
		const struct node *was)
{
	v->title = row->flags & F_TITLE;
	v->yaml_only |= !!(row->flags & F_YAML);
	carry(v, was);
	node_put(w->a, map, row->name, v);
}

/* What JSON shows for an attribute that nobody gave. */
static void put_absent(struct walk *w, const struct attr *row, struct node *map)
{
	struct node *v = row->type == A_MAP || row->type == A_NAMED
				 ? node_new(w->a, NODE_MAP, map)
				 : node_typed(w->a, TYPE_NULL, "", map);

	v->json_only = row->type != A_NAMED;
	v->record = row->type == A_MAP;
	for (const struct attr *in = row->type == A_MAP ? row->sub : NULL; in && in->name; in++) {
		if (in->flags & F_JSON)
			put_absent(w, in, v);
	}
	node_put(w->a, map, row->name, v);
}

static void put_zero(struct walk *w, const struct attr *row, struct node *map)
{
	struct node *v = row->type == A_INT ? node_typed(w->a, TYPE_INT, "0", map)
					    : node_str(w->a, row->type == A_STR ? "" : "0", map);

	v->json_only = true;
	v->title = row->flags & F_TITLE;
	node_put(w->a, map, row->name, v);
}

static int settle_attr(struct walk *w, const struct attr *row, struct node *map, struct node *k,
		       struct err *e)
{
	struct node *v = NULL;
	int r = k ? schema_settle(w, row, k, &v, e) : 0;

	if (r < 0)
		return r;
	if (k && ((row->flags & F_KEEP) || !zero(row, v)) && !node_null(v))
		put(w, row, map, v, k);
	else if (row->flags & F_JSON)
		put_absent(w, row, map);
	else if (row->flags & F_ZERO)
		put_zero(w, row, map);
	return 0;
}

static int settle_record(struct walk *w, const struct attr *row, struct node *n, struct node **out,
			 struct err *e)
{
	struct node *map = node_new(w->a, NODE_MAP, n), *given[ROWS_MAX] = {0};
	size_t count = 0;

	map->record = true;
	for (size_t i = 0; i < n->kids.n; i++) {
		const struct attr *in = schema_row(row->sub, n->kids.v[i]->key);

		if (in && !(in->flags & F_HIDDEN) && !n->kids.v[i]->json_only)
			given[in - row->sub] = n->kids.v[i];
		count += in || schema_extension(n->kids.v[i]->key);
	}
	node_reserve(w->a, map, count + 2);
	for (size_t i = 0; row->sub[i].name; i++) {
		int r = given[i] || row->sub[i].flags & (F_JSON | F_ZERO)
				? settle_attr(w, &row->sub[i], map, given[i], e)
				: 0;
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n->kids.n; i++) {
		if (schema_extension(n->kids.v[i]->key) && !schema_row(row->sub, n->kids.v[i]->key))
			node_put(w->a, map, n->kids.v[i]->key, n->kids.v[i]);
	}
	*out = map;
	return 0;
}

int schema_settle(struct walk *w, const struct attr *row, struct node *n, struct node **out,
		  struct err *e)
{
	if (row->flags & F_SOLID && node_null(n))
		n = node_new(w->a, NODE_MAP, n);
	if (row->settle && !node_null(n))
		return row->settle(w, n, out, e);
	if (row->type == A_ANY || node_null(n)) {
		*out = n;
		return 0;
	}
	switch (row->type) {
	case A_PAIRS:
		return settle_pairs(w, row, n, out, e);
	case A_STRS:
	case A_WORDS:
	case A_LIST:
	case A_NAMED:
		return settle_list(w, row, n, out, e);
	case A_MAP:
		if (n->kind == NODE_MAP)
			return settle_record(w, row, n, out, e);
		*out = n;
		return 0;
	default:
		return settle_scalar(w, row, n, out, e);
	}
}

/* ---- decode
 * ------------------------------------------------------------------------------- */

static int decode_scalar(const struct attr *row, const struct node *n, void *at, struct err *e)
{
	char *end;

	switch (row->type) {
	case A_STR:
		*(const char **)at = n->text;
		return 0;
	case A_BOOL:
		*(bool *)at = node_true(n);
		return 0;
	case A_FLOAT:
		*(double *)at = strtod(n->text, NULL);
		return 0;
	case A_DURATION:
		return when_parse_duration(n->text, at, e);
	case A_MODE:
		*(int64_t *)at = strtol(n->text, &end, 8);
		return 0;
	default:
		if (text_to_i64(n->text, at))
			return node_fail(n, e, "\"%s\" takes a whole number, not \"%s\"", row->name,
					 n->text);
		return 0;
	}
}

static int decode_list(struct arena *a, const struct attr *row, const struct node *n, void *at,
		       struct err *e)
{
	VEC(char) *vec = at; /* entries of item->size bytes */
	size_t size = row->item->size;

	vec->v = arena_alloc(a, n->kids.n * size + 1);
	vec->n = vec->cap = n->kids.n;
	for (size_t i = 0; i < n->kids.n; i++) {
		int r = schema_decode(a, row->item, n->kids.v[i], vec->v + i * size, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_record(struct arena *a, const struct attr *row, const struct node *n, char *out,
			 struct err *e)
{
	vec_each(k, &n->kids) {
		const struct attr *in = node_null(*k) ? NULL : schema_row(row->sub, (*k)->key);
		int r = in && in->to ? schema_decode(a, in, *k, out + in->to - 1, e) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

int schema_decode(struct arena *a, const struct attr *row, const struct node *n, void *out,
		  struct err *e)
{
	int r;

	if (row->decode) {
		r = row->decode(a, n, out, e);
		if (r)
			return r < 0 ? r : 0; /* 1: nothing is left to decode */
	}
	switch (row->type) {
	case A_STRS:
	case A_WORDS:
		vec_each(k, &n->kids)
			*vec_push(a, (struct strings *)out) = (*k)->text;
		return 0;
	case A_PAIRS:
		vec_each(k, &n->kids)
			*vec_push(a, (struct pairs *)out) =
				(struct pair){(*k)->key, node_null(*k) ? NULL : (*k)->text};
		return 0;
	case A_MAP:
		return n->kind == NODE_MAP ? decode_record(a, row, n, out, e) : 0;
	case A_LIST:
	case A_NAMED:
		return decode_list(a, row, n, out, e);
	case A_ANY:
		*(const struct node **)out = n;
		return 0;
	default:
		return decode_scalar(row, n, out, e);
	}
}
