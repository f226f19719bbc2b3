/*
 * Prints a struct err for a person: what berth was doing, the cause, the line of the file with a
 * caret below the column, and the way out. Control characters in it are made visible.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdio.h>

void complain(FILE *out, const struct err *e, bool colour);
void complain_json(FILE *out, const struct err *e); /* {"error":true,"message":...} */
/* "warning: compose.yaml:3:1: text" */
void complain_warning(FILE *out, const char *text, bool colour);
