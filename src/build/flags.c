#include "build/flags.h"
#include <errno.h>
#include <string.h>

static const struct flag *find(const struct flag *rows, const char *name)
{
	for (; rows->name; rows++)
		if (!strcmp(rows->name, name))
			return rows;
	return NULL;
}

static int unknown(const struct flag *rows, const char *name, struct err *e)
{
	const char *words[16], *near;
	size_t n = 0;

	err_set(e, EINVAL, "unknown flag: --%s", name);
	for (; rows->name && n < countof(words); rows++)
		words[n++] = rows->name;
	near = text_nearest(name, words, n);
	if (near)
		err_hint(e, "did you mean --%s?", near);
	return -EINVAL;
}

static int read_bool(const char *name, const char *value, int *out, struct err *e)
{
	if (!value || !strcasecmp(value, "true"))
		*out = 1;
	else if (!strcasecmp(value, "false"))
		*out = 0;
	else
		return err_set(e, EINVAL, "expecting a boolean value for flag %s, not: %s", name,
			       value);
	return 0;
}

static int store(struct arena *a, const struct flag *f, const char *value, bool seen, void *into,
		 struct err *e)
{
	char *slot = (char *)into + f->offset;

	if (seen && f->kind != FLAG_LIST)
		return err_set(e, EINVAL, "duplicate flag specified: %s", f->name);
	if (f->kind == FLAG_BOOL)
		return read_bool(f->name, value, (int *)slot, e);
	if (!value)
		return err_set(e, EINVAL, "missing a value on flag: %s", f->name);
	if (f->kind == FLAG_TEXT)
		*(const char **)slot = value;
	else
		*vec_push(a, (struct strings *)slot) = value;
	return 0;
}

int flags_read(struct arena *a, const struct strings *words, const struct flag *rows, void *into,
	       struct err *e)
{
	uint64_t seen = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < words->n; i++) {
		const char *word = words->v[i] + 2, *eq = strchr(word, '=');
		char *name = arena_strndup(a, word, eq ? (size_t)(eq - word) : strlen(word));
		const struct flag *f = find(rows, name);

		if (strncmp(words->v[i], "--", 2))
			return err_set(e, EINVAL, "a flag must start with \"--\": %s", words->v[i]);
		if (!f)
			return unknown(rows, name, e);
		r = store(a, f, eq ? eq + 1 : NULL, seen >> (f - rows) & 1, into, e);
		seen |= UINT64_C(1) << (f - rows);
	}
	return r;
}
