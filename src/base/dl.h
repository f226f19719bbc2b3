/*
 * Libraries that only some commands need are loaded on first use: mapping libcurl alone
 * costs 4 to 8 ms each at start (docs/decisions.md has the measurement).
 */
#pragma once
#include "base/err.h"
#include <stddef.h>

struct dl_symbol {
	const char *name;
	size_t off; /* of the function pointer in the caller's struct */
};

/* Fills the struct at `table` from the rows (ended by a NULL name). Loads the library once. */
int dl_load(const char *soname, const struct dl_symbol *rows, void *table, struct err *e);
