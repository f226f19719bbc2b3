/* Between tar_read and tar_sparse: reading pieces of a tar. */
#pragma once
#include "image/tar.h"

int tar_bad(struct tar_reader *t, struct err *e, const char *why) must_check;
/* n bytes or, only at their very beginning, the end of the file: TAR_END. */
int tar_get(struct tar_reader *t, void *out, size_t n, struct err *e) must_check;
/* Octal digits between blanks and NULs, or GNU's base 256. -1: not a number; negatives too. */
int64_t tar_number(const uint8_t *p, size_t n);
/* Decimal digits only, at most 18; else -1. */
int64_t tar_decimal(struct span s);
int tar_set_name(struct tar_reader *t, char *to, struct span s, struct err *e) must_check;

/* Forgets the entry before. */
void tar_sparse_begin(struct tar_reader *t);
/* A record "GNU.sparse.KEY". */
int tar_sparse_record(struct tar_reader *t, struct span key, struct span value,
		      struct err *e) must_check;
/*
 * With the header decoded and t->left set: reads what map there still is, checks all of it, and
 * makes entry.size that of the whole file. Nothing to do for an entry that is not sparse.
 */
int tar_sparse_map(struct tar_reader *t, const uint8_t *h, struct err *e) must_check;
