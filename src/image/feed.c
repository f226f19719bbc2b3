#include "image/feed.h"
#include "base/mem.h"
#include "base/stream.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { PART = 256 << 10 };

static int pump(int fd, int to, struct err *e)
{
	auto_free char *part = mem_room(PART);
	struct inflate_sink inflate;
	struct fd_sink out;
	ssize_t n;
	int r = 0;

	fd_sink_init(&out, to);
	inflate_sink_init(&inflate, &out.sink);
	while (!r && (n = sys_read(fd, part, PART)) > 0)
		r = sink_write(&inflate.sink, part, (size_t)n, e);
	if (!r && n < 0)
		r = err_set(e, (int)-n, "cannot read the archive: %s", strerror((int)-n));
	if (!r)
		r = sink_end(&inflate.sink, e);
	inflate_sink_done(&inflate);
	return r;
}

static _Noreturn void work(int fd, int to, int result)
{
	struct err e = {0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	pump(fd, to, &e);
	sys_write_all(result, &e, sizeof(e));
	_exit(0);
}

static void reap(struct feed *f)
{
	int status;

	if (f->pidfd >= 0)
		sys_pidfd_wait(f->pidfd, WEXITED, &status);
	close_at(&f->pidfd);
	close_at(&f->out);
	close_at(&f->result);
	*f = (struct feed){-1, -1, -1};
}

int feed_start(int fd, struct feed *f, struct err *e)
{
	struct clone_args args = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD};
	int data[2] = {-1, -1}, result[2] = {-1, -1}, pidfd = -1, r;

	*f = (struct feed){-1, -1, -1};
	r = sys_pipe(data, 0);
	if (!r)
		r = sys_pipe(result, 0);
	if (!r) {
		fcntl(data[1], F_SETPIPE_SZ, 1 << 20);
		args.pidfd = (uint64_t)(uintptr_t)&pidfd;
		r = sys_clone3(&args, sizeof(args));
	}
	if (!r && pidfd < 0) {
		close(data[0]); /* else nobody would tell this process that its reader gave up */
		close(result[0]);
		work(fd, data[1], result[1]);
	}
	close_at(&data[1]);
	close_at(&result[1]);
	*f = (struct feed){data[0], result[0], pidfd};
	if (r < 0) {
		reap(f);
		return err_set(e, -r, "cannot start the inflating process: %s", strerror(-r));
	}
	return 0;
}

int feed_finish(struct feed *f, struct err *e)
{
	struct err why;
	int n;

	close_at(&f->out);
	f->out = -1;
	n = sys_read_full(f->result, &why, sizeof(why));
	reap(f);
	if (n != sizeof(why))
		return err_set(e, EIO, "the inflating process died");
	/* The reader had enough and closed its end. */
	if (why.code && why.code != EPIPE) {
		*e = why;
		return -why.code;
	}
	return 0;
}
