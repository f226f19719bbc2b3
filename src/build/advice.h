/*
 * The part of the advice that hadolint is known for, under its names (DL3008, ...): what can be
 * told from the Dockerfile alone. What RUN says is cut into commands by quotes and separators; a
 * shell's full grammar is not read. Rules that BuildKit has too carry BuildKit's name (lint.c).
 */
#pragma once
#include "build/lint.h"

struct linter;
/* One finding, unless it is silenced. */
void lint_find(struct linter *l, const char *rule, int line, const char *fmt, ...)
	printf_like(4, 5);
void advice_run(struct linter *l, struct arena *a, const struct recipe *r);
