/*
 * jansson with limits in front and places in its complaints. For documents from strangers:
 * bounded size and depth, duplicate keys refused. Getters say which member is wrong
 * ("layers[2].size is missing").
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <jansson.h>

static inline void json_done_at(json_t **j)
{
	json_decref(*j);
}
#define auto_json __attribute__((cleanup(json_done_at))) json_t

int json_read(const char *text, size_t n, json_t **out, struct err *e) must_check;
/* A whole file of at most `limit` bytes; the error names it. */
int json_read_file(const char *path, size_t limit, json_t **out, struct err *e) must_check;
/* The member or an error naming `path`, which is only for the message. */
int json_want_string(const json_t *obj, const char *key, const char *path, const char **out,
		     struct err *e) must_check;
int json_want_int(const json_t *obj, const char *key, const char *path, int64_t *out,
		  struct err *e) must_check;
/* Absent or of another kind: NULL or the default. */
const char *json_string_or(const json_t *obj, const char *key, const char *otherwise);
int64_t json_int_or(const json_t *obj, const char *key, int64_t otherwise);
bool json_bool_or(const json_t *obj, const char *key, bool otherwise);
json_t *json_words(const struct strings *list);
json_t *json_pairs(const struct pairs *list); /* {key: value}; no value: "" */
/* Appends the texts of an array, and passes over what is none. */
void json_take_words(struct arena *a, const json_t *array, struct strings *out);
