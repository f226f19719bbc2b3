/* A forked process that inflates a descriptor into a pipe, so that a reader of plain tar can pull.
 */
#pragma once
#include "base/err.h"

struct feed {
	int out; /* read the plain bytes here */
	int result, pidfd;
};

int feed_start(int fd, struct feed *f, struct err *e) must_check;
int feed_finish(struct feed *f, struct err *e) must_check; /* its failure, if it had one */
