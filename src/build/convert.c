#include "build/convert.h"
#include "base/when.h"
#include "build/path.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

int convert_expand(struct converter *c, const char *word, const char **out)
{
	struct words w = {.escape = c->escape, .env = &c->env, .unmatched = &c->unmatched};

	return words_expand(c->a, &w, word, out, NULL, c->e);
}

void convert_set(struct converter *c, const char *key, const char *value)
{
	config_set_env(c->a, &c->s->env, key, value);
	vec_each(p, &c->env) {
		if (!strcmp(p->key, key)) {
			p->value = value;
			return;
		}
	}
	*vec_push(c->a, &c->env) = (struct pair){key, value};
}

static void history(struct converter *c, const char *text)
{
	config_add_history(c->a, &c->s->config, text, true);
}

/* The line as written, keyword in capitals: what progress shows. */
static const char *title(struct converter *c, const struct action *act)
{
	const char *rest = act->in->original + strspn(act->in->original, " \t");
	char *out;

	rest += strcspn(rest, " \t");
	out = arena_printf(c->a, "%s%s", act->in->keyword, rest);
	for (char *p = out; *p && !strchr(" \t", *p); p++)
		*p = (char)toupper((unsigned char)*p);
	return out;
}

struct step *convert_step(struct converter *c, const struct action *act, enum step_kind kind,
			  const char *created_by)
{
	struct step *s = vec_push(c->a, &c->s->steps);

	*s = (struct step){
		.kind = kind,
		.action = act,
		.title = title(c, act),
		.line = act->line,
		.number = (int)c->s->steps.n,
		.history = c->s->config.history.n,
	};
	config_add_history(c->a, &c->s->config, created_by, false);
	return s;
}

/* ---- ARG, ENV, LABEL ---- */

static int one_arg(struct converter *c, const struct pair *p, struct buf *text)
{
	const char *given = pairs_get(&c->in->args, p->key), *value = given;

	if (!given && !p->value)
		value = pairs_get(&c->globals, p->key);
	else if (!given && convert_expand(c, p->value, &value) < 0)
		return -EINVAL;
	if (!strings_have(&c->g->used_args, p->key))
		*vec_push(c->a, &c->g->used_args) = p->key;
	if (value)
		convert_set(c, p->key, value);
	*vec_push(c->a, &c->s->args) = (struct pair){p->key, value};
	buf_printf(text, " %s", p->key);
	if (value)
		buf_printf(text, "=%s", value);
	return 0;
}

static int do_arg(struct converter *c, const struct action *act)
{
	auto_buf text = {};

	buf_str(&text, "ARG");
	vec_each(p, &act->pairs) {
		if (one_arg(c, p, &text) < 0)
			return -EINVAL;
	}
	history(c, buf_take(c->a, &text));
	return 0;
}

/* All values see the variables as they were before this instruction. */
static int expand_pairs(struct converter *c, const struct pairs *from, struct pairs *out)
{
	vec_each(p, from) {
		struct pair *q = vec_push(c->a, out);

		if (convert_expand(c, p->key, &q->key) < 0 ||
		    convert_expand(c, p->value, &q->value) < 0)
			return -EINVAL;
	}
	return 0;
}

static int do_env(struct converter *c, const struct action *act)
{
	struct pairs list = {};
	auto_buf text = {};
	int r = expand_pairs(c, &act->pairs, &list);

	buf_str(&text, "ENV");
	vec_each(p, &list) {
		buf_printf(&text, " %s=%s", p->key, p->value);
		convert_set(c, p->key, p->value);
		config_set_env(c->a, &c->s->config.env, p->key, p->value);
	}
	history(c, buf_take(c->a, &text));
	return r;
}

static int do_label(struct converter *c, const struct action *act)
{
	struct pairs list = {};
	auto_buf text = {};
	int r = expand_pairs(c, &act->pairs, &list);

	buf_str(&text, "LABEL");
	vec_each(p, &list) {
		buf_printf(&text, " %s=%s", p->key, p->value);
		config_set_label(c->a, &c->s->config, p->key, p->value);
	}
	history(c, buf_take(c->a, &text));
	return r;
}

/* ---- one word ---- */

static int do_maintainer(struct converter *c, const struct action *act)
{
	c->s->config.author = act->words.v[0];
	history(c, arena_printf(c->a, "MAINTAINER %s", act->words.v[0]));
	return 0;
}

static int do_user(struct converter *c, const struct action *act)
{
	int r = convert_expand(c, act->words.v[0], &c->s->config.user);

	if (r == 0)
		history(c, arena_printf(c->a, "USER %s", c->s->config.user));
	return r;
}

static bool known_signal(const char *s)
{
	static const char *const names[] = {
		"ABRT", "ALRM",   "BUS",  "CHLD",   "CLD",   "CONT", "FPE",  "HUP",   "ILL",
		"INT",  "IO",     "IOT",  "KILL",   "PIPE",  "POLL", "PROF", "PWR",   "QUIT",
		"SEGV", "STKFLT", "STOP", "SYS",    "TERM",  "TRAP", "TSTP", "TTIN",  "TTOU",
		"URG",  "USR1",   "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX"};
	uint64_t n;

	if (text_to_u64(s, &n) == 0)
		return n > 0 && n <= 64;
	if (!strncasecmp(s, "SIG", 3))
		s += 3;
	for (size_t i = 0; i < countof(names); i++)
		if (!strcasecmp(s, names[i]))
			return true;
	return !strncasecmp(s, "RTMIN+", 6) || !strncasecmp(s, "RTMAX-", 6);
}

static int do_stopsignal(struct converter *c, const struct action *act)
{
	const char *word;
	int r = convert_expand(c, act->words.v[0], &word);

	if (r < 0)
		return r;
	if (!known_signal(word))
		return err_set(c->e, EINVAL, "invalid signal: %s", word);
	c->s->config.stop_signal = word;
	history(c, arena_printf(c->a, "STOPSIGNAL %s", word));
	return 0;
}

static int do_workdir(struct converter *c, const struct action *act)
{
	struct config *conf = &c->s->config;
	struct step *s;
	const char *word, *text;
	int r = convert_expand(c, act->words.v[0], &word);

	if (r < 0)
		return r;
	if (*word != '/' && !c->s->workdir_set)
		*vec_push(c->a, &c->g->relative_workdirs) =
			(struct undefined){act->line, word, NULL};
	c->s->workdir_set = true;
	conf->workdir =
		path_join(c->a, conf->workdir && *conf->workdir ? conf->workdir : "/", word);
	if (*conf->workdir != '/')
		conf->workdir = path_join(c->a, "/", conf->workdir);
	if (*word == '/')
		conf->workdir = word; /* as it is written: so docker has it */
	text = arena_printf(c->a, "WORKDIR %s", conf->workdir);
	if (!strcmp(conf->workdir, "/")) {
		history(c, text);
		return 0;
	}
	s = convert_step(c, act, STEP_DIR, text);
	s->dest = path_clean(c->a, conf->workdir);
	s->user = conf->user;
	return 0;
}

/* ---- lists ---- */

static void join(struct buf *b, const struct strings *words)
{
	for (size_t i = 0; i < words->n; i++)
		buf_printf(b, "%s%s", i ? " " : "", words->v[i]);
}

static int do_volume(struct converter *c, const struct action *act)
{
	struct strings list = {};
	auto_buf text = {};

	for (size_t i = 0; i < act->words.n; i++) {
		const char *word;

		if (convert_expand(c, act->words.v[i], &word) < 0)
			return -EINVAL;
		if (!*word)
			return err_set(c->e, EINVAL, "VOLUME specified can not be an empty string");
		config_add_to_set(c->a, &c->s->config.volumes, word);
		*vec_push(c->a, &list) = word;
	}
	buf_str(&text, "VOLUME [");
	join(&text, &list);
	buf_char(&text, ']');
	history(c, buf_take(c->a, &text));
	return 0;
}

static int bad_port(struct converter *c, const char *word)
{
	return err_set(c->e, EINVAL, "invalid port in EXPOSE: %s", word);
}

/* "80", "80/udp", "7000-7002/tcp"; a host part ("1.2.3.4:80:80") is dropped as docker does. */
static int one_expose(struct converter *c, const char *word, struct strings *out)
{
	const char *slash = strchr(word, '/'), *last = strrchr(word, ':');
	const char *from = last ? last + 1 : word;
	char *proto = arena_printf(c->a, "%s", slash && slash[1] ? slash + 1 : "tcp");
	struct span ports = {from, slash ? (size_t)(slash - from) : strlen(from)}, first;
	uint64_t low, high;
	bool range = span_cut(&ports, '-', &first);

	for (char *p = proto; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (strcmp(proto, "tcp") && strcmp(proto, "udp") && strcmp(proto, "sctp"))
		return bad_port(c, word);
	if (text_to_u64(span_dup(c->a, first), &low) < 0)
		return bad_port(c, word);
	high = low;
	if (range && text_to_u64(span_dup(c->a, ports), &high) < 0)
		return bad_port(c, word);
	if (high < low || high > 65535)
		return bad_port(c, word);
	for (; low <= high; low++)
		*vec_push(c->a, out) = arena_printf(c->a, "%d/%s", (int)low, proto);
	return 0;
}

static int by_port(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static int do_expose(struct converter *c, const struct action *act)
{
	struct words w = {.escape = c->escape, .env = &c->env, .forget = true};
	struct strings ports = {};
	auto_buf text = {};

	for (size_t i = 0; i < act->words.n; i++) {
		struct strings words = {};

		if (words_expand(c->a, &w, act->words.v[i], NULL, &words, c->e) < 0)
			return -EINVAL;
		for (size_t k = 0; k < words.n; k++)
			if (one_expose(c, words.v[k], &ports) < 0)
				return -EINVAL;
	}
	if (ports.n)
		qsort(ports.v, ports.n, sizeof(*ports.v), by_port);
	for (size_t i = 0; i < ports.n; i++)
		config_add_to_set(c->a, &c->s->config.exposed, ports.v[i]);
	buf_str(&text, "EXPOSE [");
	join(&text, &ports);
	buf_char(&text, ']');
	history(c, buf_take(c->a, &text));
	return 0;
}

static int do_shell(struct converter *c, const struct action *act)
{
	auto_buf text = {};

	c->s->config.shell = act->words;
	buf_str(&text, "SHELL [");
	join(&text, &act->words);
	buf_char(&text, ']');
	history(c, buf_take(c->a, &text));
	return 0;
}

/* ---- commands ---- */

static void command_words(struct converter *c, const struct action *act, struct strings *out)
{
	auto_buf line = {};

	if (!act->shell_form) {
		*out = act->words;
		return;
	}
	for (size_t i = 0; i < c->s->config.shell.n; i++)
		*vec_push(c->a, out) = c->s->config.shell.v[i];
	if (!out->n) {
		*vec_push(c->a, out) = "/bin/sh";
		*vec_push(c->a, out) = "-c";
	}
	join(&line, &act->words);
	*vec_push(c->a, out) = buf_take(c->a, &line);
}

static const char *quoted_list(struct converter *c, const char *keyword,
			       const struct strings *words)
{
	auto_buf b = {};

	buf_printf(&b, "%s [", keyword);
	for (size_t i = 0; i < words->n; i++) {
		if (i)
			buf_char(&b, ' ');
		buf_go(&b, words->v[i]);
	}
	buf_char(&b, ']');
	return buf_take(c->a, &b);
}

static int do_cmd(struct converter *c, const struct action *act)
{
	struct strings words = {};

	command_words(c, act, &words);
	c->s->config.cmd = words;
	c->s->config.args_escaped = true;
	c->cmd_set = true;
	history(c, quoted_list(c, "CMD", &words));
	return 0;
}

static int do_entrypoint(struct converter *c, const struct action *act)
{
	struct strings words = {};

	command_words(c, act, &words);
	c->s->config.entrypoint = words;
	if (!c->cmd_set)
		c->s->config.cmd = (struct strings){};
	history(c, quoted_list(c, "ENTRYPOINT", &words));
	return 0;
}

static int do_health(struct converter *c, const struct action *act)
{
	const struct image_health *h = &act->health;
	char interval[40], timeout[40], period[40], start[40];
	auto_buf b = {};

	c->s->config.health = *h;
	buf_str(&b, "HEALTHCHECK {Test:[");
	join(&b, &h->test);
	buf_printf(&b, "] Interval:%s Timeout:%s StartPeriod:%s StartInterval:%s Retries:%lld}",
		   when_format_duration(h->interval_ns, interval),
		   when_format_duration(h->timeout_ns, timeout),
		   when_format_duration(h->start_period_ns, period),
		   when_format_duration(h->start_interval_ns, start), (long long)h->retries);
	history(c, buf_take(c->a, &b));
	return 0;
}

static int do_onbuild(struct converter *c, const struct action *act)
{
	*vec_push(c->a, &c->s->config.onbuild) = act->words.v[0];
	return 0;
}

/* clang-format off */
static int (*const actions[])(struct converter *c, const struct action *act) = {
	[DO_ADD] = convert_copy,      [DO_ARG] = do_arg,       [DO_CMD] = do_cmd,
	[DO_COPY] = convert_copy,     [DO_ENTRYPOINT] = do_entrypoint, [DO_ENV] = do_env,
	[DO_EXPOSE] = do_expose,      [DO_HEALTHCHECK] = do_health,    [DO_LABEL] = do_label,
	[DO_MAINTAINER] = do_maintainer, [DO_ONBUILD] = do_onbuild,    [DO_RUN] = convert_run,
	[DO_SHELL] = do_shell,        [DO_STOPSIGNAL] = do_stopsignal, [DO_USER] = do_user,
	[DO_VOLUME] = do_volume,      [DO_WORKDIR] = do_workdir,
};
/* clang-format on */

/* What was known before the instruction: ARG X=${X} does not define what it uses. */
static void note_undefined(struct converter *c, int line, size_t n_args, size_t n_env)
{
	const char **known = arena_alloc(c->a, n_env * sizeof(*known) + 1);

	for (size_t i = 0; i < n_env; i++)
		known[i] = c->env.v[i].key;
	for (size_t i = 0; i < c->unmatched.n; i++) {
		const char *name = c->unmatched.v[i];
		bool declared = false;

		for (size_t k = 0; k < n_args; k++)
			declared |= !strcmp(c->s->args.v[k].key, name);
		if (!declared)
			*vec_push(c->a, &c->g->undefined) =
				(struct undefined){line, name, text_nearest(name, known, n_env)};
	}
}

int convert_action(struct converter *c, const struct action *act)
{
	size_t n_args = c->s->args.n, n_env = c->env.n;
	int r;

	c->unmatched.n = 0;
	r = actions[act->verb](c, act);
	note_undefined(c, act->line, n_args, n_env);
	return r;
}
