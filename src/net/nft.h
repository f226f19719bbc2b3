/*
 * A ruleset as text, applied as one transaction by libnftables (loaded on first use).
 */
#pragma once
#include "base/err.h"

int nft_run(const char *text, struct err *e) must_check;
