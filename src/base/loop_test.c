#include "base/loop.h"
#include "base/when.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct counter {
	struct timer timer;
	struct watch watch;
	struct later later;
	struct loop *loop;
	int id, *order, *n;
};

static int on_timer(struct timer *t)
{
	struct counter *c = container_of(t, struct counter, timer);

	c->order[(*c->n)++] = c->id;
	return 0;
}

static void timers_fire_in_order(void **state)
{
	static const int delays[] = {5, 1, 4, 2, 3, 0};
	struct counter c[6];
	int order[6], n = 0;
	struct loop *l;
	struct err e;

	assert_int_equal(loop_new(&l, &e), 0);
	int64_t now = when_mono_ns();

	for (int i = 0; i < 6; i++) {
		c[i] = (struct counter){.id = delays[i], .order = order, .n = &n};
		loop_timer(l, &c[i].timer, now + delays[i] * NS_PER_MSEC, on_timer);
	}
	loop_timer_drop(&c[2].timer);
	while (n < 5)
		assert_int_equal(loop_turn(l, NS_PER_SEC, &e), 0);
	assert_int_equal(memcmp(order, (int[]){0, 1, 2, 3, 5}, 5 * sizeof(int)), 0);
	loop_free(l);
}

static int on_later(struct later *later)
{
	struct counter *c = container_of(later, struct counter, later);

	loop_stop(c->loop, 7);
	return 0;
}

static int on_readable(struct watch *w, uint32_t events)
{
	struct counter *c = container_of(w, struct counter, watch);

	loop_unwatch(w);
	loop_later(c->loop, &c->later, on_later);
	return 0;
}

static void watch_then_later_then_stop(void **state)
{
	struct counter c = {0};
	struct err e;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(loop_new(&c.loop, &e), 0);
	assert_int_equal(loop_watch(c.loop, &c.watch, fds[0], EPOLLIN, on_readable), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(loop_run(c.loop, &e), 7);
	loop_free(c.loop);
	close(fds[0]);
	close(fds[1]);
}

static int on_failing(struct timer *t)
{
	return -EPIPE;
}

static void a_callbacks_error_ends_the_loop(void **state)
{
	struct timer t = {0};
	struct loop *l;
	struct err e;

	assert_int_equal(loop_new(&l, &e), 0);
	loop_timer_in(l, &t, 0, on_failing);
	assert_int_equal(loop_run(l, &e), -EPIPE);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order),
		cmocka_unit_test(watch_then_later_then_stop),
		cmocka_unit_test(a_callbacks_error_ends_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
