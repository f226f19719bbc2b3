/*
 * One thread waiting for everything: descriptors, timers, signals, things to do later.
 * Watches and timers are embedded in their owners; the callback takes the watch and finds the
 * owner with container_of. A callback never blocks and never frees its own watch's owner (it asks
 * loop_later()); it returns 0, or -errno, which ends the loop.
 */
#pragma once
#include "base/err.h"
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

struct loop;

struct watch {
	int fd;
	uint32_t events; /* EPOLLIN, EPOLLOUT, ... */
	int (*fn)(struct watch *w, uint32_t events);
	struct loop *loop; /* NULL: not watched */
};

struct timer {
	int64_t at_ns; /* when_mono_ns() clock */
	int (*fn)(struct timer *t);
	struct loop *loop; /* NULL: not set */
	size_t place;
};

/* Runs once, after the callbacks of this turn. */
struct later {
	int (*fn)(struct later *l);
	struct later *next;
	bool queued;
};

int loop_new(struct loop **out, struct err *e) must_check;
void loop_free(struct loop *l);
int loop_run(struct loop *l, struct err *e) must_check; /* until loop_stop(): its code */
/* One turn, waiting at most timeout_ns (-1: as long as it takes). */
int loop_turn(struct loop *l, int64_t timeout_ns, struct err *e) must_check;
void loop_stop(struct loop *l, int code);

/* The descriptor stays the caller's: remove the watch before closing it. */
int loop_watch(struct loop *l, struct watch *w, int fd, uint32_t events,
	       int (*fn)(struct watch *w, uint32_t events));
int loop_change(struct watch *w, uint32_t events);
void loop_unwatch(struct watch *w); /* fine on a watch that is not watched */

void loop_timer(struct loop *l, struct timer *t, int64_t at_ns, int (*fn)(struct timer *t));
void loop_timer_in(struct loop *l, struct timer *t, int64_t ns, int (*fn)(struct timer *t));
void loop_timer_drop(struct timer *t); /* fine on a timer that is not set */

void loop_later(struct loop *l, struct later *later, int (*fn)(struct later *later));

/* Blocks the signals of `set` and calls fn for each that comes (signalfd). One call per loop. */
int loop_signals(struct loop *l, const sigset_t *set, int (*fn)(void *arg, int sig, pid_t from),
		 void *arg);
