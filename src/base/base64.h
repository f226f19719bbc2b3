/* Base64 with padding, the plain alphabet (RFC 4648, section 4). */
#pragma once
#include "base/text.h"

char *base64_encode(struct arena *a, struct span bytes);
/* -EINVAL for a foreign letter or a torn end; what was decoded by then stays in `out`. */
int base64_decode(const char *text, struct buf *out) must_check;
