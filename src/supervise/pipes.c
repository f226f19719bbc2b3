/*
 * The pipes of a container's standard streams. They have no name on the host that a container could
 * read in /proc/1/fd. Every description of them is for reading and writing, so that a writer never
 * gets EPIPE; one lies with the guardian. Where that is gone too, the container's own is found.
 */
#include "base/sys.h"
#include "runtime/cgroup.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int pipe_open(int fd, int flags)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return sys_open(AT_FDCWD, path, O_RDWR | flags, 0);
}

uint64_t pipe_id(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

int pipe_make(struct instance *i, const char *what, int *out, struct err *e)
{
	int ends[2], fd, r = sys_pipe(ends, 0);

	if (r < 0)
		return err_set(e, -r, "pipe: %s", strerror(-r));
	(void)!fchmod(ends[0], 0666); /* a container's user reopens /dev/stdout */
	fd = pipe_open(ends[0], O_NONBLOCK);
	close(ends[0]);
	close(ends[1]);
	if (fd < 0)
		return err_set(e, -fd, "pipe: %s", strerror(-fd));
	supervisor_keep(i->of, i->st.name, what, fd);
	*out = fd;
	return 0;
}

static int look_at(pid_t pid, uint64_t id)
{
	char path[48];
	struct stat st;

	for (int k = 0; k < 10; k++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, k);
		if (!stat(path, &st) && S_ISFIFO(st.st_mode) && st.st_ino == id)
			return sys_open(AT_FDCWD, path, O_RDWR | O_NONBLOCK, 0);
	}
	return -ENOENT;
}

/* Guardian and supervisor were killed at once: the processes of the container have it still. */
static int find_inside(struct instance *i, uint64_t id)
{
	auto_arena a = {0};
	struct err ignored;
	pid_t *pids;
	size_t n = 0;
	int fd = -ENOENT;

	if (cgroup_pids(&a, i->st.cgroup, &pids, &n, &ignored) < 0)
		return -ENOENT;
	for (size_t k = 0; id && fd < 0 && k < n; k++)
		fd = look_at(pids[k], id);
	return fd;
}

int pipe_adopt(struct instance *i, const char *what, uint64_t id, int *out, struct err *e)
{
	int fd = supervisor_take(i->of, i->st.name, what);

	if (fd >= 0) {
		*out = fd;
		return 0;
	}
	fd = find_inside(i, id);
	if (fd < 0)
		return pipe_make(i, what, out, e); /* nobody writes into it any more */
	supervisor_keep(i->of, i->st.name, what, fd);
	*out = fd;
	return 0;
}
