#include "build/caches.h"
#include "base/json.h"
#include "build/path.h"
#include "image/bundle.h"
#include "image/ref.h"
#include <errno.h>
#include <string.h>

/* The last figure is raised when keys begin to mean something else. */
#define TABLE "berth.cache.v1"
enum { ROWS_MAX = 100000 };

/* ---- what the user says ---- */

struct cache_words {
	const char *type, *ref, *path;
	struct cache_spec *out;
};

static int attribute(struct cache_words *w, const char *key, const char *value, bool to,
		     struct err *e)
{
	static const char *const without_effect[] = {
		"image-manifest",    "oci-mediatypes",   "compression", "digest", "tag",
		"compression-level", "force-compression"};

	for (size_t i = 0; i < countof(without_effect); i++)
		if (!strcmp(key, without_effect[i]))
			return 0;
	if (!strcmp(key, "type"))
		w->type = value;
	else if (!strcmp(key, "ref"))
		w->ref = value;
	else if (!strcmp(key, to ? "dest" : "src"))
		w->path = value;
	else if (!strcmp(key, "ignore-error") && to)
		w->out->may_fail = !strcmp(value, "true");
	else if (!strcmp(key, "mode") && to && (!strcmp(value, "min") || !strcmp(value, "max")))
		w->out->all = !strcmp(value, "max");
	else
		return err_set(e, EINVAL, "unexpected %s=%s", key, value);
	return 0;
}

static int fill(struct arena *a, const struct cache_words *w, const char *dir, bool to,
		struct err *e)
{
	struct ref ref;

	if (w->type && !strcmp(w->type, "inline") && to) {
		w->out->kind = CACHE_INLINE;
		return 0;
	}
	if (w->type && !strcmp(w->type, "local")) {
		w->out->kind = CACHE_LOCAL;
		w->out->where = w->path && dir ? path_join(a, dir, w->path) : w->path;
		return w->path ? 0
			       : err_set(e, EINVAL, "type=local needs %s=DIRECTORY",
					 to ? "dest" : "src");
	}
	if (w->type && strcmp(w->type, "registry")) {
		err_set(e, EOPNOTSUPP, "caches of type=%s are not spoken here", w->type);
		return err_hint(e, to ? "type=registry, type=local or type=inline"
				      : "type=registry or type=local");
	}
	w->out->where = w->ref;
	return w->ref ? ref_parse(a, w->ref, &ref, e)
		      : err_set(e, EINVAL, "type=registry needs ref=NAME");
}

/* "type=registry,ref=x,mode=max", or the reference alone. dir: relative paths are from there. */
static int parse(struct arena *a, const char *word, const char *dir, bool to,
		 struct cache_spec *out, struct err *e)
{
	struct cache_words w = {.out = out};
	struct span rest = span_of(word), part, key;
	bool more = true;
	int r = 0;

	*out = (struct cache_spec){.kind = CACHE_REGISTRY};
	if (!strchr(word, '='))
		w.ref = word, more = false;
	while (r == 0 && more) {
		more = span_cut(&rest, ',', &part);
		if (!span_cut(&part, '=', &key))
			r = err_set(e, EINVAL, "\"%.*s\" is not KEY=VALUE", (int)part.n, part.p);
		else
			r = attribute(&w, text_lower(a, span_dup(a, span_trim(key))),
				      span_dup(a, part), to, e);
	}
	if (r == 0)
		r = fill(a, &w, dir, to, e);
	return r < 0 ? err_wrap(e, "%s \"%s\"", to ? "cache_to" : "cache_from", word) : 0;
}

/* ---- in ---- */

struct offered { /* by one of cache_from */
	const char *key;
	struct known_step step;
	struct bundle *from;
};

struct caches {
	VEC(struct offered) offered;
	VEC(struct bundle *) open;
	VEC(struct cache_spec) to;
};

static void note(struct builder *b, const char *line)
{
	struct build_progress *p = b->req->progress;

	if (p && p->note)
		p->note(p, line);
}

static bool is_hex(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

static void read_rows(struct builder *b, const json_t *rows, struct bundle *from)
{
	size_t n = json_array_size(rows);

	for (size_t i = 0; i < n && i < ROWS_MAX; i++) {
		const json_t *row = json_array_get(rows, i);
		const char *key = json_string_or(row, "key", "");
		const char *layer = json_string_or(row, "layer", "");
		const char *created = json_string_or(row, "created", "");

		/* From strangers; what is not as we write it is nothing that we have. */
		if (!is_hex(key, 64) || !strings_have(&from->diff_ids, layer) ||
		    strlen(created) > 40 || created[strspn(created, "0123456789-:.TZ+")])
			continue;
		*vec_push(b->a, &b->caches->offered) = (struct offered){
			arena_printf(b->a, "%s", key),
			{arena_printf(b->a, "%s", layer), arena_printf(b->a, "%s", created)},
			from};
	}
}

static int open_one(struct builder *b, const char *word, struct err *e)
{
	struct bundle *from = arena_new(b->a, struct bundle);
	struct cache_spec spec;
	auto_json *j = NULL;
	int r = parse(b->a, word, b->req->dir, false, &spec, e);

	if (r < 0)
		return r;
	r = spec.kind == CACHE_LOCAL ? bundle_open_dir(b->a, spec.where, from, e)
				     : bundle_open(b->a, spec.where, from, e);
	if (r < 0)
		return err_wrap(e, "cache_from \"%s\"", word);
	*vec_push(b->a, &b->caches->open) = from;
	r = json_read(from->config.p, from->config.n, &j, e);
	if (r == 0)
		read_rows(b, json_object_get(j, TABLE), from);
	return r;
}

int caches_open(struct builder *b, struct err *e)
{
	const struct build_request *q = b->req;

	b->caches = arena_new(b->a, struct caches);
	for (size_t i = 0; i < q->cache_to.n; i++)
		if (parse(b->a, q->cache_to.v[i], q->dir, true, vec_push(b->a, &b->caches->to), e) <
		    0)
			return -e->code;
	for (size_t i = 0; i < q->cache_from.n && !q->no_cache; i++) {
		struct err why;

		if (open_one(b, q->cache_from.v[i], &why) < 0)
			note(b, arena_printf(b->a, "warning: %s: %s", why.what, why.why));
	}
	return 0;
}

void caches_close(struct builder *b)
{
	if (b->caches)
		vec_each(from, &b->caches->open)
			bundle_done(*from);
}

int caches_find(struct builder *b, const char *key, struct known_step *out, struct err *e)
{
	vec_each(o, &b->caches->offered) {
		struct strings want = {0};
		struct err why;

		if (strcmp(o->key, key))
			continue;
		*vec_push(b->a, &want) = o->step.diff_id;
		if (bundle_bring(b->a, o->from, &want, b->req->pull_progress, &why) < 0) {
			note(b, arena_printf(b->a, "warning: a cached layer cannot be had: %s",
					     why.why));
			continue;
		}
		*out = o->step;
		return steps_note(key, out, e);
	}
	return STEPS_ABSENT;
}

/* ---- out ---- */

void caches_note(struct stage_run *st, const char *key)
{
	if (st->b->caches->to.n)
		*vec_push(st->b->a, &st->did) = (struct done_step){
			arena_printf(st->b->a, "%s", key),
			{st->diff_ids.v[st->diff_ids.n - 1], st->created.v[st->created.n - 1]}};
}

/* Adds the rows of one stage, and the layers that they name to ids: as many as a manifest holds. */
static void write_rows(struct builder *b, const struct stage_run *st, struct buf *rows,
		       struct strings *ids)
{
	vec_each(d, &st->did) {
		bool listed = strings_have(ids, d->step.diff_id);

		if (!listed && ids->n == LAYERS_MAX)
			continue;
		if (!listed)
			*vec_push(b->a, ids) = d->step.diff_id;
		buf_printf(rows, "%s{\"key\":\"%s\",\"layer\":\"%s\",\"created\":\"%s\"}",
			   rows->n ? "," : "", d->key, d->step.diff_id, d->step.created);
	}
}

static void write_table(struct builder *b, bool all, struct buf *rows, struct strings *ids)
{
	int s = b->graph.target;

	for (size_t i = 0; all && i < b->graph.stages.n; i++)
		write_rows(b, &b->runs[i], rows, ids);
	while (!all) {
		write_rows(b, &b->runs[s], rows, ids);
		if (b->runs[s].stage->base.kind != SOURCE_STAGE)
			return;
		s = b->runs[s].stage->base.stage;
	}
}

const char *caches_inline(struct builder *b, const char *config)
{
	auto_buf rows = {0};
	struct strings ids = {0};

	vec_each(to, &b->caches->to) {
		if (to->kind != CACHE_INLINE)
			continue;
		write_table(b, false, &rows, &ids);
		return arena_printf(b->a, "%.*s,\"" TABLE "\":[%s]}", (int)strlen(config) - 1,
				    config, rows.n ? rows.p : "");
	}
	return config;
}

static int export_one(struct builder *b, const struct cache_spec *to, struct err *e)
{
	auto_buf rows = {0}, config = {0};
	struct strings ids = {0};
	struct span text;

	write_table(b, to->all, &rows, &ids);
	buf_printf(&config,
		   "{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{},"
		   "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[",
		   b->runs[b->graph.target].stage->config.architecture);
	for (size_t i = 0; i < ids.n; i++)
		buf_printf(&config, "%s\"%s\"", i ? "," : "", ids.v[i]);
	buf_printf(&config, "]},\"" TABLE "\":[%s]}", rows.n ? rows.p : "");
	text = (struct span){config.p, config.n};
	return to->kind == CACHE_LOCAL
		       ? bundle_write_dir(b->a, to->where, text, &ids, e)
		       : bundle_push(b->a, to->where, text, &ids, b->req->pull_progress, e);
}

int caches_export(struct builder *b, struct err *e)
{
	vec_each(to, &b->caches->to) {
		struct err why;

		if (to->kind == CACHE_INLINE || export_one(b, to, &why) == 0)
			continue;
		if (!to->may_fail) {
			*e = why;
			return err_wrap(e, "export the cache to %s", to->where);
		}
		note(b, arena_printf(b->a, "warning: cannot export the cache to %s: %s", to->where,
				     why.why));
	}
	return 0;
}
