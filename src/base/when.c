#include "base/when.h"
#include "base/text.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

int64_t when_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t when_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	{"ns", 1},
	{"us", 1000},
	{"\xc2\xb5s", 1000}, /* U+00B5 micro sign */
	{"\xce\xbcs", 1000}, /* U+03BC Greek mu */
	{"ms", NS_PER_MSEC},
	{"s", NS_PER_SEC},
	{"m", 60 * NS_PER_SEC},
	{"h", 3600 * NS_PER_SEC},
	{"d", 24 * 3600 * NS_PER_SEC},
	{"w", 7 * 24 * 3600 * NS_PER_SEC},
};

static int64_t unit_of(struct span s)
{
	for (size_t i = 0; i < countof(units); i++) {
		if (span_is(s, units[i].name))
			return units[i].ns;
	}
	return 0;
}

/* One "<decimal><unit>" off the front of *s, added to *sum. */
static int duration_part(const char **s, int64_t *sum)
{
	size_t digits = strspn(*s, "0123456789."), letters;
	int64_t unit;
	char *end;
	double v;

	if (!digits || digits > 30)
		return -EINVAL;
	v = strtod(*s, &end);
	if ((size_t)(end - *s) != digits)
		return -EINVAL;
	for (letters = 0; end[letters] && !strchr("0123456789.-+ ", end[letters]);)
		letters++;
	unit = unit_of((struct span){end, letters});
	if (!unit)
		return -EINVAL;
	v = round(v * (double)unit);
	if (v >= 9.2e18 || __builtin_add_overflow(*sum, (int64_t)v, sum))
		return -ERANGE;
	*s = end + letters;
	return 0;
}

int when_parse_duration(const char *s, int64_t *out_ns, struct err *e)
{
	const char *p = s;
	int64_t sum = 0;
	int r, negative = *p == '-';

	p += negative || *p == '+';
	if (!strcmp(p, "0")) {
		*out_ns = 0;
		return 0;
	}
	do {
		r = duration_part(&p, &sum);
	} while (!r && *p);
	if (r == -ERANGE)
		return err_set(e, ERANGE, "duration \"%s\" is too long", s);
	if (r < 0) {
		err_set(e, EINVAL, "\"%s\" is not a duration", s);
		return err_hint(
			e,
			"write a number and a unit: ns, us, ms, s, m, h, d or w, as in \"1m30s\"");
	}
	*out_ns = negative ? -sum : sum;
	return 0;
}

/* Fraction with trailing zeros cut: 1500 over 1000 is "1.5". */
static int decimal(char *buf, size_t n, int64_t value, int64_t unit, const char *name)
{
	int len = snprintf(buf, n, "%lld", (long long)(value / unit));
	int64_t rest = value % unit;

	if (rest) {
		buf[len++] = '.';
		for (; rest; rest %= unit) {
			unit /= 10;
			buf[len++] = (char)('0' + rest / unit);
		}
	}
	return len + snprintf(buf + len, n - (size_t)len, "%s", name);
}

char *when_format_duration(int64_t ns, char buf[static 40])
{
	int64_t hours, minutes;
	char *p = buf;

	if (ns < 0) {
		*p++ = '-';
		ns = ns == INT64_MIN ? INT64_MAX : -ns;
	}
	if (!ns) {
		snprintf(p, 4, "0s");
	} else if (ns < 1000) {
		snprintf(p, 30, "%lldns", (long long)ns);
	} else if (ns < NS_PER_MSEC) {
		decimal(p, 38, ns, 1000, "\xc2\xb5s");
	} else if (ns < NS_PER_SEC) {
		decimal(p, 38, ns, NS_PER_MSEC, "ms");
	} else {
		hours = ns / (3600 * NS_PER_SEC);
		minutes = ns / (60 * NS_PER_SEC) % 60;
		if (hours)
			p += snprintf(p, 20, "%lldh", (long long)hours);
		if (hours || minutes)
			p += snprintf(p, 8, "%lldm", (long long)minutes);
		decimal(p, 16, ns % (60 * NS_PER_SEC), NS_PER_SEC, "s");
	}
	return buf;
}

char *when_rfc3339(int64_t wall_ns, char buf[static 40])
{
	time_t sec = (time_t)(wall_ns / NS_PER_SEC);
	struct tm tm;
	size_t n;

	gmtime_r(&sec, &tm);
	n = strftime(buf, 32, "%Y-%m-%dT%H:%M:%S", &tm);

	snprintf(buf + n, 40 - n, ".%09lldZ", (long long)(wall_ns % NS_PER_SEC));
	return buf;
}

static int bad_time(const char *s, struct err *e)
{
	err_set(e, EINVAL, "\"%s\" is not a time", s);
	return err_hint(e, "write it as in 2026-01-31T14:05:00Z");
}

int when_parse_rfc3339(const char *s, int64_t *out_wall_ns, struct err *e)
{
	struct tm tm = {0};
	const char *rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t frac = 0, scale = NS_PER_SEC / 10;
	int hours = 0, minutes = 0;
	char sign = '+';

	if (!rest)
		return bad_time(s, e);
	if (*rest == '.') {
		for (rest++; isdigit((unsigned char)*rest); rest++, scale /= 10)
			frac += (*rest - '0') * scale;
	}
	if (strcmp(rest, "Z") && strcmp(rest, "z") && *rest) {
		if (sscanf(rest, "%c%2d:%2d", &sign, &hours, &minutes) != 3 || !strchr("+-", sign))
			return bad_time(s, e);
	}
	*out_wall_ns = (int64_t)timegm(&tm) * NS_PER_SEC + frac;
	*out_wall_ns += (sign == '-' ? 1 : -1) * (hours * 60 + minutes) * 60 * NS_PER_SEC;
	return 0;
}

char *when_human(int64_t ns, char buf[static 40])
{
	static const struct {
		int64_t below_s, unit_s;
		const char *words;
	} rows[] = {
		{1, 0, "Less than a second"},
		{2, 0, "1 second"},
		{60, 1, "%lld seconds"},
		{120, 0, "About a minute"},
		{46 * 60, 60, "%lld minutes"},
		{90 * 60, 0, "About an hour"},
		{48 * 3600, 3600, "%lld hours"},
		{14 * 86400, 86400, "%lld days"},
		{60 * 86400, 7 * 86400, "%lld weeks"},
		{730 * INT64_C(86400), 30 * 86400, "%lld months"},
		{INT64_MAX, 365 * 86400, "%lld years"},
	};
	int64_t sec = ns / NS_PER_SEC;
	size_t i = 0;

	while (i + 1 < countof(rows) && sec >= rows[i].below_s)
		i++;
	if (!rows[i].unit_s)
		snprintf(buf, 40, "%s", rows[i].words);
	else {
		char number[24];
		const char *name = strchr(rows[i].words, ' ');

		snprintf(number, sizeof(number), "%lld", (long long)(sec / rows[i].unit_s));
		snprintf(buf, 40, "%s%s", number, name);
	}
	return buf;
}

int size_parse(const char *s, int64_t *out_bytes, struct err *e)
{
	static const char letters[] = "bkmgtp";
	char *end;
	double v = strtod(s, &end);
	const char *letter;
	int64_t unit = 1;

	if (end == s || !strchr("0123456789.-", *s) || strcspn(s, "xXnN") < (size_t)(end - s))
		goto bad;
	if (*end == ' ')
		end++;
	if (*end) {
		letter = strchr(letters, tolower((unsigned char)*end));
		if (!letter)
			goto bad;
		unit = INT64_C(1) << (10 * (letter - letters));
		end++;
		if (unit > 1 && tolower((unsigned char)*end) == 'i' &&
		    tolower((unsigned char)end[1]) == 'b')
			end += 2;
		else if (unit > 1 && tolower((unsigned char)*end) == 'b')
			end++;
		if (*end)
			goto bad;
	}
	if (!(v * (double)unit < 9.2e18) || (v < 0 && v != -1))
		return err_set(e, ERANGE, "size \"%s\" is out of range", s);
	*out_bytes = (int64_t)(v * (double)unit);
	return 0;
bad:
	err_set(e, EINVAL, "\"%s\" is not a size", s);
	return err_hint(e, "write a number and a unit: b, k, m, g or t, as in \"512m\"");
}

static char *scaled(int64_t bytes, double step, const char *const *names, char *buf)
{
	double v = (double)bytes;
	int i = 0;

	for (; v >= step && i < 5; i++)
		v /= step;
	snprintf(buf, 24, "%.4g%s", v >= 1000 ? v : round(v * 1000) / 1000, names[i]);
	return buf;
}

char *size_human(int64_t bytes, char buf[static 24])
{
	static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	double v = (double)bytes;
	int i = 0;

	for (; v >= 1000 && i < 5; i++)
		v /= 1000;
	snprintf(buf, 24, "%.3g%s", v, names[i]);
	return buf;
}

char *size_binary(int64_t bytes, char buf[static 24])
{
	static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};

	return scaled(bytes, 1024, names, buf);
}
