#include "build/stage.h"
#include "base/when.h"
#include "build/flags.h"
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

typedef int read_fn(struct arena *a, const struct instruction *in, struct action *out,
		    struct err *e);

static read_fn read_copy, read_arg, read_command, read_pairs, read_words, read_health, read_one,
	read_onbuild, read_run, read_shell;

/* clang-format off */
static const struct verb_row {
	const char *keyword;
	enum verb verb;
	read_fn *read;
} verbs[] = {
	{"add",         DO_ADD,         read_copy},
	{"arg",         DO_ARG,         read_arg},
	{"cmd",         DO_CMD,         read_command},
	{"copy",        DO_COPY,        read_copy},
	{"entrypoint",  DO_ENTRYPOINT,  read_command},
	{"env",         DO_ENV,         read_pairs},
	{"expose",      DO_EXPOSE,      read_words},
	{"healthcheck", DO_HEALTHCHECK, read_health},
	{"label",       DO_LABEL,       read_pairs},
	{"maintainer",  DO_MAINTAINER,  read_one},
	{"onbuild",     DO_ONBUILD,     read_onbuild},
	{"run",         DO_RUN,         read_run},
	{"shell",       DO_SHELL,       read_shell},
	{"stopsignal",  DO_STOPSIGNAL,  read_one},
	{"user",        DO_USER,        read_one},
	{"volume",      DO_VOLUME,      read_words},
	{"workdir",     DO_WORKDIR,     read_one},
	{"from",        DO_FROM,        NULL},
};
/* clang-format on */

static const struct flag no_flags[] = {{0}};

static const char *upper(struct arena *a, const char *s)
{
	char *out = arena_printf(a, "%s", s);

	for (char *p = out; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return out;
}

static int no_flags_read(struct arena *a, const struct instruction *in, struct err *e)
{
	return flags_read(a, &in->flags, no_flags, NULL, e);
}

static int needs_arguments(struct arena *a, const struct instruction *in, struct err *e)
{
	if (in->args.n)
		return 0;
	return err_set(e, EINVAL, "%s requires at least one argument", upper(a, in->keyword));
}

/* ---- ADD, COPY ---- */

static int add_source(struct arena *a, const struct instruction *in, const char *word,
		      struct copy *out)
{
	struct heredoc h;

	if (in->json || !dockerfile_heredoc(a, word, &h)) {
		*vec_push(a, &out->sources) = word;
		return 0;
	}
	vec_each(it, &in->heredocs) {
		if (strcmp(it->name, h.name))
			continue;
		*vec_push(a, &out->files) = (struct inline_file){
			h.name, h.chomp ? dockerfile_chomp(a, it->content) : it->content, h.expand};
		return 0;
	}
	*vec_push(a, &out->files) = (struct inline_file){h.name, "", h.expand};
	return 0;
}

struct copy_flags {
	const char *from, *chown, *chmod, *checksum;
	int link, parents, keep_git_dir, unpack;
	struct strings exclude;
};
#define F(kind, field) #field, kind, offsetof(struct copy_flags, field)
static const struct flag copy_flags[] = {
	{F(FLAG_TEXT, from)},
	{F(FLAG_TEXT, chown)},
	{F(FLAG_TEXT, chmod)},
	{F(FLAG_BOOL, link)},
	{F(FLAG_BOOL, parents)},
	{F(FLAG_LIST, exclude)},
	{0},
};
static const struct flag add_flags[] = {
	{F(FLAG_TEXT, chown)},
	{F(FLAG_TEXT, chmod)},
	{F(FLAG_BOOL, link)},
	{F(FLAG_TEXT, checksum)},
	{F(FLAG_LIST, exclude)},
	{"keep-git-dir", FLAG_BOOL, offsetof(struct copy_flags, keep_git_dir)},
	{F(FLAG_BOOL, unpack)},
	{0},
};
#undef F

static int read_copy(struct arena *a, const struct instruction *in, struct action *out,
		     struct err *e)
{
	struct copy_flags f = {.unpack = -1};
	struct copy *c = &out->copy;
	struct heredoc h;
	int r;

	if (in->args.n < 2)
		return err_set(e, EINVAL,
			       "%s requires at least two arguments: sources and a destination",
			       upper(a, in->keyword));
	r = flags_read(a, &in->flags, out->verb == DO_ADD ? add_flags : copy_flags, &f, e);
	if (r < 0)
		return r;
	c->dest = in->args.v[in->args.n - 1];
	if (!in->json && dockerfile_heredoc(a, c->dest, &h))
		return err_set(e, EINVAL, "%s cannot accept a heredoc as a destination",
			       upper(a, in->keyword));
	for (size_t i = 0; r == 0 && i + 1 < in->args.n; i++)
		r = add_source(a, in, in->args.v[i], c);
	c->from = f.from;
	c->chown = f.chown;
	c->chmod = f.chmod;
	c->checksum = f.checksum;
	c->link = f.link;
	c->parents = f.parents;
	c->keep_git_dir = f.keep_git_dir;
	c->unpack = f.unpack;
	c->exclude = f.exclude;
	return r;
}

/* ---- names and values ---- */

/* A default keeps its quotes until it is expanded. */
static int read_arg(struct arena *a, const struct instruction *in, struct action *out,
		    struct err *e)
{
	int r = needs_arguments(a, in, e);

	if (r == 0)
		r = no_flags_read(a, in, e);
	for (size_t i = 0; r == 0 && i < in->args.n; i++) {
		const char *word = in->args.v[i], *eq = strchr(word, '=');
		size_t n = eq ? (size_t)(eq - word) : strlen(word);

		if (!n)
			return err_set(e, EINVAL, "ARG names can not be blank");
		*vec_push(a, &out->pairs) =
			(struct pair){arena_strndup(a, word, n), eq ? eq + 1 : NULL};
	}
	return r;
}

static int read_pairs(struct arena *a, const struct instruction *in, struct action *out,
		      struct err *e)
{
	int r = no_flags_read(a, in, e);

	if (r == 0)
		r = needs_arguments(a, in, e);
	for (size_t i = 0; r == 0 && i + 2 < in->args.n; i += 3) {
		if (!*in->args.v[i])
			return err_set(e, EINVAL, "%s names can not be blank",
				       upper(a, in->keyword));
		*vec_push(a, &out->pairs) = (struct pair){in->args.v[i], in->args.v[i + 1]};
	}
	return r;
}

static int read_words(struct arena *a, const struct instruction *in, struct action *out,
		      struct err *e)
{
	int r = needs_arguments(a, in, e);

	if (r == 0)
		r = no_flags_read(a, in, e);
	if (r < 0)
		return r;
	out->words = in->args;
	if (out->verb != DO_VOLUME)
		return 0;
	for (size_t i = 0; i < in->args.n; i++)
		if (!span_trim(span_of(in->args.v[i])).n)
			return err_set(e, EINVAL, "VOLUME specified can not be an empty string");
	return 0;
}

static int read_one(struct arena *a, const struct instruction *in, struct action *out,
		    struct err *e)
{
	if (in->args.n != 1)
		return err_set(e, EINVAL, "%s requires exactly one argument",
			       upper(a, in->keyword));
	out->words = in->args;
	return no_flags_read(a, in, e);
}

/* ---- commands ---- */

static int read_command(struct arena *a, const struct instruction *in, struct action *out,
			struct err *e)
{
	out->words = in->args;
	out->shell_form = !in->json;
	return no_flags_read(a, in, e);
}

static int read_shell(struct arena *a, const struct instruction *in, struct action *out,
		      struct err *e)
{
	int r = no_flags_read(a, in, e);

	if (r < 0)
		return r;
	if (!in->args.n)
		return err_set(e, EINVAL, "SHELL requires at least one argument");
	if (!in->json)
		return err_set(e, EINVAL, "SHELL requires the arguments to be in JSON form");
	out->words = in->args;
	return 0;
}

struct run_flags {
	struct strings mounts, devices;
	const char *network, *security;
};

static int one_of(const char *flag, const char *value, const char *const *known, struct err *e)
{
	for (; *known; known++)
		if (!strcmp(*known, value))
			return 0;
	return err_set(e, EINVAL, "%s %s is not valid", flag, value);
}

static int read_run(struct arena *a, const struct instruction *in, struct action *out,
		    struct err *e)
{
	static const struct flag flags[] = {
		{"mount", FLAG_LIST, offsetof(struct run_flags, mounts)},
		{"network", FLAG_TEXT, offsetof(struct run_flags, network)},
		{"security", FLAG_TEXT, offsetof(struct run_flags, security)},
		{"device", FLAG_LIST, offsetof(struct run_flags, devices)},
		{0},
	};
	static const char *const networks[] = {"default", "none", "host", NULL};
	static const char *const securities[] = {"insecure", "sandbox", NULL};
	struct run_flags f = {};
	int r = flags_read(a, &in->flags, flags, &f, e);

	if (r == 0 && f.network)
		r = one_of("network mode", f.network, networks, e);
	if (r == 0 && f.security)
		r = one_of("security", f.security, securities, e);
	if (r < 0)
		return r;
	if (f.devices.n)
		return err_set(e, EOPNOTSUPP,
			       "RUN --device needs CDI devices, which berth has not");
	out->mounts = f.mounts;
	out->network = f.network;
	out->security = f.security;
	return read_command(a, &(struct instruction){.args = in->args, .json = in->json}, out, e);
}

static int read_onbuild(struct arena *a, const struct instruction *in, struct action *out,
			struct err *e)
{
	auto_buf text = {};
	const char *p = in->original;
	int r;

	if (!in->sub)
		return err_set(e, EINVAL, "ONBUILD requires at least one argument");
	r = no_flags_read(a, in, e);
	if (r < 0)
		return r;
	if (!strcmp(in->sub->keyword, "onbuild"))
		return err_set(e, EINVAL, "chaining ONBUILD via ONBUILD ONBUILD is not allowed");
	if (!strcmp(in->sub->keyword, "from") || !strcmp(in->sub->keyword, "maintainer"))
		return err_set(e, EINVAL, "%s is not allowed as an ONBUILD trigger",
			       upper(a, in->sub->keyword));
	p = strcasestr(p, "onbuild") + strlen("onbuild");
	p += strspn(p, " \t\v\f\r\n");
	buf_str(&text, p);
	vec_each(h, &in->heredocs)
		buf_printf(&text, "\n%s%s", h->content, h->name);
	*vec_push(a, &out->words) = buf_take(a, &text);
	return 0;
}

/* ---- HEALTHCHECK ---- */

struct health_flags {
	const char *interval, *timeout, *start_period, *start_interval, *retries;
};

static int health_time(const char *name, const char *text, int64_t *out, struct err *e)
{
	int r;

	if (!text)
		return 0;
	if (!strcmp(text, "0")) {
		*out = 0;
		return 0;
	}
	r = when_parse_duration(text, out, e);
	if (r < 0)
		return err_wrap(e, "read --%s", name);
	if (*out && *out < NS_PER_MSEC)
		return err_set(e, EINVAL, "--%s cannot be less than 1ms", name);
	return 0;
}

static int health_numbers(const struct health_flags *f, struct image_health *h, struct err *e)
{
	int r = health_time("interval", f->interval, &h->interval_ns, e);

	if (r == 0)
		r = health_time("timeout", f->timeout, &h->timeout_ns, e);
	if (r == 0)
		r = health_time("start-period", f->start_period, &h->start_period_ns, e);
	if (r == 0)
		r = health_time("start-interval", f->start_interval, &h->start_interval_ns, e);
	if (r < 0 || !f->retries)
		return r;
	if (text_to_i64(f->retries, &h->retries) < 0 || h->retries > INT32_MAX)
		return err_set(e, EINVAL, "--retries must be a number, not \"%s\"", f->retries);
	if (h->retries < 0)
		return err_set(e, EINVAL, "--retries cannot be negative (%s)", f->retries);
	return 0;
}

static int read_health(struct arena *a, const struct instruction *in, struct action *out,
		       struct err *e)
{
	static const struct flag flags[] = {
		{"interval", FLAG_TEXT, offsetof(struct health_flags, interval)},
		{"timeout", FLAG_TEXT, offsetof(struct health_flags, timeout)},
		{"start-period", FLAG_TEXT, offsetof(struct health_flags, start_period)},
		{"start-interval", FLAG_TEXT, offsetof(struct health_flags, start_interval)},
		{"retries", FLAG_TEXT, offsetof(struct health_flags, retries)},
		{0},
	};
	struct health_flags f = {};
	struct image_health *h = &out->health;
	const char *kind;
	int r = needs_arguments(a, in, e);

	if (r < 0)
		return r;
	kind = upper(a, in->args.v[0]);
	h->given = true;
	if (!strcmp(kind, "NONE")) {
		*vec_push(a, &h->test) = kind;
		return in->args.n == 1 ? 0
				       : err_set(e, EINVAL, "HEALTHCHECK NONE takes no arguments");
	}
	r = flags_read(a, &in->flags, flags, &f, e);
	if (r < 0)
		return r;
	if (strcmp(kind, "CMD"))
		return err_set(e, EINVAL, "unknown type \"%s\" in HEALTHCHECK (try CMD)", kind);
	if (in->args.n < 2)
		return err_set(e, EINVAL, "missing command after HEALTHCHECK CMD");
	*vec_push(a, &h->test) = in->json ? "CMD" : "CMD-SHELL";
	for (size_t i = 1; i < in->args.n; i++)
		*vec_push(a, &h->test) = in->args.v[i];
	return health_numbers(&f, h, e);
}

/* ---- FROM and the whole ---- */

static bool good_stage_name(const char *s)
{
	if (!islower((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) &&
		    !strchr("-_.", *s))
			return false;
	return true;
}

static int read_from(struct arena *a, const struct instruction *in, struct stage *out,
		     struct err *e)
{
	static const struct flag flags[] = {{"platform", FLAG_TEXT, 0}, {0}};
	const struct strings *w = &in->args;
	char *name = NULL;
	int r;

	if (w->n != 1 && (w->n != 3 || strcasecmp(w->v[1], "as")))
		return err_set(e, EINVAL, "FROM requires either one or three arguments");
	if (w->n == 3) {
		name = arena_printf(a, "%s", w->v[2]);
		for (char *p = name; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		if (!good_stage_name(name))
			return err_set(
				e, EINVAL,
				"invalid name for build stage: \"%s\", a name cannot start with a "
				"number or contain symbols",
				w->v[2]);
	}
	out->platform = "";
	r = flags_read(a, &in->flags, flags, &out->platform, e);
	out->name = name ? name : "";
	out->base = w->v[0];
	out->in = in;
	out->line = in->line;
	return r;
}

int action_read(struct arena *a, const struct instruction *in, struct action *out, struct err *e)
{
	const char *words[countof(verbs)], *near;

	*out = (struct action){.in = in, .line = in->line};
	for (size_t i = 0; i < countof(verbs); i++) {
		words[i] = verbs[i].keyword;
		if (strcmp(in->keyword, verbs[i].keyword))
			continue;
		out->verb = verbs[i].verb;
		return verbs[i].read ? verbs[i].read(a, in, out, e) : 0;
	}
	err_set(e, EINVAL, "unknown instruction: %s", in->written);
	near = text_nearest(in->keyword, words, countof(verbs));
	if (near)
		err_hint(e, "did you mean %s?", upper(a, near));
	return -EINVAL;
}

static int read_into(struct arena *a, const struct instruction *in, struct recipe *out,
		     struct err *e)
{
	struct action act;
	int r = action_read(a, in, &act, e);

	if (r < 0)
		return r;
	if (act.verb == DO_FROM) {
		struct stage *s = vec_push(a, &out->stages);

		*s = (struct stage){.index = (int)out->stages.n - 1};
		return read_from(a, in, s, e);
	}
	if (out->stages.n)
		*vec_push(a, &out->stages.v[out->stages.n - 1].actions) = act;
	else if (act.verb == DO_ARG)
		*vec_push(a, &out->global_args) = act;
	else
		return err_set(e, EINVAL,
			       "no build stage in current context: %s stands before any FROM",
			       in->written);
	return 0;
}

int recipe_read(struct arena *a, const struct dockerfile *d, struct recipe *out, struct err *e)
{
	*out = (struct recipe){.file = d};
	vec_each(in, &d->list) {
		if (read_into(a, in, out, e) < 0)
			return err_at(e, "%s:%d", d->name, in->line);
	}
	if (!out->stages.n)
		return err_set(e, EINVAL, "%s has no FROM", d->name);
	return 0;
}
