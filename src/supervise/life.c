#include "supervise/life.h"
#include "base/when.h"

/* A pair that has no row changes nothing. */
static const struct row {
	enum life_state in;
	enum life_event on;
	struct life_step step;
} rows[] = {
	/* clang-format off */
	{DOWN,     WANT_UP,     {STARTING, ACT_START}},

	{STARTING, STARTED,     {UP,       ACT_RUNNING}},
	{STARTING, FAILED,      {WAITING,  ACT_BACK_OFF}},
	{STARTING, EXITED,      {WAITING,  ACT_BACK_OFF}},
	{STARTING, WANT_DOWN,   {STOPPING, ACT_KILL}},
	{STARTING, WANT_KILL,   {STOPPING, ACT_KILL}},

	{UP,       EXITED,      {WAITING,  ACT_BACK_OFF}},
	{UP,       WANT_DOWN,   {STOPPING, ACT_STOP}},
	{UP,       WANT_KILL,   {STOPPING, ACT_KILL}},
	{UP,       UNHEALTHY,   {HEALING,  ACT_STOP}},
	{UP,       WANT_PAUSE,  {PAUSED,   ACT_FREEZE}},

	{PAUSED,   WANT_RESUME, {UP,       ACT_THAW}},
	{PAUSED,   WANT_DOWN,   {STOPPING, ACT_STOP}},
	{PAUSED,   WANT_KILL,   {STOPPING, ACT_KILL}},
	{PAUSED,   EXITED,      {WAITING,  ACT_BACK_OFF}},

	{STOPPING, TIMER,       {STOPPING, ACT_KILL}},
	{STOPPING, WANT_KILL,   {STOPPING, ACT_KILL}},
	{STOPPING, EXITED,      {DOWN,     ACT_ENDED}},
	{STOPPING, FAILED,      {DOWN,     ACT_ENDED}},

	{HEALING,  TIMER,       {HEALING,  ACT_KILL}},
	{HEALING,  WANT_KILL,   {STOPPING, ACT_KILL}},
	{HEALING,  WANT_DOWN,   {STOPPING, ACT_NONE}},
	{HEALING,  EXITED,      {WAITING,  ACT_BACK_OFF}},

	{WAITING,  TIMER,       {STARTING, ACT_START}},
	{WAITING,  WANT_UP,     {STARTING, ACT_START}},
	{WAITING,  WANT_DOWN,   {DOWN,     ACT_DROP_TIMER}},
	{WAITING,  WANT_KILL,   {DOWN,     ACT_DROP_TIMER}},
	/* clang-format on */
};

struct life_step life_next(enum life_state s, enum life_event ev, bool may_restart)
{
	for (const struct row *r = rows; r < rows + countof(rows); r++) {
		if (r->in != s || r->on != ev)
			continue;
		if (r->step.act == ACT_BACK_OFF && !may_restart)
			return (struct life_step){DOWN, ACT_ENDED};
		return r->step;
	}
	return (struct life_step){s, ACT_NONE};
}

const char *life_name(enum life_state s)
{
	static const char *const name[] = {"down",     "starting", "up",     "paused",
					   "stopping", "healing",  "waiting"};

	return name[s];
}

bool life_may_restart(const struct restart_policy *p, int exit_code, int64_t attempts,
		      bool manual_stop)
{
	if (manual_stop)
		return false;
	switch (p->when) {
	case RESTART_NO:
		return false;
	case RESTART_ON_FAILURE:
		if (!exit_code)
			return false;
		break;
	case RESTART_ALWAYS:
	case RESTART_UNLESS_STOPPED:
		break;
	}
	return p->max_attempts <= 0 || attempts < p->max_attempts;
}

bool life_comes_back(const struct restart_policy *p, bool was_running, bool manual_stop,
		     bool ever_ran)
{
	switch (p->when) {
	case RESTART_ALWAYS: /* even what a person had stopped */
		return ever_ran || was_running;
	case RESTART_UNLESS_STOPPED:
	case RESTART_ON_FAILURE:
		return was_running && !manual_stop;
	default:
		return false;
	}
}

bool life_ran_well(const struct restart_policy *p, int64_t ran_ns)
{
	return ran_ns >= (p->window_ns > 0 ? p->window_ns : 10 * NS_PER_SEC);
}

int64_t life_back_off(const struct restart_policy *p, int64_t ran_ns, int64_t *backoff_ns)
{
	if (life_ran_well(p, ran_ns))
		*backoff_ns = 0;
	*backoff_ns = *backoff_ns ? *backoff_ns * 2 : 100 * NS_PER_MSEC;
	if (*backoff_ns > 60 * NS_PER_SEC)
		*backoff_ns = 60 * NS_PER_SEC;
	return p->delay_ns > *backoff_ns ? p->delay_ns : *backoff_ns;
}
