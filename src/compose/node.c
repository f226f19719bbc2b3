#include "compose/node.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

enum { DEPTH_MAX = 100, NODES_MAX = 250000, INDEX_FROM = 24 };

struct anchor {
	const char *name;
	struct node *node;
};

struct loader {
	struct arena *a;
	const char *file;
	yaml_parser_t yaml;
	VEC(struct anchor) anchors;
	size_t made;
	struct err *e;
};

/* ---- index: a hash of the keys of a large mapping ------------------------------------------ */

struct node_index {
	size_t n, cap;  /* keys in it; slots */
	uint32_t *slot; /* position in kids, plus one */
};

static uint64_t hash(const char *s)
{
	uint64_t h = 1469598103934665603u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return h ^ h >> 29;
}

static void index_put(struct node_index *x, const struct node *map, size_t at)
{
	size_t i = hash(map->kids.v[at]->key) & (x->cap - 1);

	while (x->slot[i])
		i = (i + 1) & (x->cap - 1);
	x->slot[i] = (uint32_t)at + 1;
	x->n++;
}

static void index_last(struct arena *a, struct node *map)
{
	struct node_index *x = map->index;

	if (map->kids.n < INDEX_FROM)
		return;
	if (x && x->n + 1 == map->kids.n && 2 * map->kids.n < x->cap) {
		index_put(x, map, map->kids.n - 1);
		return;
	}
	x = arena_new(a, struct node_index);
	for (x->cap = 64; x->cap < 4 * map->kids.n;)
		x->cap *= 2;
	x->slot = arena_alloc(a, x->cap * sizeof(*x->slot));
	for (size_t i = 0; i < map->kids.n; i++)
		index_put(x, map, i);
	map->index = x;
}

static struct node **find(const struct node *map, const char *key)
{
	const struct node_index *x = map->index;

	if (x && x->n == map->kids.n) {
		for (size_t i = hash(key) & (x->cap - 1); x->slot[i]; i = (i + 1) & (x->cap - 1)) {
			struct node **k = &map->kids.v[x->slot[i] - 1];

			if (!strcmp((*k)->key, key))
				return k;
		}
		return NULL;
	}
	vec_each(k, &map->kids) {
		const char *have = (*k)->key;

		if (have == key || (have && have[0] == key[0] && (!have[0] || have[1] == key[1]) &&
				    !strcmp(have, key)))
			return k;
	}
	return NULL;
}

/* ---- reading ------------------------------------------------------------------------------- */

static int syntax_error(struct loader *l)
{
	const yaml_parser_t *y = &l->yaml;
	size_t line = y->problem_mark.line + 1, col = y->problem_mark.column + 1;

	if (y->error == YAML_READER_ERROR || y->error == YAML_MEMORY_ERROR) {
		err_set(l->e, EINVAL, "not YAML: %s", y->problem ? y->problem : "unreadable bytes");
		return err_at(l->e, "%s: byte %zu", l->file, y->problem_offset);
	}
	err_set(l->e, EINVAL, "not YAML: %s%s%s", y->problem ? y->problem : "syntax",
		y->context ? " " : "", y->context ? y->context : "");
	if (y->problem && strstr(y->problem, "cannot start any token"))
		err_hint(l->e, "indent with blanks, not tabs, and quote values that start with %%, "
			       "@ or `");
	else if (y->problem && strstr(y->problem, "mapping values are not allowed"))
		err_hint(l->e, "quote a value that contains \": \", and check the indentation");
	return err_at(l->e, "%s:%zu:%zu", l->file, line, col);
}

static struct node fresh(struct loader *l, enum node_kind kind, yaml_mark_t m, const void *tag)
{
	l->made++;
	return (struct node){.kind = kind,
			     .mark = !tag                        ? MARK_NONE
				     : !strcmp(tag, "!reset")    ? MARK_RESET
				     : !strcmp(tag, "!override") ? MARK_OVERRIDE
								 : MARK_NONE,
			     .file = l->file,
			     .line = (int)m.line + 1,
			     .col = (int)m.column + 1};
}

static struct node *keep(struct loader *l, struct node n)
{
	struct node *kept = arena_new(l->a, struct node);

	*kept = n;
	return kept;
}

static struct node load_scalar(struct loader *l, const yaml_event_t *ev)
{
	const char *tag = (const char *)ev->data.scalar.tag;
	struct node n = fresh(l, NODE_SCALAR, ev->start_mark, tag);

	n.text = arena_strndup(l->a, (const char *)ev->data.scalar.value, ev->data.scalar.length);
	n.quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (tag && !strcmp(tag, "tag:yaml.org,2002:str"))
		n.quoted = true;
	else if (tag && text_starts(tag, "tag:yaml.org,2002:"))
		n.quoted = false;
	n.nul = strlen(n.text) != ev->data.scalar.length;
	node_resolve(l->a, &n);
	return n;
}

static int load(struct loader *l, yaml_event_t *ev, int depth, struct node **out);

static int load_next(struct loader *l, int depth, struct node **out)
{
	__attribute__((cleanup(yaml_event_delete))) yaml_event_t ev = {0};

	*out = NULL;
	if (!yaml_parser_parse(&l->yaml, &ev))
		return syntax_error(l);
	return load(l, &ev, depth, out);
}

static int too_large(const struct loader *l, const struct node *n, struct err *e)
{
	node_fail(n, e,
		  l->made > NODES_MAX ? "the document has more than 250000 nodes"
				      : "the document is nested too deeply");
	return err_hint(e, "aliases count as often as they are used");
}

static int merge_key(struct loader *l, struct node *map, struct node *from)
{
	if (from->kind == NODE_SEQ) {
		vec_each(k, &from->kids) {
			int r = (*k)->kind == NODE_MAP
					? merge_key(l, map, *k)
					: node_fail(*k, l->e, "\"<<\" takes mappings");
			if (r < 0)
				return r;
		}
		return 0;
	}
	if (from->kind != NODE_MAP)
		return node_fail(from, l->e, "\"<<\" takes a mapping or a list of mappings");
	vec_each(k, &from->kids) {
		if (!find(map, (*k)->key))
			node_set(l->a, map, (*k)->key, *k);
	}
	return 0;
}

static int bad_key(struct loader *l, const struct node *key)
{
	if (key->kind != NODE_SCALAR)
		return node_fail(key, l->e, "a key must be a plain word");
	node_fail(key, l->e, "the key %s is not a text", key->text[0] ? key->text : "(nothing)");
	return err_hint(l->e, "quote it: \"%s\"", key->text);
}

static int map_entry(struct loader *l, struct node *map, struct node *key, int depth,
		     struct node **merge)
{
	struct node *val, *twin;
	int r = load_next(l, depth, &val);

	if (r < 0)
		return r;
	val->key_line = key->line;
	val->key_col = key->col;
	twin = node_get(map, key->text);
	if (!strcmp(key->text, "<<") && !key->quoted) {
		twin = *merge;
		*merge = val;
	}
	if (twin) {
		node_fail(key, l->e, "the key \"%s\" is already set at line %d", key->text,
			  twin->key_line);
		return err_hint(l->e, "keep one of the two");
	}
	if (val != *merge)
		node_put(l->a, map, key->text, val);
	return 0;
}

/* 1: the mapping ends here. A key is kept only as the name of its value. */
static int load_key(struct loader *l, int depth, struct node *key)
{
	__attribute__((cleanup(yaml_event_delete))) yaml_event_t ev = {0};
	struct node *other = NULL;
	int r;

	if (!yaml_parser_parse(&l->yaml, &ev))
		return syntax_error(l);
	if (ev.type == YAML_SCALAR_EVENT && !ev.data.scalar.anchor) {
		*key = load_scalar(l, &ev);
	} else {
		r = load(l, &ev, depth, &other);
		if (r || !other)
			return r < 0 ? r : 1;
		*key = *other;
	}
	if (key->nul)
		return node_fail(key, l->e, "a key holds a NUL byte");
	if (key->kind != NODE_SCALAR || (key->type != TYPE_STR && key->type != TYPE_TIME))
		return bad_key(l, key);
	return 0;
}

static int load_map(struct loader *l, struct node *map, int depth)
{
	struct node key, *merge = NULL;
	int r;

	while (!(r = load_key(l, depth, &key))) {
		r = map_entry(l, map, &key, depth, &merge);
		if (r < 0)
			return r;
	}
	return r < 0 || !merge ? (r < 0 ? r : 0) : merge_key(l, map, merge);
}

static int load_seq(struct loader *l, struct node *seq, int depth)
{
	struct node *kid;
	int r;

	while (!(r = load_next(l, depth, &kid)) && kid)
		node_push(l->a, seq, kid);
	return r;
}

static int load_alias(struct loader *l, yaml_event_t *ev, struct node **out)
{
	const char *name = (const char *)ev->data.alias.anchor;

	vec_each(an, &l->anchors) {
		if (!strcmp(an->name, name))
			*out = an->node; /* the last one of that name wins */
	}
	if (*out) {
		l->made += (*out)->size;
		if (l->made > NODES_MAX)
			return too_large(l, *out, l->e);
		/* A tree of its own, so that merging one use leaves the others alone. */
		*out = node_copy(l->a, *out);
		return 0;
	}
	err_set(l->e, EINVAL, "no anchor is called \"%s\" above this line", name);
	return err_at(l->e, "%s:%zu:%zu", l->file, ev->start_mark.line + 1,
		      ev->start_mark.column + 1);
}

static void remember(struct loader *l, const yaml_char_t *anchor, struct node *n)
{
	if (anchor)
		*vec_push(l->a, &l->anchors) = (struct anchor){
			arena_strndup(l->a, (const char *)anchor, strlen((const char *)anchor)), n};
}

/* *out is NULL when the event closed the collection being read. */
static int load(struct loader *l, yaml_event_t *ev, int depth, struct node **out)
{
	size_t before = l->made;
	const yaml_char_t *anchor;
	struct node *n;
	int r = 0;

	switch (ev->type) {
	case YAML_ALIAS_EVENT:
		return load_alias(l, ev, out);
	case YAML_SCALAR_EVENT:
		n = keep(l, load_scalar(l, ev));
		anchor = ev->data.scalar.anchor;
		if (n->nul)
			return node_fail(n, l->e, "a value holds a NUL byte");
		break;
	case YAML_SEQUENCE_START_EVENT:
		n = keep(l, fresh(l, NODE_SEQ, ev->start_mark, ev->data.sequence_start.tag));
		anchor = ev->data.sequence_start.anchor;
		r = depth > DEPTH_MAX ? too_large(l, n, l->e) : load_seq(l, n, depth + 1);
		break;
	case YAML_MAPPING_START_EVENT:
		n = keep(l, fresh(l, NODE_MAP, ev->start_mark, ev->data.mapping_start.tag));
		anchor = ev->data.mapping_start.anchor;
		r = depth > DEPTH_MAX ? too_large(l, n, l->e) : load_map(l, n, depth + 1);
		break;
	default:
		return 0;
	}
	if (r < 0)
		return r;
	remember(l, anchor, n);
	n->size = (uint32_t)(l->made - before);
	if (l->made > NODES_MAX)
		return too_large(l, n, l->e);
	*out = n;
	return 0;
}

static int load_stream(struct loader *l, struct nodes *docs)
{
	for (;;) {
		__attribute__((cleanup(yaml_event_delete))) yaml_event_t ev = {0};
		struct node *doc;
		int r;

		if (!yaml_parser_parse(&l->yaml, &ev))
			return syntax_error(l);
		if (ev.type == YAML_STREAM_END_EVENT)
			return 0;
		if (ev.type != YAML_DOCUMENT_START_EVENT)
			continue;
		l->anchors.n = 0;
		r = load_next(l, 0, &doc);
		if (r < 0)
			return r;
		if (doc && !node_null(doc))
			*vec_push(l->a, docs) = doc;
	}
}

int node_parse(struct arena *a, const char *file, struct span src, struct nodes *docs,
	       struct err *e)
{
	struct loader l = {.a = a, .file = file, .e = e};
	int r;

	if (src.n && memchr(src.p, 0, src.n)) {
		err_set(e, EINVAL, "not YAML: the file holds NUL bytes");
		return err_at(e, "%s", file);
	}
	if (!yaml_parser_initialize(&l.yaml))
		abort();
	yaml_parser_set_input_string(&l.yaml, (const unsigned char *)src.p, src.n);
	r = load_stream(&l, docs);
	yaml_parser_delete(&l.yaml);
	return r;
}

/* ---- trees --------------------------------------------------------------------------------- */

struct node *node_get(const struct node *map, const char *key)
{
	struct node **k = map && map->kind == NODE_MAP ? find(map, key) : NULL;

	return k ? *k : NULL;
}

struct node *node_path(const struct node *map, const char *dotted)
{
	struct span rest = span_of(dotted), head;
	struct node *n = NULL;
	char key[128];

	do {
		span_cut(&rest, '.', &head);
		if (head.n >= sizeof(key))
			return NULL;
		memcpy(key, head.p, head.n);
		key[head.n] = '\0';
		n = node_get(map, key);
		map = n;
	} while (n && rest.n);
	return n;
}

struct node *node_new(struct arena *a, enum node_kind kind, const struct node *at)
{
	struct node *n = arena_new(a, struct node);

	n->kind = kind;
	n->file = at ? at->file : "berth";
	n->line = at ? at->line : 0;
	n->col = at ? at->col : 0;
	n->size = 1;
	return n;
}

struct node *node_typed(struct arena *a, enum node_type type, const char *text,
			const struct node *at)
{
	struct node *n = node_new(a, NODE_SCALAR, at);

	n->type = type;
	n->text = text;
	n->quoted = type == TYPE_STR;
	return n;
}

struct node *node_str(struct arena *a, const char *text, const struct node *at)
{
	return node_typed(a, TYPE_STR, text, at);
}

struct node *node_copy(struct arena *a, const struct node *from)
{
	struct node *n = arena_new(a, struct node);

	*n = *from;
	n->kids.v = from->kids.n ? arena_alloc(a, from->kids.n * sizeof(*n->kids.v)) : NULL;
	n->kids.cap = from->kids.n;
	n->index = NULL;
	for (size_t i = 0; i < from->kids.n; i++)
		n->kids.v[i] = node_copy(a, from->kids.v[i]);
	if (n->kind == NODE_MAP && n->kids.n)
		index_last(a, n);
	return n;
}

/* Most collections are small: room for four at first. */
static void add_kid(struct arena *a, struct node *n, struct node *kid)
{
	if (!n->kids.cap)
		node_reserve(a, n, 4);
	*vec_push(a, &n->kids) = kid;
}

void node_reserve(struct arena *a, struct node *n, size_t kids)
{
	if (n->kids.n || n->kids.cap >= kids)
		return;
	n->kids.v = arena_alloc(a, kids * sizeof(*n->kids.v));
	n->kids.cap = kids;
}

void node_put(struct arena *a, struct node *map, const char *key, struct node *value)
{
	struct node **k = find(map, key);

	value->key = k ? (*k)->key : key;
	if (k) {
		*k = value;
		return;
	}
	add_kid(a, map, value);
	index_last(a, map);
}

void node_set(struct arena *a, struct node *map, const char *key, struct node *value)
{
	if (!value->key || strcmp(value->key, key))
		value->key = arena_strndup(a, key, strlen(key));
	node_put(a, map, value->key, value);
}

void node_push(struct arena *a, struct node *seq, struct node *value)
{
	value->key = NULL;
	add_kid(a, seq, value);
}

void node_remove(struct node *map, const char *key)
{
	size_t kept = 0;

	for (size_t i = 0; i < map->kids.n; i++) {
		if (strcmp(map->kids.v[i]->key, key))
			map->kids.v[kept++] = map->kids.v[i];
	}
	map->kids.n = kept;
	map->index = NULL;
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(struct node *const *)a)->key, (*(struct node *const *)b)->key);
}

void node_sort(struct node *map)
{
	map->index = NULL;
	if (map->kids.n > 1)
		qsort(map->kids.v, map->kids.n, sizeof(*map->kids.v), by_key);
}

bool node_is(const struct node *n, const char *text)
{
	return n && n->kind == NODE_SCALAR && n->type != TYPE_NULL && !strcmp(n->text, text);
}

bool node_true(const struct node *n)
{
	return node_is(n, "true");
}

bool node_null(const struct node *n)
{
	return n->kind == NODE_SCALAR && n->type == TYPE_NULL;
}

const char *node_text(const struct node *n)
{
	return n && n->kind == NODE_SCALAR && n->type != TYPE_NULL ? n->text : NULL;
}

const char *node_get_text(const struct node *map, const char *key)
{
	return node_text(node_get(map, key));
}

static char *put_number(char *at, int v)
{
	char digits[12];
	int n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	*at++ = ':';
	while (n)
		*at++ = digits[--n];
	return at;
}

/* By hand: a project has thousands of places. */
const char *node_place(struct arena *a, const char *file, int line, int col)
{
	size_t n = strlen(file);
	char *text = arena_alloc(a, n + 24), *at = text + n;

	memcpy(text, file, n);
	at = put_number(at, line);
	*put_number(at, col) = '\0';
	return text;
}

const char *node_at(struct arena *a, const struct node *n)
{
	return n->key_line ? node_place(a, n->file, n->key_line, n->key_col)
			   : node_place(a, n->file, n->line, n->col);
}

#define FAIL(line, col)                                                                            \
	do {                                                                                       \
		char buf_[sizeof(e->why)];                                                         \
		va_list ap_;                                                                       \
		va_start(ap_, why);                                                                \
		vsnprintf(buf_, sizeof(buf_), why, ap_);                                           \
		va_end(ap_);                                                                       \
		err_set(e, EINVAL, "%s", buf_);                                                    \
		if (line)                                                                          \
			err_at(e, "%s:%d:%d", n->file, line, col);                                 \
	} while (0)

int node_fail(const struct node *n, struct err *e, const char *why, ...)
{
	FAIL(n->line, n->col);
	return -e->code;
}

int node_fail_key(const struct node *n, struct err *e, const char *why, ...)
{
	int line = n->key_line ? n->key_line : n->line, col = n->key_line ? n->key_col : n->col;

	FAIL(line, col);
	return -e->code;
}
