/* images and volumes: what the project's containers use. */
#include "base/vec.h"
#include "base/when.h"
#include "cli/cli.h"
#include "cli/disk.h"
#include "cli/table.h"
#include "cli/target.h"
#include "image/store.h"
#include "supervise/status.h"
#include <errno.h>
#include <string.h>

struct used {
	bool quiet;
	const char *format;
};

static void split_name(struct arena *a, const char *ref, char **repository, char **tag)
{
	const char *slash = strrchr(ref, '/'), *colon = strrchr(slash ? slash : ref, ':');

	*repository =
		colon ? arena_strndup(a, ref, (size_t)(colon - ref)) : arena_printf(a, "%s", ref);
	*tag = arena_printf(a, "%s", colon ? colon + 1 : "latest");
}

static const char *age_of(struct arena *a, const char *when)
{
	struct err ignored;
	char text[40];
	int64_t at;

	/* Reproducible images carry 1970, which says nothing. */
	if (when_parse_rfc3339(when, &at, &ignored) < 0 || at <= 0)
		return "N/A";
	return arena_printf(a, "%s ago", when_human(when_wall_ns() - at, text));
}

static int image_row(struct arena *a, const struct status *s, bool human, json_t *rows,
		     struct err *e)
{
	char *repository, *tag, *platform, size[24];
	struct image *image = NULL;
	int r = store_image(a, s->image_id && *s->image_id ? s->image_id : s->image, &image, e);
	json_t *row;

	if (r < 0)
		return r;
	split_name(a, s->image ? s->image : "", &repository, &tag);
	platform = r ? arena_printf(a, "%s", "")
		     : arena_printf(a, "%s/%s", image->os ? image->os : "linux",
				    image->architecture ? image->architecture : "");
	row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "ID",
			r ? (s->image_id ? s->image_id : "") : image->id, "ContainerName", s->name,
			"Repository", repository, "Tag", tag, "Platform", platform, "Size",
			(json_int_t)(r ? 0 : image->size), "LastTagTime",
			r || !image->created ? "" : image->created);
	if (human) {
		const char *id = json_string_or(row, "ID", "");

		id = strchr(id, ':') ? strchr(id, ':') + 1 : id;
		json_object_set_new(row, "ID", json_string(arena_strndup(a, id, strnlen(id, 12))));
		json_object_set_new(row, "Size",
				    json_string(size_human(r ? 0 : image->size, size)));
		json_object_set_new(row, "LastTagTime",
				    json_string(age_of(a, json_string_or(row, "LastTagTime", ""))));
	}
	json_array_append_new(rows, row);
	return 0;
}

static int images_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const struct column columns[] = {{"CONTAINER", "ContainerName"},
						{"REPOSITORY", "Repository"},
						{"TAG", "Tag"},
						{"PLATFORM", "Platform"},
						{"IMAGE ID", "ID"},
						{"SIZE", "Size"},
						{"CREATED", "LastTagTime"},
						{0}};
	const struct used *o = opts;
	bool human = !o->quiet && (!o->format || strcmp(o->format, "json"));
	auto_json *rows = json_array();
	struct targets ts;
	int r = target_find(c, argc, argv, &ts, e);

	if (r < 0)
		return r;
	vec_each(t, &ts) {
		vec_each(s, &t->containers) {
			r = image_row(&c->arena, s, human, rows, e);
			if (r < 0)
				return r;
		}
	}
	if (o->quiet) {
		struct strings seen = {0};
		json_t *row;
		size_t i;

		json_array_foreach(rows, i, row)
		{
			const char *id = json_string_or(row, "ID", "");

			id = strchr(id, ':') ? strchr(id, ':') + 1 : id;
			if (strings_have(&seen, id))
				continue;
			*vec_push(&c->arena, &seen) = id;
			puts(id);
		}
		return 0;
	}
	return table_print(stdout, o->format, columns, rows, TABLE_ARRAY, e);
}

/* clang-format off */
static const struct opt used_opts[] = {
	{0,   "format", OPT_STR,  offsetof(struct used, format), "FORMAT", "table, json, or a template"},
	{'q', "quiet",  OPT_FLAG, offsetof(struct used, quiet),  NULL,     "only ids or names"},
	{0},
};
/* clang-format on */

const struct command images_command = {
	.name = "images",
	.args = "[SERVICE...]",
	.brief = "List the images that the project's containers use",
	.opts = used_opts,
	.size = sizeof(struct used),
	.max = -1,
	.run = images_run,
	.group = GROUP_LOOK,
	.world = WORLD_COMPOSE,
};

static bool is_mounted_by(const struct project *p, const char *key, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const struct service *s = project_service(p, argv[i]);

		if (!s)
			continue;
		vec_each(m, &s->volumes) {
			if (m->type == MOUNT_VOLUME && m->source && !strcmp(m->source, key))
				return true;
		}
	}
	return !argc;
}

static int check_services(const struct project *p, int argc, char **argv, struct err *e)
{
	for (int i = 0; i < argc; i++) {
		if (!project_service(p, argv[i]))
			return err_set(e, ENOENT, "no such service: %s", argv[i]);
	}
	return 0;
}

static int volumes_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const struct column columns[] = {{"DRIVER", "Driver"}, {"VOLUME NAME", "Name"}, {0}};
	const struct used *o = opts;
	auto_json *rows = json_array();
	struct project *p;
	int r = cli_project(c, NULL, &p, e);

	if (r >= 0)
		r = check_services(p, argc, argv, e);
	if (r < 0)
		return r;
	vec_each(v, &p->volumes) {
		struct store_volume found;

		if (!is_mounted_by(p, v->key, argc, argv))
			continue;
		r = volume_find(&c->arena, v->name, &found, e);
		if (r < 0)
			return r;
		if (r == VOLUME_ABSENT)
			continue;
		if (o->quiet)
			puts(v->name);
		json_array_append_new(rows, disk_volume_row(&c->arena, &found));
	}
	return o->quiet ? 0 : table_print(stdout, o->format, columns, rows, TABLE_LINES, e);
}

const struct command volumes_command = {
	.name = "volumes",
	.args = "[SERVICE...]",
	.brief = "List the volumes of the project",
	.opts = used_opts,
	.size = sizeof(struct used),
	.max = -1,
	.run = volumes_run,
	.group = GROUP_LOOK,
	.world = WORLD_COMPOSE,
};
