/* builder prune: what builds remember. */
#include "base/when.h"
#include "build/steps.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "image/store.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct prune {
	bool all, force;
	struct strings filters;
};

static int read_filters(const struct prune *o, int64_t *older_ns, struct err *e)
{
	vec_each(f, &o->filters) {
		if (!text_starts(*f, "until=")) {
			err_set(e, EINVAL, "filter \"%s\" is not known", *f);
			return err_hint(e, "until=24h is: only what was not used for so long");
		}
		if (when_parse_duration(*f + strlen("until="), older_ns, e) < 0)
			return err_wrap(e, "--filter %s", *f);
	}
	return 0;
}

/* Every image stays, named or not: only layers that no image has may go. */
static int prune_layers(struct cli *c, int64_t *bytes, struct err *e)
{
	struct prune_options how = {.cache = true};
	struct prune_result result = {0};
	struct images images = {0};
	int r = store_list(&c->arena, &images, e);

	vec_each(i, &images)
		*vec_push(&c->arena, &how.keep) = (*i)->id;
	if (r == 0)
		r = store_prune(&c->arena, &how, &result, e);
	*bytes += result.bytes;
	return r;
}

static int prune_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct prune *o = opts;
	struct steps_pruned gone = {0};
	int64_t older_ns = 0;
	char size[24];
	int r = read_filters(o, &older_ns, e);

	if (r < 0)
		return r;
	if (!o->force &&
	    !cli_confirm(c, o->all ? "This will remove all build cache, with what cache "
				     "mounts hold. Continue?"
				   : "This will remove what builds remember. Continue?"))
		return 0;
	r = steps_prune(&c->arena, o->all, older_ns, &gone, e);
	/* Steps that stay keep their layers, and one cannot see which: so all or none. */
	if (r == 0 && !older_ns)
		r = prune_layers(c, &gone.bytes, e);
	if (r < 0)
		return r;
	printf("%lld steps forgotten\nTotal reclaimed space: %s\n", (long long)gone.entries,
	       size_human(gone.bytes, size));
	return 0;
}

/* clang-format off */
static const struct opt prune_opts[] = {
	{'a', "all",    OPT_FLAG, offsetof(struct prune, all),     NULL,        "cache mounts too"},
	{'f', "force",  OPT_FLAG, offsetof(struct prune, force),   NULL,        "do not ask"},
	{0,   "filter", OPT_LIST, offsetof(struct prune, filters), "KEY=VALUE", "until=24h: only steps not used for so long; layers stay"},
	{0},
};
/* clang-format on */

static const struct command builder_prune_command = {
	.name = "prune",
	.brief = "Forget the steps of earlier builds and remove layers that only they used",
	.opts = prune_opts,
	.size = sizeof(struct prune),
	.run = prune_run,
	.unplanned = true,
};

static const struct command *const builder_sub[] = {&builder_prune_command, NULL};

const struct command builder_command = {
	.name = "builder",
	.args = "COMMAND",
	.brief = "The cache of builds",
	.sub = builder_sub,
	.group = GROUP_IMAGE,
};
