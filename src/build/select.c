#include "build/select.h"
#include "build/path.h"
#include <errno.h>
#include <string.h>

struct picker {
	struct arena *a;
	const struct files *f;
	const struct step *s;
	struct ignore exclude;
	struct selection *out;
	struct err *e;
};

static bool has_wildcards(const char *s)
{
	for (; *s; s++) {
		if (strchr("*?[", *s))
			return true;
		if (*s == '\\' && s[1])
			s++;
	}
	return false;
}

static int absent(struct picker *p, const char *path)
{
	err_set(p->e, ENOENT, "\"%s\": not found", path);
	if (!p->f->ignore)
		return -ENOENT;
	if (ignore_match(p->a, p->f->ignore, path + (*path == '/')))
		return err_hint(p->e, "it is excluded by .dockerignore");
	return err_hint(p->e, "sources are looked up in the build context");
}

/* What was named itself is copied, as docker does; patterns are for what lies below. */
static bool is_excluded(struct picker *p, const struct file *file)
{
	return p->exclude.patterns.n && *file->rel && ignore_match(p->a, &p->exclude, file->rel);
}

static void drop_excluded(struct picker *p, struct selected *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->list.n; i++)
		if (!is_excluded(p, &s->list.v[i]))
			s->list.v[kept++] = s->list.v[i];
	s->list.n = kept;
}

/* A path without wildcards: links followed to the end. */
static int pick_path(struct picker *p, const char *path)
{
	struct selected s = {.name = path_last(path)};
	const char *resolved;
	int r = files_resolve(p->a, p->f, path, &resolved, p->e);

	if (r == 0)
		r = files_walk(p->a, p->f, resolved, &s.list, p->e);
	if (r == FILES_ABSENT)
		return absent(p, path);
	if (r < 0)
		return r;
	s.is_dir = S_ISDIR(s.list.v[0].st.st_mode);
	drop_excluded(p, &s);
	if (s.list.n)
		*vec_push(p->a, p->out) = s;
	return 0;
}

/* Matches the first component of `pattern` in the directory `dir`, then goes on below. */
static int pick_pattern(struct picker *p, const char *dir, const char *pattern)
{
	const char *slash = strchr(pattern, '/');
	const char *part =
		slash ? arena_strndup(p->a, pattern, (size_t)(slash - pattern)) : pattern;
	struct file_list list = {};
	const char *resolved;
	int r = files_resolve(p->a, p->f, dir, &resolved, p->e);

	if (r == 0)
		r = files_list(p->a, p->f, resolved, &list, p->e);
	if (r)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		const char *name = list.v[i].rel;

		if (!*name || strchr(name, '/') || !ignore_glob(p->a, part, name, p->e))
			continue;
		name = arena_printf(p->a, "%s/%s", resolved, name);
		r = slash ? pick_pattern(p, name, slash + 1) : pick_path(p, name);
		/* A dangling link, or a file where a directory is wanted, is no match. */
		if (r < 0 && r != -ENOENT && r != -ENOTDIR)
			return r;
	}
	return 0;
}

static int pick_wildcards(struct picker *p, const char *path)
{
	const char *cut = path, *dir;
	int r;

	if (!ignore_is_well_formed(path))
		return err_set(p->e, EINVAL, "the pattern \"%s\" is malformed", path);
	/* The longest directory before the first wildcard; up to there the words mean themselves.
	 */
	for (const char *s = path; *s; s++) {
		if (strchr("*?[", *s))
			break;
		if (*s == '\\' && s[1])
			s++;
		else if (*s == '/')
			cut = s;
	}
	dir = arena_strndup(p->a, path, (size_t)(cut - path));
	r = pick_pattern(p, dir, cut + 1);
	return r == FILES_ABSENT ? absent(p, dir) : r;
}

/* ---- --parents ---- */

static bool wanted_below(struct picker *p, const struct ignore *pattern, const struct file *f)
{
	return *f->rel && ignore_match(p->a, pattern, f->rel) && !is_excluded(p, f);
}

/* Directories are kept for what is wanted below them. */
static void keep_wanted(struct picker *p, const struct ignore *pattern, struct selected *s)
{
	bool *keep = arena_alloc(p->a, s->list.n * sizeof(*keep) + 1);
	size_t kept = 0;

	for (size_t i = s->list.n; i-- > 0;) {
		const struct file *f = &s->list.v[i];
		size_t n = strlen(f->rel);

		keep[i] = keep[i] || wanted_below(p, pattern, f);
		for (size_t k = i; keep[i] && k-- > 0;) {
			const char *up = s->list.v[k].rel;
			size_t un = strlen(up);

			if (S_ISDIR(s->list.v[k].st.st_mode) && un && un < n && f->rel[un] == '/' &&
			    !strncmp(f->rel, up, un))
				keep[k] = true;
		}
	}
	for (size_t i = 0; i < s->list.n; i++)
		if (keep[i])
			s->list.v[kept++] = s->list.v[i];
	s->list.n = kept;
}

static int pick_parents(struct picker *p, const struct copy_source *src)
{
	struct strings one = {};
	struct selected s = {.name = "", .is_dir = true, .below_rel = true};
	struct ignore pattern;
	const char *resolved;
	int r;

	*vec_push(p->a, &one) = src->pattern;
	r = ignore_make(p->a, &one, &pattern, p->e);
	if (r == 0)
		r = files_resolve(p->a, p->f, src->path, &resolved, p->e);
	if (r == 0)
		r = files_walk(p->a, p->f, resolved, &s.list, p->e);
	if (r == FILES_ABSENT)
		return absent(p, src->path);
	if (r < 0)
		return r;
	if (*src->pattern)
		keep_wanted(p, &pattern, &s);
	if (!s.list.n && !has_wildcards(src->pattern))
		return absent(p, path_join(p->a, src->path, src->pattern));
	if (s.list.n)
		*vec_push(p->a, p->out) = s;
	return 0;
}

int select_files(struct arena *a, const struct files *f, const struct step *s,
		 struct selection *out, struct err *e)
{
	struct picker p = {.a = a, .f = f, .s = s, .out = out, .e = e};
	int r = ignore_make(a, &s->exclude, &p.exclude, e);

	for (size_t i = 0; r == 0 && i < s->sources.n; i++) {
		const struct copy_source *src = &s->sources.v[i];

		if (src->kind != COPY_PATH)
			continue;
		if (src->pattern)
			r = pick_parents(&p, src);
		else if (has_wildcards(src->path))
			r = pick_wildcards(&p, src->path);
		else
			r = pick_path(&p, src->path); /* a backslash, too, is what it is */
	}
	return r;
}

static void key_file(const struct files *f, const struct file *x, struct key *k)
{
	key_text(k, "f", x->rel);
	key_number(k, "m", x->st.st_mode);
	key_number(k, "u", f->is_context ? 0 : x->st.st_uid);
	key_number(k, "g", f->is_context ? 0 : x->st.st_gid);
	if (x->link)
		key_text(k, "l", x->link);
	if (S_ISCHR(x->st.st_mode) || S_ISBLK(x->st.st_mode))
		key_number(k, "r", (int64_t)x->st.st_rdev);
	if (S_ISREG(x->st.st_mode))
		buf_add(&k->text, x->sum, sizeof(x->sum));
}

int select_key(const struct files *f, struct selection *sel, struct key *k, struct err *e)
{
	vec_each(s, sel) {
		key_text(k, "s", s->name);
		key_number(k, "d", s->is_dir);
		vec_each(x, &s->list) {
			if (files_hash(f, x, e) < 0)
				return -e->code;
			key_file(f, x, k);
		}
	}
	return 0;
}
