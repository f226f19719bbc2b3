/* A connection as the supervisor holds it; supervise/control.c owns the list. */
#pragma once
#include "supervise/supervisor.h"

enum { CONN_FDS = 8 };

struct conn {
	struct conn *next;
	struct supervisor *of;
	struct watch watch;
	int fd;
	pid_t pid;
	uid_t uid;
	struct buf in, out;
	int fds[CONN_FDS];
	size_t n_fds;
	bool quiet; /* of the waiting: nothing but the end is told */
	bool subscribed, closing, dead;
	json_t *services; /* of a subscriber */
	json_t *waiting;  /* the request of one that waits */
	int waited, wait_code;
	struct later bury;
};

/* requests.c: fds are the request's to take (set to -1) or to leave. */
void request_handle(struct conn *c, const json_t *req, int *fds, size_t n);
/* apply.c, run.c: this connection is gone. */
void jobs_forget(struct supervisor *s, const struct conn *c);
