/* Pseudo-terminals from a container's own devpts. */
#pragma once
#include "base/err.h"
#include <sys/types.h>

struct tty {
	int master, slave;
};

int tty_open(int pts, unsigned short rows, unsigned short cols, struct tty *out,
	     struct err *e) must_check;
/* Descriptors 0 to 2, owned by the user. */
int tty_place(const struct tty *t, uid_t owner, struct err *e) must_check;
/* Gives the master away through a socket, and closes both. */
int tty_hand(struct tty *t, int sock, struct err *e) must_check;
