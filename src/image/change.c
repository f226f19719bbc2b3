#include "image/change.h"
#include "base/mem.h"
#include "base/text.h"
#include <errno.h>
#include <string.h>
#include <strings.h>

static struct span next_word(struct span *rest, struct buf *word)
{
	struct span s = span_trim(*rest);
	char quote = 0;
	size_t i = 0;

	word->n = 0;
	for (; i < s.n && (quote || (s.p[i] != ' ' && s.p[i] != '\t')); i++) {
		if (!quote && (s.p[i] == '"' || s.p[i] == '\''))
			quote = s.p[i];
		else if (quote && s.p[i] == quote)
			quote = 0;
		else if (s.p[i] == '\\' && quote != '\'' && i + 1 < s.n)
			buf_char(word, s.p[++i]);
		else
			buf_char(word, s.p[i]);
	}
	*rest = (struct span){s.p + i, s.n - i};
	return (struct span){word->p ? word->p : "", word->n};
}

static json_t *list_or_shell(struct span args)
{
	auto_json *list = json_loadb(args.p, args.n, 0, NULL);
	json_t *item;
	size_t i;
	bool whole = json_is_array(list);

	json_array_foreach(list, i, item) whole = whole && json_is_string(item);
	if (whole)
		return json_incref(list);
	return json_pack("[sss%]", "/bin/sh", "-c", args.p, args.n);
}

static json_t *member(json_t *config, const char *key, json_t *fresh)
{
	json_t *have = json_object_get(config, key);

	if (have && json_typeof(have) == json_typeof(fresh)) {
		json_decref(fresh);
		return have;
	}
	json_object_set_new(config, key, fresh);
	return fresh;
}

static void set_env(json_t *env, const char *name, const char *value)
{
	auto_buf text = {0};
	size_t n = strlen(name);
	json_t *item;
	size_t i;

	buf_printf(&text, "%s=%s", name, value);
	json_array_foreach(env, i, item)
	{
		const char *s = json_string_value(item);

		if (s && !strncmp(s, name, n) && s[n] == '=') {
			json_array_set_new(env, i, json_string(text.p));
			return;
		}
	}
	json_array_append_new(env, json_string(text.p));
}

/* "A=b C=d", or the old "A b c". */
static int pairs_of(json_t *config, const char *key, struct span args, struct err *e)
{
	bool env = !strcmp(key, "Env");
	json_t *to = member(config, key, env ? json_array() : json_object());
	auto_buf word = {0};

	while (span_trim(args).n) {
		struct span w = next_word(&args, &word);
		char *equals = w.n ? memchr(word.p, '=', w.n) : NULL;

		if (!w.n || equals == word.p)
			return err_set(e, EINVAL, "a name is missing");
		if (equals) {
			*equals++ = '\0';
			if (env)
				set_env(to, word.p, equals);
			else
				json_object_set_new(to, word.p, json_string(equals));
			continue;
		}
		auto_free char *rest = mem_textn(span_trim(args).p, span_trim(args).n);

		if (env)
			set_env(to, word.p, rest);
		else
			json_object_set_new(to, word.p, json_string(rest));
		return 0;
	}
	return 0;
}

static int keys_of(json_t *config, const char *key, struct span args, struct err *e)
{
	json_t *to = member(config, key, json_object()), *item;
	auto_json *list = json_loadb(args.p, args.n, 0, NULL);
	auto_buf word = {0};
	size_t i;

	if (json_is_array(list)) {
		json_array_foreach(list, i, item)
		{
			if (json_is_string(item))
				json_object_set_new(to, json_string_value(item), json_object());
		}
		return 0;
	}
	while (span_trim(args).n) {
		struct span w = next_word(&args, &word);

		if (!w.n)
			return err_set(e, EINVAL, "a value is missing");
		if (!strcmp(key, "ExposedPorts") && !memchr(w.p, '/', w.n))
			buf_str(&word, "/tcp");
		json_object_set_new(to, word.p, json_object());
	}
	return 0;
}

/* clang-format off */
static const struct {
	const char *word, *key;
	enum { COMMAND, TEXT, PAIRS, KEYS } kind;
} instructions[] = {
	{"CMD",        "Cmd",          COMMAND},
	{"ENTRYPOINT", "Entrypoint",   COMMAND},
	{"USER",       "User",         TEXT},
	{"WORKDIR",    "WorkingDir",   TEXT},
	{"STOPSIGNAL", "StopSignal",   TEXT},
	{"ENV",        "Env",          PAIRS},
	{"LABEL",      "Labels",       PAIRS},
	{"VOLUME",     "Volumes",      KEYS},
	{"EXPOSE",     "ExposedPorts", KEYS},
};
/* clang-format on */

static int apply(json_t *config, size_t i, struct span args, struct err *e)
{
	const char *key = instructions[i].key;

	switch (instructions[i].kind) {
	case COMMAND:
		json_object_set_new(config, key, list_or_shell(args));
		return 0;
	case TEXT:
		json_object_set_new(config, key, json_stringn(args.p, args.n));
		return 0;
	case PAIRS:
		return pairs_of(config, key, args, e);
	case KEYS:
		break;
	}
	return keys_of(config, key, args, e);
}

int change_apply(json_t *doc, const char *instruction, struct err *e)
{
	json_t *config = member(doc, "config", json_object());
	struct span rest = span_trim(span_of(instruction)), word;

	if (!span_cut(&rest, ' ', &word))
		rest = (struct span){"", 0};
	rest = span_trim(rest);
	for (size_t i = 0; i < countof(instructions); i++) {
		if (word.n != strlen(instructions[i].word) ||
		    strncasecmp(word.p, instructions[i].word, word.n))
			continue;
		if (!rest.n)
			return err_set(e, EINVAL, "%s needs a value", instructions[i].word);
		return apply(config, i, rest, e) < 0 ? err_wrap(e, "change \"%.80s\"", instruction)
						     : 0;
	}
	err_set(e, EINVAL, "\"%.80s\" cannot be applied to an image", instruction);
	return err_hint(e, "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME and "
			   "WORKDIR can");
}
