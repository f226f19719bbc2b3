#include "build/build.h"
#include "base/file.h"
#include "base/when.h"
#include "build/caches.h"
#include "build/context.h"
#include "build/lint.h"
#include "build/platform.h"
#include "build/room.h"
#include "image/manifest.h"
#include "image/place.h"
#include "image/store.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

/* How often a step asks again for a cache mount that is locked. */
static const int64_t BUSY_NS = NS_PER_SEC / 10;

int builder_graph(struct builder *b, struct arena *a,
		  int (*image)(void *, const char *, const char *, struct image **, struct err *),
		  struct graph *out, struct err *e)
{
	const struct build_request *q = b->req;
	struct graph_input in = {
		.args = q->args,
		.contexts = q->contexts,
		.labels = q->labels,
		.target = q->target,
		.platform = platform_own(),
		.build_platform = platform_own(),
		.network = q->network,
		.image = image,
		.arg = b,
	};

	if (q->platform && platform_text(a, q->platform, &in.platform, e) < 0)
		return err_wrap(e, "--platform");
	return graph_make(a, &b->recipe, &in, out, e);
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
	struct site *site = arg;

	site->failed = err_set(site->e, EINTR, "the build was interrupted");
	return 0;
}

static int watch_signals(struct site *site, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return loop_signals(site->loop, &set, on_signal, site);
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

	if (p && p->note)
		for (size_t i = 0; i < b->req->left_out.n; i++)
			p->note(p,
				arena_printf(
					b->a,
					"warning: build.platforms: built for %s alone, not for %s",
					b->req->platform, b->req->left_out.v[i]));
	lint_run(b->a, &b->recipe, &b->graph, &(struct lint_options){b->context.ignore, false},
		 &lint);
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
	int r = builder_graph(b, b->a, images_find, &b->graph, e);

	if (r == 0 && !b->check_only)
		r = advise(b, e);
	set_created(b);
	return r;
}

static int begin(struct builder *b, struct err *e)
{
	int r = prepare(b, e);

	if (r == 0)
		r = caches_open(b, e);
	if (r == 0)
		execute_begin(b);
	return r;
}

static int end(struct builder *b, struct build_job *job, struct err *e)
{
	struct build_progress *p = job->request.progress;
	int r = make_result(b, &job->image, e);

	if (r == 0)
		r = caches_export(b, e);
	if (r == 0 && p && p->built && job->request.name)
		p->built(p, job->request.name);
	return r;
}

static bool may_begin(const struct build_job *job)
{
	vec_each(before, &job->after)
		if (!(*before)->image)
			return false;
	return true;
}

static int in_service(const struct builder *b, int r, struct err *e)
{
	return r < 0 && b->req->name ? err_wrap(e, "build service \"%s\"", b->req->name) : r;
}

/* One look at one build: 1 where something was done. */
static int advance(struct builder *b, struct build_job *job, struct err *e)
{
	int r = 0;

	if (job->image || (!b->runs && !may_begin(job)))
		return 0;
	if (!b->runs)
		r = begin(b, e);
	if (r == 0)
		r = execute_turn(b, e);
	if (r >= 0 && execute_ended(b)) {
		r = end(b, job, e);
		r = r < 0 ? r : 1;
	}
	return in_service(b, r, e);
}

static bool any(const struct site *site, bool (*is)(const struct stage_run *))
{
	for (size_t n = 0; n < site->n; n++) {
		const struct builder *b = &site->builders[n];

		for (size_t i = 0; b->runs && i < b->graph.stages.n; i++)
			if (is(&b->runs[i]))
				return true;
	}
	return false;
}

static bool is_running(const struct stage_run *st)
{
	return st->running;
}

static bool is_waiting(const struct stage_run *st)
{
	return st->waiting;
}

/* 0: all images are there. */
static int turn(struct site *site, const struct build_jobs *jobs, struct err *e)
{
	bool done = true, did = false, waiting;

	for (size_t i = 0; !site->failed && i < site->n; i++) {
		int r = advance(&site->builders[i], jobs->v[i], e);

		if (r < 0)
			return r;
		did |= r > 0;
		done &= jobs->v[i]->image != NULL;
	}
	if (site->failed || done)
		return site->failed;
	waiting = any(site, is_waiting);
	if (!did && !waiting && !any(site, is_running))
		return err_set(e, EDEADLK, "the stages wait for each other");
	if (loop_turn(site->loop, did ? 0 : waiting ? BUSY_NS : -1, e) < 0)
		return -e->code;
	return 1;
}

static int open_all(struct site *site, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < site->n; i++)
		r = in_service(&site->builders[i], context_open(&site->builders[i], e), e);
	return r < 0 ? r : images_bring(site, e);
}

static int run_all(struct site *site, const struct build_jobs *jobs, struct err *e)
{
	sigset_t before;
	int r;

	sigprocmask(SIG_SETMASK, NULL, &before);
	r = open_all(site, e);
	if (r == 0)
		r = loop_new(&site->loop, e);
	if (r == 0)
		r = watch_signals(site, e);
	for (r = r ? r : 1; r > 0;)
		r = turn(site, jobs, e);
	for (size_t i = 0; i < site->n; i++) {
		execute_drop(&site->builders[i]);
		clean(&site->builders[i]);
	}
	if (site->loop)
		loop_free(site->loop);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

int build_images(struct arena *a, const struct build_jobs *jobs, struct err *e)
{
	struct site site = {
		.builders = arena_alloc(a, jobs->n * sizeof(*site.builders)), .n = jobs->n, .e = e};
	auto_fd int hold = -1;
	int r = place_hold(a, PLACE_ADD, &hold, e);

	for (size_t i = 0; i < jobs->n; i++)
		site.builders[i] = (struct builder){.a = a,
						    .req = &jobs->v[i]->request,
						    .e = e,
						    .site = &site,
						    .context = {.root = -1}};
	return r < 0 ? r : run_all(&site, jobs, e);
}

int build_image(struct arena *a, const struct build_request *q, struct image **out, struct err *e)
{
	struct build_job job = {.request = *q}, *one = &job;
	int r = build_images(a, &(struct build_jobs){&one, 1, 1}, e);

	if (r == 0)
		*out = job.image;
	return r;
}

int builder_look(struct builder *b, struct arena *a, const struct build_request *q, struct err *e)
{
	*b = (struct builder){
		.a = a, .req = q, .e = e, .context = {.root = -1}, .check_only = true};
	if (context_open(b, e) < 0)
		return -e->code;
	return prepare(b, e);
}

void builder_done(struct builder *b)
{
	clean(b);
}

static void place_findings(const struct dockerfile *file, struct lint *lint)
{
	lint->source = file->text;
	vec_each(f, lint) {
		vec_each(in, &file->list) {
			if (in->line == f->line)
				f->end_line = in->end_line;
		}
	}
}

int build_check(struct arena *a, const struct build_request *q, struct lint *out, struct err *e)
{
	struct builder b;
	int r = builder_look(&b, a, q, e);

	/* A file that can be read gets advice, even where it cannot be built. */
	if (r == 0 || b.graph.recipe) {
		lint_run(a, &b.recipe, &b.graph, &(struct lint_options){b.context.ignore, true},
			 out);
		r = out->n ? 0 : r;
		place_findings(&b.file, out);
	}
	builder_done(&b);
	return r;
}
