/* image ls|inspect|history|rm|tag|prune and their short spellings. */
#include "base/json.h"
#include "base/mem.h"
#include "base/vec.h"
#include "base/when.h"
#include "cli/commands.h"
#include "cli/image.h"
#include "cli/table.h"
#include "cli/template.h"
#include "image/layer.h"
#include "image/manifest.h"
#include "image/ref.h"
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

int image_must(struct cli *c, const char *ref, struct image **out, struct err *e)
{
	int r = store_image(&c->arena, ref, out, e);

	if (r != IMAGE_ABSENT)
		return r;
	err_set(e, ENOENT, "no such image: %s", ref);
	return err_hint(e, "berth image ls shows what is here; berth pull %s gets it", ref);
}

int image_must_for(struct cli *c, const char *ref, const char *platform, struct image **out,
		   struct err *e)
{
	struct platform want;
	struct image *img;
	int r = platform ? platform_parse(&c->arena, platform, &want, e) : 0;

	if (r == 0)
		r = image_must(c, ref, &img, e);
	if (r < 0)
		return r;
	if (platform && !platform_fits(img, &want)) {
		err_set(e, ENOENT, "%s is here, but not for %s", ref, platform);
		return err_hint(
			e, "it is made for %s/%s%s%s; berth pull --platform %s %s gets the other",
			img->os ? img->os : "?", img->architecture ? img->architecture : "?",
			img->variant ? "/" : "", img->variant ? img->variant : "", platform, ref);
	}
	*out = img;
	return 0;
}

const char *image_short_id(struct arena *a, const char *id)
{
	const char *colon = strchr(id, ':');

	return arena_printf(a, "%.12s", colon ? colon + 1 : id);
}

const char *image_age(struct arena *a, const char *created)
{
	char text[40];
	int64_t at;
	struct err e;

	if (!created || when_parse_rfc3339(created, &at, &e) < 0)
		return "N/A";
	return arena_printf(a, "%s ago", when_human(when_wall_ns() - at, text));
}

int image_print(struct cli *c, const char *format, json_t *rows, struct err *e)
{
	json_t *row;
	size_t i;

	if (!format || !strcmp(format, "json")) {
		auto_free char *text = json_dumps(rows, format ? JSON_COMPACT : JSON_INDENT(4));

		puts(text);
		return 0;
	}
	json_array_foreach(rows, i, row)
	{
		auto_buf out = {0};
		int r = template_print(&out, template_unescape(&c->arena, format), row, e);

		if (r < 0)
			return r;
		puts(out.p ? out.p : "");
	}
	return 0;
}

int image_print_found(struct cli *c, const char *format, json_t *rows, int failed, struct err *e)
{
	struct err ignored;
	int r = image_print(c, format, rows, failed ? &ignored : e);

	return failed ? failed : r;
}

/* "2026-11-21 08:08:38 +0000 UTC", as Go prints a time; berth's images carry UTC. */
static const char *go_time(struct arena *a, const char *created)
{
	int64_t at;
	struct err e;
	char text[40];

	if (!created || when_parse_rfc3339(created, &at, &e) < 0)
		return "N/A";
	when_rfc3339(at, text);
	return arena_printf(a, "%.10s %.8s +0000 UTC", text, text + 11);
}

struct image_ls {
	bool all, digests, no_trunc, quiet;
	const char *format;
	struct strings filters;
};

static bool label_fits(const struct image *img, const char *want)
{
	struct span value = span_of(want), key;
	bool has_value = span_cut(&value, '=', &key);

	for (size_t i = 0; i < img->labels.n; i++) {
		if (span_is(key, img->labels.v[i].key) &&
		    (!has_value || span_is(value, img->labels.v[i].value)))
			return true;
	}
	return false;
}

static bool name_fits(const char *name, const char *pattern)
{
	struct span repo = span_of(name);
	const char *colon = strrchr(name, ':');

	repo.n = colon ? (size_t)(colon - name) : repo.n;
	auto_free char *alone = mem_textn(repo.p, repo.n);

	return !fnmatch(pattern, name, FNM_PATHNAME) || !fnmatch(pattern, alone, FNM_PATHNAME);
}

static int check_filter(const char *f, struct err *e)
{
	static const char *const known[] = {
		"dangling=", "label=", "reference=", "before=", "since="};

	for (size_t i = 0; i < countof(known); i++) {
		if (text_starts(f, known[i]))
			return 0;
	}
	err_set(e, EINVAL, "filter \"%s\" is not known", f);
	return err_hint(e, "dangling=, label=, reference=, before= and since= are");
}

/* before= and since= compare creation times with another image's. */
static bool time_fits(struct cli *c, const struct image *img, const char *f)
{
	struct image *other;
	struct err e;
	bool before = *f == 'b';
	int order;

	if (store_image(&c->arena, strchr(f, '=') + 1, &other, &e))
		return false;
	order = strcmp(img->created ? img->created : "", other->created ? other->created : "");
	return before ? order < 0 : order > 0;
}

static bool fits(struct cli *c, const struct image *img, const char *name,
		 const struct strings *filters)
{
	for (size_t i = 0; i < filters->n; i++) {
		const char *f = filters->v[i], *value = strchr(f, '=') + 1;

		if (text_starts(f, "dangling=") && (name != NULL) == !strcmp(value, "true"))
			return false;
		if (text_starts(f, "label=") && !label_fits(img, value))
			return false;
		if (text_starts(f, "reference=") && (!name || !name_fits(name, value)))
			return false;
		if ((text_starts(f, "before=") || text_starts(f, "since=")) &&
		    !time_fits(c, img, f))
			return false;
	}
	return true;
}

static const char *digest_for(const struct image *img, const char *repo)
{
	size_t n = strlen(repo);

	for (size_t i = 0; i < img->digests.n; i++) {
		if (!strncmp(img->digests.v[i], repo, n) && img->digests.v[i][n] == '@')
			return img->digests.v[i] + n + 1;
	}
	return "<none>";
}

static void add_row(struct cli *c, const struct image_ls *o, const struct image *img,
		    const char *name, json_t *rows)
{
	const char *colon = name ? strrchr(name, ':') : NULL;
	const char *repo =
		colon ? arena_printf(&c->arena, "%.*s", (int)(colon - name), name) : "<none>";
	const char *id = o->no_trunc ? img->id : image_short_id(&c->arena, img->id);
	char size[24];

	if (!fits(c, img, name, &o->filters))
		return;
	if (!name && img->digests.n) /* pulled by digest */
		repo = arena_printf(&c->arena, "%.*s", (int)strcspn(img->digests.v[0], "@"),
				    img->digests.v[0]);
	json_array_append_new(
		rows,
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Containers",
			  "N/A", "CreatedAt", go_time(&c->arena, img->created), "CreatedSince",
			  image_age(&c->arena, img->created), "Digest", digest_for(img, repo), "ID",
			  id, "Repository", repo, "SharedSize", "N/A", "Size",
			  size_human(img->size, size), "Tag", colon ? colon + 1 : "<none>",
			  "UniqueSize", "N/A", "VirtualSize", size));
}

static int image_ls_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const struct column plain[] = {
		{"REPOSITORY", "Repository"}, {"TAG", "Tag"},   {"IMAGE ID", "ID"},
		{"CREATED", "CreatedSince"},  {"SIZE", "Size"}, {0}};
	static const struct column digests[] = {{"REPOSITORY", "Repository"},
						{"TAG", "Tag"},
						{"DIGEST", "Digest"},
						{"IMAGE ID", "ID"},
						{"CREATED", "CreatedSince"},
						{"SIZE", "Size"},
						{0}};
	struct image_ls *o = opts;
	auto_json *rows = json_array();
	struct images all;
	int r = 0;

	for (size_t i = 0; !r && i < o->filters.n; i++)
		r = check_filter(o->filters.v[i], e);
	if (!r)
		r = store_list(&c->arena, &all, e);
	if (r < 0)
		return r;
	if (argc)
		*vec_push(&c->arena, &o->filters) =
			arena_printf(&c->arena, "reference=%s", argv[0]);
	vec_each(img, &all) {
		for (size_t i = 0; i < (*img)->names.n; i++)
			add_row(c, o, *img, (*img)->names.v[i], rows);
		if (!(*img)->names.n)
			add_row(c, o, *img, NULL, rows);
	}
	if (o->quiet) {
		json_t *row;
		size_t i;

		json_array_foreach(rows, i, row) puts(json_string_or(row, "ID", ""));
		return 0;
	}
	return table_print(stdout, o->format, o->digests ? digests : plain, rows, TABLE_LINES, e);
}

/* clang-format off */
static const struct opt image_ls_opts[] = {
	{'a', "all",      OPT_FLAG, offsetof(struct image_ls, all),      NULL,     "images without a name, too (they always are shown)"},
	{0,   "digests",  OPT_FLAG, offsetof(struct image_ls, digests),  NULL,     "show digests"},
	{'f', "filter",   OPT_LIST, offsetof(struct image_ls, filters),  "KEY=VALUE", "dangling=true, label=KEY[=VALUE], reference=PATTERN, before=IMAGE, since=IMAGE"},
	{0,   "format",   OPT_STR,  offsetof(struct image_ls, format),   "FORMAT", "table, json, or a template"},
	{0,   "no-trunc", OPT_FLAG, offsetof(struct image_ls, no_trunc), NULL,     "whole ids"},
	{'q', "quiet",    OPT_FLAG, offsetof(struct image_ls, quiet),    NULL,     "only ids"},
	{0},
};
/* clang-format on */

static const struct command image_ls_command = {
	.name = "ls",
	.args = "[REPOSITORY[:TAG]]",
	.brief = "List the images that are here",
	.opts = image_ls_opts,
	.size = sizeof(struct image_ls),
	.max = 1,
	.run = image_ls_run,
};

const struct command docker_images_command = {
	.name = "images",
	.args = "[REPOSITORY[:TAG]]",
	.brief = "List the images that are here",
	.opts = image_ls_opts,
	.size = sizeof(struct image_ls),
	.max = 1,
	.run = image_ls_run,
	.group = GROUP_IMAGE,
	.world = WORLD_DOCKER,
};

struct rmi {
	bool force;
};

static int rmi_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct rmi *o = opts;
	int r, failed = 0;

	for (int i = 0; i < argc; i++) {
		struct strings said = {0};

		r = store_remove(&c->arena, argv[i], o->force, &said,
				 failed ? &(struct err){0} : e);
		if (r == -ENOENT && o->force)
			r = 0;
		vec_each(line, &said)
			puts(*line);
		failed = failed ? failed : r;
	}
	return failed;
}

/* clang-format off */
static const struct opt rmi_opts[] = {
	{'f', "force", OPT_FLAG, offsetof(struct rmi, force), NULL, "even where containers use it or it has several names"},
	{0},
};
/* clang-format on */

const struct command rmi_command = {
	.name = "rmi",
	.args = "IMAGE...",
	.brief = "Take names from images; an image without a name goes",
	.opts = rmi_opts,
	.size = sizeof(struct rmi),
	.min = 1,
	.max = -1,
	.run = rmi_run,
	.group = GROUP_IMAGE,
	.unplanned = true,
};

static int tag_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	return store_tag(argv[0], argv[1], e);
}

const struct command tag_command = {
	.name = "tag",
	.args = "IMAGE NEW_NAME",
	.brief = "Give an image another name",
	.min = 2,
	.max = 2,
	.run = tag_run,
	.group = GROUP_IMAGE,
	.unplanned = true,
};

struct history {
	bool human, no_trunc, quiet;
	const char *format, *platform;
};
static const struct history history_defaults = {.human = true};

/* Reproducible images carry 1970, which says nothing. */
static bool is_dated(const char *created)
{
	int64_t at;
	struct err e;

	return created && !when_parse_rfc3339(created, &at, &e) && at > 0;
}

static json_t *history_row(struct cli *c, const struct history *o, const struct image_history *h,
			   const char *id, int64_t size)
{
	size_t n = strlen(h->created_by);
	const char *by = o->no_trunc || n <= 45
				 ? h->created_by
				 : arena_printf(&c->arena, "%.44s\xe2\x80\xa6", h->created_by);
	char text[24];

	if (o->human)
		size_human(size, text);
	else
		snprintf(text, sizeof(text), "%lld", (long long)size);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "ID", id, "CreatedAt", h->created,
			 "CreatedSince",
			 is_dated(h->created) ? image_age(&c->arena, h->created) : "N/A",
			 "CreatedBy", by, "Size", text, "Comment", h->comment);
}

static int history_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const struct column columns[] = {
		{"IMAGE", "ID"},  {"CREATED", "CreatedSince"}, {"CREATED BY", "CreatedBy"},
		{"SIZE", "Size"}, {"COMMENT", "Comment"},      {0}};
	static const struct column exact[] = {
		{"IMAGE", "ID"},  {"CREATED AT", "CreatedAt"}, {"CREATED BY", "CreatedBy"},
		{"SIZE", "Size"}, {"COMMENT", "Comment"},      {0}};
	const struct history *o = opts;
	auto_json *rows = json_array();
	struct image *img;
	size_t layer = 0;
	int r = image_must_for(c, argv[0], o->platform, &img, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < img->history.n; i++) {
		const char *id = i + 1 < img->history.n ? "<missing>"
				 : o->no_trunc          ? img->id
							: image_short_id(&c->arena, img->id);
		struct layer l = {0};

		if (!img->history.v[i].empty_layer && layer < img->diff_ids.n &&
		    layer_find(&c->arena, img->diff_ids.v[layer++], &l, e) < 0)
			return -e->code;
		json_array_insert_new(rows, 0, history_row(c, o, &img->history.v[i], id, l.size));
	}
	if (o->quiet) {
		puts(o->no_trunc ? img->id : image_short_id(&c->arena, img->id));
		return 0;
	}
	return table_print(stdout, o->format, o->human ? columns : exact, rows, TABLE_LINES, e);
}

/* clang-format off */
static const struct opt history_opts[] = {
	{0,   "format",   OPT_STR,  offsetof(struct history, format),   "FORMAT", "table, json, or a template"},
	{'H', "human",    OPT_FLAG, offsetof(struct history, human),    NULL,     "sizes and ages for people (the usual)"},
	{0,   "no-trunc", OPT_FLAG, offsetof(struct history, no_trunc), NULL,     "whole ids and commands"},
	{'q', "quiet",    OPT_FLAG, offsetof(struct history, quiet),    NULL,     "only the id"},
	{0,   "platform", OPT_STR,  offsetof(struct history, platform), "OS/ARCH", "the image must be made for it"},
	{0},
};
/* clang-format on */

const struct command history_command = {
	.name = "history",
	.args = "IMAGE",
	.brief = "Show how an image was made",
	.opts = history_opts,
	.defaults = &history_defaults,
	.size = sizeof(struct history),
	.min = 1,
	.max = 1,
	.run = history_run,
	.group = GROUP_IMAGE,
};

struct image_inspect {
	const char *format, *platform;
};

static int image_inspect_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct image_inspect *o = opts;
	auto_json *rows = json_array();
	int failed = 0;

	for (int i = 0; i < argc; i++) {
		struct err *to = failed ? &(struct err){0} : e;
		struct image *img;
		int r = image_must_for(c, argv[i], o->platform, &img, to);

		if (!r)
			r = store_names(&c->arena, img, to);
		if (!r)
			json_array_append_new(rows, image_inspect_json(c, img));
		failed = failed ? failed : r;
	}
	return image_print_found(c, o->format, rows, failed, e);
}

/* clang-format off */
static const struct opt image_inspect_opts[] = {
	{'f', "format", OPT_STR, offsetof(struct image_inspect, format), "FORMAT", "json or a template"},
	{0,   "platform", OPT_STR, offsetof(struct image_inspect, platform), "OS/ARCH", "the images must be made for it"},
	{0},
};
/* clang-format on */

static const struct command image_inspect_command = {
	.name = "inspect",
	.args = "IMAGE...",
	.brief = "Show all about images",
	.opts = image_inspect_opts,
	.size = sizeof(struct image_inspect),
	.min = 1,
	.max = -1,
	.run = image_inspect_run,
};

static const struct command image_rm_command = {
	.name = "rm",
	.args = "IMAGE...",
	.brief = "Take names from images; an image without a name goes",
	.opts = rmi_opts,
	.size = sizeof(struct rmi),
	.min = 1,
	.max = -1,
	.run = rmi_run,
	.unplanned = true,
};

extern const struct command image_prune_command;

static const struct command *const image_sub[] = {
	&image_ls_command, &image_inspect_command, &history_command,     &image_rm_command,
	&tag_command,      &image_prune_command,   &docker_pull_command, &push_command,
	&save_command,     &load_command,          &import_command,      NULL,
};

const struct command image_command = {
	.name = "image",
	.args = "COMMAND",
	.brief = "Images that are here: list, look into, remove",
	.sub = image_sub,
	.group = GROUP_IMAGE,
};
