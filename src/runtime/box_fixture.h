/*
 * For tests: real containers on a busybox root made below /tmp. Root only, says so aloud else.
 */
#pragma once
#include "base/file.h"
#include "base/sys.h"
#include "runtime/cgroup.h"
#include "runtime/exec.h"
#include "runtime/launch.h"
#include "runtime/rights.h"
#include "runtime/state.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

struct box {
	struct arena a;
	struct container_spec s;
	char top[64], dir[96];
	char out[16384];
	struct err e;
	int status;
};

static inline void make_root(struct box *b)
{
	static int counter;
	char path[256], command[512];
	struct err e;

	snprintf(b->top, sizeof(b->top), "/tmp/berth-launch-test-%d-%d", getpid(), counter++);
	snprintf(path, sizeof(path), "%s/lower/bin", b->top);
	assert_int_equal(file_mkdirs(path, 0755, &e), 0);
	for (const char *const *d =
		     (const char *const[]){"upper", "work", "dir", "lower/etc", NULL};
	     *d; d++) {
		snprintf(path, sizeof(path), "%s/%s", b->top, *d);
		mkdir(path, 0755);
	}
	snprintf(command, sizeof(command),
		 "cp /bin/busybox %s/lower/bin/busybox && "
		 "for c in sh cat id ls wc touch grep mount head stat mkdir env sleep test pwd "
		 "hostname "
		 "readlink tty kill uniq; do ln -s busybox %s/lower/bin/$c; done && "
		 "echo 'app:x:1000:1000::/home/app:/bin/sh' >%s/lower/etc/passwd",
		 b->top, b->top, b->top);
	assert_int_equal(system(command), 0);
}

static inline struct box *box_new(const char *command)
{
	struct box *b = calloc(1, sizeof(*b));
	struct container_spec *s = &b->s;

	make_root(b);
	s->id = arena_printf(&b->a, "%s", strrchr(b->top, '/') + 1);
	s->name = "test";
	s->dir = arena_printf(&b->a, "%s/dir", b->top);
	*vec_push(&b->a, &s->layers) = arena_printf(&b->a, "%s/lower", b->top);
	s->upper = arena_printf(&b->a, "%s/upper", b->top);
	s->work = arena_printf(&b->a, "%s/work", b->top);
	*vec_push(&b->a, &s->argv) = "sh";
	*vec_push(&b->a, &s->argv) = "-c";
	*vec_push(&b->a, &s->argv) = command;
	*vec_push(&b->a, &s->envp) = "PATH=/bin";
	s->hostname = "inside";
	s->caps = rights_default();
	s->cgroup_path = arena_printf(&b->a, "berth/test-%s", s->id);
	s->limits.swappiness = -1;
	s->gate_fd = -1;
	s->net.fd = s->ipc.fd = s->uts.fd = s->pid.fd = s->cgroup.fd = s->userns.fd = -1;
	s->userns.mode = NS_HOST;
	s->stdio[0] = -1;
	return b;
}

/* Runs to the end; the launch's result, with output in b->out and the wait status in b->status. */
static inline int box_run(struct box *b)
{
	struct launch l;
	int pipe_fds[2], r;
	ssize_t n;
	size_t got = 0;

	assert_int_equal(sys_pipe(pipe_fds, 0), 0);
	b->s.stdio[1] = b->s.stdio[2] = pipe_fds[1];
	memset(&b->e, 0, sizeof(b->e));
	r = launch_begin(&b->s, &l, &b->e);
	close(pipe_fds[1]);
	if (!r) {
		r = launch_wait(&l, &b->e);
		while ((n = sys_read(pipe_fds[0], b->out + got, sizeof(b->out) - 1 - got)) > 0)
			got += (size_t)n;
		b->out[got] = '\0';
		assert_int_equal(sys_pidfd_wait(l.pidfd, 0, &b->status), 0);
		close(l.pidfd);
		close(l.sync_fd);
	}
	close(pipe_fds[0]);
	return r;
}

static inline void box_free(struct box *b)
{
	struct err e;

	assert_int_equal(launch_cleanup(&b->s, &e), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, b->top, &e), 0);
	arena_free(&b->a);
	free(b);
}

static inline void expect(const char *command, const char *output)
{
	struct box *b = box_new(command);

	if (box_run(b))
		fail_msg("%s: %s: %s", command, b->e.what, b->e.why);
	if (strcmp(b->out, output))
		fail_msg("%s\nprints   %s\nexpected %s", command, b->out, output);
	box_free(b);
}

static inline bool box_possible(void)
{
	if (!geteuid() && !access("/bin/busybox", X_OK))
		return true;
	print_message("SKIP: needs root and /bin/busybox\n");
	return false;
}
