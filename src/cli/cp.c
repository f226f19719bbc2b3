/* cp and export: files in and out of containers, with docker cp's rules for names. */
#include "base/file.h"
#include "base/stream.h"
#include "base/sys.h"
#include "base/tree.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/container_root.h"
#include "cli/target.h"
#include "image/layer.h"
#include "image/pack.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

struct cp {
	bool all, archive, follow_link, quiet;
	int index;
};

/* One end of a copy: a tree and a path in it. */
struct end {
	const char *container; /* NULL: ours */
	const char *path;
	int root;       /* "/" of that side */
	uint32_t first; /* what its id 0 is here */
};

static void split_end(struct arena *a, const char *word, struct end *out)
{
	const char *colon = strchr(word, ':');

	*out = (struct end){.path = word, .root = -1};
	if (!colon || *word == '/' || *word == '.' || colon == word)
		return;
	out->container = arena_strndup(a, word, (size_t)(colon - word));
	out->path = colon[1] ? colon + 1 : "/";
}

static int open_local(struct arena *a, struct end *x, struct err *e)
{
	char cwd[PATH_MAX];

	if (*x->path != '/') {
		if (!getcwd(cwd, sizeof(cwd)))
			return err_set(e, errno, "where are we: %s", strerror(errno));
		x->path = arena_printf(a, "%s/%s", cwd, x->path);
	}
	x->root = sys_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	return x->root < 0 ? err_set(e, -x->root, "cannot open /") : 0;
}

/* Every container that the word means: one with --index or docker's cp, else all replicas. */
static int find_containers(struct cli *c, const char *word, const struct cp *o,
			   struct statuses *out, struct err *e)
{
	char *argv[] = {(char *)word, NULL};
	struct targets ts;
	int r = target_find(c, 1, argv, &ts, e);

	if (r < 0)
		return r;
	vec_each(s, &ts.v[0].containers) {
		if ((s->one_off && !o->all && !ts.v[0].names.n) ||
		    (o->index && s->number != o->index))
			continue;
		*vec_push(&c->arena, out) = *s;
	}
	if (!out->n)
		return err_set(e, ENOENT, "no container found for service \"%s\"", word);
	return 0;
}

static bool is_directory(int root, const char *path)
{
	auto_fd int fd = tree_open(root, path, O_PATH | O_DIRECTORY, 0);

	return fd >= 0;
}

/* The last name of a path, without slashes at its end; "." for "x/." and for "/". */
static const char *last_name(struct arena *a, const char *path)
{
	size_t n = strlen(path);
	const char *slash;
	char *cut;

	while (n > 1 && path[n - 1] == '/')
		n--;
	cut = arena_strndup(a, path, n);
	slash = strrchr(cut, '/');
	slash = slash ? slash + 1 : cut;
	return *slash && strcmp(slash, "..") ? slash : ".";
}

struct place {
	int dir;
	char name[256];
};

/* Where the copy goes: into a directory that exists under the source's name, or under the name
 * given. */
static int find_place(const struct end *to, const char *base, bool content, struct place *out,
		      struct err *e)
{
	const char *path = to->path;
	auto_arena a = {0};
	int r;

	if (is_directory(to->root, path)) {
		if (content || !strcmp(base, ".")) {
			r = tree_open(to->root, path, O_RDONLY | O_DIRECTORY, 0);
			snprintf(out->name, sizeof(out->name), ".");
		} else {
			path = arena_printf(&a, "%s/%s", path, base);
			r = tree_parent(to->root, path, 0, out->name);
		}
	} else if (text_ends(path, "/")) {
		return err_set(e, ENOENT, "%s is no directory", path);
	} else {
		r = tree_parent(to->root, path, 0, out->name);
	}
	if (r < 0)
		return err_set(e, -r, "%s: %s", path, strerror(-r));
	out->dir = r;
	return 0;
}

/* The source: its directory and last name; the link itself or, with -L, what it points to. */
static int open_source(const struct end *from, bool follow, struct place *out, struct err *e)
{
	char target[PATH_MAX], self[64];
	auto_arena a = {0};
	const char *path = from->path;
	ssize_t n;
	int r;

	if (follow && !from->container && realpath(path, target))
		path = target;
	if (follow && from->container) {
		auto_fd int fd = tree_open(from->root, path, O_PATH, 0);

		snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
		n = fd >= 0 ? readlink(self, target, sizeof(target) - 1) : -1;
		path = n > 0 ? arena_strndup(&a, target, (size_t)n) : path;
	}
	if (!strcmp(last_name(&a, path), ".")) {
		r = tree_open(from->root, path, O_RDONLY | O_DIRECTORY, 0);
		snprintf(out->name, sizeof(out->name), ".");
	} else {
		size_t len = strlen(path);

		while (len > 1 && path[len - 1] == '/')
			len--;
		r = tree_parent(from->root, arena_strndup(&a, path, len), 0, out->name);
		if (r >= 0 && faccessat(r, out->name, F_OK, AT_SYMLINK_NOFOLLOW)) {
			close(r);
			r = -ENOENT;
		}
	}
	if (r < 0)
		return err_set(e, -r, "%s%s%s: %s", from->container ? from->container : "",
			       from->container ? ":" : "", from->path, strerror(-r));
	out->dir = r;
	return 0;
}

static int copy_trees(const struct cp *o, const struct end *from, const struct end *to,
		      struct err *e)
{
	struct tree_copy how = {
		.set_owner = !o->archive, .from_ids = from->first, .to_ids = to->first};
	struct place source = {.dir = -1}, place = {.dir = -1};
	auto_arena a = {0};
	int r = open_source(from, o->follow_link, &source, e);

	/* Into a container: root's. Out of it: the user's, also behind sudo. */
	if (!to->container) {
		const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");
		uint64_t u, g;

		how.uid = uid && !text_to_u64(uid, &u) ? (uid_t)u : getuid();
		how.gid = gid && !text_to_u64(gid, &g) ? (gid_t)g : getgid();
	}
	if (r >= 0)
		r = find_place(to, last_name(&a, from->path), text_ends(from->path, "/."), &place,
			       e);
	if (r >= 0)
		r = tree_copy(source.dir, source.name, place.dir, place.name, &how, e);
	close_at(&source.dir);
	close_at(&place.dir);
	return r;
}

/* SERVICE:PATH -: a tar of the source under its own name. */
static int copy_to_stdout(const struct end *from, bool follow, struct err *e)
{
	struct place source = {.dir = -1};
	struct tree_copy how = {.from_ids = from->first};
	struct fd_sink out;
	auto_arena a = {0};
	char *scratch;
	int r = open_source(from, follow, &source, e);

	if (r >= 0)
		r = layer_scratch(&a, &scratch, e);
	if (r < 0) {
		close_at(&source.dir);
		return r;
	}
	auto_fd int dir = sys_open(AT_FDCWD, scratch, O_RDONLY | O_DIRECTORY, 0);

	fd_sink_init(&out, STDOUT_FILENO);
	r = tree_copy(source.dir, source.name, dir, source.name, &how, e);
	if (r >= 0)
		r = pack_tree(dir, &out.sink, &(struct pack_options){.skip_root_entry = true}, e);
	if (r >= 0)
		r = sink_end(&out.sink, e);
	close_at(&source.dir);
	(void)!file_remove_tree(AT_FDCWD, scratch, &(struct err){0});
	return r;
}

/* - SERVICE:PATH: a tar unpacked into a directory that exists. */
static int copy_from_stdin(const struct cp *o, const struct end *to, struct err *e)
{
	auto_fd int dir = tree_open(to->root, to->path, O_RDONLY | O_DIRECTORY, 0);
	struct unpack_options how = {
		.keep_owner = o->archive, .root_stays = true, .first_id = to->first};
	char path[64];
	int64_t size;

	if (dir < 0)
		return err_set(e, -dir, "%s:%s: %s", to->container, to->path, strerror(-dir));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	return layer_unpack_fd(STDIN_FILENO, path, &how, &size, e);
}

static int copy_out(struct cli *c, const struct cp *o, struct end *from, struct end *to,
		    struct err *e)
{
	struct statuses found = {0};
	auto_fd int root = -1, local = -1;
	int r = find_containers(c, from->container, o, &found, e);

	if (r >= 0)
		r = container_root(&c->arena, &found.v[0], &root, e);
	if (r < 0)
		return r;
	from->root = root;
	from->first = (uint32_t)found.v[0].first_id;
	if (!strcmp(to->path, "-"))
		return copy_to_stdout(from, o->follow_link, e);
	r = open_local(&c->arena, to, e);
	local = to->root;
	return r < 0 ? r : copy_trees(o, from, to, e);
}

static int copy_in(struct cli *c, const struct cp *o, struct end *from, struct end *to,
		   struct err *e)
{
	bool from_stdin = !strcmp(from->path, "-");
	struct statuses found = {0};
	auto_fd int local = -1;
	int r = find_containers(c, to->container, o, &found, e);

	if (r >= 0 && !from_stdin)
		r = open_local(&c->arena, from, e);
	local = from->root;
	/* What is read from a pipe can be read once. */
	if (from_stdin && found.n > 1)
		found.n = 1;
	vec_each(s, &found) {
		auto_fd int root = -1;

		if (r >= 0)
			r = container_root(&c->arena, s, &root, e);
		to->root = root;
		to->first = (uint32_t)s->first_id;
		if (r >= 0)
			r = container_make_as(to->first, e);
		if (r >= 0)
			r = from_stdin ? copy_from_stdin(o, to, e) : copy_trees(o, from, to, e);
	}
	return r;
}

static int cp_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct cp *o = opts;
	struct end from, to;

	split_end(&c->arena, argv[0], &from);
	split_end(&c->arena, argv[1], &to);
	if (from.container && to.container)
		return err_set(e, EINVAL, "copying between containers is not supported");
	if (from.container)
		return copy_out(c, o, &from, &to, e);
	if (to.container)
		return copy_in(c, o, &from, &to, e);
	err_set(e, EINVAL, "neither \"%s\" nor \"%s\" names a container", argv[0], argv[1]);
	return err_hint(e, "write SERVICE:PATH for the side in the container");
}

/* clang-format off */
static const struct opt cp_opts[] = {
	{0,   "all",         OPT_FLAG, offsetof(struct cp, all),         NULL, "containers of run too"},
	{'a', "archive",     OPT_FLAG, offsetof(struct cp, archive),     NULL, "keep owners"},
	{'L', "follow-link", OPT_FLAG, offsetof(struct cp, follow_link), NULL, "copy what the source points to"},
	{0,   "index",       OPT_INT,  offsetof(struct cp, index),       "N",  "only this replica"},
	{'q', "quiet",       OPT_FLAG, offsetof(struct cp, quiet),       NULL, NULL},
	{0},
};
/* clang-format on */

const struct command cp_command = {
	.name = "cp",
	.args = "SERVICE:SOURCE TARGET|-  or  SOURCE|- SERVICE:TARGET",
	.brief = "Copy files into containers or out of them",
	.more = "SOURCE/. copies the content of a directory; - is a tar on standard input or "
		"output.\n"
		"Works on stopped containers too.",
	.opts = cp_opts,
	.size = sizeof(struct cp),
	.min = 2,
	.max = 2,
	.run = cp_run,
	.group = GROUP_IMAGE,
	.unplanned = true,
};

struct export
{
	const char *output;
	int index;
};

static int export_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct export *o = opts;
	const struct cp which = {.index = o->index, .all = true};
	struct statuses found = {0};
	auto_fd int root = -1, dir = -1, out = -1;
	struct pack_options how = {.skip_root_entry = true};
	struct fd_sink sink;
	int r = find_containers(c, argv[0], &which, &found, e);

	if (r < 0)
		return r;
	if (!o->output && isatty(STDOUT_FILENO))
		return err_hint((err_set(e, EINVAL, "a tar does not belong on a terminal"), e),
				"berth export -o FILE %s", argv[0]);
	r = container_bare_root(&c->arena, &found.v[0], &root, e);
	if (r < 0)
		return r;
	dir = tree_open(root, "/", O_RDONLY | O_DIRECTORY, 0);
	out = o->output ? sys_open(AT_FDCWD, o->output, O_WRONLY | O_CREAT | O_TRUNC, 0644)
			: sys_dup_above(STDOUT_FILENO, 3);
	if (dir < 0 || out < 0)
		return err_set(e, dir < 0 ? -dir : -out, "%s: %s", o->output ? o->output : "output",
			       strerror(dir < 0 ? -dir : -out));
	fd_sink_init(&sink, out);
	how.first_id = (uint32_t)found.v[0].first_id;
	r = pack_tree(dir, &sink.sink, &how, e);
	return r < 0 ? r : sink_end(&sink.sink, e);
}

/* clang-format off */
static const struct opt export_opts[] = {
	{'o', "output", OPT_STR, offsetof(struct export, output), "FILE", "instead of standard output"},
	{0,   "index",  OPT_INT, offsetof(struct export, index),  "N",    "this replica"},
	{0},
};
/* clang-format on */

const struct command export_command = {
	.name = "export",
	.args = "SERVICE",
	.brief = "Write a container's file system as a tar",
	.opts = export_opts,
	.size = sizeof(struct export),
	.min = 1,
	.max = 1,
	.run = export_run,
	.group = GROUP_IMAGE,
	.unplanned = true,
};
