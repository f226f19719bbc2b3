/*
 * The store of external secrets and configs: what `external: true` in a compose file means.
 * One file each below BERTH_ROOT/secrets (0600): a line of JSON (name, creation, labels), then the
 * nonce, the tag and the content, encrypted with AES-256-GCM (NIST SP 800-38D); the line is
 * authenticated too, so that no file can be passed off as another. The key is made on first use in
 * BERTH_ROOT/keys/secrets, apart, so that a copy of the one directory is worth nothing; it may be
 * a link to a file on another device.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

enum { VAULT_MAX = 512 * 1000 }; /* bytes of one secret, as docker has it */

struct vault_entry {
	const char *id, *name;
	int64_t created_ns;
	struct pairs labels;
};
struct vault_entries {
	struct vault_entry *v;
	size_t n, cap;
};

/* replace: -EEXIST otherwise where the name is taken. id: 25 letters, in the arena. */
int vault_put(struct arena *a, const char *name, struct span content, const struct pairs *labels,
	      bool replace, char **id, struct err *e) must_check;
/* -ENOENT: no such secret. The caller wipes `out`, which it may write to, when done. */
int vault_get(struct arena *a, const char *name, struct span *out, struct err *e) must_check;
int vault_find(struct arena *a, const char *name, struct vault_entry *out,
	       struct err *e) must_check;
/* By name, in order. */
int vault_list(struct arena *a, struct vault_entries *out, struct err *e) must_check;
int vault_remove(const char *name, struct err *e) must_check;
/* A hash that tells nothing of the content to who has not the key. */
int vault_digest(struct span content, char hex[static 65], struct err *e) must_check;
