/* volume ls|create|inspect|rm|prune|export|import. */
#include "base/json.h"
#include "base/stream.h"
#include "base/sys.h"
#include "base/vec.h"
#include "base/when.h"
#include "cli/commands.h"
#include "cli/disk.h"
#include "cli/image.h"
#include "cli/table.h"
#include "image/layer.h"
#include "image/pack.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

static int must(struct cli *c, const char *name, struct store_volume *out, struct err *e)
{
	int r = volume_find(&c->arena, name, out, e);

	if (r != VOLUME_ABSENT)
		return r;
	err_set(e, ENOENT, "no such volume: %s", name);
	return err_hint(e, "berth volume ls shows what is here");
}

static const char *labels_text(struct arena *a, const struct pairs *p)
{
	auto_buf b = {0};

	vec_each(x, p)
		buf_printf(&b, "%s%s=%s", b.n ? "," : "", x->key, x->value);
	return buf_take(a, &b);
}

struct volume_ls {
	bool quiet;
	const char *format;
	struct strings filters;
};

static bool fits(const struct store_volume *v, const struct strings *filters,
		 const struct disk_users *u)
{
	vec_each(f, filters) {
		const char *value = strchr(*f, '=') + 1;

		if (text_starts(*f, "name=") && !strstr(v->name, value))
			return false;
		if (text_starts(*f, "driver=") && strcmp(v->driver, value) != 0)
			return false;
		if (text_starts(*f, "dangling=") &&
		    strings_have(&u->volumes, v->name) == !strcmp(value, "true"))
			return false;
		if (!disk_label_fits(&v->labels, *f))
			return false;
	}
	return true;
}

static int check_filters(const struct strings *filters, struct err *e)
{
	vec_each(f, filters) {
		if (text_starts(*f, "name=") || text_starts(*f, "dangling=") ||
		    text_starts(*f, "label=") || text_starts(*f, "driver="))
			continue;
		err_set(e, EINVAL, "filter \"%s\" is not known", *f);
		return err_hint(e, "name=, label=, driver= and dangling= are");
	}
	return 0;
}

json_t *disk_volume_row(struct arena *a, const struct store_volume *v)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Availability",
			 "N/A", "Driver", v->driver, "Group", "N/A", "Labels",
			 labels_text(a, &v->labels), "Links", "N/A", "Mountpoint", v->path, "Name",
			 v->name, "Scope", "local", "Size", "N/A", "Status", "N/A");
}

static int volume_ls_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const struct column columns[] = {{"DRIVER", "Driver"}, {"VOLUME NAME", "Name"}, {0}};
	const struct volume_ls *o = opts;
	auto_json *rows = json_array();
	struct disk_users users = {0};
	struct store_volumes all;
	int r = check_filters(&o->filters, e);

	if (!r && o->filters.n)
		r = disk_in_use(&c->arena, &users, e);
	if (!r)
		r = volume_list(&c->arena, &all, e);
	if (r < 0)
		return r;
	vec_each(v, &all) {
		if (!fits(v, &o->filters, &users))
			continue;
		if (o->quiet)
			puts(v->name);
		json_array_append_new(rows, disk_volume_row(&c->arena, v));
	}
	return o->quiet ? 0 : table_print(stdout, o->format, columns, rows, TABLE_LINES, e);
}

/* clang-format off */
static const struct opt volume_ls_opts[] = {
	{'f', "filter", OPT_LIST, offsetof(struct volume_ls, filters), "KEY=VALUE", "name=PART, label=KEY[=VALUE], dangling=true"},
	{0,   "format", OPT_STR,  offsetof(struct volume_ls, format),  "FORMAT",    "table, json, or a template"},
	{'q', "quiet",  OPT_FLAG, offsetof(struct volume_ls, quiet),   NULL,        "only names"},
	{0},
};
/* clang-format on */

static const struct command volume_ls_command = {
	.name = "ls",
	.brief = "List the volumes",
	.opts = volume_ls_opts,
	.size = sizeof(struct volume_ls),
	.run = volume_ls_run,
};

struct volume_create {
	const char *driver;
	struct strings labels, options;
};

static void to_pairs(struct arena *a, const struct strings *from, struct pairs *out)
{
	vec_each(s, from) {
		struct span value = span_of(*s), key;

		span_cut(&value, '=', &key);
		*vec_push(a, out) = (struct pair){span_dup(a, key), span_dup(a, value)};
	}
}

static const char *random_name(struct arena *a)
{
	char hex[HASH_HEX];
	int64_t seed[2] = {when_wall_ns(), getpid()};

	hash_sha256(seed, sizeof(seed), hex);
	return arena_printf(a, "%s", hex);
}

static int volume_create_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct volume_create *o = opts;
	struct pairs labels = {0}, options = {0};
	struct store_volume v;
	int r;

	if (o->driver && strcmp(o->driver, "local"))
		return err_set(e, EINVAL,
			       "volume driver \"%s\" is not known: \"local\" is the only one",
			       o->driver);
	to_pairs(&c->arena, &o->labels, &labels);
	to_pairs(&c->arena, &o->options, &options);
	r = volume_ensure(&c->arena, argc ? argv[0] : random_name(&c->arena), &labels, &options, &v,
			  e);
	if (!r)
		puts(v.name);
	return r;
}

/* clang-format off */
static const struct opt volume_create_opts[] = {
	{'d', "driver", OPT_STR,  offsetof(struct volume_create, driver),  "NAME",      "local"},
	{0,   "label",  OPT_LIST, offsetof(struct volume_create, labels),  "KEY=VALUE", "a label"},
	{'o', "opt",    OPT_LIST, offsetof(struct volume_create, options), "KEY=VALUE", "type, device or o, as mount(8) takes them: a bind, a tmpfs, NFS, a disk"},
	{0},
};
/* clang-format on */

static const struct command volume_create_command = {
	.name = "create",
	.args = "[NAME]",
	.brief = "Make a volume",
	.opts = volume_create_opts,
	.size = sizeof(struct volume_create),
	.max = 1,
	.run = volume_create_run,
	.unplanned = true,
};

struct volume_inspect {
	const char *format;
};

static int volume_inspect_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct volume_inspect *o = opts;
	auto_json *rows = json_array();
	int failed = 0, r;

	for (int i = 0; i < argc; i++) {
		struct store_volume v;

		r = must(c, argv[i], &v, failed ? &(struct err){0} : e);
		failed = failed ? failed : r;
		if (r < 0)
			continue;
		json_array_append_new(rows,
				      json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:s}", "CreatedAt",
						v.created, "Driver", v.driver, "Labels",
						v.labels.n ? json_pairs(&v.labels) : json_null(),
						"Mountpoint", v.path, "Name", v.name, "Options",
						v.options.n ? json_pairs(&v.options) : json_null(),
						"Scope", "local"));
	}
	return image_print_found(c, o->format, rows, failed, e);
}

/* clang-format off */
static const struct opt volume_inspect_opts[] = {
	{'f', "format", OPT_STR, offsetof(struct volume_inspect, format), "FORMAT", "json or a template"},
	{0},
};
/* clang-format on */

static const struct command volume_inspect_command = {
	.name = "inspect",
	.args = "VOLUME...",
	.brief = "Show all about volumes",
	.opts = volume_inspect_opts,
	.size = sizeof(struct volume_inspect),
	.min = 1,
	.max = -1,
	.run = volume_inspect_run,
};

struct volume_rm {
	bool force;
};

static int remove_one(const char *name, const struct disk_users *users, struct err *e)
{
	if (!strings_have(&users->volumes, name))
		return volume_remove(name, NULL, e);
	err_set(e, EBUSY, "volume %s is used by a container", name);
	return err_hint(e, "berth ps -a --format json names it in Mounts");
}

static int volume_rm_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct volume_rm *o = opts;
	struct disk_users users;
	int r = disk_in_use(&c->arena, &users, e), failed = r;

	if (r < 0)
		return r;
	for (int i = 0; i < argc; i++) {
		struct err *to = failed ? &(struct err){0} : e;

		r = remove_one(argv[i], &users, to);
		if (!r || (r == -ENOENT && o->force))
			puts(argv[i]);
		else
			failed = failed ? failed : r;
	}
	return failed;
}

/* clang-format off */
static const struct opt volume_rm_opts[] = {
	{'f', "force", OPT_FLAG, offsetof(struct volume_rm, force), NULL, "absent volumes are fine"},
	{0},
};
/* clang-format on */

static const struct command volume_rm_command = {
	.name = "rm",
	.args = "VOLUME...",
	.brief = "Remove volumes with their data",
	.opts = volume_rm_opts,
	.size = sizeof(struct volume_rm),
	.min = 1,
	.max = -1,
	.run = volume_rm_run,
	.unplanned = true,
};

/* docker's anonymous volumes have 64 hex digits for a name. */
static bool is_anonymous(const char *name)
{
	return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

int disk_prune_volumes(struct cli *c, bool all, bool dry_run, const struct strings *labels,
		       struct err *e)
{
	struct disk_users users;
	struct store_volumes volumes;
	int64_t bytes = 0;
	size_t n = 0;
	char size[24];
	int r = disk_in_use(&c->arena, &users, e);

	if (!r)
		r = volume_list(&c->arena, &volumes, e);
	for (size_t i = 0; !r && i < volumes.n; i++) {
		const struct store_volume *v = &volumes.v[i];

		if (strings_have(&users.volumes, v->name) || (!all && !is_anonymous(v->name)) ||
		    !disk_labels_fit(&v->labels, labels))
			continue;
		bytes += disk_usage(v->path);
		if (!n++)
			puts("Deleted Volumes:");
		puts(v->name);
		r = dry_run ? 0 : volume_remove(v->name, NULL, e);
	}
	if (!r)
		printf("%sTotal reclaimed space: %s\n", n ? "\n" : "", size_human(bytes, size));
	return r;
}

struct volume_prune {
	bool all, force, dry_run;
	struct strings filters;
};

static int volume_prune_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct volume_prune *o = opts;
	bool dry = o->dry_run || c->global.dry_run, all = o->all;
	struct strings labels = {0};

	vec_each(f, &o->filters) {
		if (!strcmp(*f, "all=true") || !strcmp(*f, "all=1"))
			all = true;
		else if (text_starts(*f, "label=") || text_starts(*f, "label!="))
			*vec_push(&c->arena, &labels) = *f;
		else
			return err_hint((err_set(e, EINVAL, "filter \"%s\" is not known", *f), e),
					"label=KEY[=VALUE], label!=KEY[=VALUE] and all=true are");
	}
	if (!o->force && !dry &&
	    !cli_confirm(c,
			 all ? "This will remove all volumes that no container uses. Continue?"
			     : "This will remove all volumes without a name of their own that no "
			       "container uses. Continue?"))
		return 0;
	return disk_prune_volumes(c, all, dry, &labels, e);
}

/* clang-format off */
static const struct opt volume_prune_opts[] = {
	{'a', "all",     OPT_FLAG, offsetof(struct volume_prune, all),     NULL, "named volumes too"},
	{0,   "dry-run", OPT_FLAG, offsetof(struct volume_prune, dry_run), NULL, "only say what would go"},
	{0,   "filter",  OPT_LIST, offsetof(struct volume_prune, filters), "KEY=VALUE", "label=KEY[=VALUE], label!=KEY[=VALUE]"},
	{'f', "force",   OPT_FLAG, offsetof(struct volume_prune, force),   NULL, "do not ask"},
	{0},
};
/* clang-format on */

static const struct command volume_prune_command = {
	.name = "prune",
	.brief = "Remove volumes that no container uses",
	.opts = volume_prune_opts,
	.size = sizeof(struct volume_prune),
	.run = volume_prune_run,
};

struct volume_export {
	const char *output;
};

static int needs_files(const struct store_volume *v, struct err *e)
{
	if (v->where)
		return volume_mount(v, e);
	err_set(e, ENOTSUP, "volume %s: its %s is mounted in containers only", v->name, v->type);
	return err_hint(e, "run a container that has it and tar there");
}

static int volume_export_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const struct pack_options plain;
	const struct volume_export *o = opts;
	auto_fd int fd = -1, dir = -1;
	struct fd_sink out;
	struct store_volume v;
	int r = must(c, argv[0], &v, e);

	if (r < 0)
		return r;
	r = needs_files(&v, e);
	if (r < 0)
		return r;
	if (!o->output && isatty(STDOUT_FILENO))
		return err_set(e, EINVAL,
			       "a tar does not belong on a terminal: use -o FILE or a pipe");
	fd = o->output ? sys_open(AT_FDCWD, o->output, O_WRONLY | O_CREAT | O_TRUNC, 0600)
		       : sys_dup_above(STDOUT_FILENO, 3);
	dir = sys_open(AT_FDCWD, v.where, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0 || dir < 0)
		return err_set(e, fd < 0 ? -fd : -dir, "cannot open %s: %s",
			       fd < 0 ? o->output : v.where, strerror(fd < 0 ? -fd : -dir));
	fd_sink_init(&out, fd);
	return pack_tree(dir, &out.sink, &plain, e);
}

/* clang-format off */
static const struct opt volume_export_opts[] = {
	{'o', "output", OPT_STR, offsetof(struct volume_export, output), "FILE", "write here instead of standard output"},
	{0},
};
/* clang-format on */

static const struct command volume_export_command = {
	.name = "export",
	.args = "VOLUME",
	.brief = "Write what is in a volume as a tar",
	.opts = volume_export_opts,
	.size = sizeof(struct volume_export),
	.min = 1,
	.max = 1,
	.run = volume_export_run,
	.unplanned = true,
};

static int volume_import_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const struct unpack_options how = {.keep_owner = true};
	const char *from = argc > 1 ? argv[1] : "-";
	bool is_stdin = !strcmp(from, "-");
	auto_fd int fd = -1;
	struct store_volume v;
	int r = volume_ensure(&c->arena, argv[0], NULL, NULL, &v, e);

	if (!r)
		r = needs_files(&v, e);
	if (r < 0)
		return r;
	fd = is_stdin ? sys_dup_above(STDIN_FILENO, 3) : sys_open(AT_FDCWD, from, O_RDONLY, 0);
	if (fd < 0)
		return err_set(e, -fd, "cannot open %s: %s", from, strerror(-fd));
	r = layer_unpack_fd(fd, v.where, &how, NULL, e);
	return r < 0 ? err_wrap(e, "import into volume %s", v.name) : 0;
}

static const struct command volume_import_command = {
	.name = "import",
	.args = "VOLUME [FILE|-]",
	.brief = "Unpack a tar into a volume, which is made where it is missing",
	.min = 1,
	.max = 2,
	.run = volume_import_run,
	.unplanned = true,
};

static const struct command *const volume_sub[] = {
	&volume_ls_command,    &volume_create_command, &volume_inspect_command, &volume_rm_command,
	&volume_prune_command, &volume_export_command, &volume_import_command,  NULL,
};

const struct command volume_command = {
	.name = "volume",
	.args = "COMMAND",
	.brief = "Named volumes: list, make, remove, take out and put back",
	.sub = volume_sub,
	.group = GROUP_RESOURCE,
};
