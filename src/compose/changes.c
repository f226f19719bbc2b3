#include "compose/changes.h"
#include "compose/node.h"
#include "compose/render.h"
#include <string.h>

enum { SHOWN = 72 };

struct comparison {
	struct arena *a;
	struct strings *out;
};

static bool says(const char *text, const char *const *parts, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		if (strcasestr(text, parts[k]))
			return true;
	}
	return false;
}

static bool is_secret_name(const char *name)
{
	static const char *const parts[] = {"passw",   "secret", "token", "key",  "credential",
					    "private", "auth",   "dsn",   "salt", "cookie"};

	return says(name, parts, countof(parts));
}

/* --password=x, or scheme://user:password@host */
static bool holds_password(const char *text)
{
	static const char *const parts[] = {"passw", "secret", "token", "credential"};
	const char *at, *host = strstr(text, "://");

	if (says(text, parts, countof(parts)))
		return true;
	if (!host)
		return false;
	host += 3;
	at = host + strcspn(host, "@/\"");
	return *at == '@' && memchr(host, ':', (size_t)(at - host));
}

static const char *shown(struct arena *a, const struct node *n)
{
	struct buf b = {0};
	char *text, *to;

	if (!n)
		return "nothing";
	render_tree(n, RENDER_SAVED, &b);
	text = to = buf_take(a, &b);
	for (const char *p = text; *p; p++) { /* one line, whatever the renderer breaks */
		if (*p == '\n') {
			p += strspn(p + 1, " ");
			continue;
		}
		*to++ = *p;
	}
	*to = '\0';
	if (holds_password(text))
		return NULL;
	return strlen(text) <= SHOWN ? text : arena_printf(a, "%.*s...", SHOWN - 3, text);
}

static void note(const struct comparison *c, const char *path, const struct node *then,
		 const struct node *now)
{
	const char *dot = strrchr(path, '.'), *old = shown(c->a, then), *new = shown(c->a, now);
	bool hidden = !old || !new || is_secret_name(dot ? dot + 1 : path);
	const char *line;

	if (hidden)
		line = arena_printf(c->a, "%s: %s", path,
				    !then  ? "added"
				    : !now ? "removed"
					   : "another value");
	else
		line = arena_printf(c->a, "%s: %s -> %s", path, old, new);
	*vec_push(c->a, c->out) = line;
}

static bool is_same(struct arena *a, const struct node *x, const struct node *y)
{
	struct buf one = {0}, two = {0};

	render_tree(x, RENDER_SAVED, &one);
	render_tree(y, RENDER_SAVED, &two);
	return !strcmp(buf_take(a, &one), buf_take(a, &two));
}

static bool has(struct arena *a, const struct node *seq, const struct node *item)
{
	vec_each(k, &seq->kids) {
		if (is_same(a, *k, item))
			return true;
	}
	return false;
}

/* Ports, mounts: what came and what went. A command is a sentence and shown whole. */
static void compare_lists(const struct comparison *c, const char *path, const struct node *then,
			  const struct node *now)
{
	size_t before = c->out->n;

	if (!then->kids.n || !now->kids.n || then->kids.v[0]->kind != NODE_MAP) {
		note(c, path, then, now);
		return;
	}
	vec_each(k, &then->kids) {
		if (!has(c->a, now, *k))
			note(c, path, *k, NULL);
	}
	vec_each(k, &now->kids) {
		if (!has(c->a, then, *k))
			note(c, path, NULL, *k);
	}
	if (c->out->n == before)
		*vec_push(c->a, c->out) = arena_printf(c->a, "%s: another order", path);
}

static bool is_left_out(const struct node *map, const char *key, int depth)
{
	return render_is_unhashed(depth, key) || (map->record && key[0] == 'x' && key[1] == '-');
}

static void compare(const struct comparison *c, const char *path, const struct node *then,
		    const struct node *now, int depth);

static void compare_maps(const struct comparison *c, const char *path, const struct node *then,
			 const struct node *now, int depth)
{
	const char *dot = *path ? "." : "";

	vec_each(k, &then->kids) {
		if (!is_left_out(now, (*k)->key, depth))
			compare(c, arena_printf(c->a, "%s%s%s", path, dot, (*k)->key), *k,
				node_get(now, (*k)->key), depth + 1);
	}
	vec_each(k, &now->kids) {
		if (!node_get(then, (*k)->key) && !is_left_out(now, (*k)->key, depth))
			note(c, arena_printf(c->a, "%s%s%s", path, dot, (*k)->key), NULL, *k);
	}
}

static void compare(const struct comparison *c, const char *path, const struct node *then,
		    const struct node *now, int depth)
{
	if (now && then->kind == NODE_MAP && now->kind == NODE_MAP)
		compare_maps(c, path, then, now, depth);
	else if (!now || then->kind != now->kind)
		note(c, path, then, now);
	else if (is_same(c->a, then, now))
		return;
	else if (then->kind == NODE_SEQ)
		compare_lists(c, path, then, now);
	else
		note(c, path, then, now);
}

void changes_of_service(struct arena *a, const struct node *then, const struct node *now,
			struct strings *out)
{
	struct comparison c = {a, out};

	/* as deep as the hash counts: the service itself is 1 there */
	compare(&c, "", then, now, 2);
}

void changes_of_network(struct arena *a, const struct node *then, const struct node *now,
			struct strings *out)
{
	compare(&(struct comparison){a, out}, "", then, now, 0);
}
