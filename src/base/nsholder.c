#include "base/nsholder.h"
#include "base/log.h"
#include "base/sys.h"
#include "base/text.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int write_map(int pid, const char *file, const struct id_map *maps, size_t n, struct err *e)
{
	char name[48];
	auto_buf text = {0};
	auto_fd int fd = -1;
	int r;

	snprintf(name, sizeof(name), "/proc/%d/%s", pid, file);
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%u %u %u\n", maps[i].inside, maps[i].outside, maps[i].count);
	fd = sys_open(AT_FDCWD, name, O_WRONLY, 0);
	r = fd < 0 ? fd : sys_write_all(fd, text.p ? text.p : "", text.n);
	return r < 0 ? err_set(e, -r, "the kernel refuses the %s: %s", file, strerror(-r)) : 0;
}

int nsholder_begin(struct nsholder *h, uint64_t flags, const struct id_maps *maps, struct err *e)
{
	/* No exit signal: the caller's loop never hears of this child, which lives for
	 * microseconds. */
	struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_PIDFD | flags,
				  .pidfd = (uintptr_t)&h->pidfd};

	h->pidfd = -1;
	h->pid = sys_clone3(&args, sizeof(args));
	if (!h->pid) {
		pause();
		_exit(0);
	}
	if (h->pid < 0) {
		err_set(e, -h->pid, "cannot make a user namespace: %s", strerror(-h->pid));
		return err_hint(e, "user.max_user_namespaces (sysctl) limits their number");
	}
	if (write_map(h->pid, "uid_map", maps->uid, maps->uids, e) < 0 ||
	    write_map(h->pid, "gid_map", maps->gid, maps->gids, e) < 0) {
		nsholder_end(h);
		return -e->code;
	}
	return 0;
}

int nsholder_open(const struct nsholder *h, const char *kind)
{
	char name[48];

	snprintf(name, sizeof(name), "/proc/%d/ns/%s", h->pid, kind);
	return sys_open(AT_FDCWD, name, O_RDONLY, 0);
}

void nsholder_end(struct nsholder *h)
{
	int status;

	if (h->pidfd < 0)
		return;
	sys_pidfd_signal(h->pidfd, SIGKILL);
	if (sys_pidfd_wait(h->pidfd, __WALL, &status) < 0)
		log_warn("a helper process %d could not be reaped", h->pid);
	close(h->pidfd);
	h->pidfd = -1;
}
