/* commit: what a container has written, as a layer on its image. */
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/image.h"
#include "cli/request.h"
#include "cli/target.h"
#include "image/derive.h"
#include <errno.h>

struct commit {
	const char *author, *message;
	struct strings changes;
	bool pause;
	int index;
};

static int find(struct cli *c, char *word, int index, struct target *out, struct status *s,
		struct err *e)
{
	struct targets ts;
	int r = target_find(c, 1, &word, &ts, e);

	if (r < 0)
		return r;
	vec_each(t, &ts) {
		vec_each(x, &t->containers) {
			if (index && x->number != index)
				continue;
			*out = *t;
			*s = *x;
			return 0;
		}
	}
	return err_set(e, ENOENT, "there is no container of %s", word);
}

/* The container alone, not its siblings. */
static int tell(struct cli *c, const struct status *s, const char *what, struct err *e)
{
	struct strings none = {0};
	struct target one = {.project = s->project, .services = none};
	struct request rq = {.title = "Committing", .quiet = true};
	int code;

	*vec_push(&c->arena, &one.names) = s->name;
	*vec_push(&c->arena, &one.containers) = *s;
	rq.msg = request_new(what, 0, NULL);
	target_put(&one, rq.msg);
	return request_send(c, s->project, CLIENT_RUNNING, &rq, &code, e);
}

static int commit_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct commit *o = opts;
	struct derive_options how = {.name = argc > 1 ? argv[1] : NULL,
				     .author = o->author,
				     .message = o->message,
				     .changes = o->changes};
	struct image *base, *made;
	struct target t;
	struct status s;
	struct err ignored;
	bool frozen;
	int r = find(c, argv[0], o->index, &t, &s, e);

	if (!r)
		r = image_must(c, s.image_id, &base, e);
	if (r < 0)
		return r;
	frozen = o->pause && s.state == STATE_RUNNING;
	if (frozen) {
		r = tell(c, &s, "pause", e);
		if (r < 0)
			return r;
	}
	how.first_id = (uint32_t)s.first_id;
	how.upper = arena_printf(&c->arena, "%s/upper", s.dir);
	r = derive_image(&c->arena, base, &how, &made, e);
	if (frozen && tell(c, &s, "unpause", r < 0 ? &ignored : e) < 0 && !r)
		return -e->code;
	if (!r)
		puts(made->id);
	return r;
}

static const struct commit commit_defaults = {.pause = true};

/* clang-format off */
static const struct opt commit_opts[] = {
	{'a', "author",  OPT_STR,  offsetof(struct commit, author),  "WHO",         "who made it"},
	{'c', "change",  OPT_LIST, offsetof(struct commit, changes), "INSTRUCTION", "apply a Dockerfile instruction to the image"},
	{0,   "index",   OPT_INT,  offsetof(struct commit, index),   "N",           "of several containers of the service this one"},
	{'m', "message", OPT_STR,  offsetof(struct commit, message), "TEXT",        "a comment for the image's history"},
	{'p', "pause",   OPT_FLAG, offsetof(struct commit, pause),   NULL,          "hold the container meanwhile (the usual)"},
	{0},
};
/* clang-format on */

const struct command commit_command = {
	.name = "commit",
	.args = "SERVICE|CONTAINER [REPOSITORY[:TAG]]",
	.brief = "Make an image of what a container has written",
	.opts = commit_opts,
	.size = sizeof(struct commit),
	.defaults = &commit_defaults,
	.min = 1,
	.max = 2,
	.run = commit_run,
	.group = GROUP_IMAGE,
	.unplanned = true,
};
