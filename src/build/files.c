#include "build/files.h"
#include "base/sys.h"
#include "base/tree.h"
#include "build/path.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

enum { LINKS_MAX = 255, DEEPEST = 512 };

/* ---- resolving ---- */

static int link_text(struct arena *a, int fd, const char *name, const char **out)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(fd, name, text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	*out = arena_strndup(a, text, (size_t)n);
	return 0;
}

/* Asks the kernel for one name at a time; `done` never holds a link, `rest` is what is to come. */
static int resolve(struct arena *a, int root, const char *path, bool may_be_new, const char **out,
		   struct err *e)
{
	const char *done = "", *rest = path_clean(a, arena_printf(a, "/%s", path)) + 1;

	for (int links = 0; *rest;) {
		size_t n = strcspn(rest, "/");
		const char *next =
			arena_printf(a, "%s%s%.*s", done, *done ? "/" : "", (int)n, rest);
		const char *target;
		auto_fd int fd = tree_open(root, next, O_PATH | O_NOFOLLOW, 0);
		struct stat st = {.st_mode = S_IFDIR};

		if ((fd == -ENOENT || fd == -ENOTDIR) && !may_be_new)
			return FILES_ABSENT;
		if (fd == -ENOENT) {
			rest += n;
			rest += strspn(rest, "/");
			done = next;
			continue;
		}
		if (fd < 0 || fstat(fd, &st) < 0)
			return err_set(e, fd < 0 ? -fd : errno, "%s: %s", next,
				       strerror(fd < 0 ? -fd : errno));
		rest += n;
		rest += strspn(rest, "/");
		if (!S_ISLNK(st.st_mode)) {
			done = next;
			continue;
		}
		if (++links > LINKS_MAX)
			return err_set(e, ELOOP, "%s: too many symbolic links", path);
		if (link_text(a, fd, "", &target) < 0)
			return err_set(e, errno, "%s: %s", next, strerror(errno));
		target = *target == '/' ? target
					: arena_printf(a, "/%s/%s", path_dir(a, next), target);
		rest = path_clean(a, arena_printf(a, "%s/%s", target, rest)) + 1;
		done = "";
	}
	*out = done;
	return 0;
}

int files_resolve(struct arena *a, const struct files *f, const char *path, const char **out,
		  struct err *e)
{
	return resolve(a, f->root, path, false, out, e);
}

int files_resolve_new(struct arena *a, int root, const char *path, const char **out, struct err *e)
{
	return resolve(a, root, path, true, out, e);
}

/* ---- walking ---- */

struct walk {
	struct arena *a;
	const struct files *f;
	struct file_list *out;
	size_t prefix; /* of path, cut off for rel */
	bool shallow;
	struct err *e;
};

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static int names_of(struct walk *w, int dir, const char *path, struct strings *out)
{
	int fd = sys_openat2(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (!d)
		return err_set(w->e, fd < 0 ? -fd : errno, "cannot read %s: %s", *path ? path : "/",
			       strerror(fd < 0 ? -fd : errno));
	while ((ent = readdir(d)))
		if (strcmp(ent->d_name, ".") && strcmp(ent->d_name, ".."))
			*vec_push(w->a, out) =
				arena_strndup(w->a, ent->d_name, strlen(ent->d_name));
	closedir(d);
	qsort(out->v, out->n, sizeof(*out->v), by_name);
	return 0;
}

static char *marks(struct walk *w)
{
	return w->f->ignore ? arena_alloc(w->a, w->f->ignore->patterns.n + 1) : NULL;
}

static int walk_dir(struct walk *w, int dir, const char *path, const char *above, int depth);

static int walk_entry(struct walk *w, int dir, const char *name, const char *path,
		      const char *above, int depth)
{
	const struct ignore *ig = w->f->ignore;
	struct file file = {.path = path, .rel = path + w->prefix};
	char *own = marks(w);
	bool ignored = ig && *path && ignore_step(ig, path, above, own);

	if (fstatat(dir, name, &file.st, AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH)) < 0)
		return errno == ENOENT ? 0 : err_set(w->e, errno, "%s: %s", path, strerror(errno));
	file.rel += *file.rel == '/';
	if (S_ISSOCK(file.st.st_mode))
		return 0;
	if (ignored && !(S_ISDIR(file.st.st_mode) && ignore_may_return(ig, path)))
		return 0;
	if (S_ISLNK(file.st.st_mode) && link_text(w->a, dir, name, &file.link) < 0)
		return err_set(w->e, errno, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(file.st.st_mode)) {
		*vec_push(w->a, w->out) = file;
		return 0;
	}
	auto_fd int below = *name ? sys_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)
				  : sys_openat2(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
	size_t at = w->out->n;
	int r;

	if (below < 0)
		return err_set(w->e, -below, "%s: %s", path, strerror(-below));
	*vec_push(w->a, w->out) = file;
	if (w->shallow && depth > 0)
		return 0;
	r = walk_dir(w, below, path, own, depth + 1);
	/* An ignored directory exists only for what an exception brought back. */
	if (r == 0 && ignored && w->out->n == at + 1)
		w->out->n = at;
	return r;
}

/* For every file of a context: printf would cost more than the stat. */
static char *join(struct arena *a, const char *dir, const char *name)
{
	size_t n = strlen(dir), m = strlen(name);
	char *both = arena_alloc(a, n + m + 2);

	memcpy(both, dir, n);
	both[n] = '/';
	memcpy(both + n + 1, name, m);
	return both;
}

static int walk_dir(struct walk *w, int dir, const char *path, const char *above, int depth)
{
	struct strings names = {};
	int r = names_of(w, dir, path, &names);

	if (depth > DEEPEST)
		return err_set(w->e, ELOOP, "%s: directories are nested too deep", path);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = walk_entry(w, dir, names.v[i],
			       *path ? join(w->a, path, names.v[i]) : names.v[i], above, depth);
	return r;
}

/* The marks that the patterns leave on the directories above `path`. */
static const char *marks_above(struct walk *w, const char *path)
{
	char *own = NULL;

	for (size_t i = 1; w->f->ignore && path[i - 1] && path[i]; i++) {
		char *next;

		if (path[i] != '/')
			continue;
		next = marks(w);
		ignore_step(w->f->ignore, arena_strndup(w->a, path, i), own, next);
		own = next;
	}
	return own;
}

static int walk_from(struct arena *a, const struct files *f, const char *path, bool shallow,
		     struct file_list *out, struct err *e)
{
	struct walk w = {a, f, out, strlen(path), shallow, e};
	size_t before = out->n;
	const char *slash = strrchr(path, '/');
	auto_fd int dir =
		tree_open(f->root, slash ? arena_strndup(a, path, (size_t)(slash - path)) : "",
			  O_PATH | O_DIRECTORY, 0);
	int r;

	if (dir < 0)
		return err_set(e, -dir, "%s: %s", path, strerror(-dir));
	r = walk_entry(&w, dir, slash ? slash + 1 : path, path, marks_above(&w, path), 0);
	return r < 0 ? r : out->n == before ? FILES_ABSENT : 0;
}

int files_walk(struct arena *a, const struct files *f, const char *path, struct file_list *out,
	       struct err *e)
{
	return walk_from(a, f, path, false, out, e);
}

int files_list(struct arena *a, const struct files *f, const char *path, struct file_list *out,
	       struct err *e)
{
	return walk_from(a, f, path, true, out, e);
}

int files_hash(const struct files *f, struct file *file, struct err *e)
{
	struct stat now;

	if (!S_ISREG(file->st.st_mode) ||
	    digests_known(f->digests, file->path, &file->st, file->sum))
		return 0;
	auto_fd int fd = tree_open(f->root, file->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);

	if (fd < 0)
		return err_set(e, -fd, "cannot read %s: %s", file->path, strerror(-fd));
	if (fstat(fd, &now) < 0 || !S_ISREG(now.st_mode))
		return err_set(e, EIO, "%s changed while it was read", file->path);
	return digests_of(f->digests, file->path, fd, &now, file->sum, e);
}
