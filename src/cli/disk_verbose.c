/* system df -v: every image, container and volume with what it takes. */
#include "base/json.h"
#include "base/vec.h"
#include "base/when.h"
#include "cli/disk.h"
#include "cli/image.h"
#include "cli/table.h"
#include "image/layer.h"
#include "supervise/status.h"
#include <string.h>

struct verbose {
	struct cli *c;
	struct images images;
	VEC(struct status) containers;
	struct strings diff_ids; /* one for every image that has it */
	struct err *e;
};

static int gather(struct verbose *v)
{
	struct arena *a = &v->c->arena;
	struct strings projects = {0};
	int r = store_list(a, &v->images, v->e);

	if (!r)
		r = status_projects(a, &projects, v->e);
	for (size_t i = 0; !r && i < projects.n; i++) {
		struct statuses all = {0};

		r = status_read(a, projects.v[i], &all, v->e);
		vec_each(s, &all)
			*vec_push(a, &v->containers) = *s;
	}
	vec_each(img, &v->images) {
		vec_each(d, &(*img)->diff_ids)
			*vec_push(a, &v->diff_ids) = *d;
	}
	return r;
}

/* What it shares with other images. */
static int64_t shared_size(struct verbose *v, const struct image *img)
{
	struct layer l;
	struct err ignored;
	int64_t sum = 0;

	vec_each(d, &img->diff_ids) {
		size_t n = 0;

		vec_each(x, &v->diff_ids)
			n += !strcmp(*x, *d);
		if (n > 1 && !layer_find(&v->c->arena, *d, &l, &ignored))
			sum += l.size;
	}
	return sum;
}

static json_t *image_rows(struct verbose *v)
{
	json_t *rows = json_array();

	vec_each(at, &v->images) {
		const struct image *img = *at;
		const char *name = img->names.n ? img->names.v[0] : "<none>:<none>";
		const char *colon = strrchr(name, ':');
		int64_t shared = shared_size(v, img);
		char whole[24], part[24], own[24], n[24];
		size_t users = 0;

		vec_each(s, &v->containers)
			users += s->image_id && !strcmp(s->image_id, img->id);
		snprintf(n, sizeof(n), "%zu", users);
		json_array_append_new(
			rows,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Repository",
				  arena_printf(&v->c->arena, "%.*s", (int)(colon - name), name),
				  "Tag", colon + 1, "ID", image_short_id(&v->c->arena, img->id),
				  "CreatedSince", image_age(&v->c->arena, img->created), "Size",
				  size_human(img->size, whole), "SharedSize",
				  size_human(shared, part), "UniqueSize",
				  size_human(img->size - shared, own), "Containers", n));
	}
	return rows;
}

static json_t *container_rows(struct verbose *v)
{
	struct arena *a = &v->c->arena;
	json_t *rows = json_array();

	vec_each(s, &v->containers) {
		auto_buf command = {0};
		char size[24], logs[24], age[40], n[24];
		size_t volumes = 0;

		vec_each(m, &s->mounts)
			volumes += m->name != NULL;
		vec_each(w, &s->command)
			buf_printf(&command, "%s%s", command.n ? " " : "", *w);
		snprintf(n, sizeof(n), "%zu", volumes);
		json_array_append_new(
			rows,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "ID",
				  arena_printf(a, "%.12s", s->id), "Image",
				  s->image ? s->image : "", "Command",
				  arena_printf(a, "\"%.19s\"", command.p ? command.p : ""),
				  "LocalVolumes", n, "Size",
				  size_human(s->dir ? disk_usage(s->dir) : 0, size), "LogSize",
				  size_human(s->log_dir ? disk_usage(s->log_dir) : 0, logs),
				  "RunningFor",
				  arena_printf(a, "%s ago",
					       when_human(when_wall_ns() - s->created_ns, age)),
				  "Status", status_text(a, s), "Names", s->name));
	}
	return rows;
}

static int volume_rows(struct verbose *v, json_t *rows)
{
	struct store_volumes all;
	int r = volume_list(&v->c->arena, &all, v->e);

	if (r < 0)
		return r;
	vec_each(x, &all) {
		char size[24], n[24];
		size_t links = 0;

		vec_each(s, &v->containers) {
			vec_each(m, &s->mounts)
				links += m->name && !strcmp(m->name, x->name);
		}
		snprintf(n, sizeof(n), "%zu", links);
		json_array_append_new(rows,
				      json_pack("{s:s, s:s, s:s}", "Name", x->name, "Links", n,
						"Size", size_human(disk_usage(x->path), size)));
	}
	return 0;
}

/* clang-format off */
static const struct column image_columns[] = {
	{"REPOSITORY", "Repository"}, {"TAG", "Tag"}, {"IMAGE ID", "ID"}, {"CREATED", "CreatedSince"}, {"SIZE", "Size"},
	{"SHARED SIZE", "SharedSize"}, {"UNIQUE SIZE", "UniqueSize"}, {"CONTAINERS", "Containers"}, {0}};
static const struct column container_columns[] = {
	{"CONTAINER ID", "ID"}, {"IMAGE", "Image"}, {"COMMAND", "Command"}, {"LOCAL VOLUMES", "LocalVolumes"}, {"SIZE", "Size"},
	{"LOGS", "LogSize"}, {"CREATED", "RunningFor"}, {"STATUS", "Status"}, {"NAMES", "Names"}, {0}};
static const struct column volume_columns[] = {{"VOLUME NAME", "Name"}, {"LINKS", "Links"}, {"SIZE", "Size"}, {0}};
/* clang-format on */

int disk_verbose(struct cli *c, const char *format, struct err *e)
{
	struct verbose v = {.c = c, .e = e};
	struct store_usage usage;
	char cache[24], blobs[24];
	int r = gather(&v);

	if (!r)
		r = store_usage(&c->arena, &usage, e);
	if (r < 0)
		return r;
	auto_json *images = image_rows(&v), *containers = container_rows(&v),
		  *volumes = json_array();

	r = volume_rows(&v, volumes);
	if (r < 0)
		return r;
	size_human(usage.cache, cache);
	size_human(usage.blobs, blobs);
	if (format && strcmp(format, "table") != 0) {
		auto_json *one = json_pack("{s:O, s:O, s:O, s:s, s:s}", "Images", images,
					   "Containers", containers, "Volumes", volumes,
					   "BuildCache", cache, "ImageBlobs", blobs);
		auto_json *rows = json_pack("[O]", one);

		return table_print(stdout, format, volume_columns, rows, TABLE_LINES, e);
	}
	printf("Images space usage:\n\n");
	r = table_print(stdout, NULL, image_columns, images, TABLE_LINES, e);
	printf("\nContainers space usage:\n\n");
	if (!r)
		r = table_print(stdout, NULL, container_columns, containers, TABLE_LINES, e);
	printf("\nLocal Volumes space usage:\n\n");
	if (!r)
		r = table_print(stdout, NULL, volume_columns, volumes, TABLE_LINES, e);
	printf("\nImage blobs usage: %s\n\nBuild cache usage: %s\n", blobs, cache);
	return r;
}
