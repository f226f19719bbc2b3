#include "base/json.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/vec.h"
#include <errno.h>
#include <fcntl.h>

enum { JSON_DEPTH = 64 };

/* jansson recurses up to 2048 levels of its own; a few dozen are all that any document needs. */
static int too_deep(const char *p, size_t n)
{
	int depth = 0, in_string = 0;

	for (size_t i = 0; i < n; i++) {
		if (in_string) {
			if (p[i] == '\\')
				i++;
			else if (p[i] == '"')
				in_string = 0;
		} else if (p[i] == '"') {
			in_string = 1;
		} else if (p[i] == '{' || p[i] == '[') {
			if (++depth > JSON_DEPTH)
				return 1;
		} else if (p[i] == '}' || p[i] == ']') {
			depth--;
		}
	}
	return 0;
}

int json_read(const char *text, size_t n, json_t **out, struct err *e)
{
	json_error_t why;
	json_t *j;

	if (too_deep(text, n))
		return err_set(e, EINVAL, "JSON is nested more than %d deep", JSON_DEPTH);
	j = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
	if (!j)
		return err_set(e, EINVAL, "not valid JSON: line %d, column %d: %s", why.line,
			       why.column, why.text);
	*out = j;
	return 0;
}

int json_read_file(const char *path, size_t limit, json_t **out, struct err *e)
{
	auto_arena a = {0};
	struct span text;
	int r = file_read(&a, AT_FDCWD, path, limit, &text, e);

	if (r < 0)
		return r;
	return json_read(text.p, text.n, out, e) < 0 ? err_wrap(e, "read %s", path) : 0;
}

int json_want_string(const json_t *obj, const char *key, const char *path, const char **out,
		     struct err *e)
{
	const json_t *j = json_object_get(obj, key);

	if (!j)
		return err_set(e, EINVAL, "%s%s%s is missing", path, *path ? "." : "", key);
	if (!json_is_string(j))
		return err_set(e, EINVAL, "%s%s%s is not a string", path, *path ? "." : "", key);
	*out = json_string_value(j);
	return 0;
}

int json_want_int(const json_t *obj, const char *key, const char *path, int64_t *out, struct err *e)
{
	const json_t *j = json_object_get(obj, key);

	if (!j)
		return err_set(e, EINVAL, "%s%s%s is missing", path, *path ? "." : "", key);
	if (!json_is_integer(j))
		return err_set(e, EINVAL, "%s%s%s is not an integer", path, *path ? "." : "", key);
	*out = json_integer_value(j);
	return 0;
}

const char *json_string_or(const json_t *obj, const char *key, const char *otherwise)
{
	const json_t *j = json_object_get(obj, key);

	return json_is_string(j) ? json_string_value(j) : otherwise;
}

int64_t json_int_or(const json_t *obj, const char *key, int64_t otherwise)
{
	const json_t *j = json_object_get(obj, key);

	return json_is_integer(j) ? json_integer_value(j) : otherwise;
}

bool json_bool_or(const json_t *obj, const char *key, bool otherwise)
{
	const json_t *j = json_object_get(obj, key);

	return json_is_boolean(j) ? json_is_true(j) : otherwise;
}

json_t *json_words(const struct strings *list)
{
	json_t *out = json_array();

	vec_each(w, list)
		json_array_append_new(out, json_string(*w));
	return out;
}

json_t *json_pairs(const struct pairs *list)
{
	json_t *out = json_object();

	vec_each(p, list)
		json_object_set_new(out, p->key, json_string(p->value ? p->value : ""));
	return out;
}

void json_take_words(struct arena *a, const json_t *array, struct strings *out)
{
	const json_t *each;
	size_t k;

	json_array_foreach(array, k, each)
	{
		if (json_is_string(each))
			*vec_push(a, out) = arena_printf(a, "%s", json_string_value(each));
	}
}
