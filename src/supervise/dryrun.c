#include "supervise/dryrun.h"
#include "compose/changes.h"
#include "compose/load.h"
#include "compose/node.h"
#include "image/store.h"
#include "supervise/apply.h"
#include <string.h>

static enum seen_state seen_as(const struct status *s)
{
	if (s->state == STATE_CREATED || s->state == STATE_DEAD)
		return SEEN_CREATED;
	return s->state == STATE_EXITED ? SEEN_EXITED : SEEN_RUNNING;
}

static int observe(struct arena *a, const char *project, struct observed *out, struct err *e)
{
	struct statuses all = {0};
	struct network_statuses nets = {0};
	int r = status_read(a, project, &all, e);

	if (!r)
		r = status_networks(a, &nets, e);
	if (!r)
		r = volumes_names(a, &out->volumes, e);
	vec_each(s, &all)
		*vec_push(a, &out->containers) = (struct seen){.name = s->name,
							       .service = s->service,
							       .hash = s->hash,
							       .contents = s->contents,
							       .image_id = s->image_id,
							       .number = s->number,
							       .exit_code = s->exit_code,
							       .state = seen_as(s),
							       .one_off = s->one_off != NULL,
							       .retired = s->retired_ns != 0,
							       .manual_stop = s->manual_stop};
	vec_each(n, &nets)
		*vec_push(a, &out->networks) = (struct seen_net){n->name, n->hash};
	return r;
}

/* The definition that a container was made by; NULL: it is not known any more. */
static const struct node *definition_of(struct arena *a, const struct project *saved,
					const struct revisions *kept, const struct seen *c)
{
	const struct service *svc = saved ? project_service(saved, c->service) : NULL;

	if (svc && !strcmp(svc->hash, c->hash))
		return node_get(node_get(saved->tree, "services"), c->service);
	for (size_t k = kept->n; k--;) {
		struct nodes docs = {0};
		struct err ignored;

		if (strcmp(kept->v[k].service, c->service) || strcmp(kept->v[k].hash, c->hash))
			continue;
		if (!node_parse(a, "revision", span_of(kept->v[k].definition), &docs, &ignored) &&
		    docs.n)
			return node_get(docs.v[0], "service");
	}
	return NULL;
}

void dryrun_find_changes(struct arena *a, const struct project *p, struct observed *seen)
{
	const struct node *services = node_get(p->tree, "services");
	struct project *saved = NULL;
	struct revisions kept = {0};
	struct err ignored;

	if (project_load_saved(a, status_project_file(a, p->name), &saved, &ignored) < 0)
		saved = NULL;
	if (revisions_read(a, p->name, &kept, &ignored) < 0)
		kept.n = 0;
	vec_each(c, &seen->containers) {
		const struct service *svc = project_service(p, c->service);
		const struct node *then = NULL;

		if (svc && c->hash && strcmp(svc->hash, c->hash))
			then = definition_of(a, saved, &kept, c);
		if (then)
			changes_of_service(a, then, node_get(services, c->service), &c->changes);
	}
	vec_each(n, &p->networks) {
		const struct node *then =
			saved ? node_path(saved->tree, arena_printf(a, "networks.%s", n->key))
			      : NULL;

		vec_each(x, &seen->networks) {
			if (then && !strcmp(x->name, n->name))
				changes_of_network(
					a, then,
					node_path(p->tree, arena_printf(a, "networks.%s", n->key)),
					&x->changes);
		}
	}
}

int dryrun_plan(struct arena *a, const struct project *p, const json_t *req, struct plan *out,
		struct err *e)
{
	struct plan_options o = {
		.goal = job_goal(json_string_or(req, "goal", json_string_or(req, "do", "up")))};
	struct observed seen = {0};
	int r = observe(a, p->name, &seen, e);

	if (r < 0)
		return r;
	dryrun_find_changes(a, p, &seen);
	job_read_options(a, req, &o);
	vec_each(svc, &p->services) {
		const char *ref = svc->image ? svc->image
					     : arena_printf(a, "%s%c%s", p->name,
							    project_separator(p), svc->name);
		struct image *image;
		struct err ignored;

		if (store_image(a, ref, &image, &ignored) == 0)
			*vec_push(a, &o.images) = (struct pair){svc->name, image->id};
		char *digest;

		if (secrets_digest(a, p, NULL, svc, &digest, e) < 0)
			return -e->code;
		if (digest)
			*vec_push(a, &o.contents) = (struct pair){svc->name, digest};
	}
	return plan_make(a, p, &seen, &o, out, e);
}
