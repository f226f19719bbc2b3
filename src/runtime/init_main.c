/*
 * `init: true`: process 1 of a container. Passes signals on to the process whose number it is
 * given, reaps whatever is orphaned, ends as that process ends. A program of its own without a C
 * library, so that nothing of berth is mapped in the container and a start costs no more for it.
 */
#include "runtime/bare.h"
#include <linux/prctl.h>
#include <linux/signal.h>

enum { EXIT_UNKNOWN = 125, CHLD = 17, SIG_WAYS = 64 };

static int exit_code(int status)
{
	return status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
}

/* Reaps all that are dead; true where the one was among them. */
static int reap(long one, int *code)
{
	int status, found = 0;
	long pid;

	while ((pid = call(__NR_wait4, -1, (long)&status, 1 /* WNOHANG */, 0)) > 0) {
		if (pid != one)
			continue;
		*code = exit_code(status);
		found = 1;
	}
	return found;
}

void bare_main(long *stack)
{
	static const char name[] = "berth-init";
	long one = stack[0] == 2 ? number((const char *)stack[2]) : 0;
	unsigned long all = ~0UL;
	int code = EXIT_UNKNOWN;
	long sig = CHLD;

	call(__NR_prctl, PR_SET_NAME, (long)name, 0, 0);
	/* Blocked before fork by whoever started us: no signal is lost in between. */
	call(__NR_rt_sigprocmask, 0 /* SIG_BLOCK */, (long)&all, 0, sizeof(all));
	while (one > 0 && !(sig == CHLD && reap(one, &code))) {
		sig = call(__NR_rt_sigtimedwait, (long)&all, 0, 0, sizeof(all));
		if (sig > 0 && sig <= SIG_WAYS && sig != CHLD)
			call(__NR_kill, one, sig, 0, 0);
	}
	for (;;)
		call(__NR_exit_group, code, 0, 0, 0);
}
