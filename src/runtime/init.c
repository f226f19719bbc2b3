#include "runtime/init.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "exec_bytes.inc"
#include "init_bytes.inc"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U /* Linux 6.3; before it every memfd is executable */
#endif

static int sealed(const char *name, const unsigned char *bytes, size_t n, struct err *e)
{
	auto_fd int fd = sys_memfd(name, MFD_ALLOW_SEALING | MFD_EXEC);
	int r;

	if (fd == -EINVAL)
		fd = sys_memfd(name, MFD_ALLOW_SEALING);
	r = fd < 0 ? fd : sys_write_all(fd, bytes, n);
	if (!r &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		r = -errno;
	return r < 0 ? err_set(e, -r, "cannot prepare %s: %s", name, strerror(-r)) : take_fd(&fd);
}

int init_open(struct err *e)
{
	return sealed("berth-init", init_bytes, sizeof(init_bytes), e);
}

int init_open_joiner(struct err *e)
{
	return sealed("berth-exec", exec_bytes, sizeof(exec_bytes), e);
}

/* The program gets a process group of its own and the terminal: signals from it go past init. */
static void lead_group(const sigset_t *before)
{
	pid_t self = getpid();

	setpgid(0, 0);
	ioctl(0, TIOCSPGRP, &self); /* not a terminal: nothing to give */
	sigprocmask(SIG_SETMASK, before, NULL);
}

int init_split(int memfd, const char *const *envp, struct err *e)
{
	char number[16];
	char name[] = "berth-init", *const argv[] = {name, number, NULL};
	sigset_t all, before;
	int gone[2], r;
	pid_t pid;

	r = sys_pipe(gone, 0);
	if (r < 0)
		return err_set(e, -r, "cannot make a pipe: %s", strerror(-r));
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid < 0)
		return err_set(e, errno, "cannot fork from init: %s", strerror(errno));
	if (!pid) {
		/* Not a step before process 1 has dropped berth's memory: its execve closes the
		 * pipe. */
		close(gone[1]);
		if (sys_read(gone[0], number, 1) < 0)
			return err_set(e, EIO, "cannot wait for init");
		lead_group(&before);
		return 0;
	}
	snprintf(number, sizeof(number), "%d", (int)pid);
	r = sys_execveat(memfd, "", argv, (char *const *)envp, AT_EMPTY_PATH);
	return err_set(e, EPERM, "cannot become init: %s", strerror(-r));
}
