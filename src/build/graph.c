#include "build/graph.h"
#include "build/convert.h"
#include "image/ref.h"
#include <errno.h>
#include <string.h>

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct maker {
	struct arena *a;
	const struct graph_input *in;
	struct graph *g;
	struct pairs globals;
	struct err *e;
};

/* The innermost place is the one to read. */
static int fail_at(struct maker *m, int line)
{
	return *m->e->at ? -m->e->code : err_at(m->e, "%s:%d", m->g->recipe->file->name, line);
}

/* ---- global arguments ---- */

static void platform_args(struct maker *m, const char *platform, const char *prefix)
{
	struct span rest = span_of(platform), os, arch;

	span_cut(&rest, '/', &os);
	span_cut(&rest, '/', &arch);
	*vec_push(m->a, &m->globals) =
		(struct pair){arena_printf(m->a, "%sPLATFORM", prefix), platform};
	*vec_push(m->a, &m->globals) =
		(struct pair){arena_printf(m->a, "%sOS", prefix), span_dup(m->a, os)};
	*vec_push(m->a, &m->globals) = (struct pair){arena_printf(m->a, "%sOSVERSION", prefix), ""};
	*vec_push(m->a, &m->globals) =
		(struct pair){arena_printf(m->a, "%sARCH", prefix), span_dup(m->a, arch)};
	*vec_push(m->a, &m->globals) =
		(struct pair){arena_printf(m->a, "%sVARIANT", prefix), span_dup(m->a, rest)};
}

static int global_expand(struct maker *m, const char *word, const char **out)
{
	struct words w = {.escape = m->g->recipe->file->escape, .env = &m->globals};

	return words_expand(m->a, &w, word, out, NULL, m->e);
}

static int global_args(struct maker *m)
{
	platform_args(m, m->in->build_platform, "BUILD");
	platform_args(m, m->in->platform, "TARGET");
	*vec_push(m->a, &m->globals) =
		(struct pair){"TARGETSTAGE", m->in->target ? m->in->target : "default"};
	vec_each(p, &m->globals) {
		const char *given = pairs_get(&m->in->args, p->key);

		p->value = given ? given : p->value;
	}
	vec_each(act, &m->g->recipe->global_args) {
		vec_each(p, &act->pairs) {
			const char *value = pairs_get(&m->in->args, p->key);

			*vec_push(m->a, &m->g->used_args) = p->key;
			if (!value && p->value && global_expand(m, p->value, &value) < 0)
				return fail_at(m, act->line);
			if (value)
				*vec_push(m->a, &m->globals) = (struct pair){p->key, value};
		}
	}
	return 0;
}

static int read_epoch(struct maker *m)
{
	const char *text = pairs_get(&m->in->args, "SOURCE_DATE_EPOCH");

	if (!text)
		text = pairs_get(&m->globals, "SOURCE_DATE_EPOCH");
	m->g->epoch_s = -1;
	if (!text || !*text)
		return 0;
	if (text_to_i64(text, &m->g->epoch_s) < 0 || m->g->epoch_s < 0)
		return err_set(m->e, EINVAL, "invalid SOURCE_DATE_EPOCH: %s", text);
	return 0;
}

/* ---- which stages ---- */

static int find_stage(struct maker *m, const char *name, int below)
{
	for (int i = below - 1; i >= 0; i--)
		if (*m->g->stages.v[i].stage->name &&
		    !strcasecmp(m->g->stages.v[i].stage->name, name))
			return i;
	return -1;
}

static int pick_target(struct maker *m)
{
	const char *t = m->in->target, *near, **names;
	uint64_t n;

	m->g->target = (int)m->g->stages.n - 1;
	if (!t || !*t)
		return 0;
	m->g->target = find_stage(m, t, (int)m->g->stages.n);
	if (m->g->target < 0 && text_to_u64(t, &n) == 0 && n < m->g->stages.n)
		m->g->target = (int)n;
	if (m->g->target >= 0)
		return 0;
	names = arena_alloc(m->a, m->g->stages.n * sizeof(*names));
	for (size_t i = 0; i < m->g->stages.n; i++)
		names[i] = m->g->stages.v[i].stage->name;
	near = text_nearest(t, names, m->g->stages.n);
	err_set(m->e, EINVAL, "target stage \"%s\" could not be found", t);
	return near && *near ? err_hint(m->e, "did you mean \"%s\"?", near) : -EINVAL;
}

static int base_name(struct maker *m, struct graph_stage *s, const char **out)
{
	struct ref ref;

	if (global_expand(m, s->stage->base, out) < 0)
		return -EINVAL;
	if (!**out)
		return err_set(m->e, EINVAL, "base name (%s) should not be blank", s->stage->base);
	if (*s->stage->platform) {
		if (global_expand(m, s->stage->platform, &s->platform) < 0)
			return -EINVAL;
		if (!*s->platform)
			return err_set(m->e, EINVAL, "empty platform value from expression %s",
				       s->stage->platform);
	}
	if (strcmp(*out, "scratch") && find_stage(m, *out, s->stage->index) < 0 &&
	    !pairs_get(&m->in->contexts, *out) && ref_parse(m->a, *out, &ref, m->e) < 0)
		return err_wrap(m->e, "read the base name \"%s\"", *out);
	return 0;
}

static int make_stage(struct maker *m, int index);

/* A stage that this one reads from must be made before its configuration is known. */
static int need_source(struct maker *m, const struct source *from)
{
	return from->kind == SOURCE_STAGE ? make_stage(m, from->stage) : 0;
}

static int from_base_stage(struct maker *m, struct converter *c, int index)
{
	struct graph_stage *base, *s;

	if (make_stage(m, index) < 0)
		return -EINVAL;
	base = &m->g->stages.v[index];
	s = c->s;
	config_clone(m->a, &base->config, &s->config);
	s->workdir_set = base->workdir_set;
	if (!*s->platform)
		s->platform = base->platform;
	for (size_t i = 0; i < base->env.n; i++) {
		const char *eq = strchr(base->env.v[i], '=');

		convert_set(c, arena_strndup(m->a, base->env.v[i], (size_t)(eq - base->env.v[i])),
			    eq + 1);
	}
	vec_each(p, &base->args)
		*vec_push(m->a, &s->args) = *p;
	return 0;
}

static void from_nothing(struct maker *m, struct graph_stage *s)
{
	struct span rest = span_of(*s->platform ? s->platform : m->in->platform), os, arch;

	span_cut(&rest, '/', &os);
	span_cut(&rest, '/', &arch);
	s->config = (struct config){.os = span_dup(m->a, os), .architecture = span_dup(m->a, arch)};
	if (rest.n)
		s->config.variant = span_dup(m->a, rest);
	if (s->base.kind == SOURCE_NONE)
		s->config.workdir = "/";
}

static int load_base(struct maker *m, struct converter *c)
{
	struct graph_stage *s = c->s;
	const char *name;

	if (base_name(m, s, &name) < 0)
		return -EINVAL;
	s->base = (struct source){.kind = SOURCE_NONE, .name = name};
	if (strcmp(name, "scratch") || pairs_get(&m->in->contexts, name)) {
		int index = pairs_get(&m->in->contexts, name)
				    ? -1
				    : find_stage(m, name, s->stage->index);

		if (index >= 0) {
			s->base.kind = SOURCE_STAGE;
			s->base.stage = index;
		} else {
			size_t visible = m->g->stages.n;
			int r;

			/* A later stage of that name is not meant: FROM looks back only. */
			m->g->stages.n = (size_t)s->stage->index;
			r = convert_source(c, name, false, &s->base);
			m->g->stages.n = visible;
			if (r < 0)
				return r;
		}
	}
	if (s->base.kind == SOURCE_STAGE)
		return from_base_stage(m, c, s->base.stage);
	if (s->base.image)
		config_from_image(m->a, s->base.image, &s->config);
	else
		from_nothing(m, s);
	return 0;
}

static void base_env(struct maker *m, struct converter *c)
{
	struct config *conf = &c->s->config;

	if (!config_env(&conf->env, "PATH"))
		config_set_env(m->a, &conf->env, "PATH", default_path);
	for (size_t i = 0; i < conf->env.n; i++) {
		const char *eq = strchr(conf->env.v[i], '=');
		size_t n = eq ? (size_t)(eq - conf->env.v[i]) : strlen(conf->env.v[i]);

		convert_set(c, arena_strndup(m->a, conf->env.v[i], n), eq ? eq + 1 : "");
	}
}

/* Triggers that the base image carries run first and are gone afterwards. */
static int triggers(struct maker *m, struct converter *c)
{
	struct strings list = c->s->config.onbuild;

	c->s->config.onbuild = (struct strings){};
	for (size_t i = 0; i < list.n; i++) {
		struct instruction *in = arena_new(m->a, struct instruction);
		struct action *act = arena_new(m->a, struct action);

		if (dockerfile_parse_one(m->a, list.v[i], in, m->e) < 0 ||
		    action_read(m->a, in, act, m->e) < 0)
			return err_wrap(m->e, "read the ONBUILD trigger \"%s\"", list.v[i]);
		act->line = c->s->stage->line;
		if (convert_action(c, act) < 0)
			return err_wrap(m->e, "ONBUILD %s", list.v[i]);
	}
	return 0;
}

static int need_step_sources(struct maker *m, int index, size_t step)
{
	struct step *s = &m->g->stages.v[index].steps.v[step];

	if (need_source(m, &s->from) < 0)
		return -EINVAL;
	for (size_t i = 0; i < s->mounts.n; i++)
		if (need_source(m, &s->mounts.v[i].from) < 0)
			return -EINVAL;
	return 0;
}

static int make_actions(struct maker *m, struct converter *c)
{
	const struct stage *st = c->s->stage;

	if (triggers(m, c) < 0)
		return fail_at(m, st->line);
	vec_each(act, &st->actions) {
		if (convert_action(c, act) < 0)
			return fail_at(m, act->line);
	}
	for (size_t i = 0; i < c->s->steps.n; i++)
		if (need_step_sources(m, st->index, i) < 0)
			return -EINVAL;
	return 0;
}

static int make_stage(struct maker *m, int index)
{
	struct graph_stage *s = &m->g->stages.v[index];
	struct converter c = {.a = m->a,
			      .in = m->in,
			      .g = m->g,
			      .s = s,
			      .globals = m->globals,
			      .escape = m->g->recipe->file->escape,
			      .e = m->e};

	if (s->done)
		return 0;
	if (s->needed)
		return err_set(m->e, ELOOP, "circular dependency detected on stage: %s", s->title);
	s->needed = true;
	if (load_base(m, &c) < 0)
		return fail_at(m, s->stage->line);
	s->first_history = s->config.history.n;
	base_env(m, &c);
	if (make_actions(m, &c) < 0)
		return -EINVAL;
	s->done = true;
	return 0;
}

int graph_make(struct arena *a, const struct recipe *r, const struct graph_input *in,
	       struct graph *out, struct err *e)
{
	struct maker m = {.a = a, .in = in, .g = out, .e = e};
	struct config *result;

	*out = (struct graph){.recipe = r};
	vec_each(st, &r->stages)
		*vec_push(a, &out->stages) = (struct graph_stage){
			.stage = st,
			.platform = "",
			.title = *st->name ? st->name : arena_printf(a, "stage-%d", st->index),
		};
	if (global_args(&m) < 0 || read_epoch(&m) < 0 || pick_target(&m) < 0 ||
	    make_stage(&m, out->target) < 0)
		return -EINVAL;
	result = &out->stages.v[out->target].config;
	vec_each(p, &in->labels)
		config_set_label(a, result, p->key, p->value ? p->value : "");
	return 0;
}
