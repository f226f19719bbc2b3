#include "cli/watch_rules.h"
#include "base/file.h"
#include "base/vec.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { IGNORE_LIMIT = 1 << 20 };

/* What editors and version control leave beside the files: docker compose's list. */
static const char leavings[] = "**/.git\n"
			       "**/*___jb_old___\n**/*___jb_tmp___\n**/.idea\n"
			       "**/.#*\n**/*#\n"
			       "**/4913\n**/*~\n**/.*.swp\n**/.*.swx\n**/.*.swo\n**/.*.swn\n"
			       "**/.*.kate-swp\n";

bool watch_copies(const struct watch_rule *r)
{
	return text_starts(r->action, "sync");
}

bool watch_restarts(const struct watch_rule *r)
{
	return text_ends(r->action, "restart");
}

/* The path from the root, "." for the root itself; NULL where it is elsewhere. */
static const char *relative(const char *root, const char *path)
{
	size_t n = strlen(root);

	if (!strcmp(root, "/"))
		return path[1] ? path + 1 : ".";
	if (strncmp(root, path, n) || (path[n] && path[n] != '/'))
		return NULL;
	return path[n] ? path + n + 1 : ".";
}

static bool matches(struct arena *a, const struct ignore *ig, const char *root, const char *path)
{
	const char *below = root ? relative(root, path) : NULL;

	return below && ig->patterns.n && ignore_match(a, ig, below);
}

bool watch_meets(struct arena *a, const struct watch_use *u, const char *path)
{
	const char *root = u->rule->path;

	return relative(root, path) &&
	       (!u->include.patterns.n || matches(a, &u->include, root, path)) &&
	       !matches(a, &u->ignore, root, path) && !matches(a, &u->hidden, u->context, path);
}

static bool hides_all(struct arena *a, const struct ignore *ig, const char *root, const char *dir)
{
	return matches(a, ig, root, dir) && !ignore_may_return(ig, relative(root, dir));
}

bool watch_skips(const struct watch_uses *all, const char *dir)
{
	auto_arena a = {0};

	vec_each(u, all) {
		if (relative(u->rule->path, dir) &&
		    !hides_all(&a, &u->ignore, u->rule->path, dir) &&
		    !hides_all(&a, &u->hidden, u->context, dir))
			return false;
	}
	return true;
}

const char *watch_target(struct arena *a, const struct watch_use *u, const char *path)
{
	const char *below = relative(u->rule->path, path);

	if (!below || !strcmp(below, "."))
		return u->rule->target;
	return arena_printf(a, "%s%s%s", u->rule->target,
			    text_ends(u->rule->target, "/") ? "" : "/", below);
}

/* .dockerignore of the service's build: what the image never had, a change cannot reach. */
static int read_hidden(struct arena *a, const struct build *b, struct watch_use *out, struct err *e)
{
	const char *file = b->dockerfile ? b->dockerfile : "Dockerfile";
	struct strings lines = {0};
	struct err absent = {0};
	struct span text;
	int r;

	if (!b->given || !b->context || *b->context != '/')
		return 0;
	out->context = b->context;
	if (*file != '/')
		file = arena_printf(a, "%s/%s", b->context, file);
	r = file_read(a, AT_FDCWD, arena_printf(a, "%s.dockerignore", file), IGNORE_LIMIT, &text,
		      &absent);
	if (r < 0)
		r = file_read(a, AT_FDCWD, arena_printf(a, "%s/.dockerignore", b->context),
			      IGNORE_LIMIT, &text, &absent);
	if (r < 0)
		return 0;
	ignore_lines(a, text, &lines);
	r = ignore_make(a, &lines, &out->hidden, e);
	return r < 0 ? err_wrap(e, "read .dockerignore") : 0;
}

static int add_rule(struct arena *a, const struct service *s, const struct watch_rule *r,
		    struct watch_uses *out, struct err *e)
{
	struct watch_use u = {.service = s, .rule = r};
	struct strings ignored = {0};
	int rc;

	if (!strcmp(r->action, "rebuild") && !s->build.given) {
		err_set(e, EINVAL, "can't watch service \"%s\" with action rebuild without a build",
			s->name);
		return err_hint(e, "give it a build section, or another action");
	}
	if (!strcmp(r->action, "sync+exec") && !r->exec.command.words.n) {
		err_set(e, EINVAL, "service \"%s\" watches with action sync+exec without exec",
			s->name);
		return err_hint(e, "write exec: {command: ...} into the rule");
	}
	ignore_lines(a, span_of(leavings), &ignored);
	vec_each(word, &r->ignore)
		*vec_push(a, &ignored) = *word;
	rc = ignore_make(a, &ignored, &u.ignore, e);
	if (rc >= 0)
		rc = ignore_make(a, &r->include, &u.include, e);
	if (rc >= 0)
		rc = read_hidden(a, &s->build, &u, e);
	if (rc < 0)
		return err_wrap(e, "service \"%s\": develop.watch", s->name);
	*vec_push(a, out) = u;
	return 0;
}

int watch_rules(struct arena *a, const struct project *p, const struct strings *services,
		struct watch_uses *out, struct err *e)
{
	*out = (struct watch_uses){0};
	vec_each(s, &p->services) {
		if (services->n && !strings_have(services, s->name))
			continue;
		vec_each(r, &s->watch) {
			int rc = add_rule(a, s, r, out, e);

			if (rc < 0)
				return rc;
		}
	}
	if (out->n)
		return 0;
	err_set(e, EINVAL, "none of the selected services is configured for watch");
	return err_hint(e, "give one a develop.watch section: path, action, target");
}
