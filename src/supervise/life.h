/*
 * The life of one container, as a table: in this state, on this event, do that.
 *
 * Pure: it starts no process and reads no clock, so a test walks every cell. supervise/instance
 * carries the actions out. The restart policies and their back-off are here too.
 */
#pragma once
#include "compose/project.h"

enum life_state { DOWN, STARTING, UP, PAUSED, STOPPING, HEALING, WAITING, LIFE_STATES };
enum life_event {
	WANT_UP,
	WANT_DOWN,
	WANT_KILL,
	WANT_PAUSE,
	WANT_RESUME,
	STARTED,
	FAILED,
	EXITED,
	UNHEALTHY, /* and healing is wanted */
	TIMER,
	LIFE_EVENTS
};

enum life_act {
	ACT_NONE,
	ACT_START,   /* wire it, launch it */
	ACT_RUNNING, /* it runs: probes, names, ports */
	ACT_STOP,    /* pre_stop, stop signal, then the grace timer */
	ACT_KILL,    /* everything in its cgroup */
	ACT_FREEZE,
	ACT_THAW,
	ACT_ENDED,      /* it is down and stays so */
	ACT_BACK_OFF,   /* it is down: set the restart timer */
	ACT_DROP_TIMER, /* nobody waits for it any more */
};

struct life_step {
	enum life_state next;
	enum life_act act;
};

/* may_restart: the restart policy's word on this exit; read only for EXITED and FAILED. */
struct life_step life_next(enum life_state s, enum life_event ev, bool may_restart);
const char *life_name(enum life_state s);

/* What the policy says of an exit. `attempts` counts automatic restarts since a person's start. */
bool life_may_restart(const struct restart_policy *p, int exit_code, int64_t attempts,
		      bool manual_stop);
/* Whether it is started when the host comes back. was_running: when the host went down. */
bool life_comes_back(const struct restart_policy *p, bool was_running, bool manual_stop,
		     bool ever_ran);
/*
 * The pause before the next restart: 100 ms doubling to a minute, reset by a run of 10 s
 * (deploy.restart_policy.delay is the least pause, .window the run that counts as good).
 * *backoff_ns is the memory between calls.
 */
int64_t life_back_off(const struct restart_policy *p, int64_t ran_ns, int64_t *backoff_ns);
bool life_ran_well(const struct restart_policy *p, int64_t ran_ns);
