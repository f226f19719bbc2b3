/* down: everything of the project goes, its data only when asked. */
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/request.h"
#include "image/store.h"
#include "supervise/status.h"
#include <errno.h>
#include <string.h>

struct down {
	bool volumes, remove_orphans;
	int timeout;
};

static int down_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct down *d = opts;
	struct request r = {.msg = request_new("down", argc, argv), .title = "Running"};
	const char *project;
	int code = 0, rc = cli_project_name(c, &project, e);

	if (rc < 0) {
		json_decref(r.msg);
		return rc;
	}
	json_object_set_new(r.msg, "volumes", json_boolean(d->volumes));
	json_object_set_new(r.msg, "remove_orphans", json_boolean(d->remove_orphans));
	request_timeout(r.msg, d->timeout);
	rc = request_send(c, project, CLIENT_EXISTING, &r, &code, e);
	if (rc == REQUEST_NO_SUPERVISOR) {
		fprintf(stderr, "Warning: No resource found to remove for project \"%s\".\n",
			project);
		return 0;
	}
	return rc < 0 ? rc : code;
}

/* clang-format off */
static const struct opt down_opts[] = {
	{'v', "volumes",        OPT_FLAG, offsetof(struct down, volumes),        NULL,        "remove its volumes too: the data is gone"},
	{0,   "remove-orphans", OPT_FLAG, offsetof(struct down, remove_orphans), NULL,        "containers of vanished services too"},
	{'t', "timeout",        OPT_INT,  offsetof(struct down, timeout),        "SECONDS",   "time to end by itself before a container is killed"},
	{0},
};
/* clang-format on */

const struct command down_command = {
	.name = "down",
	.args = "[SERVICE...]",
	.brief = "Stop and remove containers and networks",
	.opts = down_opts,
	.size = sizeof(struct down),
	.defaults = &(const struct down){.timeout = -1},
	.max = -1,
	.run = down_run,
	.group = GROUP_PROJECT,
	.world = WORLD_COMPOSE,
};
