/*
 * A ruleset as text, applied as one transaction by libnftables. That library is big and keeps what
 * it once allocated, so it lives in a child process for as long as one text takes: a supervisor
 * that stays for months never maps it. What needs no text goes through net/nfnl.
 */
#pragma once
#include "base/err.h"

int nft_run(const char *text, struct err *e) must_check;
