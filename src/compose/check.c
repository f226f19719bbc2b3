/* What one row cannot see: references to what is not there, circles, things that exclude each
 * other. */
#include "compose/loading.h"

static int unknown_name(const struct node *map, const char *kind, const char *name,
			const char *service, const struct node *at, struct err *e)
{
	const char *names[128], *best;
	size_t count = 0;

	for (size_t i = 0; map && i < map->kids.n && count < countof(names); i++)
		names[count++] = map->kids.v[i]->key;
	best = text_nearest(name, names, count);
	node_fail_key(at, e, "service \"%s\" refers to undefined %s %s", service, kind, name);
	if (best)
		return err_hint(e, "did you mean \"%s\"?", best);
	return err_hint(e, "declare it under the top-level \"%ss:\"", kind);
}

/* ---- top-level resources, before anything is decided about them ---------------------------- */

static int check_source(const struct node *k, const char *const *keys, size_t n, struct err *e)
{
	const struct node *first = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct node *v = node_get(k, keys[i]);

		if (v && first) {
			node_fail_key(v, e, "\"%s\" and \"%s\" exclude each other", first->key,
				      v->key);
			return err_hint(e, "keep one of the two");
		}
		first = v ? v : first;
	}
	if (first || node_get(k, "driver") || node_get(k, "external"))
		return 0;
	node_fail_key(k, e, "\"%s\" says not where its text comes from", k->key);
	return err_hint(e, "add one of: %s, %s%s%s", keys[0], keys[1], n > 2 ? ", " : "",
			n > 2 ? keys[2] : "");
}

static int check_external(const struct node *k, struct err *e)
{
	if (!node_true(node_get(k, "external")))
		return 0;
	vec_each(v, &k->kids) {
		if (!strcmp((*v)->key, "name") || !strcmp((*v)->key, "external") ||
		    schema_extension((*v)->key))
			continue;
		node_fail_key(*v, e, "\"external\" and \"%s\" exclude each other", (*v)->key);
		return err_hint(e, "what exists already is not described; keep only its name");
	}
	return 0;
}

int check_resources(const struct node *tree, struct err *e)
{
	static const char *const keys[] = {"file", "environment", "content"};
	const struct node *secrets = node_get(tree, "secrets"),
			  *configs = node_get(tree, "configs");
	const struct node *volumes = node_get(tree, "volumes");
	int r = 0;

	for (size_t i = 0; secrets && i < secrets->kids.n && !r; i++)
		r = check_source(secrets->kids.v[i], keys, 2, e);
	for (size_t i = 0; configs && i < configs->kids.n && !r; i++)
		r = check_source(configs->kids.v[i], keys, 3, e);
	for (size_t i = 0; volumes && i < volumes->kids.n && !r; i++)
		r = check_external(volumes->kids.v[i], e);
	return r;
}

/* ---- services ----------------------------------------------------------------------------- */

struct checking {
	const struct loading *l;
	const struct node *tree, *services, *s;
	struct err *e;
};

static int check_origin(const struct checking *c)
{
	const char *image = node_get_text(c->s, "image");

	if (node_get(c->s, "build") || (image && *image) || node_get(c->s, "provider"))
		return 0;
	node_fail_key(c->s, c->e, "service \"%s\" has neither an image nor a build context",
		      c->s->key);
	return err_hint(c->e, "add \"image: NAME\" or \"build: DIRECTORY\"");
}

static int check_build(const struct checking *c)
{
	const struct node *b = node_get(c->s, "build"), *platforms = node_get(b, "platforms");
	const struct node *inl = node_get(b, "dockerfile_inline"),
			  *more = node_get(b, "additional_contexts");
	const char *platform = node_get_text(c->s, "platform");

	if (inl && node_get(b, "dockerfile"))
		return node_fail_key(inl, c->e,
				     "\"dockerfile\" and \"dockerfile_inline\" exclude each other");
	for (size_t i = 0; more && i < more->kids.n; i++) {
		const struct node *k = more->kids.v[i];

		const struct node *other = text_starts(k->text, "service:")
						   ? node_get(c->services, k->text + 8)
						   : c->s;

		if (!other)
			return unknown_name(c->services, "service", k->text + 8, c->s->key, k,
					    c->e);
		if (node_get(other, "build"))
			continue;
		node_fail(k, c->e, "service \"%s\" is not built: it has only an image", other->key);
		return err_hint(c->e, "name the image: docker-image://%s",
				node_get_text(other, "image"));
	}
	for (size_t i = 0; platforms && platform && i < platforms->kids.n; i++) {
		if (!strcmp(platforms->kids.v[i]->text, platform))
			return 0;
	}
	if (platforms && platforms->kids.n && platform)
		return node_fail(platforms, c->e,
				 "build.platforms must include the service's platform %s",
				 platform);
	return 0;
}

static int check_networks(const struct checking *c)
{
	const struct node *networks = node_get(c->s, "networks"),
			  *mode = node_get(c->s, "network_mode");
	const struct node *known = node_get(c->tree, "networks");

	if (networks && networks->kids.n && node_text(mode)) {
		node_fail_key(mode, c->e, "\"network_mode\" and \"networks\" exclude each other");
		return err_hint(c->e, "keep one of the two");
	}
	for (size_t i = 0; networks && i < networks->kids.n; i++) {
		const struct node *k = networks->kids.v[i];

		if (!node_get(known, k->key))
			return unknown_name(known, "network", k->key, c->s->key, k, c->e);
	}
	if (node_text(mode) && text_starts(mode->text, "service:") &&
	    !node_get(c->services, mode->text + 8))
		return unknown_name(c->services, "service", mode->text + 8, c->s->key, mode, c->e);
	return 0;
}

static int check_health(const struct checking *c)
{
	const struct node *test = node_get(node_get(c->s, "healthcheck"), "test");
	const char *first = test && test->kids.n ? test->kids.v[0]->text : NULL;

	if (!first || !strcmp(first, "CMD") || !strcmp(first, "CMD-SHELL") ||
	    !strcmp(first, "NONE"))
		return 0;
	node_fail(test, c->e,
		  "healthcheck.test must start with \"CMD\", \"CMD-SHELL\" or \"NONE\", not \"%s\"",
		  first);
	return err_hint(c->e, "write [\"CMD\", \"%s\", ...], or the command as one text", first);
}

static int check_depends(const struct checking *c)
{
	const struct node *deps = node_get(c->s, "depends_on");

	for (size_t i = 0; deps && i < deps->kids.n; i++) {
		const struct node *k = deps->kids.v[i];
		const char *names[128], *best;
		size_t count = 0;

		if (node_get(c->services, k->key))
			continue;
		if (strings_have(&c->l->p->disabled, k->key) &&
		    node_is(node_get(k, "required"), "false"))
			continue;
		for (size_t j = 0; j < c->services->kids.n && count < countof(names); j++)
			names[count++] = c->services->kids.v[j]->key;
		best = text_nearest(k->key, names, count);
		node_fail_key(k, c->e, "service \"%s\" depends on undefined service \"%s\"",
			      c->s->key, k->key);
		if (strings_have(&c->l->p->disabled, k->key))
			return err_hint(c->e, "no active profile enables it; add --profile, or "
					      "\"required: false\"");
		return best ? err_hint(c->e, "did you mean \"%s\"?", best) : -c->e->code;
	}
	return 0;
}

static int check_refs(const struct checking *c, const struct node *list, const char *group,
		      const char *kind)
{
	const struct node *known = node_get(c->tree, group);

	for (size_t i = 0; list && i < list->kids.n; i++) {
		const struct node *source = node_get(list->kids.v[i], "source");

		if (!node_text(source))
			return node_fail(list->kids.v[i], c->e, "\"source\" is missing here");
		if (!node_get(known, source->text))
			return unknown_name(known, kind, source->text, c->s->key, source, c->e);
	}
	return 0;
}

static int check_volumes(const struct checking *c)
{
	const struct node *list = node_get(c->s, "volumes"), *known = node_get(c->tree, "volumes");

	for (size_t i = 0; list && i < list->kids.n; i++) {
		const struct node *k = list->kids.v[i], *source = node_get(k, "source");

		if (node_is(node_get(k, "type"), "volume") && node_text(source) && *source->text &&
		    !node_get(known, source->text))
			return unknown_name(known, "volume", source->text, c->s->key, source, c->e);
	}
	return 0;
}

static int check_targets(const struct checking *c)
{
	const struct node *tmpfs = node_get(c->s, "tmpfs"), *list = node_get(c->s, "volumes");

	for (size_t i = 0; tmpfs && i < tmpfs->kids.n; i++) {
		const struct node *t = tmpfs->kids.v[i];
		size_t n = strcspn(t->text, ":");

		for (size_t j = 0; j < i; j++) {
			const char *other = tmpfs->kids.v[j]->text;

			if (strcspn(other, ":") == n && !memcmp(other, t->text, n))
				return node_fail(t, c->e, "%.*s is already a tmpfs", (int)n,
						 t->text);
		}
		for (size_t j = 0; list && j < list->kids.n; j++) {
			const char *target = node_get_text(list->kids.v[j], "target");

			if (target && strlen(target) == n && !memcmp(target, t->text, n))
				return node_fail(t, c->e,
						 "%s is mounted twice: by tmpfs and by volumes",
						 target);
		}
	}
	return 0;
}

static int check_watch(const struct checking *c)
{
	const struct node *watch = node_get(node_get(c->s, "develop"), "watch");

	for (size_t i = 0; watch && i < watch->kids.n; i++) {
		const struct node *k = watch->kids.v[i], *action = node_get(k, "action");
		const char *path = node_get_text(k, "path");

		if (!path || !path[strspn(path, " \t")])
			return node_fail(k, c->e, "\"path\" is blank");
		if (node_is(action, "rebuild") || node_is(action, "restart") ||
		    node_get(k, "target"))
			continue;
		node_fail(k, c->e, "\"target\" is missing: action %s copies somewhere",
			  node_text(action) ? action->text : "");
		return err_hint(c->e, "name the absolute path in the container");
	}
	return 0;
}

static int check_scale(const struct checking *c)
{
	const struct node *scale = node_get(c->s, "scale"),
			  *name = node_get(c->s, "container_name");
	const struct node *replicas = node_path(c->s, "deploy.replicas");
	const struct node *n = scale ? scale : replicas;

	if (scale && replicas && strcmp(scale->text, replicas->text)) {
		node_fail(scale, c->e, "\"scale\" and \"deploy.replicas\" differ: %s and %s",
			  scale->text, replicas->text);
		return err_hint(c->e, "keep one of the two");
	}
	if (n && *n->text == '-')
		return node_fail(n, c->e, "the number of replicas cannot be negative");
	if (n && name && strcmp(n->text, "0") && strcmp(n->text, "1")) {
		node_fail(name, c->e, "\"container_name\" allows one replica, not %s", n->text);
		return err_hint(c->e, "leave container_name out");
	}
	return 0;
}

/* A limit that is given at two places must be the same at both. */
static int check_twins(const struct checking *c)
{
	static const char *const twins[][3] = {
		{"cpus", "deploy.resources.limits", "cpus"},
		{"mem_limit", "deploy.resources.limits", "memory"},
		{"pids_limit", "deploy.resources.limits", "pids"},
		{"mem_reservation", "deploy.resources.reservations", "memory"},
	};

	for (size_t i = 0; i < countof(twins); i++) {
		const struct node *mine = node_get(c->s, twins[i][0]);
		const struct node *block = node_path(c->s, twins[i][1]);
		const struct node *other = node_get(block, twins[i][2]);

		if (!mine || !block || (other && !strcmp(other->text, mine->text)))
			continue;
		node_fail_key(mine, c->e, "\"%s\" and \"%s.%s\" differ", twins[i][0], twins[i][1],
			      twins[i][2]);
		return err_hint(c->e, "keep one of the two");
	}
	return 0;
}

static int check_service(const struct checking *c)
{
	const struct node *s = c->s;
	int r = check_origin(c);

	if (!r)
		r = check_build(c);
	if (!r)
		r = check_networks(c);
	if (!r)
		r = check_health(c);
	if (!r)
		r = check_depends(c);
	if (!r)
		r = check_volumes(c);
	if (!r)
		r = check_refs(c, node_get(s, "secrets"), "secrets", "secret");
	if (!r)
		r = check_refs(c, node_get(node_get(s, "build"), "secrets"), "secrets", "secret");
	if (!r)
		r = check_refs(c, node_get(s, "configs"), "configs", "config");
	if (!r)
		r = check_targets(c);
	if (!r)
		r = check_watch(c);
	if (!r)
		r = check_scale(c);
	return r ? r : check_twins(c);
}

static int check_models(const struct checking *c)
{
	const struct node *models = node_get(c->s, "models"), *known = node_get(c->tree, "models");

	for (size_t i = 0; models && i < models->kids.n; i++) {
		if (!node_get(known, models->kids.v[i]->key))
			return unknown_name(known, "model", models->kids.v[i]->key, c->s->key,
					    models->kids.v[i], c->e);
	}
	return 0;
}

static int check_container_names(const struct node *services, struct arena *a, struct err *e)
{
	struct node *seen = node_new(a, NODE_MAP, services);

	vec_each(s, &services->kids) {
		const struct node *name = node_get(*s, "container_name"), *other;

		if (!node_text(name))
			continue;
		other = node_get(seen, name->text);
		if (other)
			return node_fail(name, e,
					 "container name \"%s\" is already used by service \"%s\"",
					 name->text, other->text);
		node_set(a, seen, name->text, node_str(a, (*s)->key, name));
	}
	return 0;
}

/* ---- circles ------------------------------------------------------------------------------ */

enum colour { WHITE, GREY, BLACK };

struct visiting {
	const struct node *services;
	enum colour *colour;
	size_t *path, depth;
	struct err *e;
};

static size_t position(const struct node *services, const char *name)
{
	for (size_t i = 0; i < services->kids.n; i++) {
		if (!strcmp(services->kids.v[i]->key, name))
			return i;
	}
	return SIZE_MAX;
}

static int circle(struct visiting *v, size_t again)
{
	auto_buf b = {0};
	size_t from = 0;

	while (v->path[from] != again)
		from++;
	for (size_t i = from; i < v->depth; i++)
		buf_printf(&b, "%s -> ", v->services->kids.v[v->path[i]]->key);
	buf_str(&b, v->services->kids.v[again]->key);
	node_fail_key(v->services->kids.v[again], v->e,
		      "services depend on each other in a circle: %.300s", b.p);
	return err_hint(v->e, "take one of these dependencies out");
}

/* Depth first without recursion: a chain may be as long as there are services. */
static int visit(struct visiting *v, size_t *next, size_t root)
{
	v->path[v->depth++] = root;
	v->colour[root] = GREY;
	while (v->depth) {
		size_t at = v->path[v->depth - 1], to;
		const struct node *deps = node_get(v->services->kids.v[at], "depends_on");

		if (!deps || next[at] >= deps->kids.n) {
			v->colour[at] = BLACK;
			v->depth--;
			continue;
		}
		to = position(v->services, deps->kids.v[next[at]++]->key);
		if (to == SIZE_MAX || v->colour[to] == BLACK)
			continue;
		if (v->colour[to] == GREY)
			return circle(v, to);
		v->colour[to] = GREY;
		v->path[v->depth++] = to;
	}
	return 0;
}

static int check_circles(const struct node *services, struct arena *a, struct err *e)
{
	size_t n = services->kids.n, *next = arena_alloc(a, (n + 1) * sizeof(*next));
	struct visiting v = {services, arena_alloc(a, (n + 1) * sizeof(*v.colour)),
			     arena_alloc(a, (n + 1) * sizeof(*v.path)), 0, e};
	int r = 0;

	for (size_t i = 0; i < n && !r; i++)
		r = v.colour[i] == WHITE ? visit(&v, next, i) : 0;
	return r;
}

static int check_secrets(const struct node *secrets, struct err *e)
{
	for (size_t i = 0; secrets && i < secrets->kids.n; i++) {
		const struct node *k = secrets->kids.v[i];

		if (node_true(node_get(k, "external")) || node_get(k, "file") ||
		    node_get(k, "environment"))
			continue;
		node_fail_key(k, e, "secret \"%s\" has neither a file nor a variable", k->key);
		return err_hint(e, "there are no secret drivers: add \"file\" or \"environment\"");
	}
	return 0;
}

int check_project(struct loading *l, const struct node *tree, struct err *e)
{
	const struct node *services = node_get(tree, "services");
	struct checking c = {l, tree, services, NULL, e};
	int r = 0;

	r = check_secrets(node_get(tree, "secrets"), e);
	if (!services)
		return r;
	for (size_t i = 0; i < services->kids.n && !r; i++) {
		c.s = services->kids.v[i];
		r = check_service(&c);
		if (!r)
			r = check_models(&c);
	}
	if (!r && !l->o->names_only)
		r = check_container_names(services, l->a, e);
	return r ? r : check_circles(services, l->a, e);
}
