#include "image/interrupt.h"
#include "base/sys.h"
#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};

int interrupt_begin(struct interrupt *i, struct err *e)
{
	struct sigaction now;
	sigset_t set;

	*i = (struct interrupt){.fd = -1};
	sigemptyset(&set);
	for (size_t k = 0; k < countof(ends); k++)
		if (sigaction(ends[k], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(&set, ends[k]);
	i->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (i->fd < 0)
		return err_set(e, errno, "signalfd: %s", strerror(errno));
	sigprocmask(SIG_BLOCK, &set, &i->before);
	return 0;
}

void interrupt_take(struct interrupt *i)
{
	struct signalfd_siginfo info;

	if (sys_read(i->fd, &info, sizeof(info)) == sizeof(info))
		i->signal = (int)info.ssi_signo;
}

void interrupt_end(struct interrupt *i)
{
	if (i->fd < 0)
		return;
	close(i->fd);
	i->fd = -1;
	if (i->signal)
		raise(i->signal);
	sigprocmask(SIG_SETMASK, &i->before, NULL);
}

void interrupt_forget(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t k = 0; k < countof(ends); k++)
		sigaddset(&set, ends[k]);
	signal(SIGTERM, SIG_DFL); /* what crew_run() ends its children with */
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}
