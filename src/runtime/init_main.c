/*
 * `init: true`: process 1 of a container. Passes signals on to the process whose number it is
 * given, reaps whatever is orphaned, ends as that process ends. A program of its own without a C
 * library, so that nothing of berth is mapped in the container and a start costs no more for it.
 */
#include <asm/unistd.h>
#include <linux/prctl.h>
#include <linux/signal.h>

enum { EXIT_UNKNOWN = 125, CHLD = 17, SIG_WAYS = 64 };

static long call(long nr, long a, long b, long c, long d)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
#else
#error "berth-init: say how this machine makes a system call"
#endif
}

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

static long number(const char *s)
{
	long n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + (*s++ - '0');
	return n;
}

void init_main(long *stack); /* called from _start below */

__attribute__((noreturn, used)) void init_main(long *stack)
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

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall "
	"init_main\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl init_main\n");
#endif
