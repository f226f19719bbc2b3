/* COPY, ADD and RUN of a stage: where files come from and go to. */
#include "build/convert.h"
#include "build/path.h"
#include <errno.h>
#include <string.h>

/* ---- where from ---- */

static int stage_named(struct converter *c, const char *name)
{
	/* The last of that name before this one; names are kept in lower case. */
	for (int i = (int)c->g->stages.n - 1; i >= 0; i--)
		if (*c->g->stages.v[i].stage->name &&
		    !strcasecmp(c->g->stages.v[i].stage->name, name))
			return i;
	return -1;
}

static int image_source(struct converter *c, const char *name, struct source *out)
{
	out->kind = SOURCE_IMAGE;
	out->name = name;
	if (!strcmp(name, "scratch")) {
		out->kind = SOURCE_NONE;
		return 0;
	}
	return c->in->image(c->in->arg, name, *c->s->platform ? c->s->platform : c->in->platform,
			    &out->image, c->e);
}

int convert_source(struct converter *c, const char *name, bool index, struct source *out)
{
	uint64_t n;

	*out = (struct source){.name = name};
	if (pairs_get(&c->in->contexts, name)) {
		const char *value = pairs_get(&c->in->contexts, name);

		if (text_starts(value, "docker-image://"))
			return image_source(c, value + strlen("docker-image://"), out);
		out->kind = SOURCE_NAMED;
		return 0;
	}
	if (index && text_to_u64(name, &n) == 0) {
		if (n >= c->g->stages.n)
			return err_set(c->e, EINVAL, "there is no stage %s", name);
		out->kind = SOURCE_STAGE;
		out->stage = (int)n;
		return 0;
	}
	out->stage = stage_named(c, name);
	if (out->stage >= 0) {
		out->kind = SOURCE_STAGE;
		return 0;
	}
	if (strchr(name, '$')) {
		err_set(c->e, EINVAL, "variables are not expanded in --from=%s", name);
		return err_hint(c->e,
				"give it a name: ARG X before the first FROM, then FROM $X AS x");
	}
	return image_source(c, name, out);
}

/* ---- COPY and ADD ---- */

static bool is_url(const char *s)
{
	return text_starts(s, "http://") || text_starts(s, "https://");
}

static bool is_git(const char *s)
{
	const char *end = strchr(s, '#');
	size_t n = end ? (size_t)(end - s) : strlen(s);

	if (text_starts(s, "git@") || text_starts(s, "git://") || text_starts(s, "ssh://"))
		return true;
	if (n > 4 && is_url(s)) {
		const char *q = memchr(s, '?', n);

		n = q ? (size_t)(q - s) : n;
		return !memcmp(s + n - 4, ".git", 4);
	}
	return false;
}

static void add_parents_source(struct converter *c, const char *word, struct copy_source *out)
{
	const char *pivot = strstr(word, "/./");

	out->path = pivot ? path_join(c->a, "/", arena_strndup(c->a, word, (size_t)(pivot - word)))
			  : "/";
	out->pattern = path_join(c->a, "/", pivot ? pivot + 3 : word) + 1;
}

static int add_source(struct converter *c, struct step *s, const char *word)
{
	struct copy_source src = {.kind = COPY_PATH};

	if (is_git(word) || is_url(word)) {
		if (!s->is_add)
			return err_set(c->e, EINVAL, "source can't be a URL for COPY: %s", word);
		src.kind = is_git(word) ? COPY_GIT : COPY_URL;
		src.path = word;
	} else if (s->parents) {
		add_parents_source(c, word, &src);
	} else {
		src.path = path_join(c->a, "/", word);
		/* "dir/" and "dir/." mean what "dir" means: its content. */
	}
	*vec_push(c->a, &s->sources) = src;
	return 0;
}

static int add_texts(struct converter *c, const struct action *act, struct step *s)
{
	vec_each(f, &act->copy.files) {
		struct copy_source src = {COPY_TEXT, f->name, NULL, f->content};
		struct words w = {.escape = '\\',
				  .skip_quotes = true,
				  .env = &c->env,
				  .unmatched = &c->unmatched};

		if (f->expand && words_expand(c->a, &w, f->content, &src.text, NULL, c->e) < 0)
			return -EINVAL;
		*vec_push(c->a, &s->sources) = src;
	}
	return 0;
}

static bool good_mode(const char *m)
{
	if (strspn(m, "01234567") == strlen(m))
		return strlen(m) <= 5 && strtoul(m, NULL, 8) <= 07777;
	/* Symbolic: [ugoa]*[-+=][rwxXst]*, by commas. */
	while (*m) {
		m += strspn(m, "ugoa");
		if (!*m || !strchr("+-=", *m))
			return false;
		while (*m && strchr("+-=", *m)) {
			m++;
			m += strspn(m, "rwxXstugo");
		}
		if (*m && *m++ != ',')
			return false;
	}
	return true;
}

static const char *destination(struct converter *c, const char *word)
{
	const char *dir =
		c->s->config.workdir && *c->s->config.workdir ? c->s->config.workdir : "/";
	const char *out = path_join(c->a, dir, word);
	bool as_dir = text_ends(word, "/") || !strcmp(word, ".") || text_ends(word, "/.") || !*word;

	return as_dir && strcmp(out, "/") ? arena_printf(c->a, "%s/", out) : out;
}

static int copy_words(struct converter *c, const struct copy *from, struct copy *to)
{
	*to = *from;
	memset(&to->sources, 0, sizeof(to->sources));
	memset(&to->exclude, 0, sizeof(to->exclude));
	for (size_t i = 0; i < from->sources.n; i++)
		if (convert_expand(c, from->sources.v[i], vec_push(c->a, &to->sources)) < 0)
			return -EINVAL;
	for (size_t i = 0; i < from->exclude.n; i++)
		if (convert_expand(c, from->exclude.v[i], vec_push(c->a, &to->exclude)) < 0)
			return -EINVAL;
	if (convert_expand(c, from->dest, &to->dest) < 0 ||
	    (from->chown && convert_expand(c, from->chown, &to->chown) < 0) ||
	    (from->chmod && convert_expand(c, from->chmod, &to->chmod) < 0) ||
	    (from->checksum && convert_expand(c, from->checksum, &to->checksum) < 0))
		return -EINVAL;
	return 0;
}

static int check_copy(struct converter *c, const struct step *s, const struct copy *w)
{
	if (w->chmod && !good_mode(w->chmod))
		return err_set(
			c->e, EINVAL,
			"invalid chmod parameter: '%s'. it should be octal string and between "
			"0 and 07777",
			w->chmod);
	if (w->checksum && (s->sources.n != 1 || s->sources.v[0].kind == COPY_PATH))
		return err_set(c->e, EINVAL, "checksum requires one HTTP(S) or Git source");
	return 0;
}

static const char *copy_history(struct converter *c, const struct action *act, const struct copy *w)
{
	auto_buf b = {};

	buf_str(&b, act->verb == DO_ADD ? "ADD" : "COPY");
	if (w->parents)
		buf_str(&b, " --parents");
	if (w->chown)
		buf_printf(&b, " --chown=%s", w->chown);
	if (w->chmod)
		buf_printf(&b, " --chmod=%s", w->chmod);
	for (size_t i = 0; i < w->sources.n; i++)
		buf_printf(&b, " %s", w->sources.v[i]);
	vec_each(f, &w->files)
		buf_printf(&b, " <<%s", f->name);
	buf_printf(&b, " %s # buildkit", w->dest);
	return buf_take(c->a, &b);
}

int convert_copy(struct converter *c, const struct action *act)
{
	struct copy w;
	struct step *s;
	int r = copy_words(c, &act->copy, &w);

	if (r < 0)
		return r;
	s = convert_step(c, act, STEP_COPY, copy_history(c, act, &w));
	s->is_add = act->verb == DO_ADD;
	s->parents = w.parents;
	s->link = w.link;
	s->keep_git_dir = w.keep_git_dir;
	s->unpack = w.unpack >= 0 ? w.unpack : s->is_add;
	s->chown = w.chown;
	s->chmod = w.chmod;
	s->checksum = w.checksum;
	s->exclude = w.exclude;
	s->dest = destination(c, w.dest);
	s->from.kind = SOURCE_CONTEXT;
	if (w.from && convert_source(c, w.from, true, &s->from) < 0)
		return -EINVAL;
	for (size_t i = 0; i < w.sources.n; i++)
		if (add_source(c, s, w.sources.v[i]) < 0)
			return -EINVAL;
	if (add_texts(c, act, s) < 0)
		return -EINVAL;
	return check_copy(c, s, &w);
}

/* ---- RUN ---- */

static int expand_word(void *arg, const char *word, const char **out, struct err *e)
{
	return convert_expand(arg, word, out);
}

static const char *mount_target(struct converter *c, const struct run_mount *m)
{
	const char *dir =
		c->s->config.workdir && *c->s->config.workdir ? c->s->config.workdir : "/";

	if (m->type == RUN_SECRET && !m->target)
		return m->env ? NULL : arena_printf(c->a, "/run/secrets/%s", path_last(m->id));
	if (m->type == RUN_SSH && !m->target)
		return NULL;
	return *m->target == '/' ? m->target : path_join(c->a, dir, m->target);
}

static int add_mount(struct converter *c, struct step *s, const char *text)
{
	struct graph_mount *m = vec_push(c->a, &s->mounts);

	*m = (struct graph_mount){.from.kind = SOURCE_NONE};
	if (run_mount_read(c->a, text, expand_word, c, &m->opt, c->e) < 0)
		return -EINVAL;
	if (m->opt.type == RUN_SECRET && !m->opt.id)
		m->opt.id = path_last(m->opt.target);
	m->target = mount_target(c, &m->opt);
	if (m->target && !strcmp(path_clean(c->a, m->target), "/"))
		return err_set(c->e, EINVAL, "invalid mount target \"/\"");
	if (m->opt.type == RUN_SSH && !m->target) {
		int n = 0;

		vec_each(o, &s->mounts)
			n += o < m && o->opt.type == RUN_SSH && !o->opt.target;
		m->target = arena_printf(c->a, "/run/buildkit/ssh_agent.%d", n);
	}
	if (m->opt.from && *m->opt.from)
		return convert_source(c, m->opt.from, false, &m->from);
	if (m->opt.type == RUN_BIND)
		m->from.kind = SOURCE_CONTEXT;
	return 0;
}

static void heredoc_run(struct converter *c, const struct action *act, struct step *s,
			struct strings *line)
{
	const struct heredoc *first = act->in->heredocs.v;
	struct heredoc h;
	auto_buf full = {};
	const char *data;

	if (dockerfile_heredoc(c->a, line->v[0], &h)) {
		data = first->chomp ? dockerfile_chomp(c->a, first->content) : first->content;
		if (text_starts(data, "#!")) {
			s->script = data;
			s->script_name = first->name;
			line->v[0] = arena_printf(c->a, "/dev/pipes/%s", first->name);
		} else {
			line->v[0] = data;
		}
		return;
	}
	buf_str(&full, line->v[0]);
	vec_each(it, &act->in->heredocs)
		buf_printf(&full, "\n%s%s", it->content, it->name);
	line->v[0] = buf_take(c->a, &full);
}

static void run_argv(struct converter *c, const struct action *act, struct step *s)
{
	struct strings words = {};
	auto_buf line = {};

	for (size_t i = 0; i < act->words.n; i++)
		*vec_push(c->a, &words) = act->words.v[i];
	if (act->shell_form && words.n == 1 && act->in->heredocs.n)
		heredoc_run(c, act, s, &words);
	if (!act->shell_form) {
		s->argv = words;
		return;
	}
	for (size_t i = 0; i < c->s->config.shell.n; i++)
		*vec_push(c->a, &s->argv) = c->s->config.shell.v[i];
	if (!s->argv.n) {
		*vec_push(c->a, &s->argv) = "/bin/sh";
		*vec_push(c->a, &s->argv) = "-c";
	}
	for (size_t i = 0; i < words.n; i++)
		buf_printf(&line, "%s%s", i ? " " : "", words.v[i]);
	*vec_push(c->a, &s->argv) = buf_take(c->a, &line);
}

/* "RUN |2 A=1 B=2 /bin/sh -c ...": the arguments that were in force. */
static const char *run_history(struct converter *c, const struct step *s)
{
	struct pairs args = {};
	auto_buf b = {};

	vec_each(p, &c->s->args) {
		bool known = false;

		vec_each(q, &args)
			known |= !strcmp(p->key, q->key);
		if (!known)
			*vec_push(c->a, &args) = *p;
	}
	buf_str(&b, "RUN");
	if (args.n)
		buf_printf(&b, " |%zu", args.n);
	vec_each(p, &args) {
		const char *now = pairs_get(&c->env, p->key);

		buf_printf(&b, " %s=%s", p->key, now ? now : p->value ? p->value : "");
	}
	for (size_t i = 0; i < s->argv.n; i++)
		buf_printf(&b, " %s", s->argv.v[i]);
	buf_str(&b, " # buildkit");
	return buf_take(c->a, &b);
}

int convert_run(struct converter *c, const struct action *act)
{
	struct step *s = convert_step(c, act, STEP_RUN, "");

	run_argv(c, act, s);
	c->s->config.history.v[s->history].created_by = run_history(c, s);
	for (size_t i = 0; i < c->s->env.n; i++)
		*vec_push(c->a, &s->env) = c->s->env.v[i];
	s->cwd = c->s->config.workdir && *c->s->config.workdir ? c->s->config.workdir : "/";
	s->user = c->s->config.user;
	s->network = act->network ? act->network : c->in->network;
	s->insecure = act->security && !strcmp(act->security, "insecure");
	for (size_t i = 0; i < act->mounts.n; i++)
		if (add_mount(c, s, act->mounts.v[i]) < 0)
			return -EINVAL;
	vec_each(m, &s->mounts) {
		if (m->opt.type == RUN_SSH && pairs_get(&c->env, "SSH_AUTH_SOCK") == NULL)
			config_set_env(c->a, &s->env, "SSH_AUTH_SOCK", m->target);
	}
	return 0;
}
