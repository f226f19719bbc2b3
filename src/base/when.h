/*
 * Time and sizes as people and machines write them.
 * Durations are int64_t nanoseconds, wall times nanoseconds since 1970 UTC, sizes bytes.
 */
#pragma once
#include "base/err.h"
#include <stdint.h>

#define NS_PER_SEC  INT64_C(1000000000)
#define NS_PER_MSEC INT64_C(1000000)

int64_t when_mono_ns(void);
int64_t when_wall_ns(void);

/* Compose durations: "1h5m30s", units ns us µs ms s m h d w; no blanks, no bare numbers. */
int when_parse_duration(const char *s, int64_t *out_ns, struct err *e) must_check;
/* As Go prints it: "1m30s", "500ms", "24h0m0s", "0s". */
char *when_format_duration(int64_t ns, char buf[static 40]);
/* RFC 3339 UTC with nanoseconds, as container logs carry it. */
char *when_rfc3339(int64_t wall_ns, char buf[static 40]);
int when_parse_rfc3339(const char *s, int64_t *out_wall_ns, struct err *e) must_check;
/* "5 seconds", "About a minute", "3 hours": how docker words an age. */
char *when_human(int64_t ns, char buf[static 40]);

/* "64m", "1.5 GB", "512": binary units, case does not matter; "-1" is allowed. */
int size_parse(const char *s, int64_t *out_bytes, struct err *e) must_check;
/* "1.5GB": decimal units, three significant digits, as docker prints image sizes. */
char *size_human(int64_t bytes, char buf[static 24]);
/* "1.46GiB": binary units. */
char *size_binary(int64_t bytes, char buf[static 24]);
