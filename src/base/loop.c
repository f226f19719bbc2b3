#include "base/loop.h"
#include "base/mem.h"
#include "base/when.h"
#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

enum { BATCH = 64 };

struct loop {
	int epoll, code;
	bool stopped;
	struct timer **heap; /* binary heap, the earliest first */
	size_t n, cap;
	struct later *first, **last;
	struct epoll_event ready[BATCH];
	int n_ready;
	struct watch signals;
	int (*on_signal)(void *arg, int sig, pid_t from);
	void *signal_arg;
};

int loop_new(struct loop **out, struct err *e)
{
	struct loop *l = mem_new(sizeof(*l));

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->signals.fd = -1;
	l->last = &l->first;
	if (l->epoll < 0) {
		free(l);
		return err_set(e, errno, "epoll: %s", strerror(errno));
	}
	*out = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->signals.fd >= 0)
		close(l->signals.fd);
	close(l->epoll);
	free(l->heap);
	free(l);
}

int loop_watch(struct loop *l, struct watch *w, int fd, uint32_t events,
	       int (*fn)(struct watch *w, uint32_t events))
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	*w = (struct watch){.fd = fd, .events = events, .fn = fn, .loop = l};
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		w->loop = NULL;
		return -errno;
	}
	return 0;
}

int loop_change(struct watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	if (w->events == events)
		return 0;
	w->events = events;
	return epoll_ctl(w->loop->epoll, EPOLL_CTL_MOD, w->fd, &ev) < 0 ? -errno : 0;
}

void loop_unwatch(struct watch *w)
{
	struct loop *l = w->loop;

	if (!l)
		return;
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	/* An event of this turn must not reach a watch that is gone. */
	for (int i = 0; i < l->n_ready; i++) {
		if (l->ready[i].data.ptr == w)
			l->ready[i].data.ptr = NULL;
	}
	w->loop = NULL;
}

static void heap_put(struct loop *l, size_t i, struct timer *t)
{
	l->heap[i] = t;
	t->place = i;
}

static void heap_up(struct loop *l, size_t i)
{
	struct timer *t = l->heap[i];

	for (; i && l->heap[(i - 1) / 2]->at_ns > t->at_ns; i = (i - 1) / 2)
		heap_put(l, i, l->heap[(i - 1) / 2]);
	heap_put(l, i, t);
}

static void heap_down(struct loop *l, size_t i)
{
	struct timer *t = l->heap[i];

	for (size_t kid; (kid = 2 * i + 1) < l->n; i = kid) {
		if (kid + 1 < l->n && l->heap[kid + 1]->at_ns < l->heap[kid]->at_ns)
			kid++;
		if (l->heap[kid]->at_ns >= t->at_ns)
			break;
		heap_put(l, i, l->heap[kid]);
	}
	heap_put(l, i, t);
}

void loop_timer(struct loop *l, struct timer *t, int64_t at_ns, int (*fn)(struct timer *t))
{
	loop_timer_drop(t);
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		l->heap = mem_grow(l->heap, l->cap * sizeof(struct timer *));
	}
	*t = (struct timer){.at_ns = at_ns, .fn = fn, .loop = l};
	l->heap[l->n] = t;
	heap_up(l, l->n++);
}

void loop_timer_in(struct loop *l, struct timer *t, int64_t ns, int (*fn)(struct timer *t))
{
	loop_timer(l, t, when_mono_ns() + ns, fn);
}

void loop_timer_drop(struct timer *t)
{
	struct loop *l = t->loop;
	size_t i = t->place;
	struct timer *last;

	if (!l)
		return;
	t->loop = NULL;
	last = l->heap[--l->n];
	if (last == t)
		return;
	heap_put(l, i, last);
	heap_up(l, i);
	heap_down(l, last->place);
}

void loop_later(struct loop *l, struct later *later, int (*fn)(struct later *later))
{
	if (later->queued)
		return;
	*later = (struct later){.fn = fn, .queued = true};
	*l->last = later;
	l->last = &later->next;
}

static int on_signal(struct watch *w, uint32_t events)
{
	struct loop *l = container_of(w, struct loop, signals);
	struct signalfd_siginfo info;
	int r = 0;

	while (!r && read(w->fd, &info, sizeof(info)) == sizeof(info))
		r = l->on_signal(l->signal_arg, (int)info.ssi_signo, (pid_t)info.ssi_pid);
	return r;
}

int loop_signals(struct loop *l, const sigset_t *set, int (*fn)(void *arg, int sig, pid_t from),
		 void *arg)
{
	int fd;

	if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	l->on_signal = fn;
	l->signal_arg = arg;
	return loop_watch(l, &l->signals, fd, EPOLLIN, on_signal);
}

void loop_stop(struct loop *l, int code)
{
	l->stopped = true;
	l->code = code;
}

static int run_timers(struct loop *l)
{
	int64_t now = when_mono_ns();
	int r = 0;

	while (!r && l->n && l->heap[0]->at_ns <= now) {
		struct timer *t = l->heap[0];

		loop_timer_drop(t);
		r = t->fn(t);
	}
	return r;
}

static int run_later(struct loop *l)
{
	struct later *todo = l->first, *next;
	int r = 0;

	l->first = NULL;
	l->last = &l->first;
	for (; todo; todo = next) {
		next = todo->next;
		todo->queued = false;
		if (!r)
			r = todo->fn(todo);
	}
	return r;
}

static int64_t patience(const struct loop *l, int64_t limit_ns)
{
	int64_t wait;

	if (l->first)
		return 0;
	if (!l->n)
		return limit_ns;
	wait = l->heap[0]->at_ns - when_mono_ns();
	if (wait < 0)
		wait = 0;
	return limit_ns >= 0 && limit_ns < wait ? limit_ns : wait;
}

int loop_turn(struct loop *l, int64_t timeout_ns, struct err *e)
{
	int64_t wait = patience(l, timeout_ns);
	struct timespec ts = {wait / NS_PER_SEC, wait % NS_PER_SEC};
	int r = 0;

	l->n_ready = epoll_pwait2(l->epoll, l->ready, BATCH, wait < 0 ? NULL : &ts, NULL);
	if (l->n_ready < 0 && errno != EINTR)
		return err_set(e, errno, "epoll: %s", strerror(errno));
	for (int i = 0; !r && i < l->n_ready; i++) {
		struct watch *w = l->ready[i].data.ptr;

		if (w)
			r = w->fn(w, l->ready[i].events);
	}
	l->n_ready = 0;
	if (!r)
		r = run_timers(l);
	if (!r)
		r = run_later(l);
	if (r < 0)
		return err_set(e, -r, "event loop: %s", strerror(-r));
	return 0;
}

int loop_run(struct loop *l, struct err *e)
{
	int r = 0;

	l->stopped = false;
	while (!r && !l->stopped)
		r = loop_turn(l, -1, e);
	return r < 0 ? r : l->code;
}
