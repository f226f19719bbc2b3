/*
 * Answers questions about Dockerfiles for tests/corpus/dockerfiles.py: one JSON request on
 * standard input, one JSON answer on standard output, for each line.
 */
#include "base/json.h"
#include "build/dockerfile.h"
#include "build/graph.h"
#include "build/ignore.h"
#include "build/lint.h"
#include "build/stage.h"
#include "build/words.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static json_t *text(const char *s)
{
	json_t *j = json_string(s);

	return j ? j : json_string("(not UTF-8)");
}

static json_t *list(const struct strings *s)
{
	json_t *out = json_array();

	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(out, text(s->v[i]));
	return out;
}

static json_t *failure(const struct err *e)
{
	return json_pack("{s:s, s:s, s:s}", "why", e->why, "what", e->what, "at", e->at);
}

static void read_list(struct arena *a, const json_t *j, struct strings *out)
{
	size_t i;
	json_t *item;

	json_array_foreach(j, i, item) * vec_push(a, out) = json_string_value(item);
}

static void read_env(struct arena *a, const json_t *j, struct pairs *out)
{
	size_t i;
	json_t *item;

	json_array_foreach(j, i, item)
	{
		const char *s = json_string_value(item), *eq = strchr(s, '=');

		*vec_push(a, out) = (struct pair){
			arena_strndup(a, s, eq ? (size_t)(eq - s) : strlen(s)), eq ? eq + 1 : ""};
	}
}

static json_t *do_words(struct arena *a, const json_t *q)
{
	const char *escape = json_string_or(q, "escape", "\\"), *word = NULL;
	struct pairs env = {};
	struct strings words = {};
	struct words w = {.escape = *escape, .forget = true, .env = &env};
	struct err e = {};

	read_env(a, json_object_get(q, "env"), &env);
	if (words_expand(a, &w, json_string_or(q, "text", ""), &word, &words, &e) < 0)
		return json_pack("{s:o}", "error", failure(&e));
	return json_pack("{s:o, s:o}", "word", text(word), "words", list(&words));
}

static json_t *do_match(struct arena *a, const json_t *q)
{
	json_t *answers, *item;
	struct strings patterns = {};
	struct ignore ig;
	struct err e = {};
	size_t i;

	read_list(a, json_object_get(q, "patterns"), &patterns);
	if (ignore_make(a, &patterns, &ig, &e) < 0)
		return json_pack("{s:o}", "error", failure(&e));
	answers = json_array();
	json_array_foreach(json_object_get(q, "paths"), i, item) json_array_append_new(
		answers, json_boolean(ignore_match(a, &ig, json_string_value(item))));
	return json_pack("{s:o}", "excluded", answers);
}

static json_t *do_ignore_file(struct arena *a, const json_t *q)
{
	struct strings patterns = {};

	ignore_lines(a, span_of(json_string_or(q, "text", "")), &patterns);
	return json_pack("{s:o}", "patterns", list(&patterns));
}

static json_t *stages(const struct recipe *r)
{
	json_t *out = json_array();

	vec_each(s, &r->stages) {
		json_t *commands = json_array();

		vec_each(c, &s->actions)
			json_array_append_new(commands, json_pack("{s:s, s:i}", "name",
								  c->in->written, "line", c->line));
		json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:o}", "name", s->name,
						     "base", s->base, "platform", s->platform,
						     "commands", commands));
	}
	return out;
}

static json_t *do_parse(struct arena *a, const json_t *q)
{
	const json_t *t = json_object_get(q, "text");
	struct dockerfile d;
	struct recipe recipe;
	struct err e = {};
	auto_buf ast = {};
	json_t *out;

	if (dockerfile_parse(a, "Dockerfile",
			     (struct span){json_string_value(t), json_string_length(t)}, &d,
			     &e) < 0)
		return json_pack("{s:o}", "parse_error", failure(&e));
	dockerfile_dump(&d, &ast);
	out = json_pack("{s:s#, s:s#}", "ast", ast.p, ast.n, "escape", &d.escape, 1);
	if (recipe_read(a, &d, &recipe, &e) < 0) {
		json_object_set_new(out, "instructions_error", failure(&e));
		return out;
	}
	json_object_set_new(out, "stages", stages(&recipe));
	return out;
}

/* Every reference is an image with nothing but a PATH, as in the corpus. */
static int any_image(void *arg, const char *ref, const char *platform, struct image **out,
		     struct err *e)
{
	struct image *img = arena_new(arg, struct image);

	img->id = ref;
	img->os = "linux";
	img->architecture = "amd64";
	*vec_push(arg, &img->env) =
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	*out = img;
	return 0;
}

static json_t *exec_json(const struct step *s)
{
	json_t *mounts = json_array();

	vec_each(m, &s->mounts)
		json_array_append_new(mounts, json_pack("{s:s?, s:i, s:b, s:s?}", "dest", m->target,
							"type", (int)m->opt.type, "readonly",
							(int)m->opt.read_only, "env", m->opt.env));
	return json_pack("{s:s, s:o, s:o, s:s, s:s?, s:s?, s:b, s:o}", "kind", "exec", "args",
			 list(&s->argv), "env", list(&s->env), "cwd", s->cwd, "user", s->user,
			 "network", s->network, "insecure", (int)s->insecure, "mounts", mounts);
}

static json_t *copy_json(const struct step *s)
{
	json_t *sources = json_array();

	vec_each(src, &s->sources)
		json_array_append_new(sources, json_pack("{s:s, s:s?, s:s?, s:i}", "src", src->path,
							 "pattern", src->pattern, "text", src->text,
							 "kind", (int)src->kind));
	return json_pack("{s:s, s:o, s:s, s:s?, s:s?, s:b, s:b, s:o}", "kind", "copy", "sources",
			 sources, "dest", s->dest, "chown", s->chown, "chmod", s->chmod, "link",
			 (int)s->link, "unpack", (int)s->unpack, "exclude", list(&s->exclude));
}

static json_t *steps_json(const struct graph *g)
{
	json_t *out = json_array();

	vec_each(st, &g->stages) {
		for (size_t i = 0; st->needed && i < st->steps.n; i++) {
			struct step *s = &st->steps.v[i];

			json_array_append_new(out, s->kind == STEP_RUN ? exec_json(s)
						   : s->kind == STEP_COPY
							   ? copy_json(s)
							   : json_pack("{s:s, s:s, s:s?}", "kind",
								       "mkdir", "path", s->dest,
								       "user", s->user));
		}
	}
	return out;
}

static json_t *lint_json(struct arena *a, const struct recipe *r, const struct graph *g,
			 bool *fatal)
{
	json_t *out = json_array();
	struct lint l;

	lint_run(a, r, g, &(struct lint_options){0}, &l);
	*fatal = l.fatal;
	vec_each(f, &l)
		json_array_append_new(out, json_pack("{s:s, s:i, s:s}", "rule", f->rule, "line",
						     f->line, "message", f->message));
	return out;
}

static json_t *do_graph(struct arena *a, const json_t *q)
{
	const json_t *t = json_object_get(q, "text");
	struct graph_input in = {.target = json_string_or(q, "target", NULL),
				 .platform = "linux/amd64",
				 .build_platform = "linux/amd64",
				 .image = any_image,
				 .arg = a};
	struct strings none = {};
	struct dockerfile d;
	struct recipe recipe;
	struct graph g;
	struct err e = {};
	const char *key;
	bool fatal;
	json_t *v, *lint;

	json_object_foreach((json_t *)json_object_get(q, "args"), key, v) * vec_push(a, &in.args) =
		(struct pair){key, json_string_value(v)};
	if (dockerfile_parse(a, "Dockerfile",
			     (struct span){json_string_value(t), json_string_length(t)}, &d,
			     &e) < 0 ||
	    recipe_read(a, &d, &recipe, &e) < 0)
		return json_pack("{s:o}", "error", failure(&e));
	if (graph_make(a, &recipe, &in, &g, &e) < 0)
		return json_pack("{s:o, s:o}", "error", failure(&e), "lint",
				 lint_json(a, &recipe, &g, &fatal));
	lint = lint_json(a, &recipe, &g, &fatal);
	if (fatal)
		return json_pack("{s:s, s:o}", "error", "lint violation", "lint", lint);
	return json_pack("{s:o, s:o, s:o}", "lint", lint, "image",
			 json_loads(config_json(a, &g.stages.v[g.target].config, &none), 0, NULL),
			 "steps", steps_json(&g));
}

static json_t *answer(struct arena *a, const json_t *q)
{
	const char *kind = json_string_or(q, "do", "");

	if (!strcmp(kind, "words"))
		return do_words(a, q);
	if (!strcmp(kind, "match"))
		return do_match(a, q);
	if (!strcmp(kind, "ignore"))
		return do_ignore_file(a, q);
	if (!strcmp(kind, "graph"))
		return do_graph(a, q);
	return do_parse(a, q);
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		auto_arena a = {};
		json_t *q = json_loads(line, 0, NULL), *reply = answer(&a, q);
		char *s = json_dumps(reply, JSON_COMPACT);

		puts(s);
		fflush(stdout);
		free(s);
		json_decref(reply);
		json_decref(q);
	}
	free(line);
	return 0;
}
