/*
 * The one place that knows how Compose attributes behave.
 *
 * A table of rows describes a mapping. The walks over the tree read it:
 *   expand    casts strings ("8" to 8), checks shapes, turns short syntax into long
 *   merge     a later file, or an extending service, over an earlier one
 *   check     what only the merged whole can tell: required attributes, duplicates
 *   settle    the form that `config` prints: units normal, empty values gone, in table order
 *   decode    into structs
 *   describe  `config --explain`
 * A new attribute is a new row.
 */
#pragma once
#include "compose/node.h"

enum attr_type {
	A_ANY, /* not ours to look into */
	A_STR,
	A_BOOL,
	A_INT,
	A_MICROS, /* microseconds, or a duration */
	A_FLOAT,
	A_BYTES,
	A_DURATION,
	A_MODE,  /* permission bits: octal text, or a number as it is */
	A_WORDS, /* a command line: a list, or text split like a shell would */
	A_STRS,  /* list of texts */
	A_PAIRS, /* NAME=value list, or mapping */
	A_MAP,   /* a mapping with rows of its own (sub) */
	A_NAMED, /* a mapping from the user's names to values of one kind (item) */
	A_LIST   /* a list of such values (item) */
};

/* YAML kinds that a value may have; 0 in a row: those usual for the type. */
enum kinds { KS = 1, KI = 2, KF = 4, KB = 8, KN = 16, KQ = 32, KM = 64 };

enum flag {
	F_REQUIRED = 1,
	F_KEEP = 2,          /* a zero or empty value is printed too */
	F_JSON = 4,          /* JSON prints it even where it is absent */
	F_UNIQUE = 8,        /* the same entry twice is an error */
	F_DEDUPE = 16,       /* the same entry twice is one entry */
	F_REPLACE = 32,      /* a later file's value replaces the earlier one whole */
	F_NULLS = 128,       /* null values are kept: "take it from the environment" */
	F_SPLIT_ONE = 256,   /* a single text is a list of one */
	F_INERT = 512,       /* accepted, but nothing acts on it: a warning says so */
	F_EQUALS = 1024,     /* "NAME: value" merge as lists NAME=value */
	F_LOCAL_PATH = 2048, /* relative to the project directory */
	F_TITLE = 4096,      /* JSON prints the name with a capital */
	F_HIDDEN = 16384,    /* docker compose reads it and prints it nowhere */
	F_YAML = 32768,      /* JSON leaves it out */
	F_FILLED = 65536,    /* null only until everything is merged */
	F_LATE = 131072,     /* a single text stays one until values are decided */
	F_ENTRIES = 262144,  /* entries with the same key are merged, not replaced */
	F_SOLID = 524288,    /* null means: with all its defaults */
	F_NAMES = 1048576,   /* names are letters, digits, dots, hyphens, underscores */
	F_TWICE = 2097152,   /* a list may say a name twice; the last one counts */
	F_ZERO = 4194304     /* JSON prints a zero where nothing is given */
};

struct walk {
	struct arena *a;
	bool over; /* what is read goes over something: a null may be filled from there */
	bool raw;  /* values were not interpolated: do not cast, let odd short syntax stand */
	struct strings *notices, *warnings; /* project.h */
};

struct attr {
	const char *name;
	enum attr_type type;
	size_t to; /* where decode puts it: TO(struct, field); 0: nowhere */
	const char *doc;
	unsigned kinds;
	unsigned entries; /* kinds of the values in a list or mapping; 0: those usual */
	unsigned flags;
	const struct attr *sub;   /* A_MAP: rows, ended by a NULL name */
	const struct attr *item;  /* A_LIST, A_NAMED: the row of every value */
	const char *const *words; /* the texts that are allowed */
	size_t size;              /* item of a decoded list: bytes of one entry */
	int (*expand)(struct walk *w, struct node **n, struct err *e);
	int (*settle)(struct walk *w, struct node *n, struct node **out, struct err *e);
	/* Text that makes two entries of a list one; NULL: entries are never the same. */
	const char *(*key)(struct arena *a, const struct node *entry);
	/* Before the rest is decoded; 1: that was all. */
	int (*decode)(struct arena *a, const struct node *n, void *out, struct err *e);
	const char *dflt; /* for people */
	int64_t min, max; /* of a number; both 0: no bounds */
};

enum { ROWS_MAX = 128 }; /* of one table; a test counts them */

#define TO(type, field) (offsetof(type, field) + 1)

static inline bool schema_extension(const char *key)
{
	return key[0] == 'x' && key[1] == '-';
}

void walk_warn(struct walk *w, const struct node *n, const char *text, ...) printf_like(3, 4);
void walk_notice(struct walk *w, const struct node *n, const char *text, ...) printf_like(3, 4);

const struct attr *schema_row(const struct attr *rows, const char *name);
/* The row behind "services.web.ports.target"; names of the user's choice stand for themselves. */
const struct attr *schema_find(const struct attr *top, const char *path);

int schema_expand(struct walk *w, const struct attr *row, struct node **n, struct err *e);
int schema_merge(struct arena *a, const struct attr *row, struct node **base, struct node *over,
		 struct err *e);
void schema_unique(struct arena *a, const struct attr *row, struct node *n);
/* Names of a mapping with F_NAMES. */
int schema_check_names(const struct node *map, struct err *e);
/* Takes !reset nodes out; call after each merge. */
void schema_drop_resets(struct node *n);
int schema_check(struct arena *a, const struct attr *row, const struct node *n, struct err *e);
int schema_settle(struct walk *w, const struct attr *row, struct node *n, struct node **out,
		  struct err *e);
int schema_decode(struct arena *a, const struct attr *row, const struct node *n, void *out,
		  struct err *e);
void schema_describe(const struct attr *row, const char *name, struct buf *out);
