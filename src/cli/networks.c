#include "cli/networks.h"
#include <errno.h>
#include <string.h>

/* The ids are the SHA-256 of the names, as of every network (networks_id()). */
const struct network_status networks_builtin[NETWORKS_BUILTIN] = {
	{.name = "bridge",
	 .driver = "bridge",
	 .id = "e9e1049f81e48b42a2c0e5605ea2c1dcc6a64f6832f8244fce0a28714efeec84"},
	{.name = "host",
	 .driver = "host",
	 .id = "93a334fad31ee0953cf8e4ab84f16db76136f55f46757718b458f08aebe4e755"},
	{.name = "none",
	 .driver = "null",
	 .id = "e66767f0d6e8dbf6dd9ae2cbfe1ef37bf9b2abb2f5766fe9ac44d42954a77a70"},
};

bool networks_is_builtin(const struct network_status *n)
{
	for (size_t i = 0; i < NETWORKS_BUILTIN; i++) {
		if (!strcmp(n->name, networks_builtin[i].name))
			return true;
	}
	return false;
}

bool networks_filter_is(const char *filter, const char *key, const char **value)
{
	size_t n = strlen(key);

	if (strncmp(filter, key, n) || filter[n] != '=')
		return false;
	*value = filter + n + 1;
	return true;
}

bool networks_has_label(const struct pairs *labels, const char *want)
{
	struct span rest = span_of(want), key;
	bool valued = span_cut(&rest, '=', &key);

	vec_each(l, labels) {
		if (span_is(key, l->key) && (!valued || (l->value && span_is(rest, l->value))))
			return true;
	}
	return false;
}

int networks_fit(const struct network_status *n, const struct strings *filters, struct err *e)
{
	const char *v;

	vec_each(f, filters) {
		bool ok;

		if (networks_filter_is(*f, "name", &v))
			ok = strstr(n->name, v);
		else if (networks_filter_is(*f, "id", &v))
			ok = text_starts(n->id, v);
		else if (networks_filter_is(*f, "driver", &v))
			ok = !strcmp(n->driver ? n->driver : "bridge", v);
		else if (networks_filter_is(*f, "label", &v))
			ok = networks_has_label(&n->labels, v);
		else if (networks_filter_is(*f, "scope", &v))
			ok = !strcmp(v, "local");
		else if (networks_filter_is(*f, "type", &v))
			ok = !strcmp(v, networks_is_builtin(n) ? "builtin" : "custom");
		else
			return err_set(e, EINVAL,
				       "--filter knows name, id, driver, label, scope and type, "
				       "not \"%s\"",
				       *f);
		if (!ok)
			return 0;
	}
	return 1;
}

int networks_find(struct cli *c, const char *word, struct network_status *out, struct err *e)
{
	struct network_statuses all = {0};
	const struct network_status *found = NULL;
	int r = status_networks(&c->arena, &all, e), hits = 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < NETWORKS_BUILTIN; i++)
		*vec_push(&c->arena, &all) = networks_builtin[i];
	vec_each(n, &all) {
		if (!strcmp(n->name, word)) {
			*out = *n;
			return 0;
		}
		if (strlen(word) < 4 || !text_starts(n->id, word))
			continue;
		found = n;
		hits++;
	}
	if (hits > 1)
		return err_set(e, EINVAL, "\"%s\" begins the ids of %d networks", word, hits);
	if (!found) {
		err_set(e, ENOENT, "network %s not found", word);
		return err_hint(e, "`berth network ls` shows the networks there are");
	}
	*out = *found;
	return 0;
}

int networks_each_user(struct cli *c, const char *name, networks_user_fn fn, void *arg,
		       struct err *e)
{
	struct strings projects = {0};
	int r = status_projects(&c->arena, &projects, e);

	vec_each(p, &projects) {
		struct statuses all = {0};

		if (r || status_read(&c->arena, *p, &all, e) < 0)
			continue; /* a project that goes at this moment */
		vec_each(s, &all) {
			if (!r && s->net_mode && !strcmp(s->net_mode, name))
				r = fn(arg, s, &(struct status_net){.name = name});
			vec_each(n, &s->networks) {
				if (!r && n->name && !strcmp(n->name, name))
					r = fn(arg, s, n);
			}
		}
	}
	return r;
}
