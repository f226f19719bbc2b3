#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "supervise/supervisor.h"
#include <string.h>

enum { KEEP = 5 };

static int64_t either(int64_t given, int64_t image, int64_t otherwise)
{
	if (given >= 0)
		return given;
	return image > 0 ? image : otherwise;
}

static void probe_soon(struct instance *i, int64_t ns);

static bool is_compat(const struct instance *i)
{
	return i->of->project && i->of->project->compat;
}

/* docker has 5 s; with --compat so has berth. */
static int64_t usual_start_interval(const struct instance *i)
{
	if (is_compat(i))
		return 5 * NS_PER_SEC;
	return i->health.interval_ns < NS_PER_SEC ? i->health.interval_ns : NS_PER_SEC;
}

static void copy_words(struct instance *i, const struct strings *from, struct strings *to)
{
	vec_each(w, from)
		*vec_push(&i->arena, to) = arena_printf(&i->arena, "%s", *w);
}

/* What runs: the file's test over the image's; false: none. */
static bool choose(struct instance *i, const struct image_health *image)
{
	const struct healthcheck *c = &i->svc->healthcheck;
	const struct strings *test = c->given && c->test.n ? &c->test : &image->test;
	struct health *h = &i->health;

	h->test.n = 0;
	if ((c->given && c->disable) || !test->n || !strcmp(test->v[0], "NONE"))
		return false;
	copy_words(i, test, &h->test);
	h->interval_ns =
		either(c->given ? c->interval_ns : -1, image->interval_ns, 30 * NS_PER_SEC);
	h->timeout_ns = either(c->given ? c->timeout_ns : -1, image->timeout_ns, 30 * NS_PER_SEC);
	h->start_period_ns = either(c->given ? c->start_period_ns : -1, image->start_period_ns, 0);
	h->start_interval_ns = either(c->given ? c->start_interval_ns : -1,
				      image->start_interval_ns, usual_start_interval(i));
	h->retries = either(c->given ? c->retries : -1, image->retries, 3);
	if (h->interval_ns < NS_PER_MSEC)
		h->interval_ns = 30 * NS_PER_SEC;
	if (h->retries < 1)
		h->retries = 1;
	return true;
}

bool health_wanted(const struct instance *i)
{
	return i->health.on;
}

static void say(struct instance *i)
{
	struct err e;

	i->st.health_since_ns = when_wall_ns();
	if (status_write_health(&i->st, &e) < 0)
		log_err(LOG_WARN_, &e);
	events_write(i->of, "container",
		     i->st.health == HEALTH_HEALTHY ? "health_status: healthy"
						    : "health_status: unhealthy",
		     i, NULL);
	instance_changed(i, NULL);
}

static bool heal(struct instance *i)
{
	const struct heal *p = &i->svc->heal;
	int64_t within = p->within_ns > 0 ? p->within_ns : 3600 * NS_PER_SEC;
	int64_t max = p->max > 0 ? p->max : 5, now = when_mono_ns();

	if (!p->enabled || i->life != UP)
		return false;
	if (now - i->heal_window_ns > within) {
		i->heal_window_ns = now;
		i->st.heals = 0;
	}
	if (i->st.heals >= max) {
		if (!i->st.gave_up)
			events_write(i->of, "container", "gaveup", i, NULL);
		i->st.gave_up = true;
		log_warn("%s stays unhealthy after %d restarts: given up", i->st.name, (int)max);
		if (!p->leave)
			instance_event(i, WANT_DOWN);
		return false;
	}
	i->st.heals++;
	i->heal_backoff_ns = i->heal_backoff_ns      ? 2 * i->heal_backoff_ns
			     : p->backoff_min_ns > 0 ? p->backoff_min_ns
						     : 2 * NS_PER_SEC;
	if (i->heal_backoff_ns > (p->backoff_max_ns > 0 ? p->backoff_max_ns : 300 * NS_PER_SEC))
		i->heal_backoff_ns = p->backoff_max_ns > 0 ? p->backoff_max_ns : 300 * NS_PER_SEC;
	events_write(i->of, "container", "heal", i, NULL);
	return true;
}

static void keep_result(struct instance *i, int code)
{
	struct status_probe *p;
	struct task *t = &i->health.task;

	if (i->st.probes.n == KEEP) {
		free((void *)(uintptr_t)i->st.probes.v[0].output);
		memmove(i->st.probes.v, i->st.probes.v + 1, (KEEP - 1) * sizeof(*i->st.probes.v));
		i->st.probes.n--;
	}
	p = vec_push(&i->arena, &i->st.probes);
	*p = (struct status_probe){
		.start_ns = t->start_ns, .end_ns = when_wall_ns(), .exit_code = code};
	if (code == -1) {
		char limit[40];
		auto_buf b = {0};

		buf_printf(&b, "Health check exceeded timeout (%s)%s",
			   when_format_duration(i->health.timeout_ns, limit),
			   t->stuck ? ", is stuck in the kernel and cannot be killed" : "");
		p->output = mem_text(b.p);
	} else {
		p->output = mem_textn(t->text.p ? t->text.p : "", t->text.n);
	}
}

/* Failures count when the start period is over; it ends with the first success. */
static bool counts(const struct instance *i)
{
	const struct health *h = &i->health;
	int64_t age = when_mono_ns() - h->began_mono_ns;
	int64_t grace =
		h->start_period_ns > 0 || is_compat(i) ? h->start_period_ns : h->interval_ns;

	if (h->healthy_mono_ns)
		return true;
	return age >= grace;
}

/* As long as it starts, berth looks often; docker only within the start period. */
static int64_t pause_of(const struct instance *i)
{
	const struct health *h = &i->health;
	bool starts = i->st.health == HEALTH_STARTING;

	if (starts && is_compat(i))
		starts = when_mono_ns() - h->began_mono_ns < h->start_period_ns;
	return starts ? h->start_interval_ns : h->interval_ns;
}

static void on_result(struct task *t, int code)
{
	struct instance *i = container_of(t, struct instance, health.task);
	struct health *h = &i->health;
	enum status_health before = i->st.health;
	struct err e;

	if (!h->on)
		return;
	keep_result(i, code);
	if (!code) {
		i->st.failing_streak = 0;
		i->st.health = HEALTH_HEALTHY;
		if (!h->healthy_mono_ns)
			h->healthy_mono_ns = when_mono_ns();
	} else if (counts(i)) {
		i->st.failing_streak++;
		if (i->st.failing_streak >= h->retries)
			i->st.health = HEALTH_UNHEALTHY;
	}
	if (i->st.health != before)
		say(i);
	else if (status_write_health(&i->st, &e) < 0)
		log_err(LOG_WARN_, &e);
	if (!h->on)
		return;
	if (i->st.health == HEALTH_UNHEALTHY && before != HEALTH_UNHEALTHY && heal(i)) {
		instance_event(i, UNHEALTHY);
		return;
	}
	probe_soon(i, pause_of(i));
}

static int on_due(struct timer *timer)
{
	struct instance *i = container_of(timer, struct instance, health.next);
	struct health *h = &i->health;
	struct argv argv = {.given = true};
	auto_arena a = {0};
	struct err e = {0};

	if (h->task.running) { /* stuck: never two at once */
		h->task.start_ns = when_wall_ns();
		on_result(&h->task, -1);
		return 0;
	}
	if (i->life == PAUSED) { /* a frozen container answers nothing */
		probe_soon(i, h->interval_ns);
		return 0;
	}
	if (!strcmp(h->test.v[0], "CMD-SHELL")) {
		*vec_push(&a, &argv.words) = "/bin/sh";
		*vec_push(&a, &argv.words) = "-c";
	}
	for (size_t k = 1; k < h->test.n; k++)
		*vec_push(&a, &argv.words) = h->test.v[k];
	if (task_run(&h->task, i, &argv, NULL, h->timeout_ns, "health", on_result, &e) < 0) {
		h->task.text.n = 0;
		h->task.start_ns = when_wall_ns();
		buf_printf(&h->task.text, "%s", e.why);
		on_result(&h->task, 126);
	}
	return 0;
}

static void probe_soon(struct instance *i, int64_t ns)
{
	loop_timer_in(i->of->loop, &i->health.next, ns, on_due);
}

void health_start(struct instance *i, const struct image_health *image)
{
	static const struct image_health none;
	bool before = i->st.health != HEALTH_NONE;
	struct err e;

	i->health.on = i->svc && choose(i, image ? image : &none);
	if (!i->health.on) {
		i->st.health = HEALTH_NONE;
		return;
	}
	i->health.began_mono_ns = when_mono_ns();
	i->health.healthy_mono_ns = 0;
	if (before && i->st.health != HEALTH_STARTING) { /* adopted: it was known before */
		i->health.healthy_mono_ns = i->health.began_mono_ns;
	} else {
		i->st.health = HEALTH_STARTING;
		if (status_write_health(&i->st, &e) < 0) /* the first probe may take long */
			log_err(LOG_WARN_, &e);
	}
	probe_soon(i, is_compat(i) ? pause_of(i) : 0); /* docker waits before its first look too */
}

void health_stop(struct instance *i)
{
	struct err ignored;

	i->health.on = false;
	loop_timer_drop(&i->health.next);
	task_kill(&i->health.task);
	if (i->st.health == HEALTH_NONE)
		return;
	i->st.health = HEALTH_NONE;
	i->st.failing_streak = 0;
	(void)!(status_write_health(&i->st, &ignored) < 0);
}
