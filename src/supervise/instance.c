#include "base/log.h"
#include "base/sys.h"
#include "base/when.h"
#include "image/store.h"
#include "plan/plan.h"
#include "runtime/cgroup.h"
#include "supervise/apply.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct instance *instance_find(struct supervisor *s, const char *name)
{
	for (struct instance *i = s->instances; i; i = i->next) {
		if (!strcmp(i->st.name, name))
			return i;
	}
	return NULL;
}

bool instance_is_up(const struct instance *i)
{
	return i->life == UP || i->life == PAUSED;
}

bool instance_serves(const struct instance *i)
{
	if (i->of->project && i->of->project->compat)
		return i->life == UP && !i->draining;
	return instance_is_ready(i);
}

bool instance_is_ready(const struct instance *i)
{
	return i->life == UP && !i->draining &&
	       (!health_wanted(i) || i->st.health == HEALTH_HEALTHY);
}

int instance_write(struct instance *i, struct err *e)
{
	i->unsaved = false;
	return status_write(&i->st, &i->written, e);
}

static int save_again(struct timer *t)
{
	instances_saved(container_of(t, struct supervisor, unwritten));
	return 0;
}

/* A disk that is full or ails: the old state stays there, and is written again until it works. */
void instance_save(struct instance *i)
{
	struct err e;

	if (i->removing)
		return;
	if (instance_write(i, &e) >= 0) {
		i->unwritten = false;
		return;
	}
	if (!i->unwritten)
		log_err(LOG_ERROR_, &e);
	i->unsaved = i->unwritten = true;
	loop_timer_in(i->of->loop, &i->of->unwritten, NS_PER_SEC, save_again);
}

void instances_saved(struct supervisor *s)
{
	for (struct instance *i = s->instances; i; i = i->next) {
		if (i->unsaved)
			instance_save(i);
	}
}

static int save_all(struct later *later)
{
	instances_saved(container_of(later, struct supervisor, saving));
	return 0;
}

void instance_save_later(struct instance *i)
{
	i->unsaved = true;
	loop_later(i->of->loop, &i->of->saving, save_all);
}

static enum status_state state_of(const struct instance *i)
{
	switch (i->life) {
	case STARTING:
		return STATE_STARTING;
	case UP:
		return STATE_RUNNING;
	case PAUSED:
		return STATE_PAUSED;
	case STOPPING:
	case HEALING:
		return STATE_STOPPING;
	case WAITING:
		return STATE_RESTARTING;
	default:
		return i->st.started_ns ? STATE_EXITED : STATE_CREATED;
	}
}

static void tell_others(struct instance *i, void (*rule)(struct supervisor *s))
{
	nets_announce(i);
	rule(i->of);
	supervisor_kick(i->of);
}

static void changed(struct instance *i, const char *what, void (*rule)(struct supervisor *s))
{
	i->st.state = state_of(i);
	instance_save(i);
	if (what)
		events_write(i->of, "container", what, i, NULL);
	tell_others(i, rule);
}

void instance_changed(struct instance *i, const char *what)
{
	changed(i, what, ports_apply_later);
}

/* --- what the rows ask for --- */

static void forget_process(struct instance *i)
{
	loop_unwatch(&i->sync);
	loop_unwatch(&i->exited);
	loop_timer_drop(&i->timer);
	if (i->launch.sync_fd >= 0)
		close(take_fd(&i->launch.sync_fd));
	if (i->launch.pidfd >= 0)
		close(take_fd(&i->launch.pidfd));
	i->st.pid = 0;
}

/* The terminal is made inside; its master arrives with the outcome. */
static void take_terminal(struct instance *i)
{
	if (!i->st.tty || i->launch.tty_fd < 0)
		return;
	fcntl(i->launch.tty_fd, F_SETFL, O_NONBLOCK);
	i->logs.tty = take_fd(&i->launch.tty_fd);
	supervisor_keep(i->of, i->st.name, "tty", i->logs.tty);
	logs_tty_to(i, i->detached ? NULL : i->follower);
}

static void start_failed(struct instance *i, const struct err *e, int code)
{
	i->why = *e;
	i->st.exit_code = code;
	i->st.error = arena_printf(&i->arena, "%s", e->why);
	logs_detach(i, true);
	forget_process(i);
	instance_clean_up(i);
	instance_event(i, FAILED);
}

static int on_sync(struct watch *w, uint32_t events)
{
	struct instance *i = container_of(w, struct instance, sync);
	struct err e = {0};
	int r = launch_finish(&i->launch, &e);

	if (r == -EAGAIN)
		return 0;
	loop_unwatch(w);
	close(take_fd(&i->launch.sync_fd));
	if (r == 0) {
		take_terminal(i);
		instance_event(i, STARTED);
		return 0;
	}
	start_failed(i, &e, launch_exit_code(&e));
	return 0;
}

static void act_start(struct instance *i)
{
	struct err e = {0};
	int r;

	i->why = (struct err){0};
	i->launched_ns = when_wall_ns();
	i->st.next_restart_ns = 0;
	i->st.oom_killed = i->st.manual_stop = i->st.interrupted = false;
	r = launcher_start(i, &e);
	if (r == LAUNCHER_FILL) {
		if (fill_begin(i, &e) < 0)
			start_failed(i, &e, 128);
		return;
	}
	if (!r)
		r = loop_watch(i->of->loop, &i->sync, i->launch.sync_fd, EPOLLIN, on_sync);
	if (r < 0) {
		if (!e.code)
			err_set(&e, -r, "watch: %s", strerror(-r));
		start_failed(i, &e, 128);
		return;
	}
	tell_others(i, ports_apply_later);
}

/* Who was told to stop meanwhile has never run. */
void instance_filled(struct instance *i, struct err *e)
{
	if (i->life != STARTING) {
		i->st.exit_code = 128 + SIGKILL;
		instance_event(i, EXITED);
	} else if (e->code) {
		start_failed(i, e, 128);
	} else {
		act_start(i);
	}
}

static void image_health(struct instance *i)
{
	auto_arena a = {0};
	struct image *image = NULL;
	struct err e;

	if (!i->st.image_id || store_image(&a, i->st.image_id, &image, &e) != 0)
		image = NULL;
	health_start(i, image ? &image->health : NULL);
}

void instance_resume_health(struct instance *i)
{
	image_health(i);
}

static void post_start_done(struct instance *i, int code)
{
	i->hooks_ok = true;
	if (code) { /* told by whoever starts it; it runs on, as with docker compose */
		err_set(&i->why, EIO, "post_start hook of %s exited with %d", i->st.name, code);
		i->st.error = arena_printf(&i->arena, "%s", i->why.why);
		instance_save(i);
	}
	supervisor_kick(i->of);
}

static void act_running(struct instance *i)
{
	i->starts++;
	i->began_ns = when_mono_ns();
	i->st.started_ns = when_wall_ns();
	i->st.finished_ns = 0;
	i->st.exit_code = 0;
	i->st.health = HEALTH_NONE;
	image_health(i);
	if (i->svc->post_start.n && !i->st.one_off) {
		i->hooks_ok = false;
		if (instance_hooks(i, &i->svc->post_start, post_start_done) < 0)
			post_start_done(i, 126);
	}
	changed(i, "start", ports_apply_together);
	run_started(i);
}

static bool unheard(struct instance *i, int signal)
{
	char path[64], line[256];
	uint64_t caught = 0, blocked = 0;
	FILE *f;

	if (i->svc && (i->svc->init || (i->svc->pid && *i->svc->pid)))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)i->st.pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "SigCgt:", 7))
			caught = strtoull(line + 7, NULL, 16);
		else if (!strncmp(line, "SigBlk:", 7)) /* signalfd, sigwait */
			blocked = strtoull(line + 7, NULL, 16);
	}
	fclose(f);
	return !((caught | blocked) & (UINT64_C(1) << (signal - 1)));
}

static int stop_signal(const struct instance *i)
{
	auto_arena a = {0};
	struct image *image;
	struct err e;
	int sig = i->svc ? spec_signal(i->svc->stop_signal) : 0;

	if (!sig && i->st.image_id && store_image(&a, i->st.image_id, &image, &e) == 0)
		sig = spec_signal(image->stop_signal);
	return sig ? sig : SIGTERM;
}

static int on_timer(struct timer *t)
{
	struct instance *i = container_of(t, struct instance, timer);

	if (!hold_back(i))
		instance_event(i, TIMER);
	return 0;
}

void instance_kill(struct instance *i, int signal)
{
	if (i->launch.pidfd < 0)
		return;
	sys_pidfd_signal(i->launch.pidfd, signal);
	events_killed(i, signal);
}

static void kill_all(struct instance *i)
{
	struct err e;

	if (i->fill.worker.running) {
		worker_kill(&i->fill.worker);
		return;
	}
	if (cgroup_kill(i->st.cgroup, &e) < 0)
		log_err(LOG_WARN_, &e);
	instance_kill(i, SIGKILL);
}

static void signal_it(struct instance *i)
{
	int sig = stop_signal(i);
	int64_t grace = i->grace_ns >= 0 ? i->grace_ns : i->svc ? i->svc->stop_grace_ns : -1;

	if (grace < 0)
		grace = 10 * NS_PER_SEC;
	if (sig == SIGKILL || grace == 0 || unheard(i, sig)) {
		kill_all(i);
		grace = 10 * NS_PER_SEC;
	} else {
		instance_kill(i, sig);
	}
	loop_timer_in(i->of->loop, &i->timer, grace, on_timer);
}

static void pre_stop_done(struct instance *i, int code)
{
	if (i->life == STOPPING && i->st.pid)
		signal_it(i);
}

/* Behind the rules, which are on the same list: nobody is sent to one that hears of its end. */
static int signal_later(struct later *later)
{
	struct instance *i = container_of(later, struct instance, quit);

	if ((i->life == STOPPING || i->life == HEALING) && i->st.pid)
		signal_it(i);
	return 0;
}

static void act_stop(struct instance *i, bool frozen)
{
	struct err e;

	if (frozen && cgroup_freeze(i->st.cgroup, false, &e) < 0)
		log_err(LOG_WARN_, &e);
	health_stop(i);
	i->kills = 0;
	instance_changed(i, NULL);
	if (i->life == STOPPING && i->svc && i->svc->pre_stop.n && !i->st.one_off) {
		int64_t grace = i->grace_ns >= 0 ? i->grace_ns : i->svc->stop_grace_ns;

		loop_timer_in(i->of->loop, &i->timer, grace > 0 ? grace : 10 * NS_PER_SEC,
			      on_timer);
		if (instance_hooks(i, &i->svc->pre_stop, pre_stop_done) == 0)
			return;
	}
	loop_later(i->of->loop, &i->quit, signal_later);
}

static void act_freeze(struct instance *i, bool frozen)
{
	struct err e;

	if (cgroup_freeze(i->st.cgroup, frozen, &e) < 0)
		log_err(LOG_WARN_, &e);
	instance_changed(i, frozen ? "pause" : "unpause");
}

static const struct restart_policy *policy(const struct instance *i)
{
	static const struct restart_policy no = {.when = RESTART_NO};

	return i->svc && !i->st.one_off ? &i->svc->restart : &no;
}

static void act_back_off(struct instance *i, bool healing)
{
	int64_t ran = i->st.started_ns ? when_mono_ns() - i->began_ns : 0, wait;

	if (policy(i)->window_ns > 0 && life_ran_well(policy(i), ran))
		i->st.attempts = 0;
	i->st.attempts++;
	i->st.restarts++;
	wait = life_back_off(policy(i), ran, &i->backoff_ns);
	if (healing)
		wait = i->heal_backoff_ns;
	i->st.next_restart_ns = when_wall_ns() + wait;
	i->st.pause_ns = wait;
	loop_timer_in(i->of->loop, &i->timer, wait, on_timer);
	instance_changed(i, i->starts ? "die" : NULL);
}

void instance_wait_on(struct instance *i)
{
	int64_t left = i->st.next_restart_ns - when_wall_ns(), most = 60 * NS_PER_SEC;
	int64_t longest = i->st.pause_ns > 0 ? i->st.pause_ns : most;

	/* The back-off goes on where it was; a clock that was set does not stretch it. */
	i->backoff_ns = 100 * NS_PER_MSEC;
	for (int64_t k = 1; k < i->st.attempts && i->backoff_ns < most; k++)
		i->backoff_ns = i->backoff_ns * 2 < most ? i->backoff_ns * 2 : most;
	if (left < 0)
		left = 0;
	loop_timer_in(i->of->loop, &i->timer, left < longest ? left : longest, on_timer);
}

int instance_gone(struct later *later)
{
	struct instance *i = container_of(later, struct instance, gone);
	bool down = i->life == DOWN && !i->removing; /* else a job was first to remove it */
	struct err e = {0};

	/*
	 * A client that waits for its end takes the project down itself, this with it: a moment is
	 * left for that. Where it died meanwhile, supervisor_linger() comes back here.
	 */
	if (down && i->st.takes_project && i->follower)
		supervisor_linger(i->of);
	else if (down && i->st.takes_project)
		requests_down(i->of);
	else if (down && instance_remove(i, false, true, &e) < 0)
		log_err(LOG_WARN_, &e);
	run_ended(i);
	return 0;
}

static int on_retired(struct timer *t)
{
	struct instance *i = container_of(t, struct instance, good);

	i->st.auto_remove = true;
	i->st.manual_stop = true;
	if (i->life == DOWN)
		loop_later(i->of->loop, &i->gone, instance_gone);
	else
		instance_event(i, WANT_DOWN);
	return 0;
}

void instance_retire(struct instance *i)
{
	int64_t left = i->st.retired_ns - when_wall_ns();

	i->draining = true;
	loop_timer_in(i->of->loop, &i->good, left > 0 ? left : 0, on_retired);
}

static void act_ended(struct instance *i)
{
	loop_timer_drop(&i->timer);
	i->ends++;
	i->draining = false;
	i->st.next_restart_ns = 0;
	nets_withdraw(i);
	ports_release(i);
	instance_changed(i, i->st.started_ns ? "die" : NULL);
	if (i->st.auto_remove) /* who waits for its end is told when nothing of it is left */
		loop_later(i->of->loop, &i->gone, instance_gone);
	else
		run_ended(i);
}

static bool may_restart(const struct instance *i, enum life_event ev)
{
	if (i->of->leaving)
		return false;
	if (i->life == HEALING && ev == EXITED)
		return true;
	if (ev == FAILED && !i->st.attempts)
		return false; /* a first start that fails is the command's business */
	return life_may_restart(policy(i), (int)i->st.exit_code, i->st.attempts, i->st.manual_stop);
}

void instance_event(struct instance *i, enum life_event ev)
{
	enum life_state before = i->life;
	struct life_step step = life_next(before, ev, may_restart(i, ev));

	if (step.next == before && step.act == ACT_NONE)
		return;
	log_debug("%s: %s to %s", i->st.name, life_name(before), life_name(step.next));
	i->life = step.next;
	if (step.act == ACT_BACK_OFF || step.act == ACT_ENDED)
		i->healing = before == HEALING;
	switch (step.act) {
	case ACT_NONE:
		break;
	case ACT_START:
		loop_timer_drop(&i->timer);
		act_start(i);
		break;
	case ACT_RUNNING:
		act_running(i);
		break;
	case ACT_STOP:
		act_stop(i, before == PAUSED);
		break;
	case ACT_KILL:
		/* Of a kill that a person repeats none is older than the first. */
		i->kills = ev == TIMER ? i->kills + 1 : 1;
		kill_all(i);
		loop_timer_in(i->of->loop, &i->timer, 10 * NS_PER_SEC, on_timer);
		instance_changed(i, NULL);
		break;
	case ACT_FREEZE:
	case ACT_THAW:
		act_freeze(i, step.act == ACT_FREEZE);
		break;
	case ACT_ENDED:
		act_ended(i);
		break;
	case ACT_BACK_OFF:
		act_back_off(i, before == HEALING);
		break;
	case ACT_DROP_TIMER:
		act_ended(i);
		break;
	}
}

static void note_oom(struct instance *i)
{
	struct cgroup_stats stats;
	struct err ignored;

	if (cgroup_stats(i->st.cgroup, &stats, &ignored) < 0 || !stats.oom_kills)
		return;
	i->st.oom_killed = true;
	events_write(i->of, "container", "oom", i, NULL);
}

void instance_ended(struct instance *i, int status, int64_t at_ns)
{
	if (i->life == STARTING && i->sync.loop) {
		on_sync(&i->sync, 0); /* execve came first; or it says what went wrong */
		if (!i->st.pid)
			return;
	}
	i->st.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	i->st.finished_ns = at_ns ? at_ns : when_wall_ns();
	note_oom(i);
	health_stop(i);
	task_kill(&i->hook);
	instance_clean_up(i);
	logs_drain(i);
	logs_detach(i, true);
	forget_process(i);
	instance_event(i, EXITED);
}
