#include "base/vec.h"
#include "build/room.h"
#include "image/manifest.h"
#include "image/pull.h"
#include "image/ref.h"
#include "image/store.h"
#include <string.h>

struct site_images {
	VEC(struct pull_one) wanted;
	struct err why; /* code 0: all came */
	const struct pull_one *failed;
};

/* One name may stand for an image of another machine's kind, pulled before. */
static bool is_for(struct arena *a, const struct image *img, const char *platform)
{
	struct platform want;
	struct err ignored;

	return !img->architecture || !*img->architecture ||
	       platform_parse(a, platform, &want, &ignored) < 0 ||
	       !strcmp(want.architecture, img->architecture);
}

static const struct pull_one *find(const struct site_images *images, const char *ref,
				   const char *platform)
{
	vec_each(one, &images->wanted)
		if (!strcmp(one->ref, ref) && !strcmp(one->platform, platform))
			return one;
	return NULL;
}

static int from_store(struct builder *b, const char *ref, const char *platform, struct image **out,
		      struct err *e)
{
	int r = store_image(b->a, ref, out, e);

	return r == 0 && !is_for(b->a, *out, platform) ? IMAGE_ABSENT : r;
}

/* A service whose build comes first makes it: no registry has it. */
static bool is_made_here(const struct builder *b, const char *ref)
{
	struct ref want, made;
	struct err ignored;

	if (ref_parse(b->a, ref, &want, &ignored) < 0)
		return true; /* the graph will say what is wrong with it */
	for (size_t i = 0; i < b->site->n; i++) {
		const struct strings *tags = &b->site->builders[i].req->tags;

		for (size_t k = 0; k < tags->n; k++)
			if (ref_parse(b->a, tags->v[k], &made, &ignored) == 0 &&
			    !strcmp(ref_full(b->a, &made), ref_full(b->a, &want)))
				return true;
	}
	return false;
}

/* Answers as a check does: what is not here is nothing yet. */
static int note_wanted(void *arg, const char *ref, const char *platform, struct image **out,
		       struct err *e)
{
	struct builder *b = arg;
	struct site_images *images = b->site->images;
	int r = from_store(b, ref, platform, out, e);

	if (r < 0)
		return r;
	if (r == IMAGE_ABSENT)
		*out = NULL;
	if ((r == IMAGE_ABSENT || b->req->pull) && !text_starts(ref, "sha256:") &&
	    !find(images, ref, platform) && !is_made_here(b, ref))
		*vec_push(b->a, &images->wanted) = (struct pull_one){ref, platform};
	return 0;
}

int images_bring(struct site *site, struct err *e)
{
	struct site_images *images = site->images =
		arena_new(site->builders->a, struct site_images);
	size_t failed;

	/* What is wrong with a Dockerfile is said when its graph is made for good. */
	for (size_t i = 0; i < site->n; i++) {
		struct builder *b = &site->builders[i];
		struct graph scratch;
		struct err ignored;

		if (builder_graph(b, b->a, note_wanted, &scratch, &ignored) < 0)
			continue;
	}
	if (!images->wanted.n)
		return 0;
	if (pull_images(site->builders->a, images->wanted.v, images->wanted.n, &failed,
			&images->why) == 0)
		return 0;
	if (failed == images->wanted.n) {
		*e = images->why;
		return -e->code;
	}
	images->failed = &images->wanted.v[failed];
	return 0;
}

int images_find(void *arg, const char *ref, const char *platform, struct image **out, struct err *e)
{
	struct builder *b = arg;
	const struct site_images *images = b->site ? b->site->images : NULL;
	const struct pull_one *brought = images ? find(images, ref, platform) : NULL;
	struct pull_options o = {.platform = platform, .progress = b->req->pull_progress};
	bool anew = b->req->pull && !b->check_only && !brought;
	int r;

	if (images && images->why.code && brought == images->failed) {
		*e = images->why;
		return err_wrap(e, "get the image %s", ref);
	}
	r = anew ? IMAGE_ABSENT : from_store(b, ref, platform, out, e);
	if (r == IMAGE_ABSENT && (b->check_only || (images && images->why.code))) {
		*out = NULL; /* of several that could not come, the one that failed is told */
		return 0;
	}
	if (r == IMAGE_ABSENT)
		r = pull_image(b->a, ref, &o, out, e);
	return r < 0 ? err_wrap(e, "get the image %s", ref) : r;
}
