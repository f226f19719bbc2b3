#include "cli/container_root.h"
#include "base/nsholder.h"
#include "base/overlay.h"
#include "base/sys.h"
#include "cli/target.h"
#include "image/skeleton.h"
#include "image/store.h"
#include "runtime/state.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* The root that the first process sees, volumes and all. */
static int live_root(struct arena *a, const struct status *s, struct err *e)
{
	uint64_t start;
	int fd = sys_open(AT_FDCWD, arena_printf(a, "/proc/%lld/root", (long long)s->pid),
			  O_PATH | O_DIRECTORY, 0);

	if (fd < 0)
		return err_set(e, -fd, "container %s: cannot open its root: %s", s->name,
			       strerror(-fd));
	/* The pid may have been given to another meanwhile. */
	if (state_start_time((pid_t)s->pid, &start) < 0 || start != s->start_time) {
		close(fd);
		return err_set(e, ESRCH, "container %s has just ended", s->name);
	}
	return fd;
}

static int mapped_root(struct arena *a, const struct status *s, const struct strings *layers,
		       const char *upper, const char *work, struct err *e)
{
	const struct id_map ids = {.outside = (uint32_t)s->first_id, .count = 65536};
	auto_nsholder h = {.pidfd = -1};
	auto_fd int userns = -1;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_set(e, errno, "a mount namespace of its own: %s", strerror(errno));
	if (nsholder_begin(&h, 0, &(struct id_maps){&ids, &ids, 1, 1}, e) < 0)
		return -e->code;
	userns = nsholder_open(&h, "user");
	if (userns < 0)
		return err_set(e, -userns, "a user namespace: %s", strerror(-userns));
	return overlay_open_mapped(a, layers, upper, work, userns, e);
}

static int overlay_root(struct arena *a, const struct status *s, struct err *e)
{
	const char *upper, *work;
	struct image *image;
	int r = store_image(a, s->image_id, &image, e);

	if (r == IMAGE_ABSENT)
		return err_set(e, ENOENT, "container %s: its image %s is gone", s->name, s->image);
	if (!r)
		r = skeleton_add(a, &image->layers, e);
	if (r < 0)
		return r;
	upper = arena_printf(a, "%s/upper", s->dir);
	work = arena_printf(a, "%s/work", s->dir);
	return s->first_id ? mapped_root(a, s, &image->layers, upper, work, e)
			   : overlay_open(a, &image->layers, upper, work, 0, e);
}

/* In a child, because the mounts to clone are those of another namespace. */
static void clone_root(int sock, pid_t pid)
{
	auto_arena a = {0};
	int ns = sys_open(AT_FDCWD, arena_printf(&a, "/proc/%d/ns/mnt", pid), O_RDONLY, 0);
	int fd = ns < 0 || setns(ns, CLONE_NEWNS) < 0
			 ? -EPERM
			 : sys_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	_exit(fd < 0 || sys_send_fds(sock, "", 1, &fd, 1) < 0);
}

/* Without volumes, /proc and whatever else is mounted in it. */
int container_bare_root(struct arena *a, const struct status *s, int *out, struct err *e)
{
	size_t n = 1;
	int pair[2];
	char byte;
	pid_t pid;

	if (!target_is_up(s))
		return container_root(a, s, out, e);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "socketpair: %s", strerror(errno));
	pid = fork();
	if (!pid)
		clone_root(pair[1], (pid_t)s->pid);
	close(pair[1]);
	if (pid < 0 || sys_recv_fds(pair[0], &byte, 1, out, &n) <= 0)
		n = 0;
	close(pair[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return n ? 0 : err_set(e, EIO, "container %s: cannot reach its root file system", s->name);
}

int container_make_as(uint32_t first_id, struct err *e)
{
	uint64_t caps;
	int r = sys_cap_permitted(&caps);

	setfsgid(first_id);
	setfsuid(first_id);
	/* Another file system user than 0 has lost the rights over files. */
	r = r < 0 ? r : sys_capset(caps, caps, 0);
	return r < 0 ? err_set(e, -r, "cannot write as user %u: %s", first_id, strerror(-r)) : 0;
}

int container_root(struct arena *a, const struct status *s, int *out, struct err *e)
{
	int fd = target_is_up(s) ? live_root(a, s, e) : overlay_root(a, s, e);

	if (fd < 0)
		return fd;
	*out = fd;
	return 0;
}
