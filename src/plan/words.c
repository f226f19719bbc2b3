#include "base/hash.h"
#include "plan/plan.h"

char *plan_container_name(struct arena *a, const struct project *p, const struct service *s,
			  int64_t number)
{
	if (s->container_name && number == 1)
		return arena_printf(a, "%s", s->container_name);
	return arena_printf(a, "%s%c%s%c%d", p->name, project_separator(p), s->name,
			    project_separator(p), (int)number);
}

char *plan_network_hash(struct arena *a, const struct network *n)
{
	auto_buf b = {0};
	char hex[HASH_HEX];

	buf_printf(&b, "%s|%d|%d|%d", n->driver ? n->driver : "bridge", n->internal, n->enable_ipv4,
		   n->enable_ipv6);
	vec_each(o, &n->driver_opts)
		buf_printf(&b, "|%s=%s", o->key, o->value ? o->value : "");
	vec_each(i, &n->pools)
		buf_printf(&b, "|%s,%s,%s", i->subnet ? i->subnet : "",
			   i->ip_range ? i->ip_range : "", i->gateway ? i->gateway : "");
	return arena_printf(a, "%s", hash_sha256(b.p, b.n, hex));
}

const char *plan_verb(enum step_do d)
{
	static const char *const verbs[] = {
		"make network",     "remove network",   "make volume",    "remove volume",
		"create container", "start container",  "stop container", "remove container",
		"retire container", "revive container", "wait for"};

	return verbs[d];
}

char *plan_text(struct arena *a, const struct plan *p)
{
	static const char *const gates[] = {" to be started", " to be healthy", " to end well",
					    " to be ready", " to settle"};
	auto_buf b = {0};

	buf_str(&b, "");
	for (size_t i = 0; i < p->n; i++) {
		const struct step *s = &p->v[i];

		buf_printf(&b, "%zu. %s %s%s: %s", i + 1, plan_verb(s->doing), s->target,
			   s->doing == STEP_GATE ? gates[s->gate] : "", s->because);
		for (size_t k = 0; k < s->after.n; k++)
			buf_printf(&b, "%s%zu", k ? ", " : " [after ", s->after.v[k] + 1);
		buf_str(&b, s->after.n ? "]\n" : "\n");
		vec_each(line, &s->details)
			buf_printf(&b, "     %s\n", *line);
	}
	return buf_take(a, &b);
}
