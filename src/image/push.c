#include "base/hash.h"
#include "base/sys.h"
#include "base/vec.h"
#include "image/commit.h"
#include "image/crew.h"
#include "image/intake.h"
#include "image/outgoing.h"
#include "image/place.h"
#include "image/pull.h"
#include "image/registry.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { TRIES = 4, SOURCES_MAX = 32 };

/* A repository of the same registry that is known to hold an image: its layers may be there. */
struct source {
	const char *path;
	const struct strings *diff_ids;
};

struct push {
	struct arena *a;
	struct err *e;
	struct progress_sink *progress;
	struct ref ref;
	int turn; /* the lock of its repository, or -1 */
	struct registry registry;
	const struct outgoing *out;
	VEC(struct source) sources;
};

static int add_source(void *arg, const struct ref *r, const struct named *n, struct err *e)
{
	struct push *p = arg;
	struct image *img;
	struct err ignored;

	if (!n->digest || strcmp(r->domain, p->ref.domain) || !strcmp(r->path, p->ref.path) ||
	    p->sources.n == SOURCES_MAX)
		return 0;
	if (!record_read(p->a, n->id, &img, &ignored))
		*vec_push(p->a, &p->sources) = (struct source){r->path, &img->diff_ids};
	return 0;
}

static const char *source_of(const struct push *p, size_t layer)
{
	const char *diff_id = p->out->image->diff_ids.v[layer];

	vec_each(s, &p->sources) {
		if (strings_have(s->diff_ids, diff_id))
			return s->path;
	}
	return NULL;
}

struct sending {
	struct push *p;
	struct crew_member *m; /* NULL: the configuration, which has no bar */
};

static int on_progress(void *arg, int64_t received, int64_t sent)
{
	struct sending *s = arg;

	if (sent && s->m)
		crew_tell_often(s->m, CREW_PUSHING, sent);
	return 0;
}

static void on_retry(void *arg, const char *why, int in_s)
{
	struct sending *s = arg;
	struct err e = {0};

	err_set(&e, EAGAIN, "%.300s", why);
	if (s->m)
		crew_tell(s->m, CREW_RETRYING, 0, &e);
}

static int send_file(struct sending *s, struct registry_blob *b, int fd, struct err *e)
{
	struct registry *to = &s->p->registry;
	int r = 0;

	for (int n = 0; n < TRIES; n++) {
		r = registry_put_blob(to, b, fd, e);
		if (r != -EAGAIN)
			return r;
		b->mount_from = NULL;
		registry_wait(to, n, b->wait_s, e);
	}
	e->code = EIO;
	return -EIO;
}

/* 0, REGISTRY_MOUNTED where another repository gave it, or -errno. */
static int send_blob(struct sending *s, const struct descriptor *d, const char *path,
		     const char *mount_from, struct err *e)
{
	struct registry_blob b = {.path = s->p->ref.path,
				  .digest = d->digest,
				  .size = d->size,
				  .mount_from = mount_from,
				  .progress = on_progress,
				  .progress_arg = s};
	auto_fd int fd = sys_open(AT_FDCWD, path, O_RDONLY, 0);

	if (fd < 0)
		return err_set(e, -fd, "cannot read %s: %s", path, strerror(-fd));
	s->p->registry.retrying = on_retry;
	s->p->registry.arg = s;
	return send_file(s, &b, fd, e);
}

static int push_one(void *arg, struct crew_member *m, struct err *e)
{
	struct push *p = arg;
	const struct outgoing_layer *l = &p->out->layers.v[m->place];
	struct sending s = {p, m};
	int r = registry_reopen(&p->registry, e);

	if (!r)
		r = registry_has_blob(&p->registry, p->ref.path, l->d.digest, e);
	if (r != REGISTRY_ABSENT)
		return r < 0 ? r : CREW_EXISTS;
	crew_tell(m, CREW_PUSHING, 0, NULL);
	r = send_blob(&s, &l->d, l->path, source_of(p, m->place), e);
	return r < 0 ? r : r == REGISTRY_MOUNTED ? CREW_MOUNTED : CREW_DONE;
}

static int push_layers(struct push *p)
{
	size_t n = p->out->layers.n;
	struct crew_job *jobs = arena_alloc(p->a, n * sizeof(*jobs));
	struct crew crew = {
		.jobs = jobs, .n = n, .work = push_one, .arg = p, .progress = p->progress};

	for (size_t i = 0; i < n; i++)
		jobs[i] =
			(struct crew_job){p->out->layers.v[i].d.digest, p->out->layers.v[i].d.size};
	return crew_run(p->a, &crew, p->e);
}

/* Asking for the configuration first brings the token that the children go on with. */
static int push(struct push *p)
{
	const struct image *img = p->out->image;
	struct descriptor config = {MEDIA_OCI_CONFIG, img->id, (int64_t)img->config_json.n};
	int has = registry_has_blob(&p->registry, p->ref.path, img->id, p->e);
	int r = has < 0 ? has : refs_each(p->a, add_source, p, p->e);

	if (!r)
		r = push_layers(p);
	if (!r && has == REGISTRY_ABSENT)
		r = send_blob(&(struct sending){p, NULL}, &config, place_blob(p->a, img->id), NULL,
			      p->e);
	if (!r)
		r = registry_put_manifest(&p->registry, p->ref.path, p->ref.tag,
					  p->out->manifest_type, p->out->manifest, p->e);
	return r;
}

/* From now on the name is known by the digest that the registry holds. */
static int remember(struct push *p)
{
	const struct outgoing *o = p->out;
	struct named n = {o->image->id, arena_printf(p->a, "%s", o->manifest_digest)};

	if (p->progress && p->progress->note)
		p->progress->note(p->progress,
				  arena_printf(p->a, "%s: digest: %s size: %zu", p->ref.tag,
					       o->manifest_digest, o->manifest.n));
	return ref_write(p->a, &p->ref, &n, p->e);
}

/*
 * One push to a repository at a time: docker-registry writes the link of a layer anew for whoever
 * brings it, and a manifest that is looked at meanwhile finds it empty ("digest did not match").
 */
static int take_turn(struct push *p)
{
	const char *name = arena_printf(p->a, "%s/%s", p->ref.domain, p->ref.path);
	char id[72] = "sha256:";

	hash_sha256(name, strlen(name), id + 7);
	return intake_lock(p->a, id, &p->turn, p->e);
}

static int open_for_push(struct push *p, const char *ref)
{
	int r = ref_parse(p->a, ref, &p->ref, p->e);

	if (!r && p->ref.digest)
		r = err_set(p->e, EINVAL, "a digest cannot be pushed to: name a tag");
	if (!r)
		r = take_turn(p);
	if (!r)
		r = registry_open(p->a, p->ref.domain, &p->registry, p->e);
	return r ? r : registry_use_origin(&p->registry, p->e);
}

static void close_push(struct push *p)
{
	registry_close(&p->registry);
	if (p->turn >= 0)
		close(p->turn);
}

int push_outgoing(struct arena *a, const char *ref, const struct outgoing *out,
		  const struct push_options *o, struct err *e)
{
	struct push p = {.a = a, .e = e, .progress = o->progress, .turn = -1, .out = out};
	int r = open_for_push(&p, ref);

	if (!r)
		r = push(&p);
	close_push(&p);
	return r < 0 ? err_wrap(e, "push %s", ref) : 0;
}

int push_image(struct arena *a, const char *ref, const struct push_options *o, struct err *e)
{
	struct push p = {.a = a, .e = e, .progress = o->progress, .turn = -1};
	auto_fd int hold = -1;
	struct outgoing out;
	struct image *img;
	int r = store_image(a, ref, &img, e);

	if (r == IMAGE_ABSENT)
		r = err_set(e, ENOENT, "no such image here: %s", ref);
	if (!r)
		r = place_hold(a, PLACE_ADD, &hold, e);
	if (!r)
		r = open_for_push(&p, ref);
	if (!r)
		r = outgoing_prepare(a, img, true, &out, e);
	p.out = &out;
	if (!r)
		r = push(&p);
	close_push(&p);
	if (!r)
		r = remember(&p);
	return r < 0 ? err_wrap(e, "push %s", ref) : 0;
}
