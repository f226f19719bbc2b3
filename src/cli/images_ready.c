#include "cli/images_ready.h"
#include "base/vec.h"
#include "cli/builds.h"
#include "cli/pulls.h"
#include "image/store.h"
#include <errno.h>
#include <string.h>

static void want_service(struct cli *c, const struct project *p, const char *name, bool no_deps,
			 struct strings *out)
{
	struct service *s = project_service(p, name);

	if (!s || strings_have(out, name))
		return;
	*vec_push(&c->arena, out) = s->name;
	if (no_deps)
		return;
	vec_each(d, &s->depends_on)
		want_service(c, p, d->service, false, out);
}

void services_wanted(struct cli *c, const struct project *p, const struct strings *named,
		     bool no_deps, struct strings *out)
{
	*out = (struct strings){0};
	vec_each(name, named)
		want_service(c, p, *name, no_deps, out);
	if (named->n)
		return;
	vec_each(s, &p->services)
		*vec_push(&c->arena, out) = s->name;
}

const char *service_image(struct arena *a, const struct project *p, const struct service *s)
{
	return s->image ? s->image : arena_printf(a, "%s-%s", p->name, s->name);
}

enum fetch { FETCH_NOTHING, FETCH_IF_MISSING, FETCH_ALWAYS, FETCH_NEVER, FETCH_BUILD };

static enum fetch policy_of(const struct service *s, const struct images_options *o)
{
	const char *word = o->pull ? o->pull : s->pull_policy;

	if (o->build && s->build.given && !o->no_build)
		return FETCH_BUILD;
	if (!word || !strcmp(word, "missing") || !strcmp(word, "if_not_present"))
		return FETCH_IF_MISSING;
	if (!strcmp(word, "never"))
		return FETCH_NEVER;
	if (!strcmp(word, "build"))
		return s->build.given && !o->no_build ? FETCH_BUILD : FETCH_IF_MISSING;
	/* always, and daily, weekly, every_*: asking for a digest costs one request. */
	return FETCH_ALWAYS;
}

static int must_exist(const struct service *s, const char *ref, bool no_build, struct err *e)
{
	err_set(e, ENOENT, "service \"%s\": the image %s is not here", s->name, ref);
	err_at(e, "%s", s->at ? s->at : "");
	if (s->build.given && no_build)
		return err_hint(
			e, "it is built by this file: berth build %s, or up without --no-build",
			s->name);
	return err_hint(e, "its pull policy is \"never\": berth pull %s, or berth load", ref);
}

struct sorted {
	struct pull_wants pulls;
	struct strings builds;
};

static void add_pull(struct cli *c, struct sorted *out, const struct service *s, const char *ref,
		     bool only_missing)
{
	vec_each(w, &out->pulls) {
		if (!strcmp(w->ref, ref)) {
			w->only_missing = w->only_missing && only_missing;
			return;
		}
	}
	*vec_push(&c->arena, &out->pulls) =
		(struct pull_want){.ref = ref,
				   .platform = s->platform,
				   .label = arena_printf(&c->arena, "Image %s", ref),
				   .only_missing = only_missing};
}

static int sort_service(struct cli *c, const struct project *p, const struct service *s,
			const struct images_options *o, struct sorted *out, struct err *e)
{
	const char *ref = service_image(&c->arena, p, s);
	enum fetch how = policy_of(s, o);
	struct image *image;
	int r;

	if (how == FETCH_BUILD) {
		*vec_push(&c->arena, &out->builds) = s->name;
		return 0;
	}
	r = store_image(&c->arena, ref, &image, e);
	if (r < 0)
		return err_wrap(e, "service \"%s\"", s->name);
	if (r == IMAGE_ABSENT && s->build.given && !o->no_build)
		*vec_push(&c->arena, &out->builds) = s->name;
	else if (r == IMAGE_ABSENT && (how == FETCH_NEVER || (s->build.given && !s->image)))
		return must_exist(s, ref, o->no_build, e);
	else if (r == IMAGE_ABSENT || (how == FETCH_ALWAYS && !s->build.given))
		add_pull(c, out, s, ref, how != FETCH_ALWAYS);
	return 0;
}

int images_ready(struct cli *c, struct project *p, const struct strings *services,
		 const struct images_options *o, struct err *e)
{
	struct pulls_options pulls = {.quiet = o->quiet_pull};
	struct builds_options builds = {.quiet = o->quiet_build};
	struct sorted sorted = {0};
	struct strings wanted;
	int r;

	services_wanted(c, p, services, o->no_deps, &wanted);
	vec_each(name, &wanted) {
		r = sort_service(c, p, project_service(p, *name), o, &sorted, e);

		if (r < 0)
			return r;
	}
	if (c->global.dry_run) {
		vec_each(w, &sorted.pulls)
			printf("pull %s\n", w->ref);
		vec_each(name, &sorted.builds)
			printf("build service %s\n", *name);
		return 0;
	}
	r = pulls_run(c, &sorted.pulls, &pulls, e);
	return r < 0 ? r : builds_run(c, p, &sorted.builds, &builds, e);
}
