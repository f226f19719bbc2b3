/* The forked side of image/unpack: less power, then the work, then one answer. */
#include "base/sys.h"
#include "image/unpack.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct answer {
	int result;
	struct unpack_stats stats;
	struct err err;
};

#define CAP(name) (UINT64_C(1) << (name))
/* SYS_ADMIN: overlay's marks are trusted.* attributes. */
static const uint64_t needed = CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) | CAP(CAP_FOWNER) |
			       CAP(CAP_FSETID) | CAP(CAP_MKNOD) | CAP(CAP_SETFCAP) |
			       CAP(CAP_SYS_ADMIN);

static int give_up_power(int root, struct err *e)
{
	const struct rlimit no_core = {0, 0};
	int r;

	setrlimit(RLIMIT_CORE, &no_core);
	if (geteuid())
		return 0; /* nothing to give up; openat2 holds the tree alone */
	if (fchdir(root) < 0 || chroot(".") < 0)
		return err_set(e, errno, "cannot enter the layer's directory: %s", strerror(errno));
	r = sys_capset(needed, needed, 0);
	if (r < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, r < 0 ? -r : errno, "cannot give up capabilities");
	return 0;
}

static _Noreturn void work(int in, int out, int root, const struct unpack_options *o)
{
	struct answer a = {0};

	/* Dies with the process that feeds it: its input ends, which is an error. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(0);
	a.result = give_up_power(root, &a.err);
	if (!a.result)
		a.result = unpack_apply(in, root, o, &a.stats, &a.err);
	sys_write_all(out, &a, sizeof(a));
	_exit(0);
}

int unpack_start(const char *dir, const struct unpack_options *o, struct unpack_worker *w,
		 struct err *e)
{
	auto_fd int root = sys_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
	struct clone_args args = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD};
	int in[2], out[2], pidfd = -1, r;

	*w = (struct unpack_worker){-1, -1, -1};
	if (root < 0)
		return err_set(e, -root, "cannot open %s: %s", dir, strerror(-root));
	r = sys_pipe(in, 0);
	if (r < 0)
		return err_set(e, -r, "cannot make a pipe: %s", strerror(-r));
	r = sys_pipe(out, 0);
	if (r < 0) {
		close(in[0]);
		close(in[1]);
		return err_set(e, -r, "cannot make a pipe: %s", strerror(-r));
	}
	fcntl(in[1], F_SETPIPE_SZ, 1 << 20);
	args.pidfd = (uint64_t)(uintptr_t)&pidfd;
	r = sys_clone3(&args, sizeof(args));
	if (!r) {
		close(in[1]);
		close(out[0]);
		work(in[0], out[1], root, o);
	}
	close(in[0]);
	close(out[1]);
	*w = (struct unpack_worker){in[1], out[0], pidfd};
	if (r < 0) {
		unpack_kill(w);
		return err_set(e, -r, "cannot start the unpacking worker: %s", strerror(-r));
	}
	return 0;
}

static void reap(struct unpack_worker *w)
{
	int status;

	if (w->pidfd >= 0) {
		sys_pidfd_wait(w->pidfd, WEXITED, &status);
		close(w->pidfd);
	}
	if (w->result >= 0)
		close(w->result);
	*w = (struct unpack_worker){-1, -1, -1};
}

static void close_input(struct unpack_worker *w)
{
	if (w->in >= 0)
		close(w->in);
	w->in = -1;
}

int unpack_finish(struct unpack_worker *w, struct unpack_stats *out, struct err *e)
{
	struct answer a = {0};
	int n;

	close_input(w);
	n = sys_read_full(w->result, &a, sizeof(a));
	reap(w);
	if (n != sizeof(a))
		return err_set(e, EIO, "the unpacking worker died");
	if (a.result < 0) {
		*e = a.err;
		return a.result;
	}
	*out = a.stats;
	return 0;
}

void unpack_kill(struct unpack_worker *w)
{
	close_input(w);
	if (w->pidfd >= 0)
		sys_pidfd_signal(w->pidfd, SIGKILL);
	reap(w);
}
