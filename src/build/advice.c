#include "build/advice.h"
#include "build/commands.h"
#include "image/ref.h"
#include <ctype.h>
#include <string.h>

struct advice {
	struct linter *l;
	struct arena *a;
	const struct recipe *r;
	const struct stage *s;
	const struct action *act;
	struct commands commands; /* of act, a RUN */
};

static bool has(const struct command *c, const char *word)
{
	return strings_have(&c->words, word);
}

static bool has_one(const struct command *c, const char *words)
{
	struct span rest = span_of(words), word;
	bool more = true;

	while (more) {
		more = span_cut(&rest, ' ', &word);
		for (size_t i = 1; i < c->words.n; i++)
			if (span_is(word, c->words.v[i]))
				return true;
	}
	return false;
}

/* "tool ... verb"; verb NULL: any. */
static bool is_call(const struct command *c, const char *tool, const char *verb)
{
	return !strcmp(c->words.v[0], tool) && (!verb || has(c, verb));
}

/* ---- package managers ---- */

enum pin { PIN_NONE, PIN_MARK, PIN_DASH }; /* "name=1", or "name-1" */

static const struct manager {
	const char *tool, *verb;
	const char *yes_rule, *yes; /* some of these must be there */
	const char *pin_rule;
	enum pin pin;
	const char *marks, *takes_value; /* options with a word of their own */
	const char *yes_advice, *pin_advice;
} managers[] = {
	{"apt-get", "install", "DL3014", "-y --yes --assume-yes -qq -yq -qy -yqq -qqy", "DL3008",
	 PIN_MARK, "=/", "-t -o -c --target-release",
	 "Use the `-y` switch to avoid manual input `apt-get -y install <package>`",
	 "Pin versions in apt get install. Instead of `apt-get install <package>` use "
	 "`apt-get install <package>=<version>`"},
	{"apk", "add", NULL, NULL, "DL3018", PIN_MARK, "=<>~", "-t --virtual -X --repository -p",
	 NULL,
	 "Pin versions in apk add. Instead of `apk add <package>` use `apk add "
	 "<package>=<version>`"},
	{"yum", "install", "DL3030", "-y --assumeyes", "DL3033", PIN_DASH, NULL, NULL,
	 "Use the -y switch to avoid manual input `yum install -y <package>`",
	 "Specify version with `yum install -y <package>-<version>`."},
	{"dnf", "install", "DL3038", "-y --assumeyes", "DL3041", PIN_DASH, NULL, NULL,
	 "Use the -y switch to avoid manual input `dnf install -y <package>`",
	 "Specify version with `dnf install -y <package>-<version>`."},
	{"zypper", "install", "DL3034", "-y --no-confirm -n --non-interactive", "DL3037", PIN_MARK,
	 "=<>", NULL, "Non-interactive switch missing from `zypper` command: `zypper install -y`",
	 "Specify version with `zypper install -y <package>=<version>`."},
	{"pip", "install", NULL, NULL, "DL3013", PIN_MARK, "=<>~@/.",
	 "-i --index-url --extra-index-url --target -t --trusted-host -f --find-links", NULL,
	 "Pin versions in pip. Instead of `pip install <package>` use `pip install "
	 "<package>==<version>` or `pip install --requirement <requirements file>`"},
	{"pip3", "install", NULL, NULL, "DL3013", PIN_MARK, "=<>~@/.",
	 "-i --index-url --extra-index-url --target -t --trusted-host -f --find-links", NULL,
	 "Pin versions in pip. Instead of `pip install <package>` use `pip install "
	 "<package>==<version>` or `pip install --requirement <requirements file>`"},
	{"npm", "install", NULL, NULL, "DL3016", PIN_MARK, "@/.", "--prefix --registry", NULL,
	 "Pin versions in npm. Instead of `npm install <package>` use `npm install "
	 "<package>@<version>`"},
	{"gem", "install", NULL, NULL, "DL3028", PIN_MARK, ":", NULL, NULL,
	 "Pin versions in gem install. Instead of `gem install <gem>` use `gem install "
	 "<gem>:<version>`"},
};

static bool is_pinned(const struct manager *m, const char *package)
{
	if (m->pin == PIN_DASH) {
		for (const char *p = package; (p = strchr(p, '-')); p++)
			if (isdigit((unsigned char)p[1]))
				return true;
		return strchr(package, '.') != NULL;
	}
	/* "@scope/name" is no version yet. */
	return strpbrk(package + (*package == '@' ? strcspn(package, "/") + (package[1] != 0) : 0),
		       m->marks) != NULL;
}

static bool all_pinned(const struct manager *m, const struct command *c)
{
	bool after_verb = false;

	if (has_one(c, "-r --requirement -c --constraint -v --version"))
		return true;
	for (size_t i = 1; i < c->words.n; i++) {
		const char *w = c->words.v[i];
		struct command one = {.words = {.v = (const char *[]){"", w}, .n = 2}};

		if (*w == '-') {
			i += m->takes_value && has_one(&one, m->takes_value);
			continue;
		}
		if (after_verb && *w != '$' && *w != '>' && *w != '<' && !is_pinned(m, w))
			return false;
		after_verb |= !strcmp(w, m->verb);
	}
	return true;
}

static void package_managers(struct advice *v)
{
	for (size_t i = 0; i < countof(managers); i++) {
		const struct manager *m = &managers[i];
		bool yes = true, pinned = true;

		vec_each(c, &v->commands) {
			if (!is_call(c, m->tool, m->verb))
				continue;
			yes &= !m->yes || has_one(c, m->yes);
			pinned &= all_pinned(m, c);
		}
		if (!yes)
			lint_find(v->l, m->yes_rule, v->act->line, "%s", m->yes_advice);
		if (!pinned)
			lint_find(v->l, m->pin_rule, v->act->line, "%s", m->pin_advice);
	}
}

/* ---- single commands ---- */

static bool any_call(const struct advice *v, const char *tool, const char *verb)
{
	vec_each(c, &v->commands)
		if (is_call(c, tool, verb))
			return true;
	return false;
}

static bool mentions(const struct advice *v, const char *text)
{
	vec_each(c, &v->commands)
		for (size_t i = 0; i < c->words.n; i++)
			if (strstr(c->words.v[i], text))
				return true;
	return false;
}

static bool has_mount(const struct advice *v, const char *target)
{
	for (size_t i = 0; i < v->act->mounts.n; i++)
		if (strstr(v->act->mounts.v[i], target))
			return true;
	return false;
}

static bool no_sense(struct advice *v)
{
	static const char *const odd[] = {"ssh", "vim",  "shutdown", "service",  "ps",
					  "top", "free", "kill",     "ifconfig", "mount"};

	for (size_t i = 0; i < countof(odd); i++)
		if (any_call(v, odd[i], NULL))
			return true;
	return false;
}

static bool changes_dir(struct advice *v)
{
	return any_call(v, "cd", NULL);
}

static bool sudo(struct advice *v)
{
	return any_call(v, "sudo", NULL);
}

static bool apt(struct advice *v)
{
	return any_call(v, "apt", NULL);
}

static bool keeps_apt_lists(struct advice *v)
{
	return any_call(v, "apt-get", "update") && !mentions(v, "/var/lib/apt/lists") &&
	       !has_mount(v, "/var/lib/apt");
}

static bool recommends(struct advice *v)
{
	vec_each(c, &v->commands)
		if (is_call(c, "apt-get", "install") && !has(c, "--no-install-recommends") &&
		    !mentions(v, "APT::Install-Recommends"))
			return true;
	return false;
}

static bool keeps_apk_cache(struct advice *v)
{
	vec_each(c, &v->commands)
		if (is_call(c, "apk", "add") && !has(c, "--no-cache") &&
		    !has_mount(v, "/var/cache/apk"))
			return true;
	return false;
}

static bool keeps_pip_cache(struct advice *v)
{
	vec_each(c, &v->commands)
		if ((is_call(c, "pip", "install") || is_call(c, "pip3", "install")) &&
		    !has(c, "--no-cache-dir") && !has_mount(v, ".cache/pip"))
			return true;
	return false;
}

static bool keeps_yum_cache(struct advice *v)
{
	return any_call(v, "yum", "install") && !any_call(v, "yum", "clean") &&
	       !mentions(v, "/var/cache/yum");
}

static bool keeps_dnf_cache(struct advice *v)
{
	return any_call(v, "dnf", "install") && !any_call(v, "dnf", "clean") &&
	       !mentions(v, "/var/cache/dnf");
}

static bool keeps_zypper_cache(struct advice *v)
{
	return any_call(v, "zypper", "install") && !any_call(v, "zypper", "clean") &&
	       !any_call(v, "zypper", "cc");
}

static bool zypper_upgrades(struct advice *v)
{
	return any_call(v, "zypper", "dist-upgrade") || any_call(v, "zypper", "dup");
}

static bool keeps_yarn_cache(struct advice *v)
{
	return any_call(v, "yarn", "install") && !any_call(v, "yarn", "clean") &&
	       !has_mount(v, "yarn");
}

static bool large_useradd(struct advice *v)
{
	vec_each(c, &v->commands) {
		if (!is_call(c, "useradd", NULL) || has_one(c, "-l --no-log-init"))
			continue;
		for (size_t i = 1; i + 1 < c->words.n; i++)
			if (!strcmp(c->words.v[i], "-u") && strlen(c->words.v[i + 1]) > 5)
				return true;
	}
	return false;
}

static bool chatty_wget(struct advice *v)
{
	vec_each(c, &v->commands)
		if (is_call(c, "wget", NULL) && !has_one(c, "-q --quiet -nv --no-verbose -o -a") &&
		    !mentions(v, "--progress") && !mentions(v, "-q"))
			return true;
	return false;
}

static bool changes_sh(struct advice *v)
{
	return any_call(v, "ln", "/bin/sh");
}

static bool unsafe_pipe(struct advice *v)
{
	bool piped = false;

	for (const struct action *o = v->s->actions.v; o < v->act; o++)
		if (o->verb == DO_SHELL)
			for (size_t i = 0; i < o->words.n; i++)
				if (strstr(o->words.v[i], "pipefail"))
					return false;
	vec_each(c, &v->commands)
		piped |= c->piped;
	return piped && v->act->shell_form && !mentions(v, "pipefail");
}

static bool follows_run(struct advice *v)
{
	return v->act > v->s->actions.v && v->act[-1].verb == DO_RUN && v->commands.n == 1 &&
	       !v->act->mounts.n && !v->act[-1].mounts.n;
}

/* ---- other instructions ---- */

static bool is_archive_name(const char *s)
{
	static const char *const ends[] = {".tar",    ".tar.gz", ".tgz",  ".tar.bz2",
					   ".tar.xz", ".txz",    ".tar.Z"};

	for (size_t i = 0; i < countof(ends); i++)
		if (text_ends(s, ends[i]))
			return true;
	return false;
}

static bool add_of_files(struct advice *v)
{
	const struct copy *c = &v->act->copy;

	for (size_t i = 0; i < c->sources.n; i++)
		if (!strstr(c->sources.v[i], "://") && !text_starts(c->sources.v[i], "git@") &&
		    !is_archive_name(c->sources.v[i]))
			return true;
	return false;
}

static bool several_to_no_dir(struct advice *v)
{
	const struct copy *c = &v->act->copy;

	return c->sources.n > 1 && !text_ends(c->dest, "/") && !strchr(c->dest, '$') &&
	       strcmp(c->dest, ".");
}

static const struct stage *copied_from(const struct advice *v)
{
	const char *from = v->act->copy.from;
	uint64_t n;

	vec_each(s, &v->r->stages)
		if (from && ((*s->name && !strcasecmp(s->name, from)) ||
			     (text_to_u64(from, &n) == 0 && (int)n == s->index)))
			return s;
	return NULL;
}

static bool from_elsewhere(struct advice *v)
{
	const char *from = v->act->copy.from;

	/* An image with a tag is meant. */
	return from && !copied_from(v) && !strpbrk(from, ":/@$");
}

static bool from_itself(struct advice *v)
{
	return copied_from(v) == v->s;
}

static bool relative_without_workdir(struct advice *v)
{
	const char *dest = v->act->copy.dest;
	const struct stage *s = v->s;

	if (!dest || *dest == '/' || *dest == '$' ||
	    (isalpha((unsigned char)*dest) && dest[1] == ':'))
		return false;
	while (s) {
		const struct stage *base = NULL;

		for (size_t i = 0; i < s->actions.n && &s->actions.v[i] != v->act; i++)
			if (s->actions.v[i].verb == DO_WORKDIR)
				return false;
		vec_each(o, &v->r->stages)
			if (o < s && *o->name && !strcasecmp(o->name, s->base))
				base = o;
		s = base;
	}
	return true;
}

static bool copied_then_unpacked(struct advice *v)
{
	const struct copy *c = &v->act->copy;

	if (c->from || c->sources.n != 1 || !is_archive_name(c->sources.v[0]))
		return false;
	for (const struct action *o = v->act + 1; o < v->s->actions.v + v->s->actions.n; o++) {
		struct advice later = *v;

		commands_read(v->a, o, &later.commands);
		if (any_call(&later, "tar", NULL))
			return true;
	}
	return false;
}

static bool far_port(struct advice *v)
{
	for (size_t i = 0; i < v->act->words.n; i++) {
		struct span rest = span_of(v->act->words.v[i]), port;
		uint64_t n;

		span_cut(&rest, '/', &port);
		if (text_to_u64(span_dup(v->a, port), &n) == 0 && n > 65535)
			return true;
	}
	return false;
}

static bool refers_to_itself(struct advice *v)
{
	vec_each(p, &v->act->pairs)
		vec_each(q, &v->act->pairs) {
			const char *at = q != p && q->value ? strchr(q->value, '$') : NULL;
			size_t n = strlen(p->key);

			for (; at; at = strchr(at + 1, '$')) {
				const char *name = at + 1 + (at[1] == '{');

				if (!strncmp(name, p->key, n) && !isalnum((unsigned char)name[n]) &&
				    name[n] != '_' && (at == q->value || at[-1] != '\\'))
					return true;
			}
		}
	return false;
}

static bool bad_label(struct advice *v)
{
	vec_each(p, &v->act->pairs) {
		const char *k = p->key;
		size_t n = strlen(k);

		if (!n || strchr(k, '$'))
			continue;
		if (strspn(k, "abcdefghijklmnopqrstuvwxyz0123456789.-") != n ||
		    !islower((unsigned char)*k) || strstr(k, "..") || strstr(k, "--") ||
		    !isalnum((unsigned char)k[n - 1]) || text_starts(k, "com.docker.") ||
		    text_starts(k, "io.docker.") || text_starts(k, "org.dockerproject."))
			return true;
	}
	return false;
}

static const struct rule {
	const char *name;
	enum verb verb;
	bool (*broken)(struct advice *v);
	const char *advice;
} rules[] = {
	{"DL3001", DO_RUN, no_sense,
	 "For some bash commands it makes no sense running them in a Docker container like `ssh`, "
	 "`vim`, `shutdown`, `service`, `ps`, `free`, `top`, `kill`, `mount`, `ifconfig`"},
	{"DL3003", DO_RUN, changes_dir, "Use WORKDIR to switch to a directory"},
	{"DL3004", DO_RUN, sudo,
	 "Do not use sudo as it leads to unpredictable behavior. Use a tool like gosu to enforce "
	 "root"},
	{"DL3009", DO_RUN, keeps_apt_lists, "Delete the apt-get lists after installing something"},
	{"DL3010", DO_COPY, copied_then_unpacked,
	 "Use `ADD` for extracting archives into an image"},
	{"DL3011", DO_EXPOSE, far_port, "Valid UNIX ports range from 0 to 65535"},
	{"DL3015", DO_RUN, recommends,
	 "Avoid additional packages by specifying `--no-install-recommends`"},
	{"DL3019", DO_RUN, keeps_apk_cache,
	 "Use the `--no-cache` switch to avoid the need to use `--update` and remove "
	 "`/var/cache/apk/*` when done installing packages"},
	{"DL3020", DO_ADD, add_of_files, "Use COPY instead of ADD for files and folders"},
	{"DL3021", DO_COPY, several_to_no_dir,
	 "COPY with more than 2 arguments requires the last argument to end with /"},
	{"DL3022", DO_COPY, from_elsewhere,
	 "`COPY --from` should reference a previously defined `FROM` alias"},
	{"DL3023", DO_COPY, from_itself, "`COPY --from` cannot reference its own `FROM` alias"},
	{"DL3027", DO_RUN, apt,
	 "Do not use apt as it is meant to be an end-user tool, use apt-get or apt-cache instead"},
	{"DL3032", DO_RUN, keeps_yum_cache, "`yum clean all` missing after yum command."},
	{"DL3035", DO_RUN, zypper_upgrades, "Do not use `zypper dist-upgrade`."},
	{"DL3036", DO_RUN, keeps_zypper_cache, "`zypper clean` missing after zypper use."},
	{"DL3040", DO_RUN, keeps_dnf_cache, "`dnf clean all` missing after dnf command."},
	{"DL3042", DO_RUN, keeps_pip_cache,
	 "Avoid use of cache directory with pip. Use `pip install --no-cache-dir <package>`"},
	{"DL3044", DO_ENV, refers_to_itself,
	 "Do not refer to an environment variable within the same `ENV` statement where it is "
	 "defined."},
	{"DL3045", DO_COPY, relative_without_workdir,
	 "`COPY` to a relative destination without `WORKDIR` set."},
	{"DL3046", DO_RUN, large_useradd,
	 "`useradd` without flag `-l` and high UID will result in excessively large Image."},
	{"DL3047", DO_RUN, chatty_wget,
	 "Avoid use of wget without progress bar. Use `wget --progress=dot:giga <url>`."},
	{"DL3048", DO_LABEL, bad_label, "Invalid label key."},
	{"DL3059", DO_RUN, follows_run,
	 "Multiple consecutive `RUN` instructions. Consider consolidation."},
	{"DL3060", DO_RUN, keeps_yarn_cache,
	 "`yarn cache clean` missing after `yarn install` was run."},
	{"DL4005", DO_RUN, changes_sh, "Use SHELL to change the default shell"},
	{"DL4006", DO_RUN, unsafe_pipe,
	 "Set the SHELL option -o pipefail before RUN with a pipe in it"},
};

/* ---- stages ---- */

static void tag_of(struct advice *v)
{
	const char *base = v->s->base, *tag;
	struct err ignored;
	struct ref ref;

	vec_each(o, &v->r->stages)
		if (o < v->s && *o->name && !strcasecmp(o->name, base))
			return;
	if (!strcmp(base, "scratch") || strchr(base, '$') || strchr(base, '@') ||
	    ref_parse(v->a, base, &ref, &ignored) < 0)
		return;
	tag = strrchr(base, ':');
	if (!tag || strchr(tag, '/'))
		lint_find(v->l, "DL3006", v->s->line,
			  "Always tag the version of an image explicitly");
	else if (!strcmp(tag, ":latest"))
		lint_find(v->l, "DL3007", v->s->line,
			  "Using latest is prone to errors if the image will ever update. Pin the "
			  "version explicitly to a release tag");
}

static void last_user(struct advice *v)
{
	const struct action *last = NULL;
	const char *user;

	vec_each(act, &v->s->actions)
		last = act->verb == DO_USER ? act : last;
	user = last && last->words.n ? last->words.v[0] : "";
	if (!strcmp(user, "0") || !strcmp(user, "root") || text_starts(user, "root:") ||
	    text_starts(user, "0:"))
		lint_find(v->l, "DL3002", last->line, "Last USER should not be root");
}

static void both_getters(struct advice *v, bool *wget, bool *curl)
{
	bool both = *wget && *curl;

	*wget |= any_call(v, "wget", NULL);
	*curl |= any_call(v, "curl", NULL);
	if (!both && *wget && *curl)
		lint_find(v->l, "DL4001", v->act->line, "Either use Wget or Curl but not both");
}

static void one_stage(struct advice *v)
{
	bool wget = false, curl = false;

	tag_of(v);
	if (*v->s->platform && !strstr(v->s->platform, "BUILDPLATFORM") &&
	    !strstr(v->s->platform, "TARGETPLATFORM"))
		lint_find(v->l, "DL3029", v->s->line, "Do not use --platform flag with FROM");
	vec_each(act, &v->s->actions) {
		v->act = act;
		commands_read(v->a, act, &v->commands);
		package_managers(v);
		both_getters(v, &wget, &curl);
		for (size_t i = 0; i < countof(rules); i++)
			if (rules[i].verb == act->verb && rules[i].broken(v))
				lint_find(v->l, rules[i].name, act->line, "%s", rules[i].advice);
	}
	/* Only what the image is made of runs. */
	if (v->s == &v->r->stages.v[v->r->stages.n - 1])
		last_user(v);
}

void advice_run(struct linter *l, struct arena *a, const struct recipe *r)
{
	vec_each(s, &r->stages) {
		struct advice v = {.l = l, .a = a, .r = r, .s = s};

		one_stage(&v);
	}
}
