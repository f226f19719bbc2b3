/* secret create|ls|inspect|rm: what `external: true` names in a compose file (supervise/vault.h).
 */
#include "base/file.h"
#include "base/json.h"
#include "base/vec.h"
#include "base/when.h"
#include "cli/commands.h"
#include "cli/image.h"
#include "cli/table.h"
#include "supervise/vault.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct secret_create {
	const char *driver;
	struct strings labels;
	bool replace;
};

static int read_content(struct cli *c, const char *from, struct span *out, struct err *e)
{
	if (!strcmp(from, "-"))
		return file_read_fd(&c->arena, STDIN_FILENO, VAULT_MAX, out, e);
	return file_read(&c->arena, AT_FDCWD, from, VAULT_MAX, out, e);
}

static int secret_create_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct secret_create *o = opts;
	struct pairs labels = {0};
	struct span content;
	char *id;
	int r;

	if (o->driver)
		return err_set(e, ENOTSUP,
			       "secret driver \"%s\" is not known: berth's own store "
			       "is the only one",
			       o->driver);
	vec_each(l, &o->labels) {
		struct span value = span_of(*l), key;

		span_cut(&value, '=', &key);
		*vec_push(&c->arena, &labels) =
			(struct pair){span_dup(&c->arena, key), span_dup(&c->arena, value)};
	}
	r = read_content(c, argc > 1 ? argv[1] : "-", &content, e);
	if (r < 0)
		return r;
	r = vault_put(&c->arena, argv[0], content, &labels, o->replace, &id, e);
	explicit_bzero((char *)content.p, content.n);
	if (r == -EEXIST)
		return err_hint(e, "--replace gives it this content; \"berth up\" then makes the "
				   "containers anew that use it");
	if (!r)
		puts(id);
	return r;
}

/* clang-format off */
static const struct opt secret_create_opts[] = {
	{'d', "driver",  OPT_STR,  offsetof(struct secret_create, driver),  "NAME",      "berth has one store only: refused"},
	{'l', "label",   OPT_LIST, offsetof(struct secret_create, labels),  "KEY=VALUE", "a label"},
	{0,   "replace", OPT_FLAG, offsetof(struct secret_create, replace), NULL,        "give one that exists this content"},
	{0},
};
/* clang-format on */

static const struct command secret_create_command = {
	.name = "create",
	.args = "NAME [FILE|-]",
	.brief = "Keep the content of a file, or of standard input, as a secret",
	.opts = secret_create_opts,
	.size = sizeof(struct secret_create),
	.min = 1,
	.max = 2,
	.run = secret_create_run,
	.unplanned = true,
};

struct secret_ls {
	bool quiet;
	const char *format;
};

static int secret_ls_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const struct column columns[] = {{"ID", "ID"},
						{"NAME", "Name"},
						{"DRIVER", "Driver"},
						{"CREATED", "CreatedAt"},
						{0}};
	const struct secret_ls *o = opts;
	auto_json *rows = json_array();
	struct vault_entries all;
	int r = vault_list(&c->arena, &all, e);

	if (r < 0)
		return r;
	vec_each(v, &all) {
		char age[40];

		if (o->quiet)
			puts(v->id);
		when_human(when_wall_ns() - v->created_ns, age);
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s}", "ID", v->id, "Name",
						      v->name, "Driver", "", "CreatedAt",
						      arena_printf(&c->arena, "%s ago", age)));
	}
	return o->quiet ? 0 : table_print(stdout, o->format, columns, rows, TABLE_LINES, e);
}

/* clang-format off */
static const struct opt secret_ls_opts[] = {
	{0,   "format", OPT_STR,  offsetof(struct secret_ls, format), "FORMAT", "table, json, or a template"},
	{'q', "quiet",  OPT_FLAG, offsetof(struct secret_ls, quiet),  NULL,     "only ids"},
	{0},
};
/* clang-format on */

static const struct command secret_ls_command = {
	.name = "ls",
	.brief = "List the secrets; nothing shows their content",
	.opts = secret_ls_opts,
	.size = sizeof(struct secret_ls),
	.run = secret_ls_run,
};

struct secret_inspect {
	const char *format;
};

static int secret_inspect_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct secret_inspect *o = opts;
	auto_json *rows = json_array();

	for (int i = 0; i < argc; i++) {
		struct vault_entry v;
		char created[40];
		int r = vault_find(&c->arena, argv[i], &v, e);

		if (r < 0)
			return r;
		json_t *labels = json_object();

		vec_each(l, &v.labels)
			json_object_set_new(labels, l->key, json_string(l->value));
		when_rfc3339(v.created_ns, created);
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:{s:s, s:o}}", "ID", v.id,
						      "CreatedAt", created, "UpdatedAt", created,
						      "Spec", "Name", v.name, "Labels", labels));
	}
	return image_print(c, o->format, rows, e);
}

/* clang-format off */
static const struct opt secret_inspect_opts[] = {
	{'f', "format", OPT_STR, offsetof(struct secret_inspect, format), "FORMAT", "json or a template"},
	{0},
};
/* clang-format on */

static const struct command secret_inspect_command = {
	.name = "inspect",
	.args = "NAME...",
	.brief = "Show all about secrets but their content",
	.opts = secret_inspect_opts,
	.size = sizeof(struct secret_inspect),
	.min = 1,
	.max = -1,
	.run = secret_inspect_run,
};

static int secret_rm_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	for (int i = 0; i < argc; i++) {
		int r = vault_remove(argv[i], e);

		if (r < 0)
			return r;
		puts(argv[i]);
	}
	return 0;
}

static const struct command secret_rm_command = {
	.name = "rm",
	.args = "NAME...",
	.brief = "Remove secrets",
	.min = 1,
	.max = -1,
	.run = secret_rm_run,
	.unplanned = true,
};

static const struct command *const secret_sub[] = {
	&secret_create_command,
	&secret_ls_command,
	&secret_inspect_command,
	&secret_rm_command,
	NULL,
};

const struct command secret_command = {
	.name = "secret",
	.args = "COMMAND",
	.brief = "Secrets that compose files call external: kept encrypted on this machine",
	.sub = secret_sub,
	.group = GROUP_RESOURCE,
};
