#include "base/hash.h"
#include "compose/node.h"
#include "compose/render.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

struct writer {
	struct buf *out;
	enum render_tree how;
	int depth;
	bool extension; /* inside a top-level x-... */
};

/* Go's encoding/json writes <, > and & as escapes and knows no others but the required. */
static void go_string(struct buf *b, const char *s)
{
	buf_char(b, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c == '\n' || c == '\r' || c == '\t')
			buf_printf(b, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
		else if (c == '\b' || c == '\f')
			buf_printf(b, "\\%c", c == '\b' ? 'b' : 'f');
		else if (c < 0x20 || c == '<' || c == '>' || c == '&')
			buf_printf(b, "\\u%04x", c);
		else if (c == 0xe2 && (unsigned char)s[1] == 0x80 &&
			 ((unsigned char)s[2] & 0xfe) == 0xa8)
			buf_printf(b, "\\u202%d", (unsigned char)s[2] & 1 ? 9 : 8), s += 2;
		else
			buf_char(b, (char)c);
	}
	buf_char(b, '"');
}

static void text(struct writer *w, const char *s)
{
	auto_buf doubled = {0};

	if (w->how == RENDER_HASHED) {
		go_string(w->out, s);
		return;
	}
	if (w->how != RENDER_JSON || !strchr(s, '$')) {
		buf_json(w->out, s, strlen(s));
		return;
	}
	for (; *s; s++) {
		if (*s == '$')
			buf_char(&doubled, '$');
		buf_char(&doubled, *s);
	}
	buf_json(w->out, doubled.p, doubled.n);
}

/* JSON writes 1e+06 as 1000000, and no zero before an exponent. */
static void number(struct buf *out, const char *text)
{
	const char *e = strchr(text, 'e'), *dot = strchr(text, '.');
	int exponent = e ? atoi(e + 1) : 0, places = (dot && e ? (int)(e - dot) - 1 : 0) - exponent;

	if (!e)
		buf_str(out, text);
	else if (exponent >= -6 && exponent < 21)
		buf_printf(out, "%.*f", places > 0 ? places : 0, strtod(text, NULL));
	else
		buf_printf(out, "%.*s%d", (int)(e + 1 + (exponent > 0) - text), text, exponent);
}

static void scalar(struct writer *w, const struct node *n)
{
	if (n->type == TYPE_NULL)
		buf_str(w->out, "null");
	else if (n->type == TYPE_STR || n->type == TYPE_TIME ||
		 (n->type == TYPE_FLOAT && strpbrk(n->text, "IN")))
		text(w, n->text);
	else if (n->type == TYPE_FLOAT)
		number(w->out, n->text);
	else
		buf_str(w->out, n->text);
}

static void break_line(struct writer *w, int depth)
{
	if (w->how == RENDER_HASHED)
		return;
	buf_char(w->out, '\n');
	for (int i = 0; i < depth; i++)
		buf_str(w->out, "  ");
}

bool render_is_unhashed(int depth, const char *key)
{
	static const char *const without[] = {"build", "pull_policy", "scale", "depends_on",
					      "profiles"};

	for (size_t i = 0; depth == 2 && i < countof(without); i++) {
		if (!strcmp(without[i], key))
			return true;
	}
	return depth == 3 && !strcmp(key, "replicas"); /* of deploy */
}

static bool is_hidden(const struct writer *w, const struct node *map, const struct node *k)
{
	if (w->how != RENDER_SAVED && w->how != RENDER_MODEL && k->yaml_only)
		return true;
	if (w->how == RENDER_HASHED && render_is_unhashed(w->depth, k->key))
		return true;
	return w->how != RENDER_SAVED && w->how != RENDER_MODEL && map->record && w->depth > 1 &&
	       k->key[0] == 'x' && k->key[1] == '-';
}

static void key(struct writer *w, const struct node *k)
{
	char titled[64];

	if (k->title && w->how != RENDER_SAVED && w->how != RENDER_MODEL) {
		snprintf(titled, sizeof(titled), "%s", k->key);
		titled[0] = (char)toupper((unsigned char)titled[0]);
		text(w, titled);
	} else {
		text(w, k->key);
	}
	buf_str(w->out, w->how == RENDER_HASHED ? ":" : ": ");
}

static void value(struct writer *w, const struct node *n)
{
	bool map = n->kind == NODE_MAP, any = false;

	/* an env_file that must exist counts as its path */
	if (w->how == RENDER_HASHED && w->depth == 3 && map && node_true(node_get(n, "required")))
		n = node_get(n, "path");

	if (n->kind == NODE_SCALAR) {
		scalar(w, n);
		return;
	}
	if (!map && !n->kids.n && !n->quoted &&
	    (w->how == RENDER_MODEL || (w->extension && w->how == RENDER_JSON))) {
		buf_str(w->out, "null"); /* as docker compose prints an empty list there */
		return;
	}
	buf_char(w->out, map ? '{' : '[');
	w->depth++;
	vec_each(k, &n->kids) {
		if (map && is_hidden(w, n, *k))
			continue;
		if (any)
			buf_char(w->out, ',');
		any = true;
		break_line(w, w->depth);
		if (map)
			key(w, *k);
		if (w->depth == 1 && map)
			w->extension = text_starts((*k)->key, "x-");
		value(w, *k);
	}
	w->depth--;
	if (any)
		break_line(w, w->depth);
	buf_char(w->out, map ? '}' : ']');
}

void render_tree(const struct node *n, enum render_tree how, struct buf *out)
{
	struct writer w = {out, how, 0, false};

	value(&w, n);
}

void render_hash(const struct node *service, char hex[static 65])
{
	auto_buf b = {0};
	struct writer w = {&b, RENDER_HASHED, 1, false};

	value(&w, service);
	hash_sha256(b.p, b.n, hex);
}
