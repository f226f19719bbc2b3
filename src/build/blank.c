#include "build/blank.h"
#include <string.h>

size_t blank_at(const char *p, const char *end)
{
	static const char *const wide[] = {
		"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\xa8",
		"\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
	};
	size_t left = (size_t)(end - p);

	if (!left)
		return 0;
	if (*p == ' ' || (*p >= '\t' && *p <= '\r'))
		return 1;
	if (!(*p & 0x80))
		return 0;
	if (left >= 3 && !memcmp(p, "\xe2\x80", 2) && (unsigned char)p[2] >= 0x80 &&
	    (unsigned char)p[2] <= 0x8a)
		return 3;
	for (size_t i = 0; i < countof(wide); i++) {
		size_t n = strlen(wide[i]);

		if (left >= n && !memcmp(p, wide[i], n))
			return n;
	}
	return 0;
}

struct span blank_trim_left(struct span s)
{
	size_t n;

	while ((n = blank_at(s.p, s.p + s.n))) {
		s.p += n;
		s.n -= n;
	}
	return s;
}

struct span blank_trim(struct span s)
{
	s = blank_trim_left(s);
	while (s.n) {
		size_t back = 1;

		while (back < 3 && back < s.n && (s.p[s.n - back] & 0xc0) == 0x80)
			back++;
		if (blank_at(s.p + s.n - back, s.p + s.n) != back)
			return s;
		s.n -= back;
	}
	return s;
}
