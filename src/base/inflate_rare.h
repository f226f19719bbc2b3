/* What base/stream inflates seldom: xz and bzip2, whose libraries are loaded on first use. */
#pragma once
#include "base/stream.h"

struct rare;
/* how: COMPRESSION_XZ or COMPRESSION_BZIP2. */
int rare_new(enum compression how, struct rare **out, struct err *e) must_check;
/* p NULL: nothing more comes. *between: a stream is complete. */
int rare_feed(struct rare *r, struct sink *next, const void *p, size_t n, bool *between,
	      struct err *e) must_check;
void rare_free(struct rare *r);
