/* Moments as --since and --until take them: RFC 3339 (zone and time may be missing), seconds
 * since 1970, or a duration back from now ("42m"). */
#pragma once
#include "base/err.h"
#include <stdint.h>

int time_parse(const char *s, int64_t *out_wall_ns, struct err *e) must_check;
