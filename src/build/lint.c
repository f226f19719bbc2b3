#include "build/lint.h"
#include "build/words.h"
#include "image/ref.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct linter {
	struct arena *a;
	const struct recipe *r;
	const struct graph *g;
	struct lint *out;
	struct strings skip;
	bool skip_all;
};

static void find(struct linter *l, const char *rule, int line, const char *fmt, ...)
	printf_like(4, 5);

static void find(struct linter *l, const char *rule, int line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (l->skip_all || strings_have(&l->skip, rule))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*vec_push(l->a, l->out) = (struct lint_finding){rule, arena_printf(l->a, "%s", text), line};
}

/* ---- casing ---- */

enum casing { MIXED, LOWER, UPPER };

static enum casing casing(const char *s)
{
	bool lower = false, upper = false;

	for (; *s; s++) {
		lower |= islower((unsigned char)*s) != 0;
		upper |= isupper((unsigned char)*s) != 0;
	}
	return lower && upper ? MIXED : lower ? LOWER : UPPER;
}

static void one_casing(struct linter *l, const struct instruction *in, enum casing most)
{
	if (casing(in->written) != most)
		find(l, "ConsistentInstructionCasing", in->line,
		     "Command '%s' should match the case of the command majority (%s)", in->written,
		     most == LOWER ? "lowercase" : "uppercase");
}

static void instruction_casing(struct linter *l)
{
	int count[3] = {0};
	enum casing most;

	vec_each(s, &l->r->stages) {
		count[casing(s->in->written)]++;
		vec_each(act, &s->actions)
			count[casing(act->in->written)]++;
	}
	most = count[LOWER] > count[UPPER] ? LOWER : UPPER;
	vec_each(s, &l->r->stages) {
		one_casing(l, s->in, most);
		vec_each(act, &s->actions)
			one_casing(l, act->in, most);
	}
}

/* ---- FROM ---- */

static void stage_names(struct linter *l, const struct stage *s)
{
	const struct strings *w = &s->in->args;

	if (w->n < 3)
		return;
	if (strcmp(w->v[2], s->name))
		find(l, "StageNameCasing", s->line, "Stage name '%s' should be lowercase", w->v[2]);
	if (casing(s->in->written) != casing(w->v[1]) && casing(s->in->written) != MIXED)
		find(l, "FromAsCasing", s->line, "'%s' and '%s' keywords' casing do not match",
		     w->v[1], s->in->written);
	if (!strcmp(s->name, "scratch") || !strcmp(s->name, "context"))
		find(l, "ReservedStageName", s->line,
		     "Stage name should not use the same name as reserved stage \"%s\"", s->name);
	for (const struct stage *o = l->r->stages.v; o < s; o++) {
		if (strcmp(o->name, s->name))
			continue;
		find(l, "DuplicateStageName", s->line,
		     "Duplicate stage name \"%s\", stage names should be unique", s->name);
		break;
	}
}

static const char *const predefined[] = {"BUILDPLATFORM", "BUILDOS",         "BUILDOSVERSION",
					 "BUILDARCH",     "BUILDVARIANT",    "TARGETPLATFORM",
					 "TARGETOS",      "TARGETOSVERSION", "TARGETARCH",
					 "TARGETVARIANT", "TARGETSTAGE"};

/* Global arguments with their defaults alone. */
static void defaults(struct linter *l, struct pairs *env, struct strings *declared)
{
	static const char *const values[] = {"linux/amd64", "linux", "", "amd64", "",
					     "linux/amd64", "linux", "", "amd64", "",
					     "default"};

	for (size_t i = 0; i < countof(predefined); i++) {
		*vec_push(l->a, env) = (struct pair){predefined[i], values[i]};
		*vec_push(l->a, declared) = predefined[i];
	}
	vec_each(act, &l->r->global_args) {
		vec_each(p, &act->pairs) {
			struct words w = {.escape = l->r->file->escape, .env = env};
			const char *value = NULL;
			struct err ignored;

			*vec_push(l->a, declared) = p->key;
			if (p->value &&
			    words_expand(l->a, &w, p->value, &value, NULL, &ignored) == 0)
				*vec_push(l->a, env) = (struct pair){p->key, value};
		}
	}
}

static bool names_stage(struct linter *l, const char *name)
{
	vec_each(s, &l->r->stages)
		if (*s->name && !strcasecmp(s->name, name))
			return true;
	return false;
}

static void from_words(struct linter *l, const struct stage *s, const char *word, bool base)
{
	struct pairs env = {0};
	struct strings declared = {0}, unset = {0}, used = {0};
	struct words w = {
		.escape = l->r->file->escape, .env = &env, .unmatched = &unset, .matched = &used};
	const char *value;
	struct ref ref;
	struct err ignored;

	defaults(l, &env, &declared);
	if (!strchr(word, '$') || words_expand(l->a, &w, word, &value, NULL, &ignored) < 0)
		return;
	for (size_t i = 0; i < unset.n; i++)
		if (!strings_have(&declared, unset.v[i]))
			find(l, "UndefinedArgInFrom", s->line, "FROM argument '%s' is not declared",
			     unset.v[i]);
	if (base && !names_stage(l, value) && strcmp(value, "scratch") &&
	    ref_parse(l->a, value, &ref, &ignored) < 0)
		find(l, "InvalidDefaultArgInFrom", s->line,
		     "Default value for ARG %s results in empty or invalid base image name", word);
	if (!base && used.n == 1 && !unset.n && !strcmp(used.v[0], "TARGETPLATFORM"))
		find(l, "RedundantTargetPlatform", s->line,
		     "Setting platform to predefined %s in FROM is redundant as this is the "
		     "default "
		     "behavior",
		     word);
}

/* ---- instructions ---- */

static bool has_token(const char *name, const char *const *tokens)
{
	for (; *tokens; tokens++) {
		size_t n = strlen(*tokens);

		for (const char *p = name; (p = strcasestr(p, *tokens)); p++)
			if ((p == name || p[-1] == '_') && (!p[n] || p[n] == '_'))
				return true;
	}
	return false;
}

static void secrets(struct linter *l, const struct action *act)
{
	static const char *const secret[] = {"apikey", "auth",     "credential", "credentials",
					     "key",    "password", "pword",      "passwd",
					     "secret", "token",    NULL};
	static const char *const open[] = {"public", NULL};

	vec_each(p, &act->pairs)
		if (has_token(p->key, secret) && !has_token(p->key, open))
			find(l, "SecretsUsedInArgOrEnv", act->line,
			     "Do not use ARG or ENV instructions for sensitive data (%s \"%s\")",
			     act->verb == DO_ARG ? "ARG" : "ENV", p->key);
}

static void legacy_pairs(struct linter *l, const struct action *act)
{
	const char *word = act->verb == DO_ENV ? "ENV" : "LABEL";

	if (act->in->args.n == 3 && !*act->in->args.v[2])
		find(l, "LegacyKeyValueFormat", act->line,
		     "\"%s key=value\" should be used instead of legacy \"%s key value\" format",
		     word, word);
}

static void protocols(struct linter *l, const struct action *act)
{
	for (size_t i = 0; i < act->words.n; i++) {
		const char *slash = strchr(act->words.v[i], '/');

		if (slash && casing(slash + 1) != LOWER)
			find(l, "ExposeProtoCasing", act->line,
			     "Defined protocol '%s' in EXPOSE instruction should be lowercase",
			     act->words.v[i]);
	}
}

static void json_form(struct linter *l, const struct action *act, bool shell_set)
{
	if (act->shell_form && !shell_set)
		find(l, "JSONArgsRecommended", act->line,
		     "JSON arguments recommended for %s to prevent unintended behavior related to "
		     "OS "
		     "signals",
		     act->verb == DO_CMD ? "CMD" : "ENTRYPOINT");
}

static void only_last(struct linter *l, const struct stage *s, enum verb verb, const char *name)
{
	const struct action *before = NULL;

	vec_each(act, &s->actions) {
		if (act->verb != verb)
			continue;
		if (before)
			find(l, "MultipleInstructionsDisallowed", before->line,
			     "Multiple %s instructions should not be used in the same stage "
			     "because "
			     "only the last one will be used",
			     name);
		before = act;
	}
}

/* A SHELL here or in a stage below. */
static bool has_shell(struct linter *l, const struct stage *s)
{
	vec_each(act, &s->actions)
		if (act->verb == DO_SHELL)
			return true;
	for (const struct stage *o = s; o-- > l->r->stages.v;)
		if (*o->name && !strcasecmp(o->name, s->base))
			return has_shell(l, o);
	return false;
}

/* What BuildKit says while it converts: only of stages that the target needs. */
static void needed_stage(struct linter *l, const struct stage *s)
{
	bool shell = false;

	for (const struct stage *o = s; o-- > l->r->stages.v;)
		shell |= *o->name && !strcasecmp(o->name, s->base) && has_shell(l, o);
	vec_each(act, &s->actions) {
		shell |= act->verb == DO_SHELL;
		if (act->verb == DO_CMD || act->verb == DO_ENTRYPOINT)
			json_form(l, act, shell);
		if (act->verb == DO_ARG || act->verb == DO_ENV)
			secrets(l, act);
		if (act->verb == DO_EXPOSE)
			protocols(l, act);
		if (act->verb == DO_ENV || act->verb == DO_LABEL)
			legacy_pairs(l, act);
	}
}

static void every_stage(struct linter *l, const struct stage *s)
{
	stage_names(l, s);
	from_words(l, s, s->base, true);
	from_words(l, s, s->platform, false);
	vec_each(act, &s->actions) {
		if (act->verb == DO_MAINTAINER)
			find(l, "MaintainerDeprecated", act->line,
			     "Maintainer instruction is deprecated in favor of using label");
	}
	only_last(l, s, DO_CMD, "CMD");
	only_last(l, s, DO_ENTRYPOINT, "ENTRYPOINT");
	only_last(l, s, DO_HEALTHCHECK, "HEALTHCHECK");
}

/* ---- all ---- */

/* "skip=A,B;error=true" */
static void directive(struct linter *l, const char *text, bool *fatal)
{
	struct span rest = span_of(text ? text : ""), part;
	bool more = rest.n > 0;

	while (more) {
		struct span key, word;
		bool words = true;

		more = span_cut(&rest, ';', &part);
		span_cut(&part, '=', &key);
		key = span_trim(key);
		if (span_is(key, "error"))
			*fatal = span_is(span_trim(part), "true");
		while (span_is(key, "skip") && words) {
			words = span_cut(&part, ',', &word);
			word = span_trim(word);
			l->skip_all |= span_is(word, "all");
			*vec_push(l->a, &l->skip) = span_dup(l->a, word);
		}
	}
}

/* A comment right above an instruction speaks for it alone. */
static bool is_skipped(struct linter *l, const struct lint_finding *f)
{
	struct linter own = {.a = l->a, .r = l->r};
	bool ignored = false;

	vec_each(in, &l->r->file->list)
		if (in->line == f->line)
			directive(&own, in->check, &ignored);
	return own.skip_all || strings_have(&own.skip, f->rule);
}

static void drop_skipped(struct linter *l)
{
	size_t kept = 0;

	vec_each(f, l->out)
		if (!is_skipped(l, f))
			l->out->v[kept++] = *f;
	l->out->n = kept;
}

static int by_line(const void *x, const void *y)
{
	const struct lint_finding *a = x, *b = y;

	return a->line != b->line ? a->line - b->line : strcmp(a->rule, b->rule);
}

static void from_graph(struct linter *l)
{
	vec_each(w, &l->g->relative_workdirs)
		find(l, "WorkdirRelativePath", w->line,
		     "Relative workdir \"%s\" can have unexpected results if the base image "
		     "changes",
		     w->name);
	vec_each(u, &l->g->undefined) {
		if (u->near)
			find(l, "UndefinedVar", u->line,
			     "Usage of undefined variable '$%s' (did you mean $%s?)", u->name,
			     u->near);
		else
			find(l, "UndefinedVar", u->line, "Usage of undefined variable '$%s'",
			     u->name);
	}
}

void lint_run(struct arena *a, const struct recipe *r, const struct graph *g, struct lint *out)
{
	struct linter l = {.a = a, .r = r, .g = g, .out = out};
	bool fatal = false;

	*out = (struct lint){0};
	directive(&l, r->file->check, &fatal);
	instruction_casing(&l);
	for (size_t i = 0; i < r->file->empty_continuations.n; i++)
		find(&l, "NoEmptyContinuation", r->file->empty_continuations.v[i],
		     "Empty continuation line");
	vec_each(s, &r->stages) {
		every_stage(&l, s);
		if (!g || (g->stages.n && g->stages.v[s->index].needed))
			needed_stage(&l, s);
	}
	if (g)
		from_graph(&l);
	drop_skipped(&l);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_line);
	out->fatal = fatal && out->n;
}

const char *lint_url(struct arena *a, const char *rule)
{
	auto_buf b = {0};

	buf_str(&b, "https://docs.docker.com/go/dockerfile/rule/");
	for (const char *p = rule; *p; p++) {
		bool word =
			isupper((unsigned char)*p) && (islower((unsigned char)p[1]) ||
						       (p > rule && islower((unsigned char)p[-1])));

		if (p > rule && word)
			buf_char(&b, '-');
		buf_char(&b, (char)tolower((unsigned char)*p));
	}
	buf_char(&b, '/');
	return buf_take(a, &b);
}
