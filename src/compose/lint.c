/*
 * Silent traps: what docker compose accepts without a word and most people mean otherwise.
 * `config --strict` turns each into an error.
 */
#include "compose/loading.h"
#include <ctype.h>

static void lint_volumes(struct loading *l, const struct node *mounts)
{
	for (size_t i = 0; mounts && i < mounts->kids.n; i++) {
		const char *source = node_get_text(mounts->kids.v[i], "source");
		const char *target = node_get_text(mounts->kids.v[i], "target");

		if (source && isalpha((unsigned char)source[0]) && !source[1] &&
		    node_is(node_get(mounts->kids.v[i], "type"), "volume"))
			walk_warn(&l->w, mounts->kids.v[i],
				  "docker compose reads the volume name \"%s\" as a drive letter: "
				  "use a "
				  "longer one",
				  source);
		if (target && *target != '/' && *target != '$')
			walk_warn(&l->w, mounts->kids.v[i],
				  "the target \"%s\" is not an absolute path", target);
	}
}

static void lint_service(struct loading *l, const struct node *s)
{
	const struct node *mode = node_get(s, "network_mode"), *ports = node_get(s, "ports");

	lint_volumes(l, node_get(s, "volumes"));
	if (node_path(s, "healthcheck.start_interval") && !node_path(s, "healthcheck.start_period"))
		walk_warn(&l->w, node_path(s, "healthcheck.start_interval"),
			  "docker ignores start_interval without start_period");
	if (node_is(mode, "host") && ports && ports->kids.n)
		walk_warn(&l->w, ports, "ports have no effect with network_mode: host");
}

static bool same_host_port(const struct port *a, const struct port *b)
{
	bool any = !a->host_ip || !b->host_ip;

	return *a->published && strcmp(a->published, "0") && !strcmp(a->published, b->published) &&
	       !strchr(a->published, '-') && a->protocol && b->protocol &&
	       !strcmp(a->protocol, b->protocol) && (any || !strcmp(a->host_ip, b->host_ip));
}

static void lint_port(struct loading *l, size_t at, size_t index)
{
	const struct port *p = &l->p->services.v[at].ports.v[index];

	for (size_t i = 0; i <= at; i++) {
		const struct service *other = &l->p->services.v[i];
		size_t n = i == at ? index : other->ports.n;

		for (size_t j = 0; j < n; j++) {
			if (!same_host_port(p, &other->ports.v[j]))
				continue;
			*vec_push(l->a, &l->p->warnings) = arena_printf(
				l->a,
				"%s: host port %s is published twice, first by service \"%s\"",
				p->at, p->published, other->name);
			return;
		}
	}
}

void lint(struct loading *l)
{
	const struct node *services = node_get(l->p->tree, "services");

	for (size_t i = 0; services && i < services->kids.n; i++)
		lint_service(l, services->kids.v[i]);
	for (size_t i = 0; i < l->p->services.n && i < 500; i++) {
		for (size_t j = 0; j < l->p->services.v[i].ports.n && j < 100; j++)
			lint_port(l, i, j);
	}
}
