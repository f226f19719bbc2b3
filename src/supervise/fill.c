/*
 * New volumes get what the image has at their place. A few files are copied on the way to the
 * start; where it is many, a process of its own copies, so that names and health checks go on, and
 * the start is tried again when it has ended. What it leaves when it is killed is filled anew.
 */
#include "base/log.h"
#include "base/sys.h"
#include "image/store.h"
#include "image/volume.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
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
static void work(const struct instance *i, int out, pid_t parent)
{
	struct err e = {0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	if (dup2(out, 3) < 0)
		_exit(1);
	sys_close_from(4, 0);
	if (all(i, &e) < 0)
		(void)!write(3, &e, sizeof(e));
	_exit(0);
}

static int on_end(struct watch *w, uint32_t events)
{
	struct instance *i = container_of(w, struct instance, fill.ended);
	struct err e = {0};
	int status = 0;

	if (sys_pidfd_wait(i->fill.pidfd, WNOHANG, &status) == -EAGAIN)
		return 0;
	loop_unwatch(w);
	if (sys_read_full(i->fill.tube, &e, sizeof(e)) != sizeof(e) && status)
		err_set(&e, EINTR, "volumes were not filled to the end");
	close(i->fill.tube);
	close(i->fill.pidfd);
	i->fill.running = false;
	instance_filled(i, &e);
	return 0;
}

int fill_begin(struct instance *i, struct err *e)
{
	pid_t parent = getpid(), pid;
	int tube[2], r = sys_pipe(tube, 0);

	if (r < 0)
		return err_set(e, -r, "pipe: %s", strerror(-r));
	pid = fork();
	if (!pid)
		work(i, tube[1], parent);
	close(tube[1]);
	i->fill.todo = (struct pairs){0};
	r = pid < 0 ? -errno : sys_pidfd_open(pid);
	if (r < 0) {
		close(tube[0]);
		return err_set(e, -r, "fill volumes of %s: %s", i->st.name, strerror(-r));
	}
	i->fill.pidfd = r;
	i->fill.tube = tube[0];
	i->fill.running = true;
	r = loop_watch(i->of->loop, &i->fill.ended, i->fill.pidfd, EPOLLIN, on_end);
	return r < 0 ? err_set(e, -r, "watch: %s", strerror(-r)) : 0;
}

void fill_kill(struct instance *i)
{
	sys_pidfd_signal(i->fill.pidfd, SIGKILL);
}
