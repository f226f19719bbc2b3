/*
 * Images on disk, content addressed: blobs, unpacked layers (shared), references.
 * Layout below BERTH_ROOT/images is described in docs/store.md. Safe against kill -9 and several
 * processes at once: content appears only under its verified digest, by rename.
 */
#pragma once
#include "base/err.h"
#include "image/image.h"

enum { IMAGE_ABSENT = 1 };

/* By reference ("alpine", "repo/x:1", "name@sha256:..."), full id or unique id prefix. */
int store_image(struct arena *a, const char *ref, struct image **out, struct err *e) must_check;
/* The same image with names and digests filled (reads every reference). */
int store_names(struct arena *a, struct image *img, struct err *e) must_check;

/*
 * Makes an image of a configuration document (checked; its rootfs.diff_ids must be in the store)
 * and names it; name NULL leaves it untagged. For build, commit, import.
 */
int store_add(struct arena *a, struct span config, const char *name, struct image **out,
	      struct err *e) must_check;

struct images {
	struct image **v;
	size_t n, cap;
};
int store_list(struct arena *a, struct images *out, struct err *e) must_check;
int store_tag(const char *ref, const char *new_ref, struct err *e) must_check;
/* Untags; removes the image when that was its last name. *removed says what went, for the user. */
int store_remove(struct arena *a, const char *ref, bool force, struct strings *removed,
		 struct err *e) must_check;
/* Keeps the layers of an image from garbage collection while a container uses them. */
int store_pin(const char *image_id, const char *user, struct err *e) must_check;
int store_unpin(const char *image_id, const char *user, struct err *e) must_check;
/* "user" names of who holds it; none: empty. */
int store_pinned(struct arena *a, const char *image_id, struct strings *users,
		 struct err *e) must_check;

/* Images without a name and what nothing refers to. all: images that no container uses, too. */
struct prune_options {
	bool all;   /* named images as well */
	bool cache; /* layers that only the build cache knows */
	bool dry_run;
	int64_t until; /* only images made before this wall time; 0: any */
	/* Oldest name first, until the layers of what stays take no more; 0: all that may go */
	int64_t keep_bytes;
	struct strings keep; /* ids that stay in any case */
	/* NULL, or whether an image may go by its labels */
	bool (*fits)(const struct pairs *labels, const struct strings *filters);
	const struct strings *filters;
};
struct prune_result {
	struct strings untagged, deleted; /* for the user */
	int64_t bytes;                    /* freed on disk */
};
int store_prune(struct arena *a, const struct prune_options *o, struct prune_result *out,
		struct err *e) must_check;

/* Bytes on disk: for `system df`. */
struct store_usage {
	int64_t layers, blobs, cache; /* cache: layers that no image has */
	size_t n_layers, n_blobs, n_cache;
};
int store_usage(struct arena *a, struct store_usage *out, struct err *e) must_check;

/* Held while layers are being made that no image refers to yet (a build): prune leaves all alone.
 */
int store_hold(int *out_fd, struct err *e) must_check;
