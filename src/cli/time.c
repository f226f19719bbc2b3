#include "cli/time.h"
#include "base/text.h"
#include "base/when.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "2026-01-31", "2026-01-31T10:00", "...:00" and a zone: completed, then read as RFC 3339. */
static int parse_date(const char *s, int64_t *out, struct err *e)
{
	static const char *const rest[] = {
		[10] = "T00:00:00Z", [13] = ":00:00Z", [16] = ":00Z", [19] = "Z"};
	size_t n = strlen(s);
	char whole[64];

	snprintf(whole, sizeof(whole), "%s%s", s, n < countof(rest) && rest[n] ? rest[n] : "");
	return when_parse_rfc3339(whole, out, e);
}

static int parse_seconds(const char *s, int64_t *out)
{
	auto_arena a = {0};
	struct span rest = span_of(s), head;
	uint64_t seconds, fraction = 0;
	int64_t scale = NS_PER_SEC;

	span_cut(&rest, '.', &head);
	if (rest.n > 9 || text_to_u64(span_dup(&a, head), &seconds) < 0 ||
	    seconds > INT32_MAX * 4ull ||
	    (rest.n && text_to_u64(span_dup(&a, rest), &fraction) < 0))
		return -EINVAL;
	for (size_t i = 0; i < rest.n; i++)
		scale /= 10;
	*out = (int64_t)seconds * NS_PER_SEC + (int64_t)fraction * scale;
	return 0;
}

int time_parse(const char *s, int64_t *out_wall_ns, struct err *e)
{
	struct err ignored;
	int64_t back;

	if (!parse_seconds(s, out_wall_ns))
		return 0;
	if (when_parse_duration(s, &back, &ignored) >= 0) {
		*out_wall_ns = when_wall_ns() - back;
		return 0;
	}
	if (parse_date(s, out_wall_ns, &ignored) >= 0)
		return 0;
	err_set(e, EINVAL, "\"%s\" is no moment in time", s);
	return err_hint(e, "write 2026-01-31T10:00:00Z, or 42m for 42 minutes ago");
}
