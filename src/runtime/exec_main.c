/*
 * The last step of joining a container. berth's child has become this program, with the rights of
 * the container already and nothing of berth in its memory or descriptors; it makes the process in
 * the container's pid namespace, tells its number, and ends. What a container with CAP_SYS_PTRACE
 * can catch of a process that appears among its own is this sealed file (CVE-2016-9962, 2019-5736).
 *
 *	berth-exec SYNC[t] PATH ARGV0 [ARGS...]
 */
#include "runtime/bare.h"
#include "runtime/join.h"
#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/sched.h>

enum { SYNC = 2, PATH, ARGV }; /* places on the stack, behind argc and our own name */

static void tell_failure(long sync, const char *path, long code)
{
	struct join_failed note = {.code = (int)-code};
	unsigned long n = 0;

	while (path[n] && n < sizeof(note.path) - 1) {
		note.path[n] = path[n];
		n++;
	}
	note.path[n] = 0;
	call(__NR_write, sync, (long)&note, sizeof(note), 0);
}

/* "5t": descriptor 0 becomes the controlling terminal of the process, which leads its session. */
static int has_terminal(const char *sync)
{
	while (*sync >= '0' && *sync <= '9')
		sync++;
	return *sync == 't';
}

void bare_main(long *stack)
{
	long argc = stack[0], sync = argc >= ARGV ? number((const char *)stack[SYNC]) : -1;
	long *envp = stack + 1 + argc + 1;
	struct join_born note = {0};
	long pid, code;

	call(__NR_fcntl, sync, F_SETFD, FD_CLOEXEC, 0);
	pid = argc >= ARGV ? call(__NR_clone, CLONE_PARENT, 0, 0, 0) : -1;
	if (!pid) {
		call(__NR_setsid, 0, 0, 0, 0);
		if (has_terminal((const char *)stack[SYNC]))
			call(__NR_ioctl, 0, TIOCSCTTY, 0, 0);
		code = call(__NR_execve, stack[PATH], (long)(stack + ARGV), (long)envp, 0);
		tell_failure(sync, (const char *)stack[PATH], code);
		call(__NR_exit_group, code == -2 ? 127 : 126, 0, 0, 0);
	}
	note.pid = (int)pid;
	call(__NR_write, sync, (long)&note, sizeof(note), 0);
	for (;;)
		call(__NR_exit_group, 0, 0, 0, 0);
}
