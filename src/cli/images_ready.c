#include "cli/images_ready.h"
#include "base/vec.h"
#include "base/when.h"
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
	return s->image ? s->image
			: arena_printf(a, "%s%c%s", p->name, project_separator(p), s->name);
}

enum fetch { FETCH_IF_MISSING, FETCH_ALWAYS, FETCH_NEVER, FETCH_BUILD, FETCH_REFRESH };

struct policy {
	enum fetch how;
	int64_t every_ns; /* FETCH_REFRESH: ask when the last answer is so old */
};

static const struct {
	const char *word;
	struct policy policy;
} policies[] = {
	{"missing", {FETCH_IF_MISSING}},
	{"if_not_present", {FETCH_IF_MISSING}},
	{"always", {FETCH_ALWAYS}},
	{"never", {FETCH_NEVER}},
	{"build", {FETCH_BUILD}},
	{"daily", {FETCH_REFRESH, 24 * 3600 * NS_PER_SEC}},
	{"weekly", {FETCH_REFRESH, 7 * 24 * 3600 * NS_PER_SEC}},
};

static int read_policy(const char *word, struct policy *out, struct err *e)
{
	*out = (struct policy){FETCH_IF_MISSING};
	if (!word)
		return 0;
	for (size_t i = 0; i < countof(policies); i++) {
		if (!strcmp(policies[i].word, word)) {
			*out = policies[i].policy;
			return 0;
		}
	}
	out->how = FETCH_REFRESH;
	if (text_starts(word, "every_") && !when_parse_duration(word + 6, &out->every_ns, e))
		return 0;
	err_set(e, EINVAL, "pull_policy: \"%.80s\" is not known", word);
	return err_hint(e, "always, missing, if_not_present, never, build, daily, weekly and "
			   "every_<duration> are");
}

static int policy_of(const struct service *s, const struct images_options *o, struct policy *out,
		     struct err *e)
{
	bool can_build = s->build.given && !o->no_build;
	int r = read_policy(o->pull ? o->pull : s->pull_policy, out, e);

	if (r < 0)
		return err_wrap(e, "service \"%s\"", s->name);
	if (o->build && can_build)
		out->how = FETCH_BUILD;
	if (out->how == FETCH_BUILD && !can_build)
		out->how = FETCH_IF_MISSING;
	return 0;
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
	struct strings makers; /* built where the pull of their image brings nothing */
};

static void add_pull(struct cli *c, struct sorted *out, const struct service *s, const char *ref,
		     enum fetch how, bool optional)
{
	bool only_missing = how != FETCH_ALWAYS && how != FETCH_REFRESH;

	vec_each(w, &out->pulls) {
		if (!strcmp(w->ref, ref)) {
			w->only_missing = w->only_missing && only_missing;
			w->optional = w->optional && optional;
			return;
		}
	}
	*vec_push(&c->arena, &out->pulls) =
		(struct pull_want){.ref = ref,
				   .platform = s->platform,
				   .label = arena_printf(&c->arena, "Image %s", ref),
				   .only_missing = only_missing,
				   .optional = optional};
}

/* A pull that finds nothing new gives the name anew, too. */
static bool is_due(const struct policy *p, const struct image *image)
{
	return p->how == FETCH_REFRESH && when_wall_ns() - image->tagged_ns >= p->every_ns;
}

/* The service that builds this one's image: itself, or another that gives its image that name. */
static const struct service *maker_of(const struct project *p, const struct service *s)
{
	if (s->build.given)
		return s;
	vec_each(other, &p->services) {
		if (other->build.given && other->image && s->image &&
		    !strcmp(other->image, s->image))
			return other;
	}
	return NULL;
}

/* As docker compose does: an image with a name of its own is asked for before it is built. */
static int sort_absent(struct cli *c, const struct project *p, const struct service *s,
		       const struct images_options *o, enum fetch how, struct sorted *out,
		       struct err *e)
{
	const char *ref = service_image(&c->arena, p, s);
	const struct service *maker = o->no_build ? NULL : maker_of(p, s);

	if (!maker && (how == FETCH_NEVER || (s->build.given && !s->image)))
		return must_exist(s, ref, o->no_build, e);
	if (s->image && how != FETCH_NEVER)
		add_pull(c, out, s, ref, how == FETCH_REFRESH ? FETCH_ALWAYS : how, maker);
	if (maker && !strings_have(&out->makers, maker->name))
		*vec_push(&c->arena, &out->makers) = maker->name;
	return 0;
}

static int sort_service(struct cli *c, const struct project *p, const struct service *s,
			const struct images_options *o, struct sorted *out, struct err *e)
{
	const char *ref = service_image(&c->arena, p, s);
	struct policy policy;
	struct image *image;
	int r = policy_of(s, o, &policy, e);

	if (r < 0)
		return r;
	if (policy.how == FETCH_BUILD) {
		*vec_push(&c->arena, &out->builds) = s->name;
		return 0;
	}
	r = store_image(&c->arena, ref, &image, e);
	if (r < 0)
		return err_wrap(e, "service \"%s\"", s->name);
	if (r == IMAGE_ABSENT)
		return sort_absent(c, p, s, o, policy.how, out, e);
	if (!s->build.given && (policy.how == FETCH_ALWAYS || is_due(&policy, image)))
		add_pull(c, out, s, ref, policy.how, policy.how == FETCH_REFRESH);
	return 0;
}

static void print_sorted(const struct sorted *sorted)
{
	vec_each(w, &sorted->pulls)
		printf("pull %s\n", w->ref);
	vec_each(name, &sorted->builds)
		printf("build service %s\n", *name);
	vec_each(name, &sorted->makers)
		printf("build service %s\n", *name);
}

/* Those of the makers whose image no pull has brought join the builds. */
static int add_missing(struct cli *c, const struct project *p, struct sorted *sorted, struct err *e)
{
	struct image *image;

	vec_each(name, &sorted->makers) {
		const char *ref = service_image(&c->arena, p, project_service(p, *name));
		int r = strings_have(&sorted->builds, *name)
				? 0
				: store_image(&c->arena, ref, &image, e);

		if (r < 0)
			return err_wrap(e, "service \"%s\"", *name);
		if (r == IMAGE_ABSENT)
			*vec_push(&c->arena, &sorted->builds) = *name;
	}
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
		print_sorted(&sorted);
		return 0;
	}
	r = pulls_run(c, &sorted.pulls, &pulls, e);
	if (!r)
		r = add_missing(c, p, &sorted, e);
	return r < 0 ? r : builds_run(c, p, &sorted.builds, &builds, e);
}
