/*
 * Quotes, escapes and variables of one Dockerfile word, as Dockerfile's own shell-like language
 * has them (not a shell's): $X ${X} ${X:-w} ${X-w} ${X:+w} ${X:?w} ${X#p} ${X##p} ${X%p} ${X%%p}
 * ${X/p/r} ${X//p/r}. Quotes are removed and the result can also be had split at blanks.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

struct words {
	char escape;      /* '\\' or '`' */
	bool raw_quotes;  /* quotes stay */
	bool raw_escapes; /* the escape character stays */
	bool skip_quotes; /* quotes are ordinary characters */
	/* As BuildKit 0.32 does: in the list, a substitution with a word in it (${X:-w}) forgets
	 * the part of its word before it. */
	bool forget;
	bool skip_unset;           /* variables that are not set stay as written */
	const struct pairs *env;   /* last one wins; NULL: empty */
	struct strings *unmatched; /* NULL, or gets the names that were not set */
	struct strings *matched;   /* NULL, or gets the names that were set */
};

/* `word` and `list` may be NULL. */
int words_expand(struct arena *a, const struct words *w, const char *text, const char **word,
		 struct strings *list, struct err *e) must_check;
