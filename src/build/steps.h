/*
 * What has been built before: a key made of everything that a step's result depends on, to the
 * layers that came of it. Shared by all builds of this machine; entries are files, so two builds
 * may write the same one and either wins.
 */
#pragma once
#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"

/* A key in the making: labelled fields, so that no two sets of fields look alike. */
struct key {
	struct buf text;
};
#define auto_key __attribute__((cleanup(key_done))) struct key
void key_done(struct key *k);
void key_text(struct key *k, const char *label, const char *value); /* NULL is not "" */
void key_list(struct key *k, const char *label, const struct strings *list);
void key_number(struct key *k, const char *label, int64_t value);
char *key_hex(const struct key *k, char hex[static HASH_HEX]);

enum { STEPS_ABSENT = 1 };
struct known_step {
	const char *diff_id, *created; /* created: when, RFC 3339 */
};
/* What the step made; marks the entry as used. */
int steps_find(struct arena *a, const char *key, struct known_step *out, struct err *e) must_check;
int steps_note(const char *key, const struct known_step *s, struct err *e) must_check;

/* Forgets entries (and cache mounts with `all`) not used for `older_ns`. Counts what went. */
struct steps_pruned {
	int64_t entries, bytes;
};
int steps_prune(struct arena *a, bool all, int64_t older_ns, struct steps_pruned *out,
		struct err *e) must_check;
