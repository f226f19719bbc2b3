/*
 * Shell patterns of ${X#pattern} and ${X/pattern/}: `*` and `?` and a backslash before either.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

/* Removes the longest or shortest prefix (or suffix) that matches. */
int glob_trim(struct arena *a, const char *pattern, const char *value, bool suffix, bool longest,
	      const char **out, struct err *e) must_check;
int glob_replace(struct arena *a, const char *pattern, const char *value, const char *by, bool all,
		 const char **out, struct err *e) must_check;
