/*
 * A process of our own beside the loop, for work that would keep the loop waiting. It ends with
 * its maker, whatever ends that; the loop tells when it has ended. It shares no memory: what it has
 * to say goes through a descriptor or its exit code. Nothing here limits what it may do.
 */
#pragma once
#include "base/loop.h"

struct worker {
	struct watch ended;
	int pidfd;
	bool running;
};

/*
 * The child has the standard descriptors and `keep` (-1: no other) and exits with what work()
 * returns. On -errno nothing runs. on_ended() asks worker_reap() and comes again where that says
 * -EAGAIN.
 */
int worker_start(struct worker *w, struct loop *l, int keep, int (*work)(const void *arg, int keep),
		 const void *arg, int (*on_ended)(struct watch *w, uint32_t events)) must_check;
/* 0 with *status as waitpid has it, after which another may be started. */
int worker_reap(struct worker *w, int *status) must_check;
void worker_kill(const struct worker *w);
