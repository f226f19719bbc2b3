/*
 * The merge walk: a later file over an earlier one, an extending service over its base.
 * Mappings merge name by name, lists are appended, a scalar is replaced; rows say where it is
 * otherwise. null in the later file leaves the earlier value alone.
 */
#include "compose/schema.h"

static int cannot(const struct node *over, const struct node *base, struct err *e)
{
	static const char *const names[] = {"a single value", "a list", "a mapping"};

	node_fail(over, e, "cannot merge %s over %s at %s:%d", names[over->kind], names[base->kind],
		  base->file, base->line);
	return err_hint(e, "put !override before the value to replace the earlier one");
}

/* {A: 1} as [A=1], sorted: the common form of both spellings. */
static struct node *as_equals(struct arena *a, struct node *n)
{
	struct node *seq;

	if (n->kind != NODE_MAP)
		return n;
	seq = node_new(a, NODE_SEQ, n);
	node_sort(n);
	vec_each(k, &n->kids) {
		const char *text = (*k)->kind != NODE_SCALAR || node_null(*k)
					   ? (*k)->key
					   : arena_printf(a, "%s=%s", (*k)->key, (*k)->text);

		vec_each(v, &(*k)->kids)
			node_push(a, seq,
				  node_str(a, arena_printf(a, "%s=%s", (*k)->key, (*v)->text), *v));
		if ((*k)->kind == NODE_SCALAR)
			node_push(a, seq, node_str(a, text, *k));
	}
	return seq;
}

/* NAME: !reset takes the earlier NAME away, however that was spelled. */
static void take_resets(struct node *base, struct node *over)
{
	if (over->kind != NODE_MAP)
		return;
	vec_each(o, &over->kids) {
		size_t kept = 0, len = strlen((*o)->key);

		for (size_t i = 0; (*o)->mark == MARK_RESET && i < base->kids.n; i++) {
			const char *t = base->kids.v[i]->text;

			if (base->kind == NODE_SEQ && t && !strncmp(t, (*o)->key, len) &&
			    (!t[len] || t[len] == '='))
				continue;
			base->kids.v[kept++] = base->kids.v[i];
		}
		if ((*o)->mark == MARK_RESET && base->kind == NODE_SEQ)
			base->kids.n = kept;
		else if ((*o)->mark == MARK_RESET)
			node_remove(base, (*o)->key);
	}
	schema_drop_resets(over);
}

static void append(struct arena *a, struct node *base, struct node *over)
{
	for (size_t i = 0; i < over->kids.n; i++)
		node_push(a, base, over->kids.v[i]);
}

static const char *equals_key(struct arena *a, const struct node *n)
{
	const char *t = n->text ? n->text : "";

	return arena_strndup(a, t, strcspn(t, "="));
}

/* A later entry takes the place of the one with the same key. */
static void unique_list(struct arena *a, struct node *n,
			const char *(*key)(struct arena *, const struct node *))
{
	struct node *seen = node_new(a, NODE_MAP, n);
	size_t kept = 0;

	for (size_t i = 0; i < n->kids.n; i++) {
		const char *k = key(a, n->kids.v[i]);
		struct node *at = k ? node_get(seen, k) : NULL;

		if (at) {
			n->kids.v[i]->before = n->kids.v[at->line];
			n->kids.v[at->line] = n->kids.v[i];
			continue;
		}
		if (k) {
			at = node_new(a, NODE_SCALAR, n);
			at->line = (int)kept;
			node_set(a, seen, k, at);
		}
		n->kids.v[kept++] = n->kids.v[i];
	}
	n->kids.n = kept;
}

void schema_unique(struct arena *a, const struct attr *row, struct node *n)
{
	if (n->kind == NODE_SEQ && row->type == A_PAIRS && !(row->flags & F_TWICE))
		unique_list(a, n, row->key ? row->key : equals_key);
	else if (n->kind == NODE_SEQ && row->key)
		unique_list(a, n, row->key);
	else if (n->kind == NODE_SEQ && row->flags & F_DEDUPE)
		unique_list(a, n, equals_key);
	if (row->type == A_MAP && n->kind == NODE_MAP) {
		vec_each(k, &n->kids) {
			const struct attr *in = schema_row(row->sub, (*k)->key);

			if (in)
				schema_unique(a, in, *k);
		}
	} else if (row->type == A_NAMED || row->type == A_LIST) {
		vec_each(k, &n->kids)
			schema_unique(a, row->item, *k);
	}
}

static struct node *as_list(struct arena *a, struct node *n)
{
	struct node *seq;

	if (n->kind != NODE_SCALAR)
		return n;
	seq = node_new(a, NODE_SEQ, n);
	seq->key = n->key;
	seq->key_line = n->key_line;
	seq->key_col = n->key_col;
	node_push(a, seq, node_copy(a, n));
	return seq;
}

static int merge_entries(struct arena *a, const struct attr *row, struct node *base,
			 struct node *over, struct err *e)
{
	for (size_t i = 0; i < over->kids.n; i++) {
		const char *key = row->key(a, over->kids.v[i]);
		struct node **hit = NULL;
		int r;

		for (size_t j = 0; key && j < base->kids.n; j++) {
			const char *other = row->key(a, base->kids.v[j]);

			if (other && !strcmp(other, key))
				hit = &base->kids.v[j];
		}
		if (!hit) {
			node_push(a, base, over->kids.v[i]);
			continue;
		}
		r = schema_merge(a, row->item, hit, over->kids.v[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

static const struct attr anything = {.type = A_ANY};

static const struct attr *row_of(const struct attr *row, const char *key)
{
	const struct attr *in = NULL;

	if (row->type == A_MAP)
		in = schema_row(row->sub, key);
	else if (row->type == A_NAMED)
		in = row->item;
	return in ? in : &anything;
}

static int merge_maps(struct arena *a, const struct attr *row, struct node *base, struct node *over,
		      struct err *e)
{
	for (size_t i = 0; i < over->kids.n; i++) {
		struct node *o = over->kids.v[i], *b = node_get(base, o->key);
		struct node *merged = b;
		int r;

		if (o->mark == MARK_RESET) {
			if (b)
				node_remove(base, o->key);
			continue;
		}
		r = b ? schema_merge(a, row_of(row, o->key), &merged, o, e) : 0;
		if (r < 0)
			return r;
		if (!b || merged != b)
			node_set(a, base, o->key, b ? merged : o);
	}
	return 0;
}

/* Options of one log driver mean nothing to another. */
static bool other_driver(const struct node *base, const struct node *over)
{
	const char *b = node_get_text(base, "driver"), *o = node_get_text(over, "driver");

	return b && o && strcmp(b, o);
}

int schema_merge(struct arena *a, const struct attr *row, struct node **base, struct node *over,
		 struct err *e)
{
	struct node *b = *base;

	if (over->mark == MARK_OVERRIDE || row->flags & F_REPLACE) {
		over->before = b;
		*base = over;
		return 0;
	}
	if (node_null(over) && !node_null(b))
		return 0;
	if (node_null(b)) {
		*base = over;
		return 0;
	}
	if (row->type == A_PAIRS && (row->flags & F_EQUALS)) {
		take_resets(b, over);
		*base = as_equals(a, b);
		over = as_equals(a, over);
		if ((*base)->kind != over->kind)
			return cannot(over, b, e);
		append(a, *base, over);
		if (!(row->flags & F_TWICE))
			unique_list(a, *base, row->key ? row->key : equals_key);
		(*base)->key_line = over->key_line;
		return 0;
	}
	if (row->flags & F_SPLIT_ONE) {
		b = *base = as_list(a, b);
		over = as_list(a, over);
	}
	if (b->kind != over->kind) {
		if (b->kind == NODE_SCALAR) {
			*base = over;
			return 0;
		}
		return cannot(over, b, e);
	}
	if (b->kind == NODE_SCALAR) {
		over->before = b;
		*base = over;
	} else if (b->kind == NODE_SEQ) {
		if (row->flags & F_ENTRIES)
			return merge_entries(a, row, b, over, e);
		append(a, b, over);
		schema_unique(a, row, b);
	} else if (row->name && !strcmp(row->name, "logging") && other_driver(b, over)) {
		*base = over;
	} else {
		return merge_maps(a, row, b, over, e);
	}
	return 0;
}

void schema_drop_resets(struct node *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->kids.n; i++) {
		if (n->kids.v[i]->mark == MARK_RESET && n->kind == NODE_MAP)
			continue;
		schema_drop_resets(n->kids.v[i]);
		n->kids.v[kept++] = n->kids.v[i];
	}
	if (kept != n->kids.n)
		n->index = NULL;
	n->kids.n = kept;
}
