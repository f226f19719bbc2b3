/*
 * ${VAR:-default} and its friends, in values.
 *
 *   $$ a dollar · $NAME ${NAME} the value · ${NAME:-word} ${NAME-word} default if empty or unset,
 *   if unset · ${NAME:+word} ${NAME+word} alternate · ${NAME:?word} ${NAME?word} refuse
 *
 * A word is text again, its braces counted. Depth and length are bounded. Every variable that is
 * asked for is told to the caller, who warns about unset ones and explains where values came from.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

struct interpolation {
	/* The value or NULL where the variable is not set. */
	const char *(*lookup)(void *arg, const char *name);
	/* op: "", "-", ":-", ... ; word: its text as written. May be NULL. */
	void (*seen)(void *arg, const char *name, const char *op, const char *word,
		     const char *value);
	void *arg;
	bool lenient; /* missing required variables are empty text */
	bool dry; /* only tell: missing required variables are no error, words are searched too */
};

/* *out is `text` itself where nothing had to be replaced. */
int interpolate(struct arena *a, const char *text, const struct interpolation *i, const char **out,
		struct err *e) must_check;
