/* down: everything of the project goes, its data only when asked. */
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/disk.h"
#include "cli/request.h"
#include "cli/target.h"
#include "cli/up.h"
#include "image/store.h"
#include "image/volume.h"
#include "supervise/status.h"
#include <string.h>

struct down {
	bool volumes, remove_orphans;
	int timeout;
	const char *rmi;
};

/* Images of the project's containers and services; `local`: only those the file gave no name. */
static int list_images(struct cli *c, const char *project, const char *which, struct strings *out,
		       struct err *e)
{
	struct statuses all = {0};
	int r = status_read(&c->arena, project, &all, e);

	if (r < 0)
		return r;
	vec_each(s, &all) {
		const struct service *svc =
			c->project && s->service ? project_service(c->project, s->service) : NULL;
		bool local = !svc || !svc->image;

		if (s->image && !strings_have(out, s->image) && (local || !strcmp(which, "all")))
			*vec_push(&c->arena, out) = s->image;
	}
	for (size_t i = 0; c->project && i < c->project->services.n; i++) {
		const struct service *svc = &c->project->services.v[i];
		const char *ref = service_image(&c->arena, c->project, svc);
		struct image *img;
		struct err absent;

		if ((!svc->image || !strcmp(which, "all")) && !strings_have(out, ref) &&
		    store_image(&c->arena, ref, &img, &absent) == 0)
			*vec_push(&c->arena, out) = ref;
	}
	return 0;
}

static int remove_images(struct cli *c, const struct strings *images, struct err *e)
{
	auto_progress *p = progress_new(c, "Removing", false);

	vec_each(ref, images) {
		char *id = arena_printf(&c->arena, "Image %s", *ref);
		struct strings removed = {0};
		struct err why = {0};

		if (store_remove(&c->arena, *ref, false, &removed, &why) < 0)
			progress_set(p, NULL, id, PROGRESS_WARNING, why.why);
		else
			progress_set(p, NULL, id, PROGRESS_DONE, "Removed");
	}
	return 0;
}

/* What an earlier down has left: data, or a network that another project was in. */
static bool leaves_something(struct cli *c, const struct down *d)
{
	const struct project *p = c->project;
	struct network_status net;
	struct store_volume volume;
	struct err ignored;

	vec_each(n, &p->networks) {
		if (!n->external && !status_network_read(&c->arena, n->name, &net, &ignored) &&
		    net.project && !strcmp(net.project, p->name))
			return true;
	}
	for (size_t i = 0; d->volumes && i < p->volumes.n; i++) {
		const struct volume *v = &p->volumes.v[i];

		if (!v->external && !volume_find(&c->arena, v->name, &volume, &ignored))
			return true;
	}
	return false;
}

/* Whom the request goes to: where nobody is there any more, one is started for what is left. */
static int whom(struct cli *c, const struct down *d, const char *project, enum client_how *out,
		struct err *e)
{
	struct statuses any = {0};
	struct project *p;
	struct err no_file;
	int r = status_read(&c->arena, project, &any, e);

	*out = CLIENT_EXISTING;
	if (r < 0 || any.n || c->global.dry_run || cli_project(c, NULL, &p, &no_file) < 0 ||
	    !leaves_something(c, d))
		return r;
	*out = CLIENT_START;
	c->fleeting = true;
	return up_save(c, p, e);
}

/* What the file names beyond the one that the project was brought up with. */
static int remove_volumes(struct cli *c, struct err *e)
{
	auto_progress *shown = progress_new(c, "Removing", false);
	struct disk_users users;
	struct store_volume had;
	struct project *p;
	int r;

	if (cli_project(c, NULL, &p, &(struct err){0}) < 0)
		return 0; /* -p NAME, and no file here */
	r = disk_in_use(&c->arena, &users, e);
	if (r < 0)
		return r;
	vec_each(v, &p->volumes) {
		char *id = arena_printf(&c->arena, "Volume %s", v->name);

		if (v->external || volume_find(&c->arena, v->name, &had, e))
			continue;
		if (strings_have(&users.volumes, v->name))
			progress_set(shown, NULL, id, PROGRESS_WARNING, "Resource is still in use");
		else if (volume_remove(v->name, NULL, e) < 0)
			return -e->code;
		else
			progress_set(shown, NULL, id, PROGRESS_DONE, "Removed");
	}
	return 0;
}

static int down_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct down *d = opts;
	struct request r = {.msg = request_new("down", argc, argv), .title = "Running"};
	struct strings images = {0};
	struct targets ignored;
	enum client_how how = CLIENT_EXISTING;
	const char *project;
	int code = 0, rc = cli_project_name(c, &project, e);

	if (rc >= 0 && argc)
		rc = target_find(c, argc, argv, &ignored, e);
	if (rc >= 0 && d->rmi)
		rc = list_images(c, project, d->rmi, &images, e);
	if (rc >= 0)
		rc = whom(c, d, project, &how, e);
	if (rc < 0) {
		json_decref(r.msg);
		return rc;
	}
	json_object_set_new(r.msg, "volumes", json_boolean(d->volumes));
	json_object_set_new(r.msg, "remove_orphans", json_boolean(d->remove_orphans));
	request_timeout(r.msg, d->timeout);
	rc = request_send(c, project, how, &r, &code, e);
	if (rc == REQUEST_NO_SUPERVISOR) {
		if (!images.n)
			fprintf(stderr,
				"Warning: No resource found to remove for project \"%s\".\n",
				project);
		rc = 0;
	}
	if (rc >= 0 && !code && d->volumes && !argc && !c->global.dry_run)
		rc = remove_volumes(c, e);
	if (rc >= 0 && !code && !c->global.dry_run)
		rc = remove_images(c, &images, e);
	return rc < 0 ? rc : code;
}

/* clang-format off */
static const struct opt down_opts[] = {
	{'v', "volumes",        OPT_FLAG, offsetof(struct down, volumes),        NULL,        "remove its volumes too: the data is gone"},
	{0,   "remove-orphans", OPT_FLAG, offsetof(struct down, remove_orphans), NULL,        "containers of vanished services too"},
	{0,   "rmi",            OPT_WORD, offsetof(struct down, rmi),            "local|all", "remove images: those without a name in the file, or all"},
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
