/* build: services of the project, or an image from a directory. */
#include "build/build.h"
#include "base/file.h"
#include "base/when.h"
#include "build/fetch.h"
#include "cli/build_call.h"
#include "cli/build_output.h"
#include "cli/build_print.h"
#include "cli/builds.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/images_ready.h"
#include "image/ref.h"
#include "image/store.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

struct build_opts {
	struct strings tags, args, contexts, secrets, ssh, labels, hosts, ulimits, no_cache_filter,
		allow, cache_from, cache_to, outputs;
	const char *file, *target, *network, *platform, *progress, *iidfile, *metadata, *shm_size,
		*call, *builder, *provenance, *sbom, *memory;
	struct strings attest, annotations;
	bool no_cache, pull, quiet, load, with_dependencies, push, check, print, old;
	struct build_call asked;
};

/* ---- words to fields ---- */

static void key_value(struct arena *a, const char *word, struct pairs *out)
{
	const char *eq = strchr(word, '=');

	if (eq)
		*vec_push(a, out) =
			(struct pair){arena_strndup(a, word, (size_t)(eq - word)), eq + 1};
	else if (getenv(word)) /* "--build-arg NAME": the environment's, or nothing */
		*vec_push(a, out) = (struct pair){word, getenv(word)};
}

static int field(struct arena *a, const char *flag, const char *word, struct pairs *out,
		 struct err *e)
{
	const char *eq = strchr(word, '=');

	if (!eq || eq == word)
		return err_set(e, EINVAL, "--%s needs NAME=VALUE, not \"%s\"", flag, word);
	*vec_push(a, out) = (struct pair){arena_strndup(a, word, (size_t)(eq - word)), eq + 1};
	return 0;
}

static const char *absolute(struct arena *a, const char *path)
{
	char cwd[PATH_MAX];

	if (*path == '/' || !getcwd(cwd, sizeof(cwd)))
		return path;
	return arena_printf(a, "%s/%s", cwd, path);
}

/* "id=x,src=FILE", "id=x,env=NAME", "id=x" (the variable of that name), "FILE" */
static int secret(struct arena *a, const char *word, struct build_request *q, struct err *e)
{
	struct build_secret_source s = {0};
	const char *env = NULL;
	struct span rest = span_of(word), part;
	bool more = true;

	while (more) {
		struct span key;

		more = span_cut(&rest, ',', &part);
		span_cut(&part, '=', &key);
		if (span_is(key, "id"))
			s.id = span_dup(a, part);
		else if (span_is(key, "src") || span_is(key, "source"))
			s.file = absolute(a, span_dup(a, part));
		else if (span_is(key, "env"))
			env = span_dup(a, part);
		else if (span_is(key, "type") && span_is(part, "env"))
			env = "";
		else if (!span_is(key, "type"))
			return err_set(e, EINVAL, "unexpected key in --secret %s", word);
	}
	if (!s.id)
		return err_set(e, EINVAL, "--secret %s has no id", word);
	if (env && !*env && s.file)
		env = strrchr(s.file, '/') + 1, s.file = NULL;
	if (!s.file) {
		s.value = getenv(env && *env ? env : s.id);
		if (!s.value && env)
			return err_set(e, ENOENT, "--secret %s: the variable is not set", word);
		if (!s.value)
			s.file = absolute(a, s.id);
	}
	*vec_push(a, &q->secrets) = s;
	return 0;
}

static void ssh(struct arena *a, const char *word, struct build_request *q)
{
	const char *eq = strchr(word, '='), *agent = getenv("SSH_AUTH_SOCK");
	struct build_ssh s = {eq ? arena_strndup(a, word, (size_t)(eq - word)) : word,
			      eq ? eq + 1 : agent};

	if (s.path)
		*vec_push(a, &q->ssh) = s;
}

static int host(struct arena *a, const char *word, struct build_request *q, struct err *e)
{
	size_t n = strcspn(word, "=:");

	if (!word[n])
		return err_set(e, EINVAL, "--add-host needs NAME:ADDRESS, not \"%s\"", word);
	*vec_push(a, &q->extra_hosts) = (struct pair){arena_strndup(a, word, n), word + n + 1};
	return 0;
}

static int ulimit(struct arena *a, const char *word, struct build_request *q, struct err *e)
{
	struct span rest = span_of(word), name, soft;
	struct ulimit u;
	bool has = span_cut(&rest, '=', &name), two = span_cut(&rest, ':', &soft);

	u.name = span_dup(a, name);
	if (!has || text_to_i64(span_dup(a, soft), &u.soft) < 0)
		return err_set(e, EINVAL, "--ulimit needs NAME=SOFT[:HARD], not \"%s\"", word);
	u.hard = u.soft;
	if (two && text_to_i64(span_dup(a, rest), &u.hard) < 0)
		return err_set(e, EINVAL, "--ulimit needs NAME=SOFT[:HARD], not \"%s\"", word);
	*vec_push(a, &q->ulimits) = u;
	return 0;
}

static int allow(const struct build_opts *o, struct build_request *q, struct err *e)
{
	for (size_t i = 0; i < o->allow.n; i++) {
		if (!strcmp(o->allow.v[i], "security.insecure"))
			q->insecure = true;
		else if (!strcmp(o->allow.v[i], "network.host"))
			q->host_network = true;
		else
			return err_set(e, EINVAL, "--allow %s: unknown entitlement", o->allow.v[i]);
	}
	return 0;
}

static int lists(struct arena *a, const struct build_opts *o, struct build_request *q,
		 struct err *e)
{
	int r = allow(o, q, e);

	for (size_t i = 0; i < o->args.n; i++)
		key_value(a, o->args.v[i], &q->args);
	for (size_t i = 0; r == 0 && i < o->contexts.n; i++) {
		struct pair *p;

		r = field(a, "build-context", o->contexts.v[i], &q->contexts, e);
		p = r == 0 ? &q->contexts.v[q->contexts.n - 1] : NULL;
		if (p && !strstr(p->value, "://") && !fetch_is_git(p->value))
			p->value = absolute(a, p->value);
	}
	for (size_t i = 0; r == 0 && i < o->labels.n; i++)
		r = field(a, "label", o->labels.v[i], &q->labels, e);
	for (size_t i = 0; r == 0 && i < o->secrets.n; i++)
		r = secret(a, o->secrets.v[i], q, e);
	for (size_t i = 0; r == 0 && i < o->hosts.n; i++)
		r = host(a, o->hosts.v[i], q, e);
	for (size_t i = 0; r == 0 && i < o->ulimits.n; i++)
		r = ulimit(a, o->ulimits.v[i], q, e);
	for (size_t i = 0; i < o->ssh.n; i++)
		ssh(a, o->ssh.v[i], q);
	return r;
}

/* -f is from where the user stands; without it the context has the Dockerfile. */
static const char *dockerfile(struct arena *a, const char *file, const char *context)
{
	if (!file || !strcmp(file, "-") || *file == '/')
		return file;
	if (!strcmp(context, "-") || strstr(context, "://") || fetch_is_git(context))
		return file; /* from inside it */
	return absolute(a, file);
}

static int request(struct arena *a, const struct build_opts *o, const char *context,
		   struct build_request *q, struct err *e)
{
	*q = (struct build_request){
		.context = context,
		.dockerfile = dockerfile(a, o->file, context),
		.tags = o->tags,
		.target = o->target,
		.platform = o->platform,
		.network = o->network,
		.no_cache = o->no_cache,
		.no_cache_filter = o->no_cache_filter,
		.cache_from = o->cache_from,
		.cache_to = o->cache_to,
		.pull = o->pull,
	};
	if (o->network && !strcmp(o->network, "host"))
		q->host_network = true;
	if (o->shm_size && size_parse(o->shm_size, &q->shm_size, e) < 0)
		return err_wrap(e, "--shm-size");
	if (getenv("SOURCE_DATE_EPOCH"))
		*vec_push(a, &q->args) =
			(struct pair){"SOURCE_DATE_EPOCH", getenv("SOURCE_DATE_EPOCH")};
	return lists(a, o, q, e);
}

/* ---- an image ---- */

static int put_file(const char *path, const char *text, struct err *e)
{
	return path ? file_replace(AT_FDCWD, path, text, strlen(text), 0644, FILE_FAST, e) : 0;
}

static void describe(struct cli *c, const struct strings *tags, const struct image *img,
		     struct buf *out)
{
	struct ref ref;
	struct err ignored;

	buf_printf(out,
		   "{\n  \"containerimage.config.digest\": \"%s\",\n"
		   "  \"containerimage.digest\": \"%s\"",
		   img->id, img->digest ? img->digest : img->id);
	for (size_t i = 0; i < tags->n; i++)
		if (ref_parse(&c->arena, tags->v[i], &ref, &ignored) == 0)
			buf_printf(out, "%s%s", i ? "," : ",\n  \"image.name\": \"",
				   ref_full(&c->arena, &ref));
	buf_printf(out, "%s\n}\n", tags->n ? "\"" : "");
}

static int results(struct cli *c, const struct build_opts *o, const struct strings *tags,
		   const struct image *img, struct err *e)
{
	auto_buf meta = {0};
	int r = put_file(o->iidfile, img->id, e);

	describe(c, tags, img, &meta);
	if (r == 0)
		r = put_file(o->metadata, meta.p, e);
	if (o->quiet && !o->outputs.n)
		puts(img->id);
	else if (r == 0 && !o->quiet)
		fprintf(stderr, "built %.19s%s%s\n", img->id, tags->n ? " as " : "",
			tags->n ? tags->v[0] : "");
	return r == 0 && o->push ? build_push(c, tags, e) : r;
}

/* Where only files are wanted no image stays: its layers are the cache's. */
static bool is_kept(const struct build_opts *o, const struct build_output *outputs)
{
	for (size_t i = 0; i < o->outputs.n; i++)
		if (outputs[i].kind == OUTPUT_IMAGE || !outputs[i].dest)
			return true;
	return !o->outputs.n || o->tags.n || o->load || o->push;
}

static int write_outputs(struct cli *c, const struct build_opts *o, const struct strings *tags,
			 const struct build_output *outputs, struct image *img, struct err *e)
{
	struct strings gone = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < o->outputs.n; i++)
		r = build_output_write(c, img, tags, &outputs[i], e);
	if (r < 0 || is_kept(o, outputs) || store_names(&c->arena, img, e) < 0 || img->names.n)
		return r;
	return store_remove(&c->arena, img->id, false, &gone, e);
}

static int build_path(struct cli *c, const struct build_opts *o, const char *context, struct err *e)
{
	struct build_output *outputs = arena_alloc(&c->arena, o->outputs.n * sizeof(*outputs));
	struct build_request q;
	struct build_view *v;
	struct image *img;
	int r = request(&c->arena, o, context, &q, e);

	for (size_t i = 0; r == 0 && i < o->outputs.n; i++) {
		r = build_output_parse(&c->arena, o->outputs.v[i], &outputs[i], e);
		if (r == 0 && outputs[i].name)
			*vec_push(&c->arena, &q.tags) = outputs[i].name;
	}
	if (r < 0)
		return r;
	if (o->asked.question)
		return build_call(c, &o->asked, &q, e);
	if (c->global.dry_run) {
		printf("build %s\n", context);
		return 0;
	}
	v = build_view_new(c, o->progress, o->quiet);
	q.progress = build_view_progress(v);
	q.pull_progress = build_view_pulls(v);
	r = build_image(&c->arena, &q, &img, e);
	build_view_free(v);
	if (r == 0)
		r = results(c, o, &q.tags, img, e);
	return r < 0 ? r : write_outputs(c, o, &q.tags, outputs, img, e);
}

/* ---- services ---- */

int builds_run(struct cli *c, const struct project *p, const struct strings *services,
	       const struct builds_options *o, struct err *e)
{
	struct build_view *v = build_view_new(c, o->progress, o->quiet);
	struct build_overrides over = {o->args,
				       o->no_cache,
				       o->pull,
				       o->more,
				       build_view_progress(v),
				       build_view_pulls(v)};
	int r = build_services(&c->arena, p, services, &over, e);

	build_view_free(v);
	return r;
}

/* Of one image only: for services the file says it. */
static int refuse_path_options(const struct build_opts *o, struct err *e)
{
	const struct {
		const char *name;
		bool given;
	} rows[] = {
		{"label", o->labels.n},      {"add-host", o->hosts.n},
		{"ulimit", o->ulimits.n},    {"no-cache-filter", o->no_cache_filter.n},
		{"cache-to", o->cache_to.n}, {"cache-from", o->cache_from.n},
		{"network", o->network},     {"platform", o->platform},
		{"shm-size", o->shm_size},   {"metadata-file", o->metadata},
		{"allow", o->allow.n},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		if (!rows[i].given)
			continue;
		err_set(e, EINVAL, "--%s is for the build of a path", rows[i].name);
		return err_hint(e, "services have it in the file, under build");
	}
	return 0;
}

static int wanted_builds(struct cli *c, const struct build_opts *o, const struct project *p,
			 const struct strings *named, struct builds_named *out, struct err *e)
{
	struct strings wanted = {0};
	int r = 0;

	for (size_t i = 0; i < named->n; i++)
		if (!project_service(p, named->v[i]))
			return err_set(e, ENOENT, "no such service: %s", named->v[i]);
	services_wanted(c, p, named, !o->with_dependencies, &wanted);
	for (size_t i = 0; r == 0 && i < wanted.n; i++) {
		const struct service *s = project_service(p, wanted.v[i]);
		struct build_named *b;

		if (!s->build.given)
			continue;
		b = vec_push(&c->arena, out);
		*b = (struct build_named){s->name};
		r = build_service_request(&c->arena, p, s, &b->request, e);
	}
	if (!out->n)
		fprintf(stderr, "no service to build\n");
	return r;
}

static int answer_all(struct cli *c, const struct build_call *asked,
		      const struct builds_named *builds, struct err *e)
{
	int r = 0, worst = 0;

	vec_each(b, builds) {
		r = build_call(c, asked, &b->request, e);
		if (r < 0)
			return r;
		worst = r > worst ? r : worst;
	}
	return worst;
}

static int build_project(struct cli *c, const struct build_opts *o, const struct strings *named,
			 struct err *e)
{
	struct builds_options b = {.no_cache = o->no_cache,
				   .pull = o->pull,
				   .quiet = o->quiet,
				   .progress = o->progress};
	struct build_request more = {0};
	struct builds_named builds = {0};
	struct strings names = {0}, tags = {0};
	struct project *p;
	int r = refuse_path_options(o, e);

	if (r == 0)
		r = cli_project(c, named, &p, e);
	if (r == 0)
		r = wanted_builds(c, o, p, named, &builds, e);
	if (r == 0)
		r = lists(&c->arena, o, &more, e);
	if (r < 0)
		return r;
	if (o->asked.question)
		return answer_all(c, &o->asked, &builds, e);
	if (o->print) {
		build_print(&c->arena, &builds);
		return 0;
	}
	vec_each(x, &builds) {
		if (c->global.dry_run)
			printf("build service %s\n", x->service);
	}
	if (c->global.dry_run)
		return 0;
	b.args = more.args;
	b.more = &more;
	vec_each(x, &builds) {
		*vec_push(&c->arena, &names) = x->service;
		*vec_push(&c->arena, &tags) =
			build_service_image(&c->arena, p, project_service(p, x->service));
	}
	r = builds_run(c, p, &names, &b, e);
	return r == 0 && o->push && tags.n ? build_push(c, &tags, e) : r;
}

static bool is_image_build(struct cli *c, const struct build_opts *o, int argc, char **argv)
{
	struct stat st;

	if (c->world == WORLD_DOCKER)
		return true;
	if (o->tags.n || o->file || o->target || o->contexts.n || o->iidfile || o->outputs.n)
		return true;
	if (argc != 1)
		return false;
	return !strcmp(argv[0], "-") || *argv[0] == '.' || strchr(argv[0], '/') ||
	       (stat(argv[0], &st) == 0 && S_ISDIR(st.st_mode) && access("compose.yaml", F_OK) < 0);
}

/* Docker's words for what is not here; scripts that say them go on, told so. */
static void say_unused(const struct build_opts *o)
{
	if (o->builder)
		fputs("warning: --builder is not used: berth builds itself\n", stderr);
	if (o->memory)
		fputs("warning: --memory is not used: RUN steps have no limit of memory\n", stderr);
	if (o->old)
		fputs("warning: --compress, --force-rm and --no-rm are not used\n", stderr);
	if ((o->provenance && strcmp(o->provenance, "false")) ||
	    (o->sbom && strcmp(o->sbom, "false")) || o->attest.n)
		fputs("warning: no attestations are made (--provenance, --sbom, --attest)\n",
		      stderr);
	if (o->annotations.n)
		fputs("warning: --annotation is not used: manifests carry none\n", stderr);
}

static int build_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct build_opts *o = opts;
	struct strings named = {0};
	int r = build_call_parse(o->check ? "check" : o->call, &o->asked, e);

	if (r < 0)
		return r;
	say_unused(o);
	if (is_image_build(c, o, argc, argv)) {
		if (argc == 1)
			return build_path(c, o, argv[0], e);
		c->bad_usage = true;
		return err_set(e, EINVAL, "build needs one context: a directory, \"-\" or an URL");
	}
	for (int i = 0; i < argc; i++)
		*vec_push(&c->arena, &named) = argv[i];
	return build_project(c, o, &named, e);
}

#define O(field) offsetof(struct build_opts, field)
/* clang-format off */
static const struct opt build_opts[] = {
	{'t', "tag",             OPT_LIST, O(tags),            "NAME",  "name of the image; may be given again"},
	{'f', "file",            OPT_STR,  O(file),            "PATH",  "the Dockerfile; - is standard input"},
	{0,   "build-arg",       OPT_LIST, O(args),            "K[=V]", "value of an ARG; without one, the environment's"},
	{0,   "build-context",   OPT_LIST, O(contexts),        "N=X",   "a further context: directory, git URL, docker-image://NAME"},
	{0,   "target",          OPT_STR,  O(target),          "STAGE", "stop at this stage"},
	{0,   "no-cache",        OPT_FLAG, O(no_cache),        NULL,    "do every step anew"},
	{0,   "no-cache-filter", OPT_LIST, O(no_cache_filter), "STAGE", "do the steps of this stage anew"},
	{0,   "cache-from",      OPT_LIST, O(cache_from),      "SPEC",  "another machine's cache: type=registry,ref=NAME or type=local,src=DIR"},
	{0,   "cache-to",        OPT_LIST, O(cache_to),        "SPEC",  "export the cache: type=registry|local|inline, mode=min|max"},
	{0,   "pull",            OPT_FLAG, O(pull),            NULL,    "ask the registry for newer base images"},
	{0,   "push",            OPT_FLAG, O(push),            NULL,    "push what was built"},
	{0,   "secret",          OPT_LIST, O(secrets),         "SPEC",  "id=NAME,src=FILE or id=NAME,env=VARIABLE"},
	{0,   "ssh",             OPT_LIST, O(ssh),             "SPEC",  "default or ID=SOCKET: an agent for RUN --mount=type=ssh"},
	{0,   "label",           OPT_LIST, O(labels),          "K=V",   "a label of the image"},
	{0,   "network",         OPT_STR,  O(network),         "MODE",  "of RUN steps: default, host or none"},
	{0,   "add-host",        OPT_LIST, O(hosts),           "N:IP",  "a line for /etc/hosts of RUN steps"},
	{0,   "platform",        OPT_STR,  O(platform),        "OS/A",  "of the image; RUN needs this machine's, or an emulator"},
	{0,   "progress",        OPT_WORD, O(progress),        "auto|plain|tty|json|rawjson|quiet", "how to show progress"},
	{'q', "quiet",           OPT_FLAG, O(quiet),           NULL,    "print the id of the image only"},
	{0,   "iidfile",         OPT_STR,  O(iidfile),         "FILE",  "write the id of the image here"},
	{0,   "metadata-file",   OPT_STR,  O(metadata),        "FILE",  "write a description of the result here"},
	{0,   "shm-size",        OPT_STR,  O(shm_size),        "SIZE",  "of /dev/shm of RUN steps"},
	{0,   "ulimit",          OPT_LIST, O(ulimits),         "SPEC",  "NAME=SOFT[:HARD] for RUN steps"},
	{0,   "allow",           OPT_LIST, O(allow),           "POWER", "network.host or security.insecure"},
	{0,   "check",           OPT_FLAG, O(check),           NULL,    "judge the Dockerfile, build nothing"},
	{0,   "call",            OPT_STR,  O(call),            "WORD", "build, check, outline (what the target takes) or targets; \",format=json\" after it"},
	{'o', "output",          OPT_LIST, O(outputs),         "SPEC",  "type=local|tar|oci|docker|image|registry[,dest=PATH]; or a directory, or - for a tar"},
	{0,   "print",           OPT_FLAG, O(print),           NULL,    "print the builds of services as a bake file, build nothing"},
	{0,   "builder",         OPT_STR,  O(builder),         "NAME",  NULL},
	{0,   "provenance",      OPT_STR,  O(provenance),      "SPEC",  NULL},
	{0,   "sbom",            OPT_STR,  O(sbom),            "SPEC",  NULL},
	{0,   "attest",          OPT_LIST, O(attest),          "SPEC",  NULL},
	{0,   "annotation",      OPT_LIST, O(annotations),     "K=V",   NULL},
	{0,   "compress",        OPT_FLAG, O(old),             NULL,    NULL},
	{0,   "force-rm",        OPT_FLAG, O(old),             NULL,    NULL},
	{0,   "no-rm",           OPT_FLAG, O(old),             NULL,    NULL},
	{'m', "memory",          OPT_STR,  O(memory),          "SIZE",  NULL},
	{0,   "load",            OPT_FLAG, O(load),            NULL,    NULL},
	{0,   "with-dependencies", OPT_FLAG, O(with_dependencies), NULL, "build what the services depend on, too"},
	{0},
};
/* clang-format on */

const struct command build_command = {
	.name = "build",
	.args = "[SERVICE...] | PATH|URL|-",
	.brief = "Build images of services, or one image from a directory.",
	.more = "Without a path the services of the project that have `build` are built.\n"
		"RUN steps use the network of this machine, so that package registries are "
		"reachable;\n"
		"--network none takes it away.",
	.opts = build_opts,
	.size = sizeof(struct build_opts),
	.max = -1,
	.run = build_run,
	.group = GROUP_IMAGE,
	.reads = READS_BUILD,
};
