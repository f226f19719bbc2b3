/* Where things lie below BERTH_ROOT/images (docs/store.md). All strings live in the arena. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

/* BERTH_ROOT/images/<sub>, made 0700 where missing. */
int place_dir(struct arena *a, const char *sub, char **out, struct err *e) must_check;
/* Paths below it, not made. Digests are "sha256:<hex>" and were checked. */
char *place_blob(struct arena *a, const char *digest);
char *place_layer(struct arena *a, const char *diff_id);
char *place_record(struct arena *a, const char *id);
char *place_path(struct arena *a, const char *sub);
/* A directory of its own below tmp/, named after purpose and process. */
int place_scratch(struct arena *a, const char *purpose, char **out, struct err *e) must_check;
/* An identifier of this boot: what was written without fsync is trusted only while it holds. */
const char *place_boot_id(struct arena *a);

/*
 * Held shared while something not yet referenced is being put into the store, exclusively by the
 * garbage collector (which does not wait: -EWOULDBLOCK). Either removes what processes that are
 * gone left in tmp/; partial downloads stay for a day.
 */
enum place_use { PLACE_ADD, PLACE_COLLECT };
int place_hold(struct arena *a, enum place_use use, int *out_fd, struct err *e) must_check;
void place_sweep(struct arena *a); /* that removal alone */

/* Replaces a file of the store; what a killed writer leaves lies in tmp/, never beside it. */
int place_write(struct arena *a, const char *path, struct span text, enum file_sync sync,
		struct err *e) must_check;
/*
 * Takes the boot out of a note: what it tells of is known to be on the disk. Only where the note
 * still is: it may be removed while the bytes travel.
 */
int place_settle(struct arena *a, const char *path, struct err *e) must_check;
/* Stores a small document under its digest (given back in digest). */
int place_put_blob(struct arena *a, const void *p, size_t n, char digest[static 72],
		   struct err *e) must_check;

/* Where the bytes of a blob wait until they are whole: the next try goes on from there. */
int place_partial(struct arena *a, const char *digest, char **path, struct err *e) must_check;
