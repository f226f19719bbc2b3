/* The end of a container: what belonged to it, in the order that a crash can be told from. */
#include "base/file.h"
#include "base/log.h"
#include "base/sys.h"
#include "base/when.h"
#include "image/store.h"
#include "runtime/cgroup.h"
#include "runtime/launch.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * What was killed must be gone before the group is removed, and the group before the next start:
 * Linux 6.18 kills every process that is cloned into a group whose cgroup.kill was ever written.
 * It also may hold our sockets. On a crowded machine what was killed waits for its turn to die; one
 * in an uninterruptible sleep is given up after that.
 */
void instance_empty_cgroup(struct instance *i)
{
	auto_arena a = {0};
	int64_t until = when_mono_ns() + 3 * NS_PER_SEC;
	struct err e;
	pid_t *pids;
	size_t n = 0;

	if (cgroup_kill(i->st.cgroup, &e) < 0)
		log_debug("%s: %s", i->st.name, e.why);
	if (cgroup_pids(&a, i->st.cgroup, &pids, &n, &e) < 0)
		return;
	for (size_t k = 0; k < n; k++) {
		struct pollfd p = {.fd = sys_pidfd_open(pids[k]), .events = POLLIN};
		int64_t left = (until - when_mono_ns()) / NS_PER_MSEC;

		if (p.fd < 0)
			continue;
		(void)!poll(&p, 1, left > 0 ? (int)left : 0);
		close(p.fd);
	}
}

void instance_clean_up(struct instance *i)
{
	struct err e;

	instance_empty_cgroup(i);
	if (launch_cleanup_paths(i->st.run_dir, i->st.cgroup, &e) < 0)
		log_err(LOG_WARN_, &e);
}

static void free_probes(struct instance *i)
{
	vec_each(p, &i->st.probes)
		free((void *)(uintptr_t)p->output);
	i->st.probes.n = 0;
}

static int bury(struct timer *timer)
{
	struct instance *i = container_of(timer, struct instance, timer);

	/* Its probe is dead but not reaped yet; or its removal, asked for twice, still calls. */
	if (i->health.task.running || i->hook.running || i->gone.queued) {
		loop_timer_in(i->of->loop, &i->timer, 10 * NS_PER_MSEC, bury);
		return 0;
	}
	buf_done(&i->health.task.text);
	buf_done(&i->hook.text);
	free_probes(i);
	arena_free(&i->arena);
	arena_free(&i->own);
	free(i);
	return 0;
}

static void unlist(struct instance *i)
{
	struct instance **at = &i->of->instances;

	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
}

int instance_remove(struct instance *i, bool again, bool volumes, struct err *e)
{
	auto_arena a = {0};
	struct err ignored;
	int r;

	if (i->life != DOWN)
		return err_set(e, EBUSY, "container %s is %s", i->st.name,
			       status_name(i->st.state));
	/* Before anything else is forgotten: what fails here can be tried again. */
	if (volumes && !again) {
		vec_each(v, &i->st.volumes) {
			r = volumes_remove(i->of, v->name, e);
			if (r < 0)
				return r;
		}
	}
	ports_release(i);
	if (nets_is_shared(i))
		nets_withdraw(i); /* stays for those in it; the successor takes it over */
	else if (i->st.networks.n || i->st.netns)
		nets_unwire(i, again);
	instance_clean_up(i);
	i->removing = true;
	nets_drop_orphans(i);
	/* The state goes first: a directory without one is nobody's and is swept at the next start.
	 */
	unlink(arena_printf(&a, "%s/state.json", i->st.dir));
	r = remains_remove(i->of, i->st.dir, e);
	if (!r)
		r = file_remove_tree(AT_FDCWD, i->st.run_dir, e);
	if (!r && !again)
		r = remains_remove(i->of, i->st.log_dir, e);
	if (store_unpin(i->st.image_id, i->st.id, &ignored) < 0)
		log_err(LOG_WARN_, &ignored);
	events_write(i->of, "container", "destroy", i, NULL);
	if (i->stdin_fd >= 0)
		supervisor_drop(i->of, i->st.name, "in");
	close_at(&i->stdin_fd);
	unlist(i);
	supervisor_kick(i->of);
	loop_timer_in(i->of->loop, &i->timer, 0, bury);
	return r;
}
