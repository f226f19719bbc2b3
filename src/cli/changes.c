/*
 * inotify names a directory by a number and what happened in it by a name, and does not look
 * below: every directory has a number of its own here, new ones get one as they appear, and what
 * was put into them before that is found by reading them.
 */
#include "cli/changes.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/vec.h"
#include "base/when.h"
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

enum {
	HERE = IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM |
	       IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK,
	DEEPEST = 200 /* levels of directories */
};

static const int64_t quiet_ns = 150 * NS_PER_MSEC, longest_ns = 2 * NS_PER_SEC;

struct changes {
	int fd;
	struct changes_options o;
	struct {
		char **v; /* by number; malloc memory, NULL: not watched */
		size_t n;
	} dirs;
};

/* What one call of changes_wait() finds. */
struct found {
	struct arena *a;
	struct strings *paths;
	bool lost;
};

static bool is_below(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	return !strncmp(dir, path, n) && (!path[n] || path[n] == '/' || !strcmp(dir, "/"));
}

static bool is_watched(const struct changes *c, const char *path)
{
	vec_each(p, c->o.paths) {
		if (is_below(*p, path))
			return true;
	}
	return false;
}

/* One of the paths is in it, perhaps later. */
static bool is_on_the_way(const struct changes *c, const char *dir)
{
	vec_each(p, c->o.paths) {
		if (is_below(dir, *p))
			return true;
	}
	return false;
}

static void note(const struct changes *c, struct found *f, const char *path)
{
	if (f && is_watched(c, path) && !strings_have(f->paths, path))
		*vec_push(f->a, f->paths) = arena_strndup(f->a, path, strlen(path));
}

static void forget(struct changes *c, size_t number)
{
	if (number >= c->dirs.n)
		return;
	free(c->dirs.v[number]);
	c->dirs.v[number] = NULL;
}

static void remember(struct changes *c, size_t number, const char *dir)
{
	if (number >= c->dirs.n) {
		size_t n = 2 * number + 16;

		c->dirs.v = mem_grow(c->dirs.v, n * sizeof(*c->dirs.v));
		memset(c->dirs.v + c->dirs.n, 0, (n - c->dirs.n) * sizeof(*c->dirs.v));
		c->dirs.n = n;
	}
	forget(c, number);
	c->dirs.v[number] = mem_text(dir);
}

static int add_dir(struct changes *c, const char *dir, struct found *f, int depth, struct err *e);

/* f: what is in there counts as new; NULL at the start. */
static int add_children(struct changes *c, const char *dir, struct found *f, int depth,
			struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *ent;
	int r = 0;

	while (d && r >= 0 && (ent = readdir(d))) {
		auto_arena a = {0};
		const char *path =
			arena_printf(&a, "%s/%s", strcmp(dir, "/") ? dir : "", ent->d_name);
		struct stat st;

		if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, ".."))
			continue;
		note(c, f, path);
		if (!lstat(path, &st) && S_ISDIR(st.st_mode))
			r = add_dir(c, path, f, depth + 1, e);
	}
	if (d)
		closedir(d);
	return r;
}

static int add_dir(struct changes *c, const char *dir, struct found *f, int depth, struct err *e)
{
	int number;

	if (depth > DEEPEST || (!is_watched(c, dir) && !is_on_the_way(c, dir)) ||
	    (c->o.skips && !is_on_the_way(c, dir) && c->o.skips(c->o.arg, dir)))
		return 0;
	number = inotify_add_watch(c->fd, dir, HERE);
	if (number < 0 && errno == ENOSPC) {
		err_set(e, ENOSPC, "cannot watch %s: too many directories are watched", dir);
		return err_hint(e,
				"raise fs.inotify.max_user_watches, or ignore what is not needed");
	}
	if (number < 0) /* gone again, or not ours to read */
		return 0;
	remember(c, (size_t)number, dir);
	return add_children(c, dir, f, depth, e);
}

/* A directory went elsewhere and took its watches along. */
static void drop_below(struct changes *c, const char *dir)
{
	for (size_t i = 0; i < c->dirs.n; i++) {
		if (!c->dirs.v[i] || !is_below(dir, c->dirs.v[i]))
			continue;
		inotify_rm_watch(c->fd, (int)i);
		forget(c, i);
	}
}

static int on_event(struct changes *c, const struct inotify_event *ev, struct found *f,
		    struct err *e)
{
	auto_arena a = {0};
	const char *dir, *path;

	if (ev->mask & IN_Q_OVERFLOW)
		f->lost = true;
	if (ev->wd < 0 || (size_t)ev->wd >= c->dirs.n || !c->dirs.v[ev->wd])
		return 0;
	if (ev->mask & IN_IGNORED)
		return forget(c, (size_t)ev->wd), 0;
	if (!ev->len)
		return 0;
	dir = c->dirs.v[ev->wd];
	path = arena_printf(&a, "%s/%s", strcmp(dir, "/") ? dir : "", ev->name);
	if (!(ev->mask & IN_ISDIR) || !(ev->mask & IN_ATTRIB))
		note(c, f, path);
	if (!(ev->mask & IN_ISDIR))
		return 0;
	if (ev->mask & IN_MOVED_FROM)
		drop_below(c, path);
	return ev->mask & (IN_CREATE | IN_MOVED_TO) ? add_dir(c, path, f, 0, e) : 0;
}

static int read_events(struct changes *c, struct found *f, struct err *e)
{
	_Alignas(struct inotify_event) char room[32768];
	ssize_t n = sys_read(c->fd, room, sizeof(room));
	int r = 0;

	for (ssize_t at = 0; r >= 0 && at < n;) {
		const struct inotify_event *ev = (const void *)(room + at);

		r = on_event(c, ev, f, e);
		at += (ssize_t)(sizeof(*ev) + ev->len);
	}
	return r;
}

int changes_wait(struct changes *c, struct arena *a, struct strings *out, bool *lost, struct err *e)
{
	struct found f = {.a = a, .paths = out};
	int64_t first = 0;
	int r = 0;

	*out = (struct strings){0};
	for (;;) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		bool some = out->n || f.lost;
		int n = poll(&p, 1, some ? (int)(quiet_ns / NS_PER_MSEC) : -1);

		if (n < 0 && errno != EINTR)
			return err_set(e, errno, "poll: %s", strerror(errno));
		if (n > 0)
			r = read_events(c, &f, e);
		if (r < 0)
			return r;
		if (!first && (out->n || f.lost))
			first = when_mono_ns();
		if (some && (n == 0 || when_mono_ns() - first > longest_ns))
			break;
	}
	*lost = f.lost;
	return 0;
}

/* From the nearest directory that exists, downwards. */
static int add_path(struct changes *c, const char *path, struct err *e)
{
	auto_arena a = {0};
	char *dir = arena_strndup(&a, path, strlen(path));
	struct stat st;

	while (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
		char *slash = strrchr(dir, '/');

		if (!slash || slash == dir)
			return add_dir(c, "/", NULL, 0, e);
		*slash = '\0';
	}
	return add_dir(c, dir, NULL, 0, e);
}

int changes_new(struct changes **out, const struct changes_options *o, struct err *e)
{
	auto_changes *c = mem_new(sizeof(*c));
	int r = 0;

	c->o = *o;
	c->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (c->fd < 0)
		return err_set(e, errno, "cannot watch files: %s", strerror(errno));
	vec_each(p, o->paths) {
		r = add_path(c, *p, e);
		if (r < 0)
			return r;
	}
	*out = take_ptr(c);
	return 0;
}

void changes_free(struct changes *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->dirs.n; i++)
		free(c->dirs.v[i]);
	free(c->dirs.v);
	close_at(&c->fd);
	free(c);
}
