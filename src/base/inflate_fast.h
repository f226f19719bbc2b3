/*
 * gzip by ISA-L, where it was there when berth was made and is there now: a pull is mostly
 * inflating, and this takes under half the time of zlib. Where it is not, zlib does it.
 */
#pragma once
#include "base/stream.h"

struct fast;
struct fast *fast_new(void); /* NULL: no such library */
/* *between: a member is complete. */
int fast_feed(struct fast *f, struct sink *next, const void *p, size_t n, bool *between,
	      struct err *e) must_check;
void fast_free(struct fast *f);
