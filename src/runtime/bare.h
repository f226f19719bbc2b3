/* For the two programs that run inside containers without a C library (init_main.c, exec_main.c).
 */
#pragma once
#include <asm/unistd.h>

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

static long number(const char *s)
{
	long n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + (*s++ - '0');
	return n;
}

/* Called with the stack as the kernel left it: argc, argv..., NULL, envp..., NULL. */
__attribute__((noreturn, used)) void bare_main(long *stack);

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall "
	"bare_main\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl bare_main\n");
#endif

#ifdef __clang__
/* It calls these for what gcc writes out, freestanding or not. */
void *memset(void *p, int c, unsigned long n);

void *memset(void *p, int c, unsigned long n)
{
	for (volatile char *q = p; n--; q++)
		*q = (char)c;
	return p;
}
#endif
