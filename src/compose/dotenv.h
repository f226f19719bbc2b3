/*
 * The grammar of .env, --env-file and env_file: KEY=value, quotes, `export`, comments, references
 * to variables. `raw` takes every line as it stands.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

/* The value or NULL; asked before keys of the file itself. */
typedef const char *dotenv_lookup(void *arg, const char *name);

struct dotenv {
	const char *file; /* for messages */
	dotenv_lookup *lookup;
	void *arg;
	struct strings *unset; /* a sentence for each variable that nobody has set; or NULL */
};

/*
 * Appends to *out in order; a key without "=" takes the looked-up value and is left out where
 * there is none.
 */
int dotenv_parse(struct arena *a, const struct dotenv *d, struct span src, struct pairs *out,
		 struct err *e) must_check;
int dotenv_parse_raw(struct arena *a, const struct dotenv *d, struct span src, struct pairs *out,
		     struct err *e) must_check;
