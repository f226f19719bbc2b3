/*
 * Linked into build/berth-faults alone: a crash at any step, of any process of berth, once.
 *
 * A step is a call to the kernel that changes something; the linker's --wrap brings it here, so
 * that new code is covered without a word. $BERTH_FAULT names a file with "ROLE LEFT": ROLE is the
 * name of the process (berth-faults: a command; berth-guardian, berth-super) and LEFT counts its
 * steps down. At 0 the process kills itself instead of the step, and the file says "done STEP".
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A process that a role has forked has its name and counts for nothing. */
static bool plays(const char *role)
{
	static char mine[17];
	static pid_t pid;
	char now[17] = "";

	prctl(PR_GET_NAME, now);
	if (strcmp(now, mine)) {
		memcpy(mine, now, sizeof(mine));
		pid = getpid();
	}
	return pid == getpid() && !strcmp(mine, role);
}

ssize_t __real_pwrite64(int fd, const void *p, size_t n, off64_t at);

static void step(const char *name)
{
	const char *path = getenv("BERTH_FAULT");
	char text[64] = "", role[17];
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1, left, n;

	if (fd < 0)
		return;
	if (pread(fd, text, sizeof(text) - 1, 0) <= 0 ||
	    sscanf(text, "%16s %d", role, &left) != 2 || !plays(role)) {
		close(fd);
		return;
	}
	n = left ? snprintf(text, sizeof(text), "%s %-30d\n", role, left - 1)
		 : snprintf(text, sizeof(text), "done %-40s\n", name);
	(void)!__real_pwrite64(fd, text, (size_t)n, 0);
	close(fd);
	if (!left)
		raise(SIGKILL);
}

/* clang-format off */
#define WRAP(type, name, params, args)                     \
	type __real_##name params; type __wrap_##name params;  \
	type __wrap_##name params { step(#name); return __real_##name args; }

WRAP(ssize_t, write,      (int fd, const void *p, size_t n), (fd, p, n))
WRAP(ssize_t, pwrite64,   (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at))
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
/* clang-format on */

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
	if (nr != SYS_openat2 && nr != SYS_pidfd_open && nr != SYS_close_range)
		step(nr == SYS_clone3 ? "clone3" : "syscall");
	return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}
