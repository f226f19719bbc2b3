#include "base/sys.h"
#include "base/when.h"
#include "image/commit.h"
#include "image/outgoing.h"
#include "image/place.h"
#include "image/pull.h"
#include "image/registry.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { TRIES = 4 };

struct push {
	struct arena *a;
	struct err *e;
	struct progress_sink *progress;
	struct ref ref;
	struct registry registry;
	const char *id; /* of the blob under way */
	int64_t size, told_ns;
};

static void tell(struct push *p, const char *phase, int64_t done)
{
	if (p->progress && p->progress->step)
		p->progress->step(p->progress, p->id, phase, done, p->size);
}

static int on_progress(void *arg, int64_t received, int64_t sent)
{
	struct push *p = arg;

	if (sent && when_mono_ns() - p->told_ns > 100 * NS_PER_MSEC) {
		p->told_ns = when_mono_ns();
		tell(p, "pushing", sent);
	}
	return 0;
}

static int send_file(struct push *p, const struct descriptor *d, int fd)
{
	struct registry_blob b = {.path = p->ref.path,
				  .digest = d->digest,
				  .size = d->size,
				  .progress = on_progress,
				  .progress_arg = p};
	int r = 0;

	for (int n = 0; n < TRIES; n++) {
		r = registry_put_blob(&p->registry, &b, fd, p->e);
		if (r != -EAGAIN)
			return r;
		tell(p, "retrying", 0);
		registry_wait(&p->registry, n, -1, p->e);
	}
	p->e->code = EIO;
	return -EIO;
}

static int push_blob(struct push *p, const struct descriptor *d, const char *path)
{
	auto_fd int fd = -1;
	int r;

	p->id = d->digest;
	p->size = d->size;
	if (p->progress && p->progress->begin)
		p->progress->begin(p->progress, "layer", d->digest);
	r = registry_has_blob(&p->registry, p->ref.path, d->digest, p->e);
	if (r != REGISTRY_ABSENT) {
		if (!r)
			tell(p, "exists", d->size);
		return r;
	}
	tell(p, "pushing", 0);
	fd = sys_open(AT_FDCWD, path, O_RDONLY, 0);
	if (fd < 0)
		return err_set(p->e, -fd, "cannot read %s: %s", path, strerror(-fd));
	r = send_file(p, d, fd);
	if (!r)
		tell(p, "done", d->size);
	return r < 0 ? err_wrap(p->e, "blob %.19s", d->digest) : 0;
}

static int push(struct push *p, const struct outgoing *o)
{
	const struct image *img = o->image;
	struct descriptor config = {MEDIA_OCI_CONFIG, img->id, (int64_t)img->config_json.n};
	int r = 0;

	for (size_t i = 0; !r && i < o->layers.n; i++)
		r = push_blob(p, &o->layers.v[i].d, o->layers.v[i].path);
	if (!r)
		r = push_blob(p, &config, place_blob(p->a, img->id));
	if (!r)
		r = registry_put_manifest(&p->registry, p->ref.path, p->ref.tag, o->manifest_type,
					  o->manifest, p->e);
	return r;
}

/* From now on the name is known by the digest that the registry holds. */
static int remember(struct push *p, const struct outgoing *o)
{
	struct named n = {o->image->id, arena_printf(p->a, "%s", o->manifest_digest)};

	if (p->progress && p->progress->note)
		p->progress->note(p->progress,
				  arena_printf(p->a, "%s: digest: %s size: %zu", p->ref.tag,
					       o->manifest_digest, o->manifest.n));
	return ref_write(p->a, &p->ref, &n, p->e);
}

int push_image(struct arena *a, const char *ref, const struct push_options *o, struct err *e)
{
	struct push p = {.a = a, .e = e, .progress = o->progress};
	auto_fd int hold = -1;
	struct outgoing out;
	struct image *img;
	int r = ref_parse(a, ref, &p.ref, e);

	if (!r && p.ref.digest)
		r = err_set(e, EINVAL, "a digest cannot be pushed to: name a tag");
	if (!r)
		r = store_image(a, ref, &img, e);
	if (r == IMAGE_ABSENT)
		r = err_set(e, ENOENT, "no such image here: %s", ref);
	if (!r)
		r = place_hold(a, PLACE_ADD, &hold, e);
	if (!r)
		r = outgoing_prepare(a, img, true, &out, e);
	if (!r)
		r = registry_open(a, p.ref.domain, &p.registry, e);
	if (!r)
		r = registry_use_origin(&p.registry, e);
	if (!r)
		r = push(&p, &out);
	registry_close(&p.registry);
	if (!r)
		r = remember(&p, &out);
	return r < 0 ? err_wrap(e, "push %s", ref) : 0;
}
