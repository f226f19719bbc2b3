#include "image/fetch.h"
#include "base/mem.h"
#include "base/sys.h"
#include "image/crew.h"
#include "image/intake.h"
#include "image/place.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { TRIES = 5, TRIES_MAX = 100, REPLAY = 256 << 10 };

struct child {
	struct fetch *f;
	struct crew_member *m;
	const struct descriptor *d;
	const char *diff_id;
	int64_t before; /* bytes from earlier tries */
	bool resumed;   /* from an earlier process */
};

static int on_progress(void *arg, int64_t received, int64_t sent)
{
	struct child *c = arg;

	crew_tell_often(c->m, CREW_DOWNLOADING, c->before + received);
	return 0;
}

static void on_retry(void *arg, const char *why, int in_s)
{
	struct child *c = arg;
	struct err e = {0};

	err_set(&e, EAGAIN, "%.300s", why);
	crew_tell(c->m, CREW_RETRYING, c->before, &e);
}

/* What an earlier process got goes through the chain again; then the file grows on. */
static int replay(struct child *c, struct intake *in, int fd, struct err *e)
{
	auto_free char *part = mem_room(REPLAY);
	ssize_t n;
	int r = 0;

	while (!r && (n = sys_read(fd, part, REPLAY)) > 0) {
		r = intake_write(in, part, (size_t)n, e);
		c->before += n;
	}
	c->resumed = c->before > 0;
	return r;
}

static int receive(struct child *c, struct intake *in, struct err *e)
{
	struct limit_sink limit;
	struct registry_blob b = {.path = c->f->path,
				  .digest = c->d->digest,
				  .size = c->d->size,
				  .to = &limit.sink,
				  .progress = on_progress,
				  .progress_arg = c};
	int r = 0;

	limit_sink_init(&limit, in->head, c->d->size - c->before, "the layer as announced");
	for (int n = 0, total = 0; c->before < c->d->size; n++, total++) {
		b.from = c->before;
		r = registry_blob(c->f->registry, &b, e);
		c->before += b.received;
		if (b.received > 0)
			n = 0; /* it moves: the tries count from here */
		if (r != -EAGAIN || n + 1 >= TRIES || total > TRIES_MAX)
			break;
		registry_wait(c->f->registry, n, b.wait_s, e);
	}
	if (r == -EAGAIN)
		e->code = EIO;
	return r == -EAGAIN ? -EIO : r;
}

static int bring(struct child *c, struct arena *a, const char *partial, struct err *e)
{
	auto_fd int fd = sys_open(AT_FDCWD, partial, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	struct intake_want want = {.diff_id = c->diff_id,
				   .blob = c->d->digest,
				   .media_type = c->d->media_type,
				   .keep_blob = true,
				   .blob_path = partial};
	struct intake in;
	struct layer layer;
	struct stat st;
	int r;

	c->before = 0;
	if (fd < 0)
		return err_set(e, -fd, "cannot open %s: %s", partial, strerror(-fd));
	if (fstat(fd, &st) < 0 || (st.st_size > c->d->size && ftruncate(fd, 0) < 0))
		return err_set(e, errno, "cannot use %s: %s", partial, strerror(errno));
	r = intake_begin(&in, -1, e);
	if (!r)
		r = replay(c, &in, fd, e);
	in.blob.fd = fd;
	if (!r)
		r = intake_blame(&in, receive(c, &in, e), e);
	if (!r) {
		crew_tell(c->m, CREW_UNPACKING, c->d->size, NULL);
		r = intake_end(&in, &want, a, &layer, e);
	}
	intake_done(&in);
	return r;
}

static int bring_locked(struct child *c, struct arena *a, struct err *e)
{
	auto_fd int lock = -1;
	struct layer have;
	char *partial;
	int r;

	crew_tell(c->m, CREW_WAITING, 0, NULL);
	r = intake_lock(a, c->diff_id, &lock, e);
	if (!r)
		r = layer_find(a, c->diff_id, &have, e);
	if (r != LAYER_ABSENT)
		return r < 0 ? r : CREW_EXISTS;
	r = place_partial(a, c->d->digest, &partial, e);
	if (r < 0)
		return r;
	r = bring(c, a, partial, e);
	/* Wrong bytes are not kept; what was gone on with may be to blame, so once more whole. */
	if (r == -EBADMSG || r == -EINVAL) {
		bool resumed = c->resumed;

		unlink(partial);
		if (resumed)
			r = bring(c, a, partial, e);
		if (r == -EBADMSG || r == -EINVAL)
			unlink(partial);
	}
	return r < 0 ? r : CREW_DONE;
}

static int fetch_one(void *arg, struct crew_member *m, struct err *e)
{
	struct fetch *f = arg;
	struct child c = {
		.f = f, .m = m, .d = &f->layers->v[m->place], .diff_id = f->diff_ids->v[m->place]};
	struct arena a = {0}; /* the process ends with it */

	f->registry->retrying = on_retry;
	f->registry->arg = &c;
	if (registry_reopen(f->registry, e) < 0)
		return -e->code;
	return bring_locked(&c, &a, e);
}

int fetch_layers(struct arena *a, struct fetch *f, struct err *e)
{
	struct crew_job *jobs = arena_alloc(a, f->layers->n * sizeof(*jobs));
	struct crew crew = {.jobs = jobs,
			    .n = f->layers->n,
			    .work = fetch_one,
			    .arg = f,
			    .progress = f->progress};
	int r;

	for (size_t i = 0; i < f->layers->n; i++)
		jobs[i] = (struct crew_job){f->layers->v[i].digest, f->layers->v[i].size};
	r = crew_run(a, &crew, e);
	f->brought = crew.done;
	return r;
}
