/* Inside the room: references and records on disk, and putting a whole image there. */
#pragma once
#include "image/ref.h"
#include "image/store.h"

/* What a reference points to. digest: of the manifest it was pulled by, or NULL. */
struct named {
	const char *id, *digest;
	int64_t since_ns; /* wall time when that was last said */
};

int ref_read(struct arena *a, const struct ref *r, struct named *out, struct err *e) must_check;
int ref_write(struct arena *a, const struct ref *r, const struct named *n,
	      struct err *e) must_check;
int ref_remove(struct arena *a, const struct ref *r, struct err *e) must_check;

typedef int refs_fn(void *arg, const struct ref *r, const struct named *n, struct err *e);
int refs_each(struct arena *a, refs_fn *fn, void *arg, struct err *e) must_check;

struct resolved {
	const char *id;
	bool by_name;
	struct ref name; /* these by_name only */
	int64_t since_ns;
};
int store_resolve(struct arena *a, const char *ref, struct resolved *out, struct err *e) must_check;
int record_read(struct arena *a, const char *id, struct image **out, struct err *e) must_check;

/* config: the document; its layers are in the store. digest: of the manifest, or NULL. */
int store_commit(struct arena *a, struct span config, const char *digest, const struct ref *name,
		 struct image **out, struct err *e) must_check;
