/*
 * New volumes get what the image has at their place. A few files are copied on the way to the
 * start; where it is many, a process of its own copies, so that names and health checks go on, and
 * the start is tried again when it has ended. What it leaves when it is killed is filled anew.
 */
#include "base/sys.h"
#include "image/store.h"
#include "image/volume.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

void fill_later(struct instance *i, const char *volume, const char *target)
{
	*vec_push(&i->arena, &i->fill.todo) = (struct pair){arena_printf(&i->arena, "%s", volume),
							    arena_printf(&i->arena, "%s", target)};
}

static int all(const struct instance *i, struct err *e)
{
	auto_arena a = {0};
	struct image *image;
	int r = store_image(&a, i->st.image_id, &image, e);

	if (r == IMAGE_ABSENT)
		return err_set(e, ENOENT, "image %s is not here", i->st.image);
	for (size_t k = 0; !r && k < i->fill.todo.n; k++) {
		struct store_volume v;

		r = volume_find(&a, i->fill.todo.v[k].key, &v, e);
		if (r == VOLUME_ABSENT)
			r = err_set(e, ENOENT, "volume %s was removed", i->fill.todo.v[k].key);
		if (!r)
			r = volume_seed(&v, &image->layers, i->fill.todo.v[k].value, 0, e);
	}
	return r;
}

/* In the child. */
static int work(const void *arg, int out)
{
	struct err e = {0};

	if (all(arg, &e) < 0)
		(void)!write(out, &e, sizeof(e));
	return 0;
}

static int on_end(struct watch *w, uint32_t events)
{
	struct instance *i = container_of(w, struct instance, fill.worker.ended);
	struct err e = {0};
	int status = 0;

	if (worker_reap(&i->fill.worker, &status) < 0)
		return 0;
	if (sys_read_full(i->fill.tube, &e, sizeof(e)) != sizeof(e) && status)
		err_set(&e, EINTR, "volumes were not filled to the end");
	close(i->fill.tube);
	instance_filled(i, &e);
	return 0;
}

int fill_begin(struct instance *i, struct err *e)
{
	int tube[2], r = sys_pipe(tube, 0);

	if (r < 0)
		return err_set(e, -r, "pipe: %s", strerror(-r));
	r = worker_start(&i->fill.worker, i->of->loop, tube[1], work, i, on_end);
	close(tube[1]);
	i->fill.todo = (struct pairs){0};
	if (r < 0) {
		close(tube[0]);
		return err_set(e, -r, "fill volumes of %s: %s", i->st.name, strerror(-r));
	}
	i->fill.tube = tube[0];
	return 0;
}
