#include "cli/template_functions.h"
#include "cli/template.h"
#include <ctype.h>
#include <string.h>

json_t *kept(struct run *t, json_t *fresh)
{
	json_array_append_new(t->keep, fresh);
	return fresh;
}

json_t *kept_text(struct run *t, struct buf *b)
{
	json_t *v = json_stringn_nocheck(b->p ? b->p : "", b->n);

	buf_done(b);
	return kept(t, v);
}

bool is_true(const json_t *v)
{
	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_OBJECT:
		return json_object_size(v) > 0;
	case JSON_ARRAY:
		return json_array_size(v) > 0;
	case JSON_STRING:
		return json_string_length(v) > 0;
	case JSON_INTEGER:
		return json_integer_value(v) != 0;
	case JSON_REAL:
		return json_real_value(v) != 0;
	default:
		return json_is_true(v);
	}
}

static void print_many(struct buf *out, json_t *v)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_array(v)) {
		buf_char(out, '[');
		json_array_foreach(v, i, item)
		{
			if (i)
				buf_char(out, ' ');
			template_value(out, item);
		}
		buf_char(out, ']');
		return;
	}
	buf_str(out, "map[");
	i = 0;
	json_object_foreach(v, key, item)
	{
		buf_printf(out, "%s%s:", i++ ? " " : "", key);
		template_value(out, item);
	}
	buf_char(out, ']');
}

void template_value(struct buf *out, json_t *v)
{
	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_STRING:
		buf_add(out, json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_REAL:
		buf_printf(out, "%g", json_real_value(v));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_str(out, json_is_true(v) ? "true" : "false");
		break;
	case JSON_NULL:
		break;
	default:
		print_many(out, v);
	}
}

static json_t *fn_json(struct run *t, json_t **v, size_t n)
{
	char *text = json_dumps(v[0] ? v[0] : json_null(), JSON_ENCODE_ANY | JSON_COMPACT);
	json_t *out = json_string(text ? text : "null");

	free(text);
	return kept(t, out);
}

static json_t *fn_case(struct run *t, json_t *v, int (*change)(int), size_t most)
{
	auto_buf b = {0};

	template_value(&b, v);
	for (size_t i = 0; i < b.n && i < most; i++)
		b.p[i] = (char)change((unsigned char)b.p[i]);
	return kept_text(t, &b);
}

static json_t *fn_upper(struct run *t, json_t **v, size_t n)
{
	return fn_case(t, v[0], toupper, SIZE_MAX);
}

static json_t *fn_lower(struct run *t, json_t **v, size_t n)
{
	return fn_case(t, v[0], tolower, SIZE_MAX);
}

static json_t *fn_title(struct run *t, json_t **v, size_t n)
{
	return fn_case(t, v[0], toupper, 1);
}

static json_t *fn_print(struct run *t, json_t **v, size_t n)
{
	auto_buf b = {0};

	for (size_t i = 0; i < n; i++)
		template_value(&b, v[i]);
	return kept_text(t, &b);
}

static json_t *fn_println(struct run *t, json_t **v, size_t n)
{
	auto_buf b = {0};

	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char(&b, ' ');
		template_value(&b, v[i]);
	}
	buf_char(&b, '\n');
	return kept_text(t, &b);
}

static json_t *fn_len(struct run *t, json_t **v, size_t n)
{
	size_t len = json_is_array(v[0])    ? json_array_size(v[0])
		     : json_is_object(v[0]) ? json_object_size(v[0])
					    : json_string_length(v[0]);

	return kept(t, json_integer((json_int_t)len));
}

static json_t *fn_index(struct run *t, json_t **v, size_t n)
{
	json_t *at = v[0];

	for (size_t i = 1; i < n && at; i++) {
		if (json_is_array(at))
			at = json_array_get(at, (size_t)json_integer_value(v[i]));
		else
			at = json_object_get(at, json_string_value(v[i]));
	}
	return at;
}

static json_t *fn_join(struct run *t, json_t **v, size_t n)
{
	const char *between = json_string_value(v[1]);
	auto_buf b = {0};
	json_t *item;
	size_t i;

	json_array_foreach(v[0], i, item)
	{
		if (i)
			buf_str(&b, between ? between : "");
		template_value(&b, item);
	}
	return kept_text(t, &b);
}

static json_t *fn_split(struct run *t, json_t **v, size_t n)
{
	const char *s = json_string_value(v[0]), *by = json_string_value(v[1]), *at;
	json_t *out = kept(t, json_array());

	if (!s || !by || !*by)
		return out;
	for (; (at = strstr(s, by)); s = at + strlen(by))
		json_array_append_new(out, json_stringn_nocheck(s, (size_t)(at - s)));
	json_array_append_new(out, json_string_nocheck(s));
	return out;
}

static json_t *fn_truncate(struct run *t, json_t **v, size_t n)
{
	json_int_t most = json_integer_value(v[1]);
	auto_buf b = {0};

	template_value(&b, v[0]);
	if (most >= 0 && b.n > (size_t)most)
		b.n = (size_t)most;
	return kept_text(t, &b);
}

static bool same(json_t *a, json_t *b)
{
	auto_buf left = {0}, right = {0};

	template_value(&left, a);
	template_value(&right, b);
	return left.n == right.n && (!left.n || !memcmp(left.p, right.p, left.n));
}

static json_t *fn_eq(struct run *t, json_t **v, size_t n)
{
	bool any = false;

	for (size_t i = 1; i < n; i++)
		any = any || same(v[0], v[i]);
	return json_boolean(any);
}

static json_t *fn_ne(struct run *t, json_t **v, size_t n)
{
	return json_boolean(!same(v[0], v[1]));
}

static json_t *fn_not(struct run *t, json_t **v, size_t n)
{
	return json_boolean(!is_true(v[0]));
}

static json_t *fn_and(struct run *t, json_t **v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_true(v[i]))
			return v[i];
	}
	return v[n - 1];
}

static json_t *fn_or(struct run *t, json_t **v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (is_true(v[i]))
			return v[i];
	}
	return v[n - 1];
}

static const struct function functions[] = {
	{"json", 1, fn_json},   {"upper", 1, fn_upper},       {"lower", 1, fn_lower},
	{"title", 1, fn_title}, {"print", 0, fn_print},       {"println", 0, fn_println},
	{"len", 1, fn_len},     {"index", 2, fn_index},       {"join", 2, fn_join},
	{"split", 2, fn_split}, {"truncate", 2, fn_truncate}, {"eq", 2, fn_eq},
	{"ne", 2, fn_ne},       {"not", 1, fn_not},           {"and", 1, fn_and},
	{"or", 1, fn_or},
};

const struct function *function_named(struct span name)
{
	for (size_t i = 0; i < countof(functions); i++) {
		if (span_is(name, functions[i].name))
			return &functions[i];
	}
	return NULL;
}
