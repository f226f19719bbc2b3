/* diff: what a container has written over its image: overlayfs' upper directory, read. */
#include "base/sys.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/target.h"
#include "runtime/state.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEEP = 200 };

struct diff {
	struct arena *a;
	struct strings layers; /* of the image, the uppermost first */
	struct strings lines;
};

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && !st->st_rdev;
}

/* In the image, whatever lies over it in another layer. */
static bool was_there(struct diff *d, const char *path)
{
	struct stat st;

	vec_each(l, &d->layers) {
		if (!lstat(arena_printf(d->a, "%s%s", *l, path), &st))
			return !is_whiteout(&st);
	}
	return false;
}

static void note(struct diff *d, char what, const char *path)
{
	*vec_push(d->a, &d->lines) = arena_printf(d->a, "%c %s", what, path);
}

static int walk(struct diff *d, int dir, const char *path, int depth, struct err *e)
{
	DIR *list = dir < 0 ? NULL : fdopendir(dir);
	struct dirent *ent;
	int r = 0;

	if (!list)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	while (!r && (ent = readdir(list))) {
		char *name = arena_printf(d->a, "%s/%s", path, ent->d_name);
		struct stat st;

		if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, "..") ||
		    fstatat(dirfd(list), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		note(d, is_whiteout(&st) ? 'D' : was_there(d, name) ? 'C' : 'A', name);
		if (S_ISDIR(st.st_mode) && depth < DEEP)
			r = walk(d,
				 sys_open(dirfd(list), ent->d_name,
					  O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0),
				 name, depth + 1, e);
	}
	closedir(list);
	return r;
}

static int by_path(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x + 2, *(const char *const *)y + 2);
}

static int diff_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct diff d = {.a = &c->arena};
	struct container_spec spec = {0};
	struct targets ts;
	struct err never_ran;
	uint64_t start;
	pid_t pid;
	int r = target_find(c, argc, argv, &ts, e);

	if (r < 0)
		return r;
	for (size_t k = 0; k < ts.n; k++) {
		vec_each(s, &ts.v[k].containers) {
			if (state_read(&c->arena, s->runtime_file, &spec, &pid, &start,
				       &never_ran) < 0)
				continue;
			d.layers = spec.layers;
			r = walk(&d,
				 sys_open(AT_FDCWD, arena_printf(&c->arena, "%s/upper", s->dir),
					  O_RDONLY | O_DIRECTORY, 0),
				 "", 0, e);
			if (r < 0)
				return r;
		}
	}
	if (d.lines.n)
		qsort(d.lines.v, d.lines.n, sizeof(*d.lines.v), by_path);
	vec_each(line, &d.lines)
		puts(*line);
	return 0;
}

const struct command diff_command = {
	.name = "diff",
	.args = "SERVICE|CONTAINER",
	.brief = "Show which files a container has added, changed and deleted",
	.min = 1,
	.max = 1,
	.run = diff_run,
	.group = GROUP_LOOK,
};
