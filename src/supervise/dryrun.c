#include "supervise/dryrun.h"
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

int dryrun_plan(struct arena *a, const struct project *p, const json_t *req, struct plan *out,
		struct err *e)
{
	struct plan_options o = {
		.goal = job_goal(json_string_or(req, "goal", json_string_or(req, "do", "up")))};
	struct observed seen = {0};
	int r = observe(a, p->name, &seen, e);

	if (r < 0)
		return r;
	job_read_options(a, req, &o);
	vec_each(svc, &p->services) {
		const char *ref =
			svc->image ? svc->image : arena_printf(a, "%s-%s", p->name, svc->name);
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
