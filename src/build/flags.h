/* The --flags of one instruction against its table. */
#pragma once
#include "base/err.h"
#include "base/text.h"

enum flag_kind { FLAG_TEXT, FLAG_BOOL, FLAG_LIST };
struct flag {
	const char *name;
	enum flag_kind kind;
	size_t offset; /* of a const char *, an int (0/1) or a struct strings */
};

/* Rows end with a NULL name. A bool may stand alone or be =true/=false. */
int flags_read(struct arena *a, const struct strings *words, const struct flag *rows, void *into,
	       struct err *e) must_check;
