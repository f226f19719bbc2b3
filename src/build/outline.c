/* `--call=targets` and `--call=outline`: what a Dockerfile offers. */
#include "build/room.h"
#include <stdlib.h>
#include <string.h>

/* BuildKit's rule: the first comment right above that begins with the name. */
static const char *description(const struct instruction *in, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; n && i < in->comments.n; i++)
		if (!strncmp(in->comments.v[i], name, n) && in->comments.v[i][n] == ' ')
			return in->comments.v[i] + n + 1;
	return "";
}

int build_targets(struct arena *a, const struct build_request *q, struct build_targets *out,
		  struct err *e)
{
	struct builder b;
	int r = builder_look(&b, a, q, e);

	/* Stages can be told where one of them could not be built. */
	vec_each(s, &b.recipe.stages) {
		const char *name = s->name ? s->name : "";

		*vec_push(a, out) = (struct build_target){name,
							  description(s->in, name),
							  s->base,
							  s->platform,
							  s->index + 1 == (int)b.recipe.stages.n,
							  s->line,
							  s->in->end_line};
	}
	out->source = b.file.text;
	builder_done(&b);
	return out->n ? 0 : r;
}

static void add(struct arena *a, struct build_outline_rows *rows,
		const struct build_outline_row *row)
{
	vec_each(known, rows) {
		if (!strcmp(known->name, row->name)) {
			known->required |= row->required;
			return;
		}
	}
	*vec_push(a, rows) = *row;
}

/* TARGETARCH and its like have their value from the platform, not from who builds. */
static bool is_platform_arg(const char *key)
{
	static const char *const ends[] = {"PLATFORM", "OS",      "OSVERSION",
					   "ARCH",     "VARIANT", "STAGE"};
	const char *end = text_starts(key, "TARGET")  ? key + strlen("TARGET")
			  : text_starts(key, "BUILD") ? key + strlen("BUILD")
						      : "";

	for (size_t i = 0; i < countof(ends); i++)
		if (!strcmp(end, ends[i]))
			return true;
	return false;
}

static void add_args(struct arena *a, const struct action *act, const struct pairs *values,
		     struct build_outline_rows *rows)
{
	if (act->verb != DO_ARG)
		return;
	vec_each(p, &act->pairs) {
		const char *value = pairs_get(values, p->key);

		if (!is_platform_arg(p->key))
			add(a, rows,
			    &(struct build_outline_row){p->key, value ? value : "",
							description(act->in, p->key), false,
							act->line, act->in->end_line});
	}
}

static bool names(const char *word, const char *variable)
{
	size_t n = strlen(variable);

	for (const char *at = strchr(word, '$'); at; at = strchr(at + 1, '$')) {
		const char *p = at + 1 + (at[1] == '{');

		if (!strncmp(p, variable, n) && !strchr("_", p[n] ? p[n] : ' ') &&
		    !(p[n] >= '0' && p[n] <= '9') && !((p[n] | 32) >= 'a' && (p[n] | 32) <= 'z'))
			return true;
	}
	return false;
}

/* ARG before the first FROM counts where a FROM that is needed reads it. */
static void add_globals(struct arena *a, const struct graph *g, const struct build_request *q,
			struct build_outline_rows *rows)
{
	vec_each(act, &g->recipe->global_args) {
		vec_each(s, &g->stages) {
			const char *key = act->pairs.n ? act->pairs.v[0].key : "";
			struct pairs values = {0};

			if (!s->needed ||
			    !(names(s->stage->base, key) || names(s->stage->platform, key)))
				continue;
			*vec_push(a, &values) = act->pairs.v[0];
			vec_each(given, &q->args)
				*vec_push(a, &values) = *given;
			add_args(a, act, &values, rows);
		}
	}
}

static void add_mounts(struct arena *a, const struct graph_stage *s, struct build_outline *out)
{
	vec_each(step, &s->steps) {
		vec_each(m, &step->mounts) {
			struct build_outline_row row = {m->opt.id,  "",
							"",         m->opt.required,
							step->line, step->action->in->end_line};

			row.name = row.name ? row.name : "default";
			if (m->opt.type == RUN_SECRET)
				add(a, &out->secrets, &row);
			else if (m->opt.type == RUN_SSH)
				add(a, &out->ssh, &row);
		}
	}
}

static int by_line(const void *x, const void *y)
{
	const struct build_outline_row *a = x, *b = y;

	return (a->line > b->line) - (a->line < b->line);
}

int build_outline(struct arena *a, const struct build_request *q, struct build_outline *out,
		  struct err *e)
{
	struct builder b;
	int r = builder_look(&b, a, q, e);
	const struct stage *target;

	*out = (struct build_outline){.target = "", .description = "", .source = b.file.text};
	if (r == 0) {
		target = b.graph.stages.v[b.graph.target].stage;
		out->is_named = *target->name;
		out->target = out->is_named ? target->name : "default";
		out->description = description(target->in, target->name);
		add_globals(a, &b.graph, q, &out->args);
		vec_each(s, &b.graph.stages) {
			if (!s->needed)
				continue;
			vec_each(act, &s->stage->actions)
				add_args(a, act, &s->args, &out->args);
			add_mounts(a, s, out);
		}
		if (out->args.n)
			qsort(out->args.v, out->args.n, sizeof(*out->args.v), by_line);
	}
	builder_done(&b);
	return r;
}
