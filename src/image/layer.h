/*
 * Layers: found by the digest of their plain tar (diff id), unpacked once into
 * BERTH_ROOT/images/layers/<hex>/diff, shared by every image. A layer appears by rename, only after
 * every digest was right; two processes wanting the same one do the work once (flock).
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include "image/pack.h"

struct layer {
	const char *diff_id; /* "sha256:..." of the plain tar */
	const char *blob; /* digest of the tar as it travelled, or NULL: packed again when asked */
	const char *media_type; /* of the blob, or NULL */
	int64_t blob_size;
	int64_t size;    /* bytes unpacked */
	const char *dir; /* overlay lower directory */
	bool step;       /* made by a build, whose cache may want it when no image does */
};

enum { LAYER_ABSENT = 1 };

/* LAYER_ABSENT where it is not unpacked here. */
int layer_find(struct arena *a, const char *diff_id, struct layer *out, struct err *e) must_check;

/* Notes the blob that was made of a layer (blob, blob_size, media_type of l). */
int layer_note_blob(struct arena *a, const struct layer *l, struct err *e) must_check;

/*
 * Makes a directory (an overlay upper, with 0:0 devices for whiteouts, or a plain tree) a layer of
 * the store: hashed as pack_layer() writes it, then moved, so `path` is gone afterwards. It must
 * lie on the file system of BERTH_ROOT (see layer_scratch). No blob is kept: packing is
 * deterministic, so save and push make the same bytes again. LAYER_STEP outlives its images.
 */
enum layer_origin { LAYER_IMAGE, LAYER_STEP };
int layer_adopt(struct arena *a, const char *path, const struct pack_options *o,
		enum layer_origin from, struct layer *out, struct err *e) must_check;

/* A fresh directory on the store's file system for uppers and stages; prune removes forgotten ones.
 */
int layer_scratch(struct arena *a, char **path, struct err *e) must_check;

/*
 * Unpacks a tar (plain, gzip or zstd, told by its first bytes) from a descriptor into a directory
 * in a chrooted worker, with the checks of a layer. For build's ADD and for import.
 */
struct unpack_options {
	bool whiteouts;     /* honour .wh. names; else they are ordinary files */
	bool keep_owner;    /* else everything becomes uid:gid */
	bool root_stays;    /* an entry for the top itself changes nothing there */
	bool from_anywhere; /* nobody's own backup: bombs are refused, as of layers */
	uint32_t uid, gid;
	uint32_t first_id;     /* what id 0 is there: a user namespace's first */
	int64_t size_limit;    /* bytes written; 0: the default */
	int64_t entries_limit; /* 0: the default, four million */
};
int layer_unpack_fd(int fd, const char *dir, const struct unpack_options *o, int64_t *size,
		    struct err *e) must_check;
