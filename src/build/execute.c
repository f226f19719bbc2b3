/*
 * The stages of a graph carried out. Each goes through its steps in order: the key is looked up,
 * and only a step that nobody has done yet is done. COPY happens here and now; RUN is a container
 * whose end the loop reports, so stages that do not need each other run at the same time.
 */
#include "base/file.h"
#include "base/overlay.h"
#include "base/tree.h"
#include "base/when.h"
#include "build/caches.h"
#include "build/mounts.h"
#include "build/path.h"
#include "build/room.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* ---- layers ---- */

int execute_scratch(struct builder *b, char **out, struct err *e)
{
	int r = layer_scratch(b->a, out, e);

	if (r < 0)
		return r;
	*vec_push(b->a, &b->scratches) = *out;
	r = file_mkdirs(arena_printf(b->a, "%s/upper", *out), 0755, e);
	return r < 0 ? r : file_mkdirs(arena_printf(b->a, "%s/work", *out), 0700, e);
}

static void push_layer(struct stage_run *st, const char *diff_id, const char *dir,
		       const char *created)
{
	struct strings dirs = {};

	*vec_push(st->b->a, &st->diff_ids) = diff_id;
	*vec_push(st->b->a, &st->created) = created;
	*vec_push(st->b->a, &dirs) = dir;
	/* Overlayfs takes no directory twice, and what lies under itself adds nothing. */
	for (size_t i = 0; i < st->dirs.n; i++)
		if (strcmp(st->dirs.v[i], dir))
			*vec_push(st->b->a, &dirs) = st->dirs.v[i];
	st->dirs = dirs;
}

int execute_adopt(struct stage_run *st, const char *upper, struct err *e)
{
	struct pack_options o = {.skip_root_entry = true};
	struct layer layer;
	int r;

	if (st->b->graph.epoch_s >= 0)
		o.mtime_max_s = st->b->graph.epoch_s;
	r = layer_adopt(st->b->a, upper, &o, LAYER_STEP, &layer, e);
	if (r == 0)
		r = steps_note(st->key, &(struct known_step){layer.diff_id, st->b->created}, e);
	if (r < 0)
		return err_wrap(e, "keep the layer of \"%s\"", st->info.title);
	push_layer(st, layer.diff_id, layer.dir, st->b->created);
	caches_note(st, st->key);
	return 0;
}

static int load_base(struct stage_run *st)
{
	const struct source *base = &st->stage->base;
	struct builder *b = st->b;
	struct strings layers = source_layers(b, base);
	const struct strings *ids = base->kind == SOURCE_STAGE ? &b->runs[base->stage].diff_ids
				    : base->image              ? &base->image->diff_ids
							       : NULL;

	for (size_t i = 0; i < layers.n; i++)
		*vec_push(b->a, &st->dirs) = layers.v[i];
	for (size_t i = 0; ids && i < ids->n; i++)
		*vec_push(b->a, &st->diff_ids) = ids->v[i];
	st->loaded = true;
	return 0;
}

/* ---- keys ---- */

static void state_key(struct stage_run *st, struct key *k)
{
	key_list(k, "base", &st->diff_ids);
}

static void copy_common_key(struct stage_run *st, const struct step *s, struct key *k)
{
	key_text(k, "do", "copy");
	if (!s->link)
		state_key(st, k);
	key_text(k, "dest", s->dest);
	key_text(k, "chown", s->chown);
	key_text(k, "chmod", s->chmod);
	key_number(k, "unpack", s->unpack);
	key_number(k, "link", s->link);
	key_number(k, "epoch", st->b->graph.epoch_s);
	key_list(k, "exclude", &s->exclude);
	vec_each(src, &s->sources) {
		key_number(k, "kind", src->kind);
		if (src->kind == COPY_PATH && s->from.kind == SOURCE_CONTEXT && !src->pattern)
			continue;
		key_text(k, "src", src->path);
		key_text(k, "pattern", src->pattern);
		key_text(k, "text", src->text);
	}
}

static bool has_paths(const struct step *s)
{
	vec_each(src, &s->sources)
		if (src->kind == COPY_PATH)
			return true;
	return false;
}

static int dir_key(struct stage_run *st, const struct step *s, struct key *k)
{
	key_text(k, "do", "mkdir");
	state_key(st, k);
	key_text(k, "path", s->dest);
	key_text(k, "user", s->user);
	key_number(k, "epoch", st->b->graph.epoch_s);
	return 0;
}

/* ---- steps that happen here ---- */

static bool may_use_cache(const struct stage_run *st)
{
	const struct build_request *r = st->b->req;

	return !r->no_cache && !strings_have(&r->no_cache_filter, st->stage->title);
}

/* 1: the layer was there. */
static int from_cache(struct stage_run *st, struct err *e)
{
	struct known_step known;
	struct layer layer;
	int r;

	if (!may_use_cache(st))
		return 0;
	r = steps_find(st->b->a, st->key, &known, e);
	if (r == 0)
		r = layer_find(st->b->a, known.diff_id, &layer, e);
	if (r > 0) {
		r = caches_find(st->b, st->key, &known, e);
		r = r ? r : layer_find(st->b->a, known.diff_id, &layer, e);
	}
	if (r)
		return r < 0 ? r : 0;
	push_layer(st, layer.diff_id, layer.dir, known.created);
	caches_note(st, st->key);
	return 1;
}

/*
 * As BuildKit: a name that the image does not know is nobody's, so root's. Said aloud, since that
 * is hardly what was meant.
 */
static void owner_by_name(struct stage_run *st, int root, const char *who, struct user_ids *ids)
{
	const struct build_progress *p = st->b->req->progress;
	struct err why;

	if (launch_resolve_user(root, who, ids, &why) == 0 || !p || !p->note)
		return;
	st->b->req->progress->note(st->b->req->progress,
				   arena_printf(st->b->a, "warning: line %d: %s: root is taken",
						st->info.line, why.why));
}

static int owner_of(struct stage_run *st, int root, const char *who, struct copy_to *to,
		    struct err *e)
{
	struct span rest = span_of(who ? who : ""), user;
	struct user_ids ids = {0};
	bool has_group = span_cut(&rest, ':', &user);
	uint64_t n;

	if (!who || !*who)
		return 0;
	to->owner_given = true;
	/* A bare number is its own group, whatever passwd says. */
	if (text_to_u64(span_dup(st->b->a, user), &n) == 0 && n <= INT32_MAX)
		ids.uid = ids.gid = (uint32_t)n;
	else if (user.n && !st->dirs.n)
		return err_set(e, EINVAL, "the owner \"%s\": an empty stage knows no names", who);
	else if (user.n)
		owner_by_name(st, root, span_dup(st->b->a, user), &ids);
	to->uid = ids.uid;
	to->gid = has_group && !rest.n ? 0 : ids.gid;
	if (!has_group || !rest.n)
		return 0;
	ids.gid = to->gid;
	owner_by_name(st, root, arena_printf(st->b->a, "0:%.*s", (int)rest.n, rest.p), &ids);
	to->gid = ids.gid;
	return 0;
}

static int copy_paths(struct builder *b, const struct step *s, const struct files *from,
		      struct selection *sel, const struct copy_to *to, struct err *e)
{
	int r = 0;

	vec_each(one, sel) {
		const struct file *f = &one->list.v[0];

		if (r == 0 && s->unpack && !one->is_dir && S_ISREG(f->st.st_mode)) {
			auto_fd int fd = tree_open(from->root, f->path, O_RDONLY | O_NOFOLLOW, 0);

			if (fd < 0)
				return err_set(e, -fd, "cannot read %s: %s", f->path,
					       strerror(-fd));
			r = fetch_unpack(b, fd, to, e);
		}
		if (r == 0)
			r = copy_selected(b->a, from, one, to, e);
		if (r < 0)
			return r;
		r = 0;
	}
	return 0;
}

static int copy_texts(struct builder *b, const struct step *s, const struct copy_to *to,
		      struct err *e)
{
	int r = 0;

	vec_each(src, &s->sources)
		if (r == 0 && src->kind == COPY_TEXT)
			r = copy_text(b->a, path_last(src->path), src->text, to, e);
	return r;
}

/* The overlay that this step writes; --link writes onto nothing. */
static int open_root(struct stage_run *st, const struct step *s, const char *scratch, struct err *e)
{
	struct arena *a = st->b->a;
	struct strings none = {};

	return overlay_open(a, s->kind == STEP_COPY && s->link ? &none : &st->dirs,
			    arena_printf(a, "%s/upper", scratch),
			    arena_printf(a, "%s/work", scratch), 0, e);
}

static int do_copy(struct stage_run *st, const struct step *s, const struct files *from,
		   struct selection *sel, struct err *e)
{
	struct copy_to to = {.dest = s->dest, .chmod = s->chmod, .epoch_s = st->b->graph.epoch_s};
	auto_fd int plain = -1;
	char *scratch;
	int r = execute_scratch(st->b, &scratch, e);

	if (r < 0)
		return r;
	auto_fd int root = to.root = open_root(st, s, scratch, e);

	if (root < 0)
		return root;
	if (s->link && s->chown && st->dirs.n)
		plain = overlay_open(st->b->a, &st->dirs, NULL, NULL, 0, e);
	r = owner_of(st, plain >= 0 ? plain : root, s->chown, &to, e);
	if (r == 0)
		r = copy_paths(st->b, s, from, sel, &to, e);
	if (r == 0)
		r = fetch_copy(st->b, s, &to, e);
	if (r == 0)
		r = copy_texts(st->b, s, &to, e);
	close(take_fd(&root));
	return r < 0 ? r : execute_adopt(st, arena_printf(st->b->a, "%s/upper", scratch), e);
}

static int copy_keys(struct stage_run *st, const struct step *s, const struct files *from,
		     struct selection *sel, struct err *e)
{
	auto_key k = {};
	int r = 0;

	copy_common_key(st, s, &k);
	if (has_paths(s)) {
		r = select_files(st->b->a, from, s, sel, e);
		if (r == 0)
			r = select_key(from, sel, &k, e);
	}
	if (r == 0)
		r = fetch_key(st->b, s, &k, e);
	key_hex(&k, st->key);
	return r;
}

/*
 * Files of another stage are first named by that stage's layers: nothing needs to be opened. Only
 * where that is unknown, by their content: a stage that was rebuilt to the same files changes
 * nothing here.
 */
static bool quick_key(struct stage_run *st, const struct step *s, char quick[static HASH_HEX])
{
	auto_key k = {};

	if (s->from.kind == SOURCE_CONTEXT || s->from.kind == SOURCE_NAMED || !has_paths(s))
		return false;
	copy_common_key(st, s, &k);
	key_text(&k, "by", "layers");
	source_layers_key(st->b, &s->from, &k);
	key_hex(&k, quick);
	return true;
}

static const char *last(const struct strings *s)
{
	return s->v[s->n - 1];
}

static int step_copy(struct stage_run *st, const struct step *s, struct err *e)
{
	struct selection sel = {};
	struct files from = {.root = -1};
	bool owned = false, quick_known;
	char quick[HASH_HEX];
	int r;

	quick_known = quick_key(st, s, quick);
	memcpy(st->key, quick, quick_known ? sizeof(st->key) : 0);
	r = quick_known ? from_cache(st, e) : 0;
	if (r)
		return r;
	if (has_paths(s))
		r = source_files(st->b, &s->from, &from, &owned, e);
	auto_fd int close_it = owned ? from.root : -1;

	if (r == 0)
		r = copy_keys(st, s, &from, &sel, e);
	if (r == 0)
		r = from_cache(st, e);
	if (r == 0)
		r = do_copy(st, s, &from, &sel, e);
	(void)close_it;
	if (r < 0 || !quick_known)
		return r;
	caches_note(st, quick);
	return steps_note(quick, &(struct known_step){last(&st->diff_ids), last(&st->created)}, e) <
			       0
		       ? -e->code
		       : r;
}

static int step_dir(struct stage_run *st, const struct step *s, struct err *e)
{
	struct copy_to to = {.epoch_s = st->b->graph.epoch_s};
	char *scratch;
	auto_key k = {};
	int r = dir_key(st, s, &k);

	key_hex(&k, st->key);
	if (r == 0)
		r = from_cache(st, e);
	if (r)
		return r;
	r = execute_scratch(st->b, &scratch, e);
	if (r < 0)
		return r;
	auto_fd int root = to.root = open_root(st, s, scratch, e);

	if (root < 0)
		return root;
	r = owner_of(st, root, s->user, &to, e);
	if (r < 0)
		return r;

	auto_fd int made = copy_mkdirs(st->b->a, path_clean(st->b->a, s->dest), &to, e);

	r = made < 0 ? made : 0;
	close(take_fd(&root));
	return r < 0 ? r : execute_adopt(st, arena_printf(st->b->a, "%s/upper", scratch), e);
}

/* The same step by another stage or service: its end is waited for, then it is in the cache. */
static bool is_under_way(const struct stage_run *st)
{
	const struct site *site = st->b->site;

	for (size_t n = 0; may_use_cache(st) && n < site->n; n++) {
		const struct builder *b = &site->builders[n];

		for (size_t i = 0; b->runs && i < b->graph.stages.n; i++)
			if (b->runs[i].running && &b->runs[i] != st &&
			    !strcmp(b->runs[i].key, st->key))
				return true;
	}
	return false;
}

static int step_run(struct stage_run *st, const struct step *s, struct err *e)
{
	auto_key k = {};
	int r;

	state_key(st, &k);
	r = run_key(st, s, &k, e);
	key_hex(&k, st->key);
	if (r == 0)
		r = from_cache(st, e);
	if (r)
		return r;
	return is_under_way(st) ? MOUNTS_BUSY : run_begin(st, s, e);
}

/* ---- going on ---- */

static void begin_step(struct stage_run *st, const struct step *s)
{
	struct builder *b = st->b;

	if (st->begun)
		return;
	st->begun = true;
	st->info = (struct build_step_info){
		.number = ++b->site->steps_begun,
		.build = b->req->name,
		.stage = st->stage->title,
		.in_stage = s->number,
		.of = (int)st->stage->steps.n,
		.title = s->title,
		.line = s->line,
	};
	st->began_ns = when_mono_ns();
	if (b->req->progress && b->req->progress->begin)
		b->req->progress->begin(b->req->progress, &st->info);
}

void execute_end_step(struct stage_run *st, enum build_outcome outcome)
{
	struct build_progress *p = st->b->req->progress;

	st->begun = false;
	if (p && p->end)
		p->end(p, &st->info, outcome, when_mono_ns() - st->began_ns);
}

static bool source_ready(struct builder *b, const struct source *s)
{
	return s->kind != SOURCE_STAGE || b->runs[s->stage].finished;
}

static bool step_ready(struct builder *b, const struct step *s)
{
	if (!source_ready(b, &s->from))
		return false;
	vec_each(m, &s->mounts)
		if (!source_ready(b, &m->from))
			return false;
	return true;
}

/* 1: something was done. */
static int advance(struct stage_run *st, struct err *e)
{
	struct graph_stage *g = st->stage;
	const struct step *s;
	int r;

	if (!g->needed || st->finished || st->running || !source_ready(st->b, &g->base))
		return 0;
	if (!st->loaded)
		return load_base(st) < 0 ? -e->code : 1;
	if (st->next == g->steps.n) {
		st->finished = true;
		return 1;
	}
	s = &g->steps.v[st->next];
	if (!step_ready(st->b, s))
		return 0;
	begin_step(st, s);
	r = s->kind == STEP_RUN    ? step_run(st, s, e)
	    : s->kind == STEP_COPY ? step_copy(st, s, e)
				   : step_dir(st, s, e);
	if (r < 0) {
		execute_end_step(st, BUILD_FAILED);
		err_wrap(e, "%s", s->title);
		return err_at(e, "%s:%d", st->b->file.name, s->line);
	}
	if (st->running)
		return 1;
	st->waiting = r == MOUNTS_BUSY;
	if (st->waiting)
		return 0;
	st->next++;
	execute_end_step(st, r == 1 ? BUILD_CACHED : BUILD_DONE);
	return 1;
}

int execute_turn(struct builder *b, struct err *e)
{
	int did = 0;

	for (size_t i = 0; i < b->graph.stages.n; i++) {
		int r = advance(&b->runs[i], e);

		if (r < 0)
			return r;
		did |= r;
	}
	return did;
}

bool execute_ended(const struct builder *b)
{
	return b->runs[b->graph.target].finished;
}

void execute_begin(struct builder *b)
{
	b->runs = arena_alloc(b->a, b->graph.stages.n * sizeof(*b->runs));
	for (size_t i = 0; i < b->graph.stages.n; i++)
		b->runs[i] = (struct stage_run){.b = b, .stage = &b->graph.stages.v[i]};
}

void execute_drop(struct builder *b)
{
	for (size_t i = 0; b->runs && i < b->graph.stages.n; i++) {
		if (!b->runs[i].running)
			continue;
		run_drop(b->runs[i].running);
		execute_end_step(&b->runs[i], BUILD_CANCELED);
	}
}
