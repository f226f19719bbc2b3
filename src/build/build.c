#include "build/build.h"
#include "base/file.h"
#include "base/sys.h"
#include "base/tree.h"
#include "base/when.h"
#include "build/caches.h"
#include "build/fetch.h"
#include "build/lint.h"
#include "build/path.h"
#include "build/room.h"
#include "image/place.h"
#include "image/store.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/utsname.h>

/* ---- the context ---- */

static int open_dir(struct builder *b, const char *path, struct files *out, struct err *e)
{
	char real[PATH_MAX];

	out->root = sys_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
	if (out->root < 0 || !realpath(path, real))
		return err_set(e, out->root < 0 ? -out->root : errno, "the build context %s: %s",
			       path, strerror(out->root < 0 ? -out->root : errno));
	out->dir = arena_printf(b->a, "%s", real);
	return 0;
}

static int context_from_stdin(struct builder *b, struct err *e)
{
	struct unpack_options o = {.keep_owner = false};
	char *scratch;
	int64_t size;
	int r = execute_scratch(b, &scratch, e);

	if (r == 0)
		r = layer_unpack_fd(STDIN_FILENO, arena_printf(b->a, "%s/upper", scratch), &o,
				    &size, e);
	return r < 0 ? err_wrap(e, "read the build context from standard input")
		     : open_dir(b, arena_printf(b->a, "%s/upper", scratch), &b->context, e);
}

static int context_from_git(struct builder *b, const char *url, struct err *e)
{
	char *scratch, commit[65];
	const char *to;
	int r = execute_scratch(b, &scratch, e);

	if (r < 0)
		return r;
	to = arena_printf(b->a, "%s/upper/context", scratch);
	r = fetch_git(b->a, url, to, false, NULL, commit, e);
	return r < 0 ? r : open_dir(b, to, &b->context, e);
}

static int open_context(struct builder *b, struct err *e)
{
	const char *c = b->req->context;
	int r;

	b->context = (struct files){.root = -1, .is_context = true};
	if (!c)
		return 0;
	if (!strcmp(c, "-"))
		r = context_from_stdin(b, e);
	else if (fetch_is_git(c))
		r = context_from_git(b, c, e);
	else
		r = open_dir(b, c, &b->context, e);
	if (r == 0 && strcmp(c, "-") && !fetch_is_git(c)) {
		digests_load(b->a, b->context.dir, &b->digests);
		b->context.digests = &b->digests;
	}
	return r;
}

static int read_inside(struct builder *b, const char *path, struct span *out, struct err *e)
{
	auto_fd int fd = tree_open(b->context.root, path, O_RDONLY | O_NONBLOCK, 0);

	return fd < 0 ? fd : file_read_fd(b->a, fd, DOCKERFILE_LIMIT, out, e);
}

/* DOCKERFILE.dockerignore wins over .dockerignore. */
static int read_ignore(struct builder *b, const char *dockerfile, struct err *e)
{
	struct strings lines = {};
	struct span text;
	struct err ignored;
	int r = -ENOENT;

	if (b->context.root < 0)
		return 0;
	if (dockerfile && *dockerfile == '/')
		r = file_read(b->a, AT_FDCWD, arena_printf(b->a, "%s.dockerignore", dockerfile),
			      DOCKERFILE_LIMIT, &text, &ignored);
	else if (dockerfile)
		r = read_inside(b, arena_printf(b->a, "%s.dockerignore", dockerfile), &text,
				&ignored);
	if (r < 0)
		r = read_inside(b, ".dockerignore", &text, &ignored);
	if (r < 0)
		return 0;
	ignore_lines(b->a, text, &lines);
	r = ignore_make(b->a, &lines, &b->ignore, e);
	if (r < 0)
		return err_wrap(e, "read .dockerignore");
	b->context.ignore = &b->ignore;
	return 0;
}

static int read_dockerfile(struct builder *b, struct err *e)
{
	const char *path = b->req->dockerfile ? b->req->dockerfile : "Dockerfile";
	const char *name = b->req->inline_text ? "dockerfile_inline" : path;
	struct span text = {};
	int r;

	if (b->req->inline_text)
		text = span_of(b->req->inline_text), r = 0;
	else if (!strcmp(path, "-"))
		r = file_read_fd(b->a, STDIN_FILENO, DOCKERFILE_LIMIT, &text, e);
	else if (*path == '/')
		r = file_read(b->a, AT_FDCWD, path, DOCKERFILE_LIMIT, &text, e);
	else
		r = read_inside(b, path, &text, e);
	if (r == -ENOENT)
		return err_set(e, ENOENT, "there is no %s in the build context", path);
	if (r < 0)
		return err_wrap(e, "read %s", path);
	r = read_ignore(b, b->req->inline_text || !strcmp(path, "-") ? NULL : path, e);
	if (r == 0)
		r = dockerfile_parse(b->a, name, text, &b->file, e);
	return r < 0 ? r : recipe_read(b->a, &b->file, &b->recipe, e);
}

/* ---- what the graph needs to know ---- */

static int find_image(void *arg, const char *ref, const char *platform, struct image **out,
		      struct err *e)
{
	struct builder *b = arg;
	struct pull_options o = {.platform = platform, .progress = b->req->pull_progress};
	int r = b->req->pull && !b->check_only ? IMAGE_ABSENT : store_image(b->a, ref, out, e);

	if (r == IMAGE_ABSENT && b->check_only) {
		*out = NULL;
		return 0;
	}
	if (r == IMAGE_ABSENT)
		r = pull_image(b->a, ref, &o, out, e);
	return r < 0 ? err_wrap(e, "get the image %s", ref) : r;
}

static int open_named(struct builder *b, struct err *e)
{
	vec_each(p, &b->req->contexts) {
		struct named_files *n;
		char *scratch, commit[65];
		const char *path = p->value;

		if (text_starts(p->value, "docker-image://"))
			continue;
		if (strstr(p->value, "://") && !fetch_is_git(p->value))
			return err_set(e, EOPNOTSUPP, "the context %s=%s is of an unknown kind",
				       p->key, p->value);
		if (fetch_is_git(p->value)) {
			if (execute_scratch(b, &scratch, e) < 0)
				return -e->code;
			path = arena_printf(b->a, "%s/upper/context", scratch);
			if (fetch_git(b->a, p->value, path, false, NULL, commit, e) < 0)
				return -e->code;
		}
		n = vec_push(b->a, &b->named);
		*n = (struct named_files){.name = p->key,
					  .files = {.root = -1, .is_context = true}};
		if (open_dir(b, path, &n->files, e) < 0)
			return err_wrap(e, "open the context \"%s\"", p->key);
	}
	return 0;
}

static void named_ignores(struct builder *b)
{
	vec_each(n, &b->named) {
		struct files *f = &n->files;
		struct strings lines = {};
		struct span text;
		struct err ignored;
		auto_fd int fd = tree_open(f->root, ".dockerignore", O_RDONLY | O_NONBLOCK, 0);

		digests_load(b->a, pairs_get(&b->req->contexts, n->name), &n->digests);
		f->digests = &n->digests;
		if (fd < 0 || file_read_fd(b->a, fd, DOCKERFILE_LIMIT, &text, &ignored) < 0)
			continue;
		ignore_lines(b->a, text, &lines);
		if (ignore_make(b->a, &lines, &n->ignore, &ignored) == 0)
			f->ignore = &n->ignore;
	}
}

static const char *own_platform(void)
{
	struct utsname u;

	if (uname(&u) < 0)
		return "linux/amd64";
	return !strcmp(u.machine, "aarch64")   ? "linux/arm64"
	       : !strcmp(u.machine, "riscv64") ? "linux/riscv64"
	       : text_starts(u.machine, "arm") ? "linux/arm/v7"
					       : "linux/amd64";
}

static int make_graph(struct builder *b, struct err *e)
{
	const struct build_request *q = b->req;
	struct graph_input in = {
		.args = q->args,
		.contexts = q->contexts,
		.labels = q->labels,
		.target = q->target,
		.platform = q->platform ? q->platform : own_platform(),
		.build_platform = own_platform(),
		.network = q->network,
		.image = find_image,
		.arg = b,
	};

	if (strcmp(in.platform, own_platform()))
		return err_set(e, EOPNOTSUPP, "cannot build for %s on %s", in.platform,
			       own_platform());
	return graph_make(b->a, &b->recipe, &in, &b->graph, e);
}

/* ---- the result ---- */

/* History of a stage begins with that of its base: places are the same in both. */
static void fill_history(struct builder *b, int stage, struct config *c)
{
	struct stage_run *run = &b->runs[stage];

	if (run->stage->base.kind == SOURCE_STAGE)
		fill_history(b, run->stage->base.stage, c);
	for (size_t i = 0; i < run->stage->steps.n; i++)
		c->history.v[run->stage->steps.v[i].history].created = run->created.v[i];
}

static const char *base_created(struct builder *b, int stage)
{
	const struct graph_stage *s = &b->graph.stages.v[stage];

	if (s->base.kind == SOURCE_STAGE)
		return base_created(b, s->base.stage);
	return s->base.image && s->base.image->created ? s->base.image->created : NULL;
}

/* An image that is here already under this name costs no write to the disk. */
static int keep_result(struct builder *b, const char *json, struct image **out, struct err *e)
{
	char hex[HASH_HEX];
	const char *id = arena_printf(b->a, "sha256:%s", hash_sha256(json, strlen(json), hex));
	int r = store_image(b->a, id, out, e);

	if (r == IMAGE_ABSENT)
		r = store_add(b->a, span_of(json), NULL, out, e);
	for (size_t i = 0; r == 0 && i < b->req->tags.n; i++) {
		struct image *named;

		r = store_image(b->a, b->req->tags.v[i], &named, e);
		if (r < 0 || (r == 0 && !strcmp(named->id, id)))
			continue;
		r = store_tag(id, b->req->tags.v[i], e);
	}
	return r;
}

/* What makes no layer is as old as the layer before it: a cached build gives the same image. */
static int make_result(struct builder *b, struct image **out, struct err *e)
{
	struct stage_run *run = &b->runs[b->graph.target];
	struct config *c = &run->stage->config;
	const char *last = base_created(b, b->graph.target), *json;

	fill_history(b, b->graph.target, c);
	if (b->graph.epoch_s >= 0)
		last = b->created;
	last = last ? last : "1970-01-01T00:00:00Z";
	vec_each(h, &c->history) {
		if (h->created)
			last = h->created;
		h->created = last;
	}
	c->created = last;
	json = caches_inline(b, config_json(b->a, c, &run->diff_ids));
	return keep_result(b, json, out, e);
}

static void set_created(struct builder *b)
{
	char text[40];
	int64_t now = when_wall_ns();

	if (b->graph.epoch_s >= 0)
		now = b->graph.epoch_s * NS_PER_SEC;
	b->created = arena_printf(b->a, "%s", when_rfc3339(now, text));
}

/* ---- all together ---- */

static int on_signal(void *arg, int sig, pid_t from)
{
	struct builder *b = arg;

	b->failed = err_set(b->e, EINTR, "the build was interrupted");
	return 0;
}

static int watch_signals(struct builder *b, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return loop_signals(b->loop, &set, on_signal, b);
}

static void clean(struct builder *b)
{
	for (size_t i = 0; i < b->scratches.n; i++) {
		struct err ignored;

		/* What cannot go now, prune finds by its place. */
		if (file_remove_tree(AT_FDCWD, b->scratches.v[i], &ignored) < 0)
			continue;
	}
	digests_save(&b->digests);
	vec_each(n, &b->named) {
		digests_save(&n->digests);
		if (n->files.root >= 0)
			close(n->files.root);
	}
	if (b->context.root >= 0)
		close(b->context.root);
	caches_close(b);
}

static int advise(struct builder *b, struct err *e)
{
	struct build_progress *p = b->req->progress;
	auto_buf rules = {0};
	struct lint lint;

	lint_run(b->a, &b->recipe, &b->graph, &lint);
	vec_each(f, &lint) {
		buf_printf(&rules, "%s%s", rules.n ? ", " : "", f->rule);
		if (p && p->note)
			p->note(p, arena_printf(b->a, "warning: %s: %s (line %d)", f->rule,
						f->message, f->line));
	}
	return lint.fatal ? err_set(e, EINVAL, "lint violation found for rules: %s", rules.p) : 0;
}

static int prepare(struct builder *b, struct err *e)
{
	int r = open_context(b, e);

	if (r == 0)
		r = read_dockerfile(b, e);
	if (r == 0)
		r = open_named(b, e);
	if (r == 0)
		r = make_graph(b, e);
	if (r == 0 && !b->check_only)
		r = advise(b, e);
	if (r == 0) {
		named_ignores(b);
		set_created(b);
	}
	return r;
}

int build_image(struct arena *a, const struct build_request *q, struct image **out, struct err *e)
{
	struct builder b = {.a = a, .req = q, .e = e, .context = {.root = -1}};
	auto_fd int hold = -1;
	sigset_t before;
	int r = place_hold(a, PLACE_ADD, &hold, e);

	if (r < 0)
		return r;
	sigprocmask(SIG_SETMASK, NULL, &before);
	r = loop_new(&b.loop, e);
	if (r == 0)
		r = prepare(&b, e);
	if (r == 0)
		r = caches_open(&b, e);
	if (r == 0)
		r = watch_signals(&b, e);
	if (r == 0)
		r = execute(&b, e);
	if (r == 0)
		r = make_result(&b, out, e);
	if (r == 0)
		r = caches_export(&b, e);
	clean(&b);
	loop_free(b.loop);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

int build_check(struct arena *a, const struct build_request *q, struct lint *out, struct err *e)
{
	struct builder b = {.a = a, .req = q, .e = e, .context = {.root = -1}, .check_only = true};
	int r = prepare(&b, e);

	/* A file that can be read gets advice, even where it cannot be built. */
	if (r == 0 || b.graph.recipe) {
		lint_run(a, &b.recipe, &b.graph, out);
		r = out->n ? 0 : r;
	}
	clean(&b);
	return r;
}
