#include "image/pull.h"
#include "base/file.h"
#include "image/commit.h"
#include "image/crew.h"
#include "image/fetch.h"
#include "image/manifest.h"
#include "image/place.h"
#include "image/registry.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct pull {
	struct arena *a;
	struct err *e;
	const struct pull_options *o;
	struct ref ref;
	struct platform platform;
	struct registry registry;
	struct manifest manifest;
	struct span manifest_text;
	const char *top_digest; /* of what the reference named: index or manifest */
	struct span config;
	bool is_alone; /* what the reference named is an image, not an index */
};

static void note(struct pull *p, const char *line)
{
	if (p->o->progress && p->o->progress->note)
		p->o->progress->note(p->o->progress, line);
}

static int get_manifest(struct pull *p, const char *what, struct registry_manifest *out)
{
	int r = registry_manifest(&p->registry, p->ref.path, what, out, p->e);

	p->manifest = (struct manifest){0};
	if (!r)
		r = manifest_parse(p->a, out->text, out->media_type, &p->platform, &p->manifest,
				   p->e);
	p->manifest_text = out->text;
	return r;
}

static int get_manifests(struct pull *p)
{
	struct registry_manifest got;
	struct descriptor chosen;
	int r = get_manifest(p, p->ref.digest ? p->ref.digest : p->ref.tag, &got);

	if (r < 0)
		return r;
	p->top_digest = arena_printf(p->a, "%s", got.digest);
	p->is_alone = p->manifest.kind == MANIFEST_IMAGE;
	if (p->is_alone)
		return 0;
	chosen = p->manifest.chosen;
	r = get_manifest(p, chosen.digest, &got);
	if (r < 0)
		return r;
	if ((int64_t)got.text.n != chosen.size)
		return err_set(p->e, EBADMSG, "the manifest has %zu bytes, the index says %lld",
			       got.text.n, (long long)chosen.size);
	if (p->manifest.kind == MANIFEST_INDEX)
		return err_set(p->e, EINVAL, "indexes are nested more than one deep");
	return 0;
}

/* The configuration: small, into memory; hashed like everything else. */
static int get_config(struct pull *p)
{
	const struct descriptor *d = &p->manifest.config;
	struct sha256_sink sha;
	struct limit_sink limit;
	struct buf_sink out;
	auto_buf text = {0};
	struct registry_blob b = {.path = p->ref.path, .digest = d->digest, .size = d->size};
	int r = 0;

	for (int n = 0; n < 3; n++) {
		text.n = 0;
		buf_sink_init(&out, &text);
		limit_sink_init(&limit, &out.sink, d->size, "the image configuration");
		r = sha256_sink_init(&sha, &limit.sink, p->e);
		b.to = &sha.sink;
		if (!r)
			r = registry_blob(&p->registry, &b, p->e);
		if (!r)
			r = sink_end(&sha.sink, p->e);
		if (!r && strcmp(sha.hex, d->digest + 7))
			r = err_set(p->e, EBADMSG,
				    "the image configuration has another digest than "
				    "the manifest says");
		sha256_sink_done(&sha);
		if (r != -EAGAIN)
			break;
		registry_wait(&p->registry, n, b.wait_s, p->e);
	}
	p->config.n = text.n;
	p->config.p = buf_take(p->a, &text);
	return r;
}

static int known_config(struct pull *p)
{
	struct err ignored;

	if (access(place_blob(p->a, p->manifest.config.digest), F_OK) < 0)
		return IMAGE_ABSENT;
	return file_read(p->a, AT_FDCWD, place_blob(p->a, p->manifest.config.digest), CONFIG_LIMIT,
			 &p->config, &ignored) < 0
		       ? IMAGE_ABSENT
		       : 0;
}

static bool fits(const struct image *img, const struct platform *p, bool asked)
{
	return !asked || platform_fits(img, p);
}

/* An index was searched for it; an image that is alone is what it is. */
static int check_platform(const struct pull *p, const struct image *img)
{
	if (!p->is_alone || fits(img, &p->platform, p->o->platform != NULL))
		return 0;
	err_set(p->e, ENOENT, "the image is not made for %s", p->o->platform);
	return err_hint(p->e, "it is there for %s/%s only", img->os ? img->os : "?",
			img->architecture ? img->architecture : "?");
}

static int get_layers(struct pull *p, bool *fresh)
{
	struct image img = {0};
	struct fetch f = {
		.registry = &p->registry, .path = p->ref.path, .progress = p->o->progress};
	int r = config_parse(p->a, p->config, &img, p->e);

	if (r < 0)
		return r;
	if (img.diff_ids.n != p->manifest.layers.n)
		return err_set(p->e, EINVAL, "the manifest lists %zu layers, the configuration %zu",
			       p->manifest.layers.n, img.diff_ids.n);
	r = check_platform(p, &img);
	if (r < 0)
		return r;
	f.layers = &p->manifest.layers;
	f.diff_ids = &img.diff_ids;
	r = fetch_layers(p->a, &f, p->e);
	*fresh = f.brought > 0;
	return r;
}

static int finish(struct pull *p, bool fresh, struct image **out)
{
	struct named before = {0};
	char digest[72];
	int r = ref_read(p->a, &p->ref, &before, p->e);

	if (r >= 0)
		r = place_put_blob(p->a, p->manifest_text.p, p->manifest_text.n, digest, p->e);
	if (!r)
		r = store_commit(p->a, p->config, arena_printf(p->a, "%s", digest), NULL, out,
				 p->e);
	if (!r)
		r = ref_write(p->a, &p->ref, &(struct named){(*out)->id, p->top_digest}, p->e);
	if (r < 0)
		return r;
	*vec_push(p->a, p->ref.digest ? &(*out)->digests : &(*out)->names) =
		ref_short(p->a, &p->ref);
	fresh = fresh || !before.id || strcmp(before.id, (*out)->id);
	note(p, arena_printf(p->a, "Digest: %s", p->top_digest));
	note(p, arena_printf(p->a, "Status: %s for %s",
			     fresh ? "Downloaded newer image" : "Image is up to date",
			     ref_short(p->a, &p->ref)));
	return 0;
}

static int pull(struct pull *p, struct image **out)
{
	auto_fd int hold = -1;
	bool fresh = false;
	int r = place_hold(p->a, PLACE_ADD, &hold, p->e);

	if (!r)
		r = get_manifests(p);
	if (!r && known_config(p) == IMAGE_ABSENT)
		r = get_config(p);
	if (!r)
		r = get_layers(p, &fresh);
	return r ? r : finish(p, fresh, out);
}

int pull_image(struct arena *a, const char *ref, const struct pull_options *o, struct image **out,
	       struct err *e)
{
	struct pull p = {.a = a, .e = e, .o = o};
	int r = ref_parse(a, ref, &p.ref, e);

	if (!r)
		r = platform_parse(a, o->platform, &p.platform, e);
	if (r < 0)
		return r;
	if (o->only_missing) {
		r = store_image(a, ref, out, e);
		if (r < 0 || (!r && fits(*out, &p.platform, o->platform != NULL)))
			return r;
	}
	r = registry_open(a, p.ref.domain, &p.registry, e);
	if (!r)
		r = pull(&p, out);
	registry_close(&p.registry);
	return r < 0 ? err_wrap(e, "pull %s", ref_short(a, &p.ref)) : 0;
}

static int pull_member(void *arg, struct crew_member *m, struct err *e)
{
	const struct pull_one *one = (const struct pull_one *)arg + m->place;
	struct pull_options o = {.platform = one->platform};
	auto_arena a = {0};
	struct image *img;
	int r = pull_image(&a, one->ref, &o, &img, e);

	return r < 0 ? r : CREW_DONE;
}

int pull_images(struct arena *a, const struct pull_one *v, size_t n, size_t *failed, struct err *e)
{
	struct crew_job *jobs = arena_alloc(a, n * sizeof(*jobs));
	struct crew crew = {
		.jobs = jobs, .n = n, .what = "image", .work = pull_member, .arg = (void *)v};
	int r;

	for (size_t i = 0; i < n; i++)
		jobs[i].id = v[i].ref;
	r = crew_run(a, &crew, e);
	*failed = crew.failed;
	return r;
}

int pull_parts(struct arena *a, const char *ref, struct pull_parts *out, struct err *e)
{
	static const struct pull_options plain;
	struct pull p = {.a = a, .e = e, .o = &plain};
	int r = ref_parse(a, ref, &p.ref, e);

	if (!r)
		r = platform_parse(a, NULL, &p.platform, e);
	if (!r)
		r = registry_open(a, p.ref.domain, &p.registry, e);
	if (!r)
		r = get_manifests(&p);
	if (!r && known_config(&p) == IMAGE_ABSENT)
		r = get_config(&p);
	if (r < 0) {
		registry_close(&p.registry);
		return err_wrap(e, "ask for %s", ref_short(a, &p.ref));
	}
	*out = (struct pull_parts){p.registry, p.ref.path, p.manifest.layers, p.config};
	return 0;
}

int pull_digest(struct arena *a, const char *ref, const char **digest, struct err *e)
{
	struct pull p = {.a = a, .e = e};
	struct registry_manifest got;
	int r = ref_parse(a, ref, &p.ref, e);

	if (!r)
		r = registry_open(a, p.ref.domain, &p.registry, e);
	if (!r)
		r = registry_manifest(&p.registry, p.ref.path,
				      p.ref.digest ? p.ref.digest : p.ref.tag, &got, e);
	registry_close(&p.registry);
	if (r < 0)
		return err_wrap(e, "ask for %s", ref_short(a, &p.ref));
	*digest = arena_printf(a, "%s", got.digest);
	return 0;
}

int pull_tags(struct arena *a, const char *repository, struct strings *out, struct err *e)
{
	struct registry registry = {0};
	struct strings tags = {0};
	struct ref ref;
	int r = ref_parse(a, repository, &ref, e);

	if (!r)
		r = registry_open(a, ref.domain, &registry, e);
	if (!r)
		r = registry_tags(&registry, ref.path, &tags, e);
	registry_close(&registry);
	if (r < 0)
		return err_wrap(e, "ask for the tags of %s", repository);
	vec_each(tag, &tags) {
		ref.tag = *tag;
		*vec_push(a, out) = ref_short(a, &ref);
	}
	return 0;
}
