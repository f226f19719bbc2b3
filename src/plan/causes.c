/* Why a container cannot stay as it is: in a word, and in all its particulars. */
#include "plan/making.h"
#include <string.h>

enum { ID_SHOWN = 19 }; /* "sha256:" and twelve digits */

static bool differs(const char *wanted, const char *has)
{
	return wanted && has && *wanted && strcmp(wanted, has);
}

const char *making_obsolete(struct making *m, struct item *i, const struct seen *c)
{
	vec_each(n, &m->stale_nets) {
		if (making_uses_network(i->svc, *n))
			return arena_printf(m->a, "network %s changed", *n);
	}
	if (m->o->no_recreate)
		return NULL;
	if (m->o->force_recreate && (i->named || m->o->always_recreate_deps))
		return "it was asked for";
	if (m->o->always_recreate_deps && !i->named)
		return "it was asked for";
	if (differs(i->svc->hash, c->hash))
		return "its definition changed";
	if (differs(pairs_get(&m->o->contents, i->svc->name), c->contents))
		return "the content of its secrets or configs changed";
	if (differs(pairs_get(&m->o->images, i->svc->name), c->image_id))
		return "its image changed";
	return NULL;
}

static bool holds(const char *list, const char *item)
{
	struct span rest = span_of(list), each;

	while (rest.n) {
		(void)span_cut(&rest, ' ', &each);
		if (span_is(each, item))
			return true;
	}
	return false;
}

/* "secret:a=HASH config:b=HASH": which of the second are not in the first. */
static void new_contents(struct making *m, const char *has, const char *wanted, struct strings *out)
{
	struct span rest = span_of(wanted), each, kind, name;

	while (rest.n) {
		(void)span_cut(&rest, ' ', &each);
		if (holds(has, span_dup(m->a, each)) || !span_cut(&each, ':', &kind) ||
		    !span_cut(&each, '=', &name))
			continue;
		*vec_push(m->a, out) = arena_printf(m->a, "%.*s %.*s: another content", (int)kind.n,
						    kind.p, (int)name.n, name.p);
	}
}

void making_explain(struct making *m, const struct item *i, const struct seen *c, size_t step)
{
	const char *contents = pairs_get(&m->o->contents, i->svc->name);
	const char *image = pairs_get(&m->o->images, i->svc->name);
	struct strings *out = &m->plan->v[step].details;

	if (differs(i->svc->hash, c->hash)) {
		vec_each(line, &c->changes)
			*vec_push(m->a, out) = *line;
	}
	if (differs(contents, c->contents))
		new_contents(m, c->contents, contents, out);
	if (differs(image, c->image_id))
		*vec_push(m->a, out) = arena_printf(m->a, "image id: %.*s -> %.*s", ID_SHOWN,
						    c->image_id, ID_SHOWN, image);
}
