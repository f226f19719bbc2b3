/*
 * While children work, a signal that would end this process is taken in, so that what they have
 * half done can be removed; then it does what it would have done.
 */
#pragma once
#include "base/err.h"
#include <signal.h>

struct interrupt {
	sigset_t before;
	int fd;     /* readable when one came; -1: not watched */
	int signal; /* the one that came, or 0 */
};
int interrupt_begin(struct interrupt *i, struct err *e) must_check;
void interrupt_take(struct interrupt *i);
/* Returns only where the signal is not this process's end. */
void interrupt_end(struct interrupt *i);
/* In a child: signals end it as they end any program. */
void interrupt_forget(void);
