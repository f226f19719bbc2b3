#include "base/base64.h"
#include <errno.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(struct arena *a, struct span bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	char *out = arena_alloc(a, (bytes.n + 2) / 3 * 4 + 1), *to = out;

	for (size_t i = 0; i < bytes.n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;

		v |= i + 1 < bytes.n ? (uint32_t)p[i + 1] << 8 : 0;
		v |= i + 2 < bytes.n ? (uint32_t)p[i + 2] : 0;
		*to++ = letters[v >> 18];
		*to++ = letters[v >> 12 & 63];
		*to++ = i + 1 < bytes.n ? letters[v >> 6 & 63] : '=';
		*to++ = i + 2 < bytes.n ? letters[v & 63] : '=';
	}
	return out;
}

int base64_decode(const char *text, struct buf *out)
{
	size_t n = strcspn(text, "=");
	uint32_t v = 0;
	int bits = 0;

	for (size_t i = 0; i < n; i++) {
		const char *at = strchr(letters, text[i]);

		if (!at)
			return -EINVAL;
		v = v << 6 | (uint32_t)(at - letters);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_char(out, (char)(v >> bits & 255));
		}
	}
	return n % 4 == 1 ? -EINVAL : 0;
}
