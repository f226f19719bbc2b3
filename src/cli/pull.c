/* pull and push: of a project's services, or of images by name. */
#include "image/pull.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/images_ready.h"
#include "cli/pulls.h"
#include "image/ref.h"
#include "image/store.h"
#include <errno.h>
#include <string.h>

struct pull {
	bool ignore_buildable, ignore_failures, include_deps, quiet, no_parallel, all_tags;
	const char *policy, *platform;
};

static void want(struct cli *c, struct pull_wants *to, struct pull_want w)
{
	vec_each(x, to) {
		if (!strcmp(x->ref, w.ref))
			return;
	}
	w.label = arena_printf(&c->arena, "Image %s", w.ref);
	*vec_push(&c->arena, to) = w;
}

/*
 * Words are services where the project has them, else images: `berth pull alpine` works in any
 * directory. The project is loaded only where that cannot be told from the word.
 */
static int words_are_images(struct cli *c, int argc, char **argv, struct project **p, struct err *e)
{
	struct err ignored;
	int services = 0;

	*p = NULL;
	if (c->world == WORLD_DOCKER)
		return 1;
	if (!argc)
		return cli_project(c, NULL, p, e);
	for (int i = 0; i < argc; i++) {
		if (strpbrk(argv[i], "/:@"))
			return 1;
	}
	if (cli_project(c, NULL, p, &ignored) < 0) {
		if (ignored.code == ENOENT && !c->global.files.n)
			return 1;
		*e = ignored;
		return -e->code;
	}
	for (int i = 0; i < argc; i++)
		services += project_service(*p, argv[i]) != NULL;
	if (services && services < argc) {
		for (int i = 0; i < argc; i++) {
			if (!project_service(*p, argv[i]))
				return err_set(e, ENOENT, "no such service: %s", argv[i]);
		}
	}
	return services ? 0 : 1;
}

static int image_wants(struct cli *c, int argc, char **argv, const char *platform,
		       struct pull_wants *out, struct err *e)
{
	struct ref ref;

	for (int i = 0; i < argc; i++) {
		int r = ref_parse(&c->arena, argv[i], &ref, e);

		if (r < 0)
			return r;
		want(c, out,
		     (struct pull_want){.ref = ref_short(&c->arena, &ref), .platform = platform});
	}
	return 0;
}

/* -a is about repositories: a tag beside it contradicts. */
static int repository(struct cli *c, const char *word, struct ref *out, struct err *e)
{
	const char *slash = strrchr(word, '/');

	if (strchr(slash ? slash : word, ':') || strchr(word, '@'))
		return err_set(e, EINVAL, "%s has a tag: --all-tags takes a repository", word);
	return ref_parse(&c->arena, word, out, e);
}

/* What the registry has. */
static int all_there(struct cli *c, const char *word, struct strings *out, struct err *e)
{
	struct ref ref;
	int r = repository(c, word, &ref, e);

	return r < 0 ? r : pull_tags(&c->arena, word, out, e);
}

/* What is here under the repository's name. */
static int all_here(struct cli *c, const char *word, struct strings *out, struct err *e)
{
	struct images images = {0};
	struct ref ref, other;
	int r = repository(c, word, &ref, e);

	if (!r)
		r = store_list(&c->arena, &images, e);
	for (size_t i = 0; !r && i < images.n; i++) {
		vec_each(name, &images.v[i]->names) {
			r = ref_parse(&c->arena, *name, &other, e);
			if (!r && !strcmp(other.domain, ref.domain) &&
			    !strcmp(other.path, ref.path))
				*vec_push(&c->arena, out) = *name;
		}
	}
	if (!r && !out->n)
		return err_set(e, ENOENT, "no image here is named %s", word);
	return r;
}

/* 1: the words are images, never services. */
static int all_needs_names(int argc, struct err *e)
{
	return argc ? 1 : err_set(e, EINVAL, "--all-tags needs the name of a repository");
}

typedef int tags_fn(struct cli *c, const char *word, struct strings *out, struct err *e);
static int all_wants(struct cli *c, int argc, char **argv, tags_fn *tags, const char *platform,
		     struct pull_wants *out, struct err *e)
{
	for (int i = 0; i < argc; i++) {
		struct strings refs = {0};
		int r = tags(c, argv[i], &refs, e);

		if (r < 0)
			return r;
		vec_each(ref, &refs)
			want(c, out, (struct pull_want){.ref = *ref, .platform = platform});
	}
	return 0;
}

static void service_names(struct cli *c, const struct project *p, int argc, char **argv,
			  bool with_deps, struct strings *out)
{
	struct strings named = {0};

	for (int i = 0; i < argc; i++)
		*vec_push(&c->arena, &named) = argv[i];
	services_wanted(c, p, &named, !with_deps, out);
}

static bool is_pulled(const struct service *s, const struct pull *o)
{
	const char *policy = s->pull_policy ? s->pull_policy : "";

	if (!s->image || !strcmp(policy, "never") || !strcmp(policy, "build"))
		return false;
	return !(s->build.given && o->ignore_buildable);
}

/* "docker.io/library/busybox:latest", as docker pull -q has it. */
static void print_full(struct cli *c, const char *text)
{
	struct ref ref;
	struct err ignored;

	if (!ref_parse(&c->arena, text, &ref, &ignored))
		puts(ref_full(&c->arena, &ref));
}

static int pull_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct pull *o = opts;
	struct pulls_options how = {.quiet = o->quiet, .keep_going = o->ignore_failures};
	struct pull_wants wants = {0};
	struct strings names;
	struct project *p = NULL;
	int r = o->all_tags ? all_needs_names(argc, e) : words_are_images(c, argc, argv, &p, e);

	if (o->no_parallel)
		c->global.parallel = 1;
	if (r < 0)
		return r;
	if (r) {
		how.notes = !o->quiet;
		r = o->all_tags ? all_wants(c, argc, argv, all_there, o->platform, &wants, e)
				: image_wants(c, argc, argv, o->platform, &wants, e);
		if (!r)
			r = pulls_run(c, &wants, &how, e);
		if (!r && o->quiet && c->world == WORLD_DOCKER)
			vec_each(w, &wants)
				print_full(c, w->ref);
		return r;
	}
	service_names(c, p, argc, argv, o->include_deps, &names);
	vec_each(name, &names) {
		const struct service *s = project_service(p, *name);
		bool missing = o->policy && !strcmp(o->policy, "missing");

		if (is_pulled(s, o))
			want(c, &wants,
			     (struct pull_want){.ref = s->image,
						.platform = s->platform,
						.built_by = s->build.given ? s->name : NULL,
						.only_missing = missing});
	}
	return pulls_run(c, &wants, &how, e);
}

/* clang-format off */
static const struct opt pull_opts[] = {
	{'a', "all-tags",             OPT_FLAG, offsetof(struct pull, all_tags),         NULL,             "of images by name: every tag of the repository"},
	{0,   "ignore-buildable",     OPT_FLAG, offsetof(struct pull, ignore_buildable), NULL,             "leave out services that can be built"},
	{0,   "ignore-pull-failures", OPT_FLAG, offsetof(struct pull, ignore_failures),  NULL,             "a failure is a warning"},
	{0,   "include-deps",         OPT_FLAG, offsetof(struct pull, include_deps),     NULL,             "the services depended on, too"},
	{0,   "platform",             OPT_STR,  offsetof(struct pull, platform),         "OS/ARCH",        "for images by name: not this machine's platform"},
	{0,   "policy",               OPT_WORD, offsetof(struct pull, policy),           "missing|always", "missing: only what is not here"},
	{'q', "quiet",                OPT_FLAG, offsetof(struct pull, quiet),            NULL,             "no progress"},
	{0,   "no-parallel",          OPT_FLAG, offsetof(struct pull, no_parallel),      NULL,             NULL},
	{0},
};
static const struct opt docker_pull_opts[] = {
	{'a', "all-tags", OPT_FLAG, offsetof(struct pull, all_tags), NULL,      "every tag of the repository"},
	{0,   "platform", OPT_STR,  offsetof(struct pull, platform), "OS/ARCH", "not this machine's platform"},
	{'q', "quiet",    OPT_FLAG, offsetof(struct pull, quiet),    NULL,      "no progress"},
	{0},
};
/* clang-format on */

const struct command pull_command = {
	.name = "pull",
	.args = "[SERVICE...|IMAGE...]",
	.brief = "Get the images of services, or images by name",
	.opts = pull_opts,
	.size = sizeof(struct pull),
	.max = -1,
	.run = pull_run,
	.group = GROUP_IMAGE,
	.world = WORLD_COMPOSE,
};

const struct command docker_pull_command = {
	.name = "pull",
	.args = "IMAGE...",
	.brief = "Get images from their registries",
	.opts = docker_pull_opts,
	.size = sizeof(struct pull),
	.min = 1,
	.max = -1,
	.run = pull_run,
	.group = GROUP_IMAGE,
	.world = WORLD_DOCKER,
};

struct push {
	bool ignore_failures, include_deps, quiet, all_tags;
};

static int push_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct push *o = opts;
	struct pulls_options how = {
		.quiet = o->quiet, .keep_going = o->ignore_failures, .push = true};
	struct pull_wants wants = {0};
	struct strings names;
	struct project *p = NULL;
	int r = o->all_tags ? all_needs_names(argc, e) : words_are_images(c, argc, argv, &p, e);

	if (r < 0)
		return r;
	if (r) {
		how.notes = !o->quiet;
		r = o->all_tags ? all_wants(c, argc, argv, all_here, NULL, &wants, e)
				: image_wants(c, argc, argv, NULL, &wants, e);
		return r ? r : pulls_run(c, &wants, &how, e);
	}
	service_names(c, p, argc, argv, o->include_deps, &names);
	vec_each(name, &names) {
		const struct service *s = project_service(p, *name);

		if (s->image && s->build.given)
			want(c, &wants, (struct pull_want){.ref = s->image});
	}
	return pulls_run(c, &wants, &how, e);
}

/* clang-format off */
static const struct opt push_opts[] = {
	{'a', "all-tags",             OPT_FLAG, offsetof(struct push, all_tags),        NULL, "of images by name: every tag of the repository"},
	{0,   "ignore-push-failures", OPT_FLAG, offsetof(struct push, ignore_failures), NULL, "a failure is a warning"},
	{0,   "include-deps",         OPT_FLAG, offsetof(struct push, include_deps),    NULL, "the services depended on, too"},
	{'q', "quiet",                OPT_FLAG, offsetof(struct push, quiet),           NULL, "no progress"},
	{0},
};
/* clang-format on */

const struct command push_command = {
	.name = "push",
	.args = "[SERVICE...|IMAGE...]",
	.brief = "Send the images that services build, or images by name, to their registries",
	.opts = push_opts,
	.size = sizeof(struct push),
	.max = -1,
	.run = push_run,
	.group = GROUP_IMAGE,
};
