/* image prune, system df, system prune: what lies on the disk, and what may go. */
#include "cli/disk.h"
#include "base/json.h"
#include "base/sys.h"
#include "base/vec.h"
#include "base/when.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "cli/time.h"
#include "image/store.h"
#include "supervise/status.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int64_t below(int dirfd, const char *name)
{
	int fd = sys_open(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;
	struct stat st;
	int64_t sum = 0;

	if (fd >= 0 && !d)
		close(fd);
	while (d && (ent = readdir(d))) {
		if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, ".."))
			continue;
		if (fstatat(fd, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		sum += (int64_t)st.st_blocks * 512 /
		       (st.st_nlink > 1 && !S_ISDIR(st.st_mode) ? (int64_t)st.st_nlink : 1);
		if (S_ISDIR(st.st_mode))
			sum += below(fd, ent->d_name);
	}
	if (d)
		closedir(d);
	return sum;
}

int64_t disk_usage(const char *path)
{
	return below(AT_FDCWD, path);
}

int disk_in_use(struct arena *a, struct disk_users *out, struct err *e)
{
	struct strings projects = {0};
	int r = status_projects(a, &projects, e);

	*out = (struct disk_users){0};
	for (size_t i = 0; !r && i < projects.n; i++) {
		struct statuses all = {0};

		r = status_read(a, projects.v[i], &all, e);
		vec_each(s, &all) {
			out->containers++;
			out->running += s->state == STATE_RUNNING;
			if (s->image_id)
				*vec_push(a, &out->images) = s->image_id;
			vec_each(m, &s->mounts)
				if (m->name)
					*vec_push(a, &out->volumes) = m->name;
			out->container_bytes += s->dir ? disk_usage(s->dir) : 0;
			out->log_bytes += s->log_dir ? disk_usage(s->log_dir) : 0;
		}
	}
	return r;
}

bool disk_label_fits(const struct pairs *labels, const char *filter)
{
	bool unwanted = text_starts(filter, "label!=");
	struct span value, key;

	if (!unwanted && !text_starts(filter, "label="))
		return true;
	value = span_of(strchr(filter, '=') + 1);
	bool has_value = span_cut(&value, '=', &key);

	vec_each(p, labels) {
		if (span_is(key, p->key) && (!has_value || span_is(value, p->value)))
			return !unwanted;
	}
	return unwanted;
}

bool disk_labels_fit(const struct pairs *labels, const struct strings *filters)
{
	vec_each(f, filters) {
		if (!disk_label_fits(labels, *f))
			return false;
	}
	return true;
}

struct prune {
	bool all, force, dry_run, volumes;
	struct strings filters;
	const char *keep;
};

static int read_filters(struct cli *c, const struct prune *o, struct prune_options *out,
			struct err *e)
{
	if (o->keep && size_parse(o->keep, &out->keep_bytes, e) < 0)
		return err_wrap(e, "--keep-storage %s", o->keep);
	vec_each(f, &o->filters) {
		if (text_starts(*f, "label=") || text_starts(*f, "label!="))
			continue;
		if (!text_starts(*f, "until=")) {
			err_set(e, EINVAL, "filter \"%s\" is not known", *f);
			return err_hint(e, "until=TIME, label= and label!= are");
		}
		if (time_parse(*f + 6, &out->until, e) < 0)
			return -e->code;
	}
	return 0;
}

static bool is_sure(struct cli *c, const struct prune *o, const char *what)
{
	return o->force || o->dry_run || c->global.dry_run ||
	       cli_confirm(c, arena_printf(&c->arena, "This will remove %s. Continue?", what));
}

static int prune_images(struct cli *c, const struct prune *o, bool cache, struct err *e)
{
	struct prune_options how = {.all = o->all,
				    .cache = cache,
				    .dry_run = o->dry_run || c->global.dry_run,
				    .fits = disk_labels_fit,
				    .filters = &o->filters};
	struct prune_result result = {0};
	struct disk_users users;
	char size[24];
	int r = read_filters(c, o, &how, e);

	if (!r)
		r = disk_in_use(&c->arena, &users, e);
	if (r < 0)
		return r;
	how.keep = users.images;
	r = store_prune(&c->arena, &how, &result, e);
	if (r < 0)
		return r;
	if (result.untagged.n + result.deleted.n)
		puts("Deleted Images:");
	vec_each(s, &result.untagged)
		printf("untagged: %s\n", *s);
	vec_each(s, &result.deleted)
		printf("deleted: %s\n", *s);
	if (result.untagged.n + result.deleted.n)
		putchar('\n');
	printf("Total reclaimed space: %s\n", size_human(result.bytes, size));
	return 0;
}

static int image_prune_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct prune *o = opts;

	if (!is_sure(c, o, o->all ? "all images without a container" : "all images without a name"))
		return 0;
	return prune_images(c, o, false, e);
}

/* clang-format off */
static const struct opt image_prune_opts[] = {
	{'a', "all",     OPT_FLAG, offsetof(struct prune, all),     NULL,        "images with a name too, where no container uses them"},
	{0,   "dry-run", OPT_FLAG, offsetof(struct prune, dry_run), NULL,        "only say what would go"},
	{0,   "filter",  OPT_LIST, offsetof(struct prune, filters), "KEY=VALUE", "until=TIME: only images made before; label=KEY[=VALUE], label!=KEY[=VALUE]"},
	{'f', "force",   OPT_FLAG, offsetof(struct prune, force),   NULL,        "do not ask"},
	{0,   "keep-storage", OPT_STR, offsetof(struct prune, keep), "SIZE",      "oldest images first, until what stays takes no more than this (10GB)"},
	{0},
};
static const struct opt system_prune_opts[] = {
	{'a', "all",     OPT_FLAG, offsetof(struct prune, all),     NULL,        "images with a name too, where no container uses them"},
	{0,   "dry-run", OPT_FLAG, offsetof(struct prune, dry_run), NULL,        "only say what would go"},
	{0,   "filter",  OPT_LIST, offsetof(struct prune, filters), "KEY=VALUE", "until=TIME: only images made before; label=KEY[=VALUE], label!=KEY[=VALUE]"},
	{'f', "force",   OPT_FLAG, offsetof(struct prune, force),   NULL,        "do not ask"},
	{0,   "keep-storage", OPT_STR, offsetof(struct prune, keep), "SIZE",      "oldest images first, until what stays takes no more than this (10GB)"},
	{0,   "volumes", OPT_FLAG, offsetof(struct prune, volumes), NULL,        "volumes too, where no container uses them"},
	{0},
};
/* clang-format on */

extern const struct command image_prune_command;
const struct command image_prune_command = {
	.name = "prune",
	.brief = "Remove images without a name, and what only they used",
	.opts = image_prune_opts,
	.size = sizeof(struct prune),
	.run = image_prune_run,
};

static int system_prune_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct prune *o = opts;
	int r;

	if (!is_sure(c, o,
		     o->volumes ? "unused images, the build cache and unused volumes"
				: "unused images and the build cache"))
		return 0;
	if (o->volumes) {
		r = disk_prune_volumes(c, true, o->dry_run || c->global.dry_run, &o->filters, e);
		if (r < 0)
			return r;
	}
	return prune_images(c, o, true, e);
}

static const struct command system_prune_command = {
	.name = "prune",
	.brief = "Remove what nothing uses: images, build cache, volumes on request",
	.opts = system_prune_opts,
	.size = sizeof(struct prune),
	.run = system_prune_run,
};

struct df {
	bool verbose;
	const char *format;
};

static void df_row(json_t *rows, const char *type, size_t total, size_t active, int64_t size,
		   int64_t reclaimable)
{
	char whole[24], part[24], share[64], n[24], n_active[24];

	size_human(reclaimable, part);
	if (size > 0)
		snprintf(share, sizeof(share), "%s (%d%%)", part, (int)(reclaimable * 100 / size));
	else
		snprintf(share, sizeof(share), "%s", part);
	snprintf(n, sizeof(n), "%zu", total);
	snprintf(n_active, sizeof(n_active), "%zu", active);
	json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s}", "Type", type,
					      "TotalCount", n, "Active", n_active, "Size",
					      size_human(size, whole), "Reclaimable", share));
}

static int df_images(struct cli *c, const struct disk_users *users, json_t *rows, struct err *e)
{
	struct store_usage usage;
	struct images all;
	size_t active = 0;
	int64_t unused = 0;
	int r = store_list(&c->arena, &all, e);

	if (!r)
		r = store_usage(&c->arena, &usage, e);
	if (r < 0)
		return r;
	vec_each(img, &all) {
		bool used = strings_have(&users->images, (*img)->id);

		active += used;
		unused += used ? 0 : (*img)->size;
	}
	unused = unused < usage.layers ? unused : usage.layers;
	df_row(rows, "Images", all.n, active, usage.layers, unused);
	df_row(rows, "Image blobs", usage.n_blobs, usage.n_blobs, usage.blobs, 0);
	df_row(rows, "Build Cache", usage.n_cache, 0, usage.cache, usage.cache);
	return 0;
}

static int df_volumes(struct cli *c, const struct disk_users *users, json_t *rows, struct err *e)
{
	struct store_volumes all;
	int64_t size = 0, unused = 0;
	size_t active = 0;
	int r = volume_list(&c->arena, &all, e);

	if (r < 0)
		return r;
	vec_each(v, &all) {
		int64_t bytes = disk_usage(v->path);
		bool used = strings_have(&users->volumes, v->name);

		active += used;
		size += bytes;
		unused += used ? 0 : bytes;
	}
	df_row(rows, "Local Volumes", all.n, active, size, unused);
	return 0;
}

static int df_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const struct column columns[] = {
		{"TYPE", "Type"}, {"TOTAL", "TotalCount"},        {"ACTIVE", "Active"},
		{"SIZE", "Size"}, {"RECLAIMABLE", "Reclaimable"}, {0}};
	const struct df *o = opts;
	auto_json *rows = json_array();
	struct disk_users users;
	int r;

	if (o->verbose)
		return disk_verbose(c, o->format, e);
	r = disk_in_use(&c->arena, &users, e);
	if (!r)
		r = df_images(c, &users, rows, e);
	if (r < 0)
		return r;
	df_row(rows, "Containers", users.containers, users.running, users.container_bytes, 0);
	df_row(rows, "Container logs", users.containers, users.running, users.log_bytes, 0);
	r = df_volumes(c, &users, rows, e);
	return r ? r : table_print(stdout, o->format, columns, rows, TABLE_LINES, e);
}

/* clang-format off */
static const struct opt df_opts[] = {
	{0,   "format",  OPT_STR,  offsetof(struct df, format),  "FORMAT", "table, json, or a template"},
	{'v', "verbose", OPT_FLAG, offsetof(struct df, verbose), NULL,     "every image, container and volume"},
	{0},
};
/* clang-format on */

static const struct command system_df_command = {
	.name = "df",
	.brief = "Show what uses the disk",
	.opts = df_opts,
	.size = sizeof(struct df),
	.run = df_run,
};

static const struct command *const system_sub[] = {&system_df_command, &system_prune_command, NULL};

const struct command system_command = {
	.name = "system",
	.args = "COMMAND",
	.brief = "The disk: what uses it, and what may go",
	.sub = system_sub,
	.group = GROUP_RESOURCE,
};
