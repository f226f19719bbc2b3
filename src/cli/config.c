/* config: the resolved model and questions about it. */
#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/complain.h"
#include "compose/explain.h"
#include "compose/node.h"
#include "compose/render.h"
#include "image/pull.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct config {
	const char *format, *hash, *output, *explain;
	bool services, volumes, networks, models, profiles, images, environment, variables, quiet;
	bool no_interpolate, no_normalize, no_path_resolution, no_consistency, no_env_resolution;
	bool strict, resolve_digests, lock_digests;
};

static void set_load(const struct config *o, struct load_options *load)
{
	load->no_interpolate = o->no_interpolate || o->variables;
	load->no_normalize = o->no_normalize;
	load->no_path_resolution = o->no_path_resolution;
	load->no_consistency = o->no_consistency || o->no_interpolate || o->variables;
	load->names_only = o->services || o->volumes || o->networks || o->images || o->profiles ||
			   o->environment || o->hash;
	/* Names and hashes need no env_file: they are told also where one is missing. */
	load->no_env_resolution = o->services || o->volumes || o->networks || o->models ||
				  o->profiles || o->images || o->hash;
	load->no_hash = !o->hash;
	load->strict = o->strict;
}

static int print_hashes(struct cli *c, const char *names, struct project *p, struct buf *out,
			struct err *e)
{
	struct strings wanted = {0};
	struct span rest = span_of(names), head;

	while (rest.n) {
		span_cut(&rest, ',', &head);
		*vec_push(&c->arena, &wanted) = span_dup(&c->arena, head);
	}
	return render_hashes(p, &wanted, out, e);
}

/* Every image as NAME@DIGEST; images that are only built have no registry to ask. */
static int pin_images(struct cli *c, struct project *p, struct err *e)
{
	struct node *services = node_get(p->tree, "services");

	for (size_t i = 0; services && i < services->kids.n; i++) {
		struct node *image = node_get(services->kids.v[i], "image");
		const char *digest;
		int r;

		if (!node_text(image) || strstr(image->text, "@sha256:"))
			continue;
		r = pull_digest(&c->arena, image->text, &digest, e);
		if (r < 0)
			return err_wrap(e, "resolve the image of service \"%s\"",
					services->kids.v[i]->key);
		image->text = arena_printf(&c->arena, "%s@%s", image->text, digest);
	}
	return 0;
}

/* Only the images: what to lay over the project with another -f. */
static void keep_images(struct cli *c, struct project *p)
{
	struct node *services = node_get(p->tree, "services");
	struct node *tree = node_new(&c->arena, NODE_MAP, p->tree);
	struct node *kept = node_new(&c->arena, NODE_MAP, p->tree);

	for (size_t i = 0; services && i < services->kids.n; i++) {
		struct node *image = node_get(services->kids.v[i], "image");
		struct node *one = node_new(&c->arena, NODE_MAP, p->tree);

		if (!image)
			continue;
		node_set(&c->arena, one, "image", image);
		node_set(&c->arena, kept, services->kids.v[i]->key, one);
	}
	node_set(&c->arena, tree, "services", kept);
	p->tree = tree;
}

static int print(struct cli *c, const struct config *o, struct project *p, int argc, char **argv,
		 struct buf *out, struct err *e)
{
	const struct {
		bool asked;
		enum render_list what;
	} lists[] = {
		{o->services, RENDER_SERVICES},       {o->volumes, RENDER_VOLUMES},
		{o->networks, RENDER_NETWORKS},       {o->models, RENDER_MODELS},
		{o->profiles, RENDER_PROFILES},       {o->images, RENDER_IMAGES},
		{o->environment, RENDER_ENVIRONMENT},
	};
	struct render_options r = {.model = o->no_interpolate,
				   .json = o->format && !strcmp(o->format, "json")};

	if (o->explain)
		return explain(p, o->explain, out, e);
	if (o->hash)
		return print_hashes(c, o->hash, p, out, e);
	if (o->variables)
		return render_variables(p, r.json, out, e);
	for (size_t i = 0; i < countof(lists); i++) {
		if (lists[i].asked) {
			render_names(p, lists[i].what, out);
			return 0;
		}
	}
	for (int i = 0; i < argc; i++)
		*vec_push(&c->arena, &r.services) = argv[i];
	return render_config(p, &r, out, e);
}

static int config_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct config *o = opts;
	struct load_options load;
	struct project *p;
	auto_buf out = {0};
	int r;

	cli_load_options(c, &load);
	set_load(o, &load);
	for (int i = 0; i < argc; i++)
		*vec_push(&c->arena, &load.enable) = argv[i];
	r = project_load(&c->arena, &load, &p, e);
	if (r < 0)
		return r;
	if (o->no_env_resolution)
		complain_warning(stderr,
				 "--no-env-resolution has no effect, as in docker compose 2.40: "
				 "--no-interpolate shows env_file as written",
				 c->colour_err);
	cli_warnings(c, p);
	if (o->resolve_digests || o->lock_digests)
		r = p->tree ? pin_images(c, p, e)
			    : err_set(e, EINVAL,
				      "digests need the values: leave --no-interpolate out");
	if (r >= 0 && o->lock_digests)
		keep_images(c, p);
	if (r >= 0)
		r = print(c, o, p, argc, argv, &out, e);
	if (r < 0 || o->quiet)
		return r;
	if (o->output)
		return file_replace(AT_FDCWD, o->output, out.p ? out.p : "", out.n, 0644, FILE_FAST,
				    e);
	if (out.n)
		fwrite(out.p, 1, out.n, stdout);
	return 0;
}

#define C(field) offsetof(struct config, field)

/* clang-format off */
static const struct opt config_opts[] = {
	{0,   "format",             OPT_WORD, C(format),             "yaml|json", "how to print it"},
	{0,   "services",           OPT_FLAG, C(services),           NULL, "names of the services"},
	{0,   "volumes",            OPT_FLAG, C(volumes),            NULL, "names of the volumes"},
	{0,   "networks",           OPT_FLAG, C(networks),           NULL, "names of the networks"},
	{0,   "models",             OPT_FLAG, C(models),             NULL, "names of the models"},
	{0,   "profiles",           OPT_FLAG, C(profiles),           NULL, "names of the profiles"},
	{0,   "images",             OPT_FLAG, C(images),             NULL, "images that are run"},
	{0,   "hash",               OPT_STR,  C(hash),               "SERVICES", "hash of each service's definition; * is all"},
	{0,   "environment",        OPT_FLAG, C(environment),        NULL, "variables that values may use"},
	{0,   "variables",          OPT_FLAG, C(variables),          NULL, "variables that the files ask for, with defaults"},
	{0,   "no-interpolate",     OPT_FLAG, C(no_interpolate),     NULL, "leave ${VARIABLES} as they are"},
	{0,   "no-normalize",       OPT_FLAG, C(no_normalize),       NULL, "add no defaults"},
	{0,   "no-path-resolution", OPT_FLAG, C(no_path_resolution), NULL, "leave relative paths as they are"},
	{0,   "no-consistency",     OPT_FLAG, C(no_consistency),     NULL, "do not check references"},
	{0,   "no-env-resolution",  OPT_FLAG, C(no_env_resolution),  NULL, "no effect, as in docker compose 2.40"},
	{0,   "explain",            OPT_STR,  C(explain),            "VARIABLE|PATH", "where a value comes from, as in TAG or services.web.image"},
	{0,   "resolve-image-digests", OPT_FLAG, C(resolve_digests), NULL, "pin every image to the digest its registry has now"},
	{0,   "lock-image-digests", OPT_FLAG, C(lock_digests),       NULL, "print an override file that holds only the pinned images"},
	{0,   "strict",             OPT_FLAG, C(strict),             NULL, "take warnings for errors"},
	{'q', "quiet",              OPT_FLAG, C(quiet),              NULL, "only check, print nothing"},
	{'o', "output",             OPT_STR,  C(output),             "FILE", "write to this file"},
	{0},
};
/* clang-format on */

const struct command config_command = {
	.name = "config",
	.args = "[SERVICE...]",
	.brief = "Print the project as berth understands it, or answer a question about it.",
	.opts = config_opts,
	.size = sizeof(struct config),
	.max = -1,
	.run = config_run,
	.group = GROUP_PROJECT,
	.reads = READS_ALL,
};
