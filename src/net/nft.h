/*
 * A ruleset as text, applied as one transaction by libnftables (loaded on first use).
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

int nft_run(const char *text, struct err *e) must_check;
/* The same, with what nft prints. */
int nft_ask(const char *text, struct buf *out, struct err *e) must_check;
