/*
 * Linked into build/berth-faults alone: a crash or an error at any step, of any process of berth,
 * once; and a clock that jumps.
 *
 * A step is a call to the kernel that changes something; the linker's --wrap brings it here, so
 * that new code is covered without a word. $BERTH_FAULT names a file with "ROLE LEFT [ERRNO]": ROLE
 * is the name of the process (berth-faults: a command; berth-guardian, berth-super) and LEFT counts
 * its steps down. At 0 the process kills itself instead of the step, or the step fails with ERRNO
 * (a number; "short": a write writes half), and the file says "done STEP". With 24 (EMFILE) a step
 * is a call that makes a descriptor, whatever else it does. "ROLE*": the steps of
 * the processes that it forks count too, and all of the process group dies.
 *
 * $BERTH_CLOCK names a file with seconds that are added to the time of day.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A process that a role has forked has its name and counts for nothing. */
static bool plays(const char *role, bool with_forked)
{
	static char mine[17];
	static pid_t pid;
	char now[17] = "";

	prctl(PR_GET_NAME, now);
	if (with_forked)
		return !strcmp(now, role);
	if (strcmp(now, mine)) {
		memcpy(mine, now, sizeof(mine));
		pid = getpid();
	}
	return pid == getpid() && !strcmp(mine, role);
}

int __real_open64(const char *path, int flags, ...);
ssize_t __real_pwrite64(int fd, const void *p, size_t n, off64_t at);
int __real_kill(pid_t p, int sig);

enum outcome { GO_ON, FAIL, SHORT };

/* Only what waits is interrupted. */
static bool can_happen(const char *name, int code)
{
	return code != EINTR || strstr("write pwrite64 send sendmsg sendto splice connect", name);
}

static enum outcome strike(const char *name, const char *what, bool all)
{
	int code = atoi(what);

	if (!*what)
		__real_kill(all ? 0 : getpid(), SIGKILL);
	if (!strcmp(what, "short"))
		return SHORT;
	if (!can_happen(name, code))
		return GO_ON;
	errno = code;
	return FAIL;
}

static enum outcome step_of(const char *name, bool makes_fd)
{
	const char *path = getenv("BERTH_FAULT");
	char text[80] = "", role[18], what[8] = "", *star = NULL;
	int fd = path ? __real_open64(path, O_RDWR | O_CLOEXEC) : -1, left, n;

	if (fd < 0)
		return GO_ON;
	flock(fd, LOCK_EX);
	n = pread(fd, text, sizeof(text) - 1, 0) > 0
		    ? sscanf(text, "%17s %d %7s", role, &left, what)
		    : 0;
	star = n >= 2 ? strchr(role, '*') : NULL;
	if (star)
		*star = '\0';
	if (n < 2 || makes_fd != (atoi(what) == EMFILE) || !plays(role, star != NULL)) {
		close(fd);
		return GO_ON;
	}
	n = left ? snprintf(text, sizeof(text), "%s%s %d %-30s\n", role, star ? "*" : "", left - 1,
			    what)
		 : snprintf(text, sizeof(text), "done %-40s\n", name);
	(void)!__real_pwrite64(fd, text, (size_t)n, 0);
	close(fd);
	return left ? GO_ON : strike(name, what, star != NULL);
}

static enum outcome step(const char *name)
{
	return step_of(name, false);
}

/* clang-format off */
#define WRAP(type, name, params, args)                     \
	type __real_##name params; type __wrap_##name params;  \
	type __wrap_##name params { return step(#name) == FAIL ? -1 : __real_##name args; }
#define WRAP_WRITE(name, params, args)                     \
	ssize_t __real_##name params; ssize_t __wrap_##name params;  \
	ssize_t __wrap_##name params {                         \
		enum outcome o = step(#name);                      \
		if (o == FAIL) return -1;                          \
		if (o == SHORT) n = (n + 1) / 2;                   \
		return __real_##name args; }

WRAP_WRITE(write,         (int fd, const void *p, size_t n), (fd, p, n))
WRAP_WRITE(pwrite64,      (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at))
WRAP(ssize_t, send,       (int fd, const void *p, size_t n, int f), (fd, p, n, f))
WRAP(ssize_t, sendmsg,    (int fd, const struct msghdr *m, int f), (fd, m, f))
WRAP(ssize_t, sendto,     (int fd, const void *p, size_t n, int f, const struct sockaddr *a, socklen_t l), (fd, p, n, f, a, l))
WRAP(ssize_t, splice,     (int in, off64_t *i, int out, off64_t *o, size_t n, unsigned f), (in, i, out, o, n, f))
WRAP(int,     bind,       (int fd, const struct sockaddr *a, socklen_t l), (fd, a, l))
WRAP(int,     connect,    (int fd, const struct sockaddr *a, socklen_t l), (fd, a, l))
WRAP(int,     rename,     (const char *a, const char *b), (a, b))
WRAP(int,     renameat,   (int x, const char *a, int y, const char *b), (x, a, y, b))
WRAP(int,     renameat2,  (int x, const char *a, int y, const char *b, unsigned f), (x, a, y, b, f))
WRAP(int,     unlink,     (const char *a), (a))
WRAP(int,     unlinkat,   (int x, const char *a, int f), (x, a, f))
WRAP(int,     rmdir,      (const char *a), (a))
WRAP(int,     mkdir,      (const char *a, mode_t m), (a, m))
WRAP(int,     mkdirat,    (int x, const char *a, mode_t m), (x, a, m))
WRAP(int,     mknodat,    (int x, const char *a, mode_t m, dev_t d), (x, a, m, d))
WRAP(int,     linkat,     (int x, const char *a, int y, const char *b, int f), (x, a, y, b, f))
WRAP(int,     symlinkat,  (const char *a, int y, const char *b), (a, y, b))
WRAP(int,     symlink,    (const char *a, const char *b), (a, b))
WRAP(int,     ftruncate64, (int fd, off64_t n), (fd, n))
WRAP(int,     fsync,      (int fd), (fd))
WRAP(int,     kill,       (pid_t p, int sig), (p, sig))
WRAP(pid_t,   fork,       (void), ())
WRAP(int,     mount,      (const char *s, const char *t, const char *fs, unsigned long f, const void *d), (s, t, fs, f, d))
WRAP(int,     umount2,    (const char *t, int f), (t, f))
WRAP(int,     setns,      (int fd, int f), (fd, f))
WRAP(int,     unshare,    (int f), (f))

#define WRAP_MAKER(type, failure, name, params, args)      \
	type __real_##name params; type __wrap_##name params;  \
	type __wrap_##name params { return step_of(#name, true) == FAIL ? failure : __real_##name args; }

WRAP_MAKER(int,   -1,   socket,        (int f, int t, int p), (f, t, p))
WRAP_MAKER(int,   -1,   socketpair,    (int f, int t, int p, int *v), (f, t, p, v))
WRAP_MAKER(int,   -1,   pipe2,         (int *v, int f), (v, f))
WRAP_MAKER(int,   -1,   accept4,       (int fd, struct sockaddr *a, socklen_t *l, int f), (fd, a, l, f))
WRAP_MAKER(int,   -1,   epoll_create1, (int f), (f))
WRAP_MAKER(int,   -1,   signalfd,      (int fd, const sigset_t *s, int f), (fd, s, f))
WRAP_MAKER(int,   -1,   inotify_init1, (int f), (f))
WRAP_MAKER(int,   -1,   memfd_create,  (const char *n, unsigned f), (n, f))
WRAP_MAKER(DIR *, NULL, opendir,       (const char *path), (path))
WRAP_MAKER(FILE *, NULL, fopen64,      (const char *path, const char *how), (path, how))
/* clang-format on */

static mode_t mode_of(int flags, va_list list)
{
	bool creates = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;

	return creates ? va_arg(list, mode_t) : 0;
}

int __wrap_open64(const char *path, int flags, ...);

int __wrap_open64(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = mode_of(flags, list);
	va_end(list);
	return step_of("open", true) == FAIL ? -1 : __real_open64(path, flags, mode);
}

int __real_openat64(int dir, const char *path, int flags, ...);
int __wrap_openat64(int dir, const char *path, int flags, ...);

int __wrap_openat64(int dir, const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = mode_of(flags, list);
	va_end(list);
	return step_of("openat", true) == FAIL ? -1 : __real_openat64(dir, path, flags, mode);
}

int __real_fcntl64(int fd, int what, ...);
int __wrap_fcntl64(int fd, int what, ...);

int __wrap_fcntl64(int fd, int what, ...)
{
	va_list list;
	void *arg;

	va_start(list, what);
	arg = va_arg(list, void *);
	va_end(list);
	if (what == F_DUPFD_CLOEXEC && step_of("dup", true) == FAIL)
		return -1;
	return __real_fcntl64(fd, what, arg);
}

static bool makes_fd(long nr)
{
	return nr == SYS_openat2 || nr == SYS_pidfd_open || nr == SYS_open_tree || nr == SYS_fsopen;
}

long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);

long __wrap_syscall(long nr, ...)
{
	long a[6];
	va_list list;

	va_start(list, nr);
	for (int k = 0; k < 6; k++)
		a[k] = va_arg(list, long);
	va_end(list);
	if (makes_fd(nr) && step_of("syscall", true) == FAIL)
		return -1;
	if (nr != SYS_openat2 && nr != SYS_pidfd_open && nr != SYS_close_range &&
	    step(nr == SYS_clone3 ? "clone3" : "syscall") == FAIL)
		return -1;
	return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	const char *path = id == CLOCK_REALTIME ? getenv("BERTH_CLOCK") : NULL;
	int r = __real_clock_gettime(id, ts),
	    fd = path ? __real_open64(path, O_RDONLY | O_CLOEXEC) : -1;
	char text[32] = "";

	if (fd < 0)
		return r;
	if (pread(fd, text, sizeof(text) - 1, 0) > 0)
		ts->tv_sec += atoll(text);
	close(fd);
	return r;
}
