/*
 * The part of Go's text/template that people write after --format: {{.A.B}}, {{json .}}, pipes,
 * range (with $k, $v), if/else, with, and docker's functions (json, join, upper, lower, title,
 * split, truncate, println, len, index, eq, ne, not, and, or). Walks jansson values; members that
 * are absent print nothing.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <jansson.h>

int template_print(struct buf *out, const char *text, json_t *dot, struct err *e) must_check;
/* Of a row of a list, whose members docker knows: to ask for another is an error there and here. */
int template_row(struct buf *out, const char *text, json_t *row, struct err *e) must_check;
/* A value as {{.X}} prints it: strings bare, objects as map[a:1 b:2]. */
void template_value(struct buf *out, json_t *v);
/* What a shell passes through as two characters: \t and \n. */
char *template_unescape(struct arena *a, const char *text);
