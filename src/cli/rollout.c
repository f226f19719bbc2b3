/* rollout, rollback, revisions: versions of services, one after the other. */
#include "base/vec.h"
#include "cli/table.h"
#include "cli/up.h"
#include "compose/node.h"
#include "compose/render.h"
#include "supervise/revisions.h"
#include <errno.h>
#include <pwd.h>

struct rollout {
	const char *strategy, *image;
	int timeout;
	struct images_options images;
};

/* As if the file named this image. */
static int set_image(struct cli *c, struct project *p, int argc, char **argv, const char *ref,
		     struct err *e)
{
	struct service *svc = argc == 1 ? project_service(p, argv[0]) : NULL;
	struct node *tree;

	if (argc != 1)
		return err_set(e, EINVAL,
			       "--image is of one service: berth rollout SERVICE "
			       "--image REF");
	if (!svc)
		return err_set(e, ENOENT, "no such service: %s", argv[0]);
	tree = node_get(node_get(p->tree, "services"), svc->name);
	node_set(&c->arena, tree, "image", node_str(&c->arena, ref, tree));
	svc->image = ref;
	render_hash(tree, svc->hash);
	return 0;
}

static int rollout_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct rollout *o = opts;
	struct strings named = {(const char **)argv, (size_t)argc, 0};
	struct request r = {.title = "Rolling out"};
	struct project *p;
	int code = 0, rc = cli_project(c, &named, &p, e);

	if (rc >= 0 && o->image)
		rc = set_image(c, p, argc, argv, o->image, e);
	if (rc >= 0)
		rc = up_prepare(c, &named, &o->images, &p, e);
	if (rc < 0)
		return rc;
	r.msg = request_new("up", argc, argv);
	json_object_set_new(r.msg, "rolling", json_true());
	json_object_set_new(r.msg, "no_deps", json_boolean(o->images.no_deps));
	if (o->strategy)
		json_object_set_new(r.msg, "strategy", json_string(o->strategy));
	request_timeout(r.msg, o->timeout);
	up_secrets(p, r.msg);
	rc = request_send(c, p->name, CLIENT_START, &r, &code, e);
	return rc < 0 ? rc : code;
}

#define R(field) offsetof(struct rollout, field)

/* clang-format off */
static const struct opt rollout_opts[] = {
	{0,   "strategy", OPT_WORD, R(strategy),       "rolling|blue-green", "batch by batch, or all at once beside the old ones"},
	{0,   "image",    OPT_STR,  R(image),          "REF",                "this image instead of the file's, until the next up"},
	{0,   "pull",     OPT_WORD, R(images.pull),    "always|missing|never", "when to pull images"},
	{0,   "build",    OPT_FLAG, R(images.build),   NULL,                 "build images first"},
	{0,   "no-deps",  OPT_FLAG, R(images.no_deps), NULL,                 "leave dependencies alone"},
	{'t', "timeout",  OPT_INT,  R(timeout),        "SECONDS",            "time to end by itself before an old container is killed"},
	{0},
};
/* clang-format on */

const struct command rollout_command = {
	.name = "rollout",
	.args = "[SERVICE...]",
	.brief = "Replace containers of a changed service without refusing a connection",
	.more = "What changed is replaced as deploy.update_config says: so many at a time, each\n"
		"batch when the one before is healthy and stayed so. The old ones go when the new\n"
		"ones are well (order: stop-first: before). When a new one fails, all old ones\n"
		"stay or come back and nothing of the new is left; failure_action: pause keeps\n"
		"the batches that went well.\n"
		"\n"
		"x-berth.update of a service adds strategy (rolling, blue-green), drain (time for\n"
		"open connections), ready (time that a new version may take), hold (how long\n"
		"blue-green keeps the old version) and exclusive (never two at a time).",
	.opts = rollout_opts,
	.size = sizeof(struct rollout),
	.defaults = &(const struct rollout){.timeout = -1},
	.max = -1,
	.run = rollout_run,
	.group = GROUP_PROJECT,
	.world = WORLD_COMPOSE,
	.reads = READS_ALL,
};

static int rollback_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct request r = {.msg = request_new("rollback", argc ? 1 : 0, argv),
			    .title = "Rolling back"};
	const char *project;
	uint64_t revision = 0;
	int code = 0, rc = cli_project_name(c, &project, e);

	if (rc >= 0 && argc == 2 && (text_to_u64(argv[1], &revision) < 0 || !revision))
		rc = err_set(e, EINVAL, "\"%s\" is no number of a revision", argv[1]);
	if (rc >= 0 && c->global.dry_run)
		rc = err_set(e, EINVAL,
			     "rollback has no dry run: berth revisions shows what "
			     "there is");
	if (rc < 0) {
		json_decref(r.msg);
		return rc;
	}
	json_object_set_new(r.msg, "revision", json_integer((json_int_t)revision));
	rc = request_send(c, project, CLIENT_EXISTING, &r, &code, e);
	if (rc == REQUEST_NO_SUPERVISOR) {
		err_set(e, ENOENT, "project \"%s\" does not run", project);
		return err_hint(e, "berth up -d starts it");
	}
	return rc < 0 ? rc : code;
}

const struct command rollback_command = {
	.name = "rollback",
	.args = "[SERVICE] [REVISION]",
	.brief = "Go back to an earlier version of a service",
	.more = "Without a revision: the one before. Without a service: every service that the\n"
		"last change changed. The file stays as it is; the next up goes by it again.",
	.max = 2,
	.run = rollback_run,
	.group = GROUP_PROJECT,
	.world = WORLD_COMPOSE,
};

struct revisions_opts {
	const char *format;
};

static const char *who(struct cli *c, int64_t uid)
{
	const struct passwd *p = getpwuid((uid_t)uid);

	return p ? p->pw_name : arena_printf(&c->arena, "%lld", (long long)uid);
}

static json_t *revision_row(struct cli *c, const struct revision *r)
{
	const char *note =
		r->back_to ? arena_printf(&c->arena, "back to %lld", (long long)r->back_to) : "";

	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "Service", r->service,
			 "Revision", (json_int_t)r->number, "Image", r->image, "ImageID",
			 r->image_id, "Hash", r->hash, "Created", r->time, "By", who(c, r->uid),
			 "Note", note);
}

static int revisions_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const struct column columns[] = {{"SERVICE", "Service"}, {"REVISION", "Revision"},
						{"CREATED", "Created"}, {"BY", "By"},
						{"IMAGE", "Image"},     {"IMAGE ID", "ImageID"},
						{"NOTE", "Note"},       {0}};
	const struct revisions_opts *o = opts;
	auto_json *rows = json_array();
	struct strings named = {(const char **)argv, (size_t)argc, 0};
	struct revisions all;
	const char *project;
	int r = cli_project_name(c, &project, e);

	if (r >= 0)
		r = revisions_read(&c->arena, project, &all, e);
	if (r < 0)
		return r;
	vec_each(x, &all) {
		if (!argc || strings_have(&named, x->service))
			json_array_append_new(rows, revision_row(c, x));
	}
	return table_print(stdout, o->format, columns, rows, TABLE_LINES, e);
}

/* clang-format off */
static const struct opt revisions_opts[] = {
	{0, "format", OPT_STR, offsetof(struct revisions_opts, format), "FORMAT", "table, json, or a template"},
	{0},
};
/* clang-format on */

const struct command revisions_command = {
	.name = "revisions",
	.args = "[SERVICE...]",
	.brief = "List the versions of services that can be rolled back to",
	.opts = revisions_opts,
	.size = sizeof(struct revisions_opts),
	.max = -1,
	.run = revisions_run,
	.group = GROUP_LOOK,
	.world = WORLD_COMPOSE,
};
