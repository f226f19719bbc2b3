/* An image made of another one and one more layer: commit. */
#pragma once
#include "base/err.h"
#include "image/image.h"

struct derive_options {
	const char *upper; /* an overlay upper directory; copied, not touched */
	uint32_t first_id; /* what becomes id 0: its user namespace's first */
	const char *name;  /* NULL: untagged */
	const char *author, *message, *created_by; /* NULL: none */
	struct strings changes;                    /* "CMD [...]", ... */
};
int derive_image(struct arena *a, const struct image *base, const struct derive_options *o,
		 struct image **out, struct err *e) must_check;
