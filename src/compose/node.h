/*
 * A YAML document as a tree whose every node knows where it was written.
 * Aliases and `<<` are already resolved, scalars have a type (YAML 1.2 core, with the octal and
 * the underscores that compose files rely on). Knows nothing of Compose.
 *
 * Limits stand before allocation: nesting, nodes after aliases, see node.c.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include "base/vec.h"

enum node_kind { NODE_SCALAR, NODE_SEQ, NODE_MAP };
enum node_type { TYPE_NULL, TYPE_BOOL, TYPE_INT, TYPE_FLOAT, TYPE_STR, TYPE_TIME };
enum node_mark { MARK_NONE, MARK_RESET, MARK_OVERRIDE };

struct node_index;

/* A large file is thousands of them, in several trees: the fields are packed. */
struct node {
	enum node_kind kind : 8;
	enum node_type type : 8; /* of a scalar */
	/* !reset takes back what an earlier file said, !override replaces it */
	enum node_mark mark : 8;
	bool quoted;
	bool record;            /* a mapping whose names are attributes, not the user's */
	bool json_only;         /* printed in JSON, left out of YAML */
	bool yaml_only;         /* the other way round */
	bool title;             /* JSON prints the key with a capital */
	bool octal;             /* a number written with a leading zero */
	bool nul;               /* a text that holds a NUL byte */
	uint32_t size;          /* nodes below and including this one, aliases counted each time */
	const char *file, *key; /* key: name under the parent mapping, or NULL */
	int line, col, key_line, key_col;
	const char *text; /* a scalar's text: canonical for numbers and booleans */
	const char *from; /* how the value came about, where the file alone does not say; or NULL */
	const struct node *before; /* what it replaced: an earlier file, a base service; or NULL */
	VEC(struct node *) kids;
	struct node_index *index; /* of a large mapping */
};

struct nodes {
	struct node **v;
	size_t n, cap;
};

/* Every document of the file; empty ones are left out. */
int node_parse(struct arena *a, const char *file, struct span src, struct nodes *docs,
	       struct err *e) must_check;
struct node *node_get(const struct node *map, const char *key);
struct node *node_path(const struct node *map, const char *dotted); /* "a.b.c" */
struct node *node_new(struct arena *a, enum node_kind kind, const struct node *at);
struct node *node_str(struct arena *a, const char *text, const struct node *at);
struct node *node_typed(struct arena *a, enum node_type type, const char *text,
			const struct node *at);
struct node *node_copy(struct arena *a, const struct node *from);
void node_set(struct arena *a, struct node *map, const char *key, struct node *value);
/* The same where the key lives as long as the map. */
void node_put(struct arena *a, struct node *map, const char *key, struct node *value);
void node_reserve(struct arena *a, struct node *n, size_t kids); /* of an empty one */
void node_push(struct arena *a, struct node *seq, struct node *value);
void node_remove(struct node *map, const char *key);
void node_sort(struct node *map); /* by key, as Go prints maps */
bool node_is(const struct node *n, const char *text);
bool node_true(const struct node *n);
bool node_null(const struct node *n);
/* The scalar's text or NULL: absent, null, not a scalar. */
const char *node_text(const struct node *n);
const char *node_get_text(const struct node *map, const char *key);
const char *node_at(struct arena *a, const struct node *n);                   /* "file:line:col" */
const char *node_place(struct arena *a, const char *file, int line, int col); /* the same */

/* Decides what a plain scalar is and makes its text canonical. */
void node_resolve(struct arena *a, struct node *n);
enum node_type node_type_of(struct arena *a, const char *text, const char **canonical);

int node_fail(const struct node *n, struct err *e, const char *why, ...) printf_like(3, 4);
int node_fail_key(const struct node *n, struct err *e, const char *why, ...) printf_like(3, 4);
