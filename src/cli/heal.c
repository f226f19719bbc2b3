/* heal reset: restarts because of bad health are counted anew, without an `up`. */
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/request.h"
#include "cli/target.h"

static int reset_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct targets ts;
	int code = 0, r = target_find(c, argc, argv, &ts, e);

	vec_each(t, &ts) {
		struct request q = {.title = "Resetting"};

		if (r < 0 || c->global.dry_run)
			break;
		q.msg = json_pack("{s:s}", "do", "heal_reset");
		target_put(t, q.msg);
		r = request_send(c, t->project, CLIENT_EXISTING, &q, &code, e);
	}
	return r < 0 ? r : code;
}

static const struct command reset_command = {
	.name = "reset",
	.args = "[SERVICE...]",
	.brief = "Forget how often unhealthy containers were restarted, and the pause before the "
		 "next "
		 "time",
	.max = -1,
	.run = reset_run,
};
static const struct command *const heal_sub[] = {&reset_command, NULL};

const struct command heal_command = {
	.name = "heal",
	.args = "reset",
	.brief = "Restarts of unhealthy containers",
	.sub = heal_sub,
	.max = -1,
	.group = GROUP_PROJECT,
};
