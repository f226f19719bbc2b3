/* Hooks of a container: one after the other, each with the service's grace as its limit. */
#include "base/log.h"
#include "supervise/supervisor.h"

static void hook_done(struct task *t, int code)
{
	struct instance *i = container_of(t, struct instance, hook);
	struct err e = {0};

	if (code)
		log_warn("%s: hook %zu exited with %d: %.200s", i->st.name, i->hook_at, code,
			 t->text.n ? t->text.p : "");
	if (code || ++i->hook_at >= i->hooks->n) {
		i->hooks_done(i, code);
		return;
	}
	if (task_run(t, i, &i->hooks->v[i->hook_at].command, &i->hooks->v[i->hook_at], 0, "hook",
		     hook_done, &e) < 0)
		i->hooks_done(i, 126);
}

int instance_hooks(struct instance *i, const struct hooks *h,
		   void (*done)(struct instance *i, int code))
{
	struct err e = {0};

	i->hooks = h;
	i->hook_at = 0;
	i->hooks_done = done;
	if (task_run(&i->hook, i, &h->v[0].command, &h->v[0], 0, "hook", hook_done, &e) < 0) {
		log_err(LOG_WARN_, &e);
		return -e.code;
	}
	return 0;
}
