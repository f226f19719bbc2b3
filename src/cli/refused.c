/* Commands of docker and docker compose that berth has not: they say so, and what to do instead. */
#include "cli/cli.h"
#include <errno.h>

static int publish_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	err_set(e, ENOTSUP, "berth does not publish projects to registries");
	return err_hint(e,
			"\"berth config --resolve-image-digests -o FILE\" makes one file that can "
			"be handed on");
}

static int bridge_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	err_set(e, ENOTSUP, "berth does not convert projects to Kubernetes or Helm");
	return err_hint(e, "\"berth config --format json\" prints the whole project for tools "
			   "that do");
}

static int search_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	err_set(e, ENOTSUP, "berth does not search registries");
	return err_hint(e,
			"hub.docker.com/search?q=%s does, in a browser; berth pull takes the name",
			argv[0]);
}

static int rename_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	err_set(e, ENOTSUP, "a container keeps its name: its files and addresses hang on it");
	return err_hint(e, "name the next one: container_name in the file, or run --name %s",
			argv[1]);
}

struct publish {
	bool flag;
	const char *version;
};

/* clang-format off */
static const struct opt publish_opts[] = {
	{0,   "app",                   OPT_FLAG, offsetof(struct publish, flag),    NULL, NULL},
	{0,   "oci-version",           OPT_STR,  offsetof(struct publish, version), NULL, NULL},
	{0,   "resolve-image-digests", OPT_FLAG, offsetof(struct publish, flag),    NULL, NULL},
	{0,   "with-env",              OPT_FLAG, offsetof(struct publish, flag),    NULL, NULL},
	{'y', "yes",                   OPT_FLAG, offsetof(struct publish, flag),    NULL, NULL},
	{0},
};
/* clang-format on */

const struct command publish_command = {
	.name = "publish",
	.args = "REPOSITORY[:TAG]",
	.brief = "Not here: says what to do instead",
	.opts = publish_opts,
	.size = sizeof(struct publish),
	.max = -1,
	.run = publish_run,
	.group = GROUP_OTHER,
	.world = WORLD_COMPOSE,
};

const struct command bridge_command = {
	.name = "bridge",
	.args = "COMMAND",
	.brief = "Not here: says what to do instead",
	.max = -1,
	.words_end_options = true,
	.run = bridge_run,
	.group = GROUP_OTHER,
	.world = WORLD_COMPOSE,
};

/* clang-format off */
static const struct opt search_opts[] = {
	{'f', "filter",   OPT_LIST, 0, "K=V", NULL},
	{0},
};
/* clang-format on */

const struct command search_command = {
	.name = "search",
	.args = "TERM",
	.brief = "Not here: says what to do instead",
	.opts = search_opts,
	.size = sizeof(struct strings),
	.min = 1,
	.max = 1,
	.run = search_run,
	.group = GROUP_OTHER,
	.world = WORLD_DOCKER,
};

const struct command rename_command = {
	.name = "rename",
	.args = "CONTAINER NAME",
	.brief = "Not here: says what to do instead",
	.min = 2,
	.max = 2,
	.run = rename_run,
	.group = GROUP_OTHER,
	.world = WORLD_DOCKER,
};
