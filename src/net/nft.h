/*
 * A ruleset as text, applied as one transaction by libnftables. That library is big and keeps what
 * it once allocated, so it lives in a child process for as long as one text takes: a supervisor
 * that stays for months never maps it. What needs no text goes through net/nfnl.
 */
#pragma once
#include "base/err.h"
#include <stddef.h>

int nft_run(const char *text, struct err *e) must_check;

struct nft_job {
	int netns; /* -1: here */
	const char *text;
};
/* Several, each in its namespace, by one child; up to the first that fails. */
int nft_run_in(const struct nft_job *jobs, size_t n, struct err *e) must_check;
