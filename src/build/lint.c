#include "build/lint.h"
#include "build/advice.h"
#include "build/path.h"
#include "build/words.h"
#include "image/manifest.h"
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
	const struct ignore *ignore;
	struct strings skip, experimental;
	bool skip_all, all_experimental;
};

/* Where hadolint has a rule of BuildKit's too: its name silences that one. */
static const struct {
	const char *hadolint, *rule;
} twins[] = {
	{"DL3000", "WorkdirRelativePath"},
	{"DL3012", "MultipleInstructionsDisallowed"},
	{"DL3024", "DuplicateStageName"},
	{"DL3025", "JSONArgsRecommended"},
	{"DL4000", "MaintainerDeprecated"},
	{"DL4003", "MultipleInstructionsDisallowed"},
	{"DL4004", "MultipleInstructionsDisallowed"},
};

static bool is_named(const struct strings *skip, const char *rule)
{
	for (size_t i = 0; i < countof(twins); i++)
		if (!strcmp(twins[i].rule, rule) && strings_have(skip, twins[i].hadolint))
			return true;
	return strings_have(skip, rule);
}

void lint_find(struct linter *l, const char *rule, int line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (l->skip_all || is_named(&l->skip, rule))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*vec_push(l->a, l->out) =
		(struct lint_finding){rule, arena_printf(l->a, "%s", text), line, line};
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
		lint_find(l, "ConsistentInstructionCasing", in->line,
			  "Command '%s' should match the case of the command majority (%s)",
			  in->written, most == LOWER ? "lowercase" : "uppercase");
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
		lint_find(l, "StageNameCasing", s->line, "Stage name '%s' should be lowercase",
			  w->v[2]);
	if (casing(s->in->written) != casing(w->v[1]) && casing(s->in->written) != MIXED)
		lint_find(l, "FromAsCasing", s->line, "'%s' and '%s' keywords' casing do not match",
			  w->v[1], s->in->written);
	if (!strcmp(s->name, "scratch") || !strcmp(s->name, "context"))
		lint_find(l, "ReservedStageName", s->line,
			  "Stage name should not use the same name as reserved stage \"%s\"",
			  s->name);
	for (const struct stage *o = l->r->stages.v; o < s; o++) {
		if (strcmp(o->name, s->name))
			continue;
		lint_find(l, "DuplicateStageName", s->line,
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

static bool wants(const struct linter *l, const char *rule)
{
	return l->all_experimental || strings_have(&l->experimental, rule);
}

/* A name that has the platform in it says that the constant is meant. */
static void constant_platform(struct linter *l, const struct stage *s)
{
	struct platform p;
	struct err ignored;

	if (!*s->platform || strchr(s->platform, '$') ||
	    platform_parse(l->a, s->platform, &p, &ignored) < 0)
		return;
	if (!strstr(s->name, p.os) && !strstr(s->name, p.architecture))
		lint_find(l, "FromPlatformFlagConstDisallowed", s->line,
			  "FROM --platform flag should not use constant value \"%s\"", s->platform);
}

/* "# name what it is" above ARG and FROM is documentation; anything else there hides it. */
static void description(struct linter *l, const struct instruction *in, const struct pairs *args,
			const char *stage)
{
	const char *comment = in->comment;
	struct span first, rest = span_of(comment ? comment : "");
	bool known = false;

	if (!comment || !wants(l, "InvalidDefinitionDescription") || (!args && !*stage))
		return;
	span_cut(&rest, ' ', &first);
	for (size_t i = 0; args && i < args->n; i++)
		known |= span_is(first, args->v[i].key);
	known |= !args && span_is(first, stage);
	if (!known)
		lint_find(l, "InvalidDefinitionDescription", in->line,
			  "Comment for %s should follow the format: `# %s <description>`",
			  args ? "ARG" : "build stage",
			  !args          ? stage
			  : args->n == 1 ? args->v[0].key
					 : "<arg_key>");
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
			lint_find(l, "UndefinedArgInFrom", s->line,
				  "FROM argument '%s' is not declared", unset.v[i]);
	if (base && !names_stage(l, value) && strcmp(value, "scratch") &&
	    ref_parse(l->a, value, &ref, &ignored) < 0)
		lint_find(l, "InvalidDefaultArgInFrom", s->line,
			  "Default value for ARG %s results in empty or invalid base image name",
			  word);
	if (!base && used.n == 1 && !unset.n && !strcmp(used.v[0], "TARGETPLATFORM"))
		lint_find(l, "RedundantTargetPlatform", s->line,
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
			lint_find(
				l, "SecretsUsedInArgOrEnv", act->line,
				"Do not use ARG or ENV instructions for sensitive data (%s \"%s\")",
				act->verb == DO_ARG ? "ARG" : "ENV", p->key);
}

static void legacy_pairs(struct linter *l, const struct action *act)
{
	const char *word = act->verb == DO_ENV ? "ENV" : "LABEL";

	if (act->in->args.n == 3 && !*act->in->args.v[2])
		lint_find(
			l, "LegacyKeyValueFormat", act->line,
			"\"%s key=value\" should be used instead of legacy \"%s key value\" format",
			word, word);
}

static void protocols(struct linter *l, const struct action *act)
{
	for (size_t i = 0; i < act->words.n; i++) {
		const char *word = act->words.v[i], *slash = strchr(word, '/');

		if (strchr(word, ':') && !strchr(word, '$'))
			lint_find(l, "ExposeInvalidFormat", act->line,
				  "EXPOSE instruction should not define an IP address or host-port "
				  "mapping, found '%s'",
				  word);
		if (slash && !strchr(slash, '$') && casing(slash + 1) != LOWER)
			lint_find(l, "ExposeProtoCasing", act->line,
				  "Defined protocol '%s' in EXPOSE instruction should be lowercase",
				  word);
	}
}

/* What COPY and ADD name themselves; patterns are for what is there. */
static void ignored_files(struct linter *l, const struct action *act)
{
	const struct copy *c = &act->copy;

	for (size_t i = 0; l->ignore && !c->from && i < c->sources.n; i++) {
		const char *path = path_clean(l->a, c->sources.v[i]);

		if (strstr(path, "://") || strpbrk(path, "*?[$") ||
		    !ignore_match(l->a, l->ignore, path + (*path == '/')))
			continue;
		lint_find(l, "CopyIgnoredFile", act->line,
			  "Attempting to %s file \"%s\" that is excluded by .dockerignore",
			  act->verb == DO_ADD ? "Add" : "Copy", c->sources.v[i]);
	}
}

static void json_form(struct linter *l, const struct action *act, bool shell_set)
{
	if (act->shell_form && !shell_set)
		lint_find(l, "JSONArgsRecommended", act->line,
			  "JSON arguments recommended for %s to prevent unintended behavior "
			  "related to "
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
			lint_find(l, "MultipleInstructionsDisallowed", before->line,
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
		if ((act->verb == DO_COPY || act->verb == DO_ADD) && wants(l, "CopyIgnoredFile"))
			ignored_files(l, act);
		if (act->verb == DO_ENV || act->verb == DO_LABEL)
			legacy_pairs(l, act);
	}
}

static void every_stage(struct linter *l, const struct stage *s)
{
	stage_names(l, s);
	from_words(l, s, s->base, true);
	from_words(l, s, s->platform, false);
	constant_platform(l, s);
	description(l, s->in, NULL, s->in->args.n > 2 ? s->in->args.v[2] : "");
	vec_each(act, &s->actions) {
		if (act->verb == DO_ARG)
			description(l, act->in, &act->pairs, "");
		if (act->verb == DO_MAINTAINER)
			lint_find(l, "MaintainerDeprecated", act->line,
				  "Maintainer instruction is deprecated in favor of using label");
	}
	only_last(l, s, DO_CMD, "CMD");
	only_last(l, s, DO_ENTRYPOINT, "ENTRYPOINT");
	only_last(l, s, DO_HEALTHCHECK, "HEALTHCHECK");
}

/* ---- all ---- */

static void list_words(struct arena *a, struct span list, struct strings *out, bool *all)
{
	struct span word;
	bool more = list.n > 0;

	while (more) {
		more = span_cut(&list, ',', &word);
		word = span_trim(word);
		*all |= span_is(word, "all");
		*vec_push(a, out) = span_dup(a, word);
	}
}

/* "skip=A,B;error=true" */
static void directive(struct linter *l, const char *text, bool *fatal)
{
	struct span rest = span_of(text ? text : ""), part;
	bool more = rest.n > 0;

	while (more) {
		struct span key;

		more = span_cut(&rest, ';', &part);
		span_cut(&part, '=', &key);
		key = span_trim(key);
		if (span_is(key, "error"))
			*fatal = span_is(span_trim(part), "true");
		else if (span_is(key, "skip"))
			list_words(l->a, part, &l->skip, &l->skip_all);
		else if (span_is(key, "experimental"))
			list_words(l->a, part, &l->experimental, &l->all_experimental);
	}
}

/* A comment right above an instruction speaks for it alone. */
static bool is_skipped(struct linter *l, const struct lint_finding *f)
{
	struct linter own = {.a = l->a, .r = l->r};
	bool ignored = false;

	vec_each(in, &l->r->file->list) {
		if (in->line != f->line)
			continue;
		directive(&own, in->check, &ignored);
		list_words(own.a, span_of(in->ignore ? in->ignore : ""), &own.skip, &ignored);
	}
	return own.skip_all || is_named(&own.skip, f->rule);
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
		lint_find(l, "WorkdirRelativePath", w->line,
			  "Relative workdir \"%s\" can have unexpected results if the base image "
			  "changes",
			  w->name);
	vec_each(u, &l->g->undefined) {
		if (u->near)
			lint_find(l, "UndefinedVar", u->line,
				  "Usage of undefined variable '$%s' (did you mean $%s?)", u->name,
				  u->near);
		else
			lint_find(l, "UndefinedVar", u->line, "Usage of undefined variable '$%s'",
				  u->name);
	}
}

void lint_run(struct arena *a, const struct recipe *r, const struct graph *g,
	      const struct lint_options *o, struct lint *out)
{
	struct linter l = {.a = a, .r = r, .g = g, .out = out, .ignore = o->ignore};
	bool fatal = false;

	*out = (struct lint){0};
	directive(&l, r->file->check, &fatal);
	list_words(a, span_of(r->file->ignore ? r->file->ignore : ""), &l.skip, &l.skip_all);
	instruction_casing(&l);
	for (size_t i = 0; i < r->file->empty_continuations.n; i++)
		lint_find(&l, "NoEmptyContinuation", r->file->empty_continuations.v[i],
			  "Empty continuation line");
	vec_each(s, &r->stages) {
		every_stage(&l, s);
		if (!g || (g->stages.n && g->stages.v[s->index].needed))
			needed_stage(&l, s);
	}
	if (g)
		from_graph(&l);
	if (o->hadolint)
		advice_run(&l, a, r);
	drop_skipped(&l);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_line);
	out->fatal = fatal && out->n;
}

const char *lint_url(struct arena *a, const char *rule)
{
	auto_buf b = {0};

	if (text_starts(rule, "DL"))
		return arena_printf(a, "https://github.com/hadolint/hadolint/wiki/%s", rule);
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
