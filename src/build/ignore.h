/*
 * The pattern language of .dockerignore and COPY --exclude: `*` and `?` within a path component,
 * `**` across them, `[a-z]`, backslash escapes, `!` to take back. A pattern that matches a
 * directory matches everything below it; the last pattern that matches decides.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

struct ignore_pattern;
struct ignore {
	VEC(struct ignore_pattern) patterns;
	bool has_exceptions;
};

/* The file's lines: comments and blanks gone, paths cleaned. */
void ignore_lines(struct arena *a, struct span text, struct strings *out);
int ignore_make(struct arena *a, const struct strings *patterns, struct ignore *out,
		struct err *e) must_check;
/* Of a path relative to the context, parents included. */
bool ignore_match(struct arena *a, const struct ignore *ig, const char *path);

/*
 * For walks: `parent` is what this wrote for the directory above (NULL at the top), and `own` (one
 * char for each pattern) what children need.
 */
bool ignore_step(const struct ignore *ig, const char *path, const char *parent, char *own);
/* True where an exception could match something below an ignored directory. */
bool ignore_may_return(const struct ignore *ig, const char *dir);
/* No class left open, no range backwards, no escape at the end. */
bool ignore_is_well_formed(const char *pattern);
/* Does this one pattern match exactly this path? For wildcards of COPY sources. */
bool ignore_glob(struct arena *a, const char *pattern, const char *path, struct err *e);
