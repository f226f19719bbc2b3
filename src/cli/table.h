/*
 * Rows for people and for scripts. A row is a JSON object; the columns say which members the
 * table shows, --format picks the form: table (default), json, a Go template, or
 * "table {{.Name}}\t{{.Status}}".
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <jansson.h>
#include <stdio.h>

struct column {
	const char *head, *key; /* ended by a NULL head */
};

/* clang-format off */
enum table_json {
	TABLE_LINES, /* --format json: one object a line, keys sorted, as `ps` */
	TABLE_ARRAY  /* one array, keys in their order, as `ls` and `images` */
};
/* clang-format on */

int table_print(FILE *out, const char *format, const struct column *columns, json_t *rows,
		enum table_json how, struct err *e) must_check;
