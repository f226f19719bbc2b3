#include "build/context.h"
#include "base/file.h"
#include "base/sys.h"
#include "base/tree.h"
#include "build/fetch.h"
#include "build/path.h"
#include "image/archive.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define LAYOUT "oci-layout://"

/* ---- the context ---- */

static int open_dir(struct builder *b, const char *path, struct files *out, struct err *e)
{
	char real[PATH_MAX];

	out->root = sys_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
	if (out->root < 0 || !realpath(path, real))
		return err_set(e, out->root < 0 ? -out->root : errno, "the build context %s: %s",
			       path, strerror(out->root < 0 ? -out->root : errno));
	out->dir = arena_printf(b->a, "%s", real);
	return 0;
}

/* A file from anywhere: an archive is the context, anything else the Dockerfile of an empty one. */
static int from_file(struct builder *b, const char *path, const char *dir, struct files *out,
		     struct err *e)
{
	auto_fd int fd = sys_open(AT_FDCWD, path, O_RDONLY, 0);
	auto_fd int root = sys_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
	struct copy_to to = {.root = root, .dest = "/", .owner_given = true, .epoch_s = -1};
	int r = fd < 0 || root < 0 ? err_set(e, EIO, "cannot read %s", path)
				   : fetch_unpack(b, fd, &to, e);

	if (r == 0 && lseek(fd, 0, SEEK_SET) == 0)
		r = file_read_fd(b->a, fd, DOCKERFILE_LIMIT, &b->piped, e);
	return r < 0 ? r : open_dir(b, dir, out, e);
}

static int from_stdin(struct builder *b, struct err *e)
{
	char *scratch;
	const char *file;
	int r = execute_scratch(b, &scratch, e);

	if (r < 0)
		return r;
	file = arena_printf(b->a, "%s/piped", scratch);
	auto_fd int fd = sys_open(AT_FDCWD, file, O_WRONLY | O_CREAT | O_EXCL, 0600);

	r = fd < 0 ? fd : tree_copy_bytes(STDIN_FILENO, fd);
	if (r < 0)
		return err_set(e, -r, "%s", strerror(-r));
	return from_file(b, file, arena_printf(b->a, "%s/upper", scratch), &b->context, e);
}

static bool is_url(const char *s)
{
	return text_starts(s, "http://") || text_starts(s, "https://");
}

/* From a server or a repository into a directory that goes when the build ends. */
static int from_remote(struct builder *b, const char *url, struct files *out, struct err *e)
{
	char *scratch, commit[65];
	const char *to;
	int r = execute_scratch(b, &scratch, e);

	if (r < 0)
		return r;
	to = arena_printf(b->a, "%s/upper/context", scratch);
	if (fetch_is_git(url)) {
		r = fetch_git(b->a, url, to, false, NULL, commit, e);
		return r < 0 ? r : open_dir(b, to, out, e);
	}
	r = fetch_url(b, url, arena_printf(b->a, "%s/got", scratch), e);
	if (r == 0)
		r = file_mkdirs(to, 0755, e);
	return r < 0 ? r : from_file(b, arena_printf(b->a, "%s/got", scratch), to, out, e);
}

static int open_main(struct builder *b, struct err *e)
{
	const char *c = b->req->context;
	int r;

	b->context = (struct files){.root = -1, .is_context = true};
	if (!c)
		return 0;
	if (!strcmp(c, "-")) {
		r = from_stdin(b, e);
		return r < 0 ? err_wrap(e, "read the build context from standard input") : r;
	}
	if (is_url(c) || fetch_is_git(c)) {
		r = from_remote(b, c, &b->context, e);
		return r < 0 ? err_wrap(e, "get the build context") : r;
	}
	r = open_dir(b, c, &b->context, e);
	if (r == 0) {
		digests_load(b->a, b->context.dir, &b->digests);
		b->context.digests = &b->digests;
	}
	return r;
}

static int read_inside(struct builder *b, const char *path, struct span *out, struct err *e)
{
	auto_fd int fd = tree_open(b->context.root, path, O_RDONLY | O_NONBLOCK, 0);

	return fd < 0 ? fd : file_read_fd(b->a, fd, DOCKERFILE_LIMIT, out, e);
}

/* DOCKERFILE.dockerignore wins over .dockerignore. */
static int read_ignore(struct builder *b, const char *dockerfile, struct err *e)
{
	struct strings lines = {};
	struct span text;
	struct err ignored;
	int r = -ENOENT;

	if (b->context.root < 0)
		return 0;
	if (dockerfile && *dockerfile == '/')
		r = file_read(b->a, AT_FDCWD, arena_printf(b->a, "%s.dockerignore", dockerfile),
			      DOCKERFILE_LIMIT, &text, &ignored);
	else if (dockerfile)
		r = read_inside(b, arena_printf(b->a, "%s.dockerignore", dockerfile), &text,
				&ignored);
	if (r < 0)
		r = read_inside(b, ".dockerignore", &text, &ignored);
	if (r < 0)
		return 0;
	ignore_lines(b->a, text, &lines);
	r = ignore_make(b->a, &lines, &b->ignore, e);
	if (r < 0)
		return err_wrap(e, "read .dockerignore");
	b->context.ignore = &b->ignore;
	return 0;
}

static int read_dockerfile(struct builder *b, struct err *e)
{
	const char *path = b->req->dockerfile ? b->req->dockerfile : "Dockerfile";
	const char *name = b->req->inline_text ? "dockerfile_inline" : path;
	struct span text = {};
	int r;

	if (b->req->inline_text)
		text = span_of(b->req->inline_text), r = 0;
	else if (b->piped.p)
		text = b->piped, r = 0;
	else if (!strcmp(path, "-"))
		r = file_read_fd(b->a, STDIN_FILENO, DOCKERFILE_LIMIT, &text, e);
	else if (*path == '/')
		r = file_read(b->a, AT_FDCWD, path, DOCKERFILE_LIMIT, &text, e);
	else
		r = read_inside(b, path, &text, e);
	if (r == -ENOENT)
		return err_set(e, ENOENT, "there is no %s in the build context", path);
	if (r < 0)
		return err_wrap(e, "read %s", path);
	r = read_ignore(b, b->req->inline_text || !strcmp(path, "-") ? NULL : path, e);
	if (r == 0)
		r = dockerfile_parse(b->a, name, text, &b->file, e);
	return r < 0 ? r : recipe_read(b->a, &b->file, &b->recipe, e);
}

/*
 * "oci-layout://DIR[:TAG|@DIGEST]": the image goes into the store without a name, and the context
 * is that image from then on.
 */
static int from_layout(struct builder *b, struct pair *p, struct err *e)
{
	const char *word = p->value + strlen(LAYOUT), *slash = strrchr(word, '/');
	size_t n = strcspn(slash ? slash : word, ":@") + (slash ? (size_t)(slash - word) : 0);
	struct archive_options o = {.platform = b->req->platform,
				    .only = word[n] ? word + n + 1 : "latest"};
	struct strings ids = {0};
	int r = archive_load_dir(
		b->a,
		path_join(b->a, b->req->dir ? b->req->dir : ".", arena_strndup(b->a, word, n)), &o,
		&ids, e);

	if (r == 0)
		p->value = arena_printf(b->a, "docker-image://%s", ids.v[0]);
	return r;
}

static int open_named(struct builder *b, struct err *e)
{
	vec_each(p, &b->req->contexts) {
		struct named_files *n;
		int r;

		if (text_starts(p->value, LAYOUT) && from_layout(b, p, e) < 0)
			return err_wrap(e, "open the context \"%s\"", p->key);
		if (text_starts(p->value, "docker-image://"))
			continue;
		n = vec_push(b->a, &b->named);
		*n = (struct named_files){.name = p->key,
					  .files = {.root = -1, .is_context = true}};
		n->passing = fetch_is_git(p->value) || is_url(p->value);
		if (n->passing)
			r = from_remote(b, p->value, &n->files, e);
		else if (strstr(p->value, "://"))
			r = err_set(e, EOPNOTSUPP, "%s is of an unknown kind", p->value);
		else
			r = open_dir(b, p->value, &n->files, e);
		if (r < 0)
			return err_wrap(e, "open the context \"%s\"", p->key);
	}
	return 0;
}

static void named_ignores(struct builder *b)
{
	vec_each(n, &b->named) {
		struct files *f = &n->files;
		struct strings lines = {};
		struct span text;
		struct err ignored;
		auto_fd int fd = tree_open(f->root, ".dockerignore", O_RDONLY | O_NONBLOCK, 0);

		if (!n->passing) {
			digests_load(b->a, f->dir, &n->digests);
			f->digests = &n->digests;
		}
		if (fd < 0 || file_read_fd(b->a, fd, DOCKERFILE_LIMIT, &text, &ignored) < 0)
			continue;
		ignore_lines(b->a, text, &lines);
		if (ignore_make(b->a, &lines, &n->ignore, &ignored) == 0)
			f->ignore = &n->ignore;
	}
}

int context_open(struct builder *b, struct err *e)
{
	int r = open_main(b, e);

	if (r == 0)
		r = read_dockerfile(b, e);
	if (r == 0)
		r = open_named(b, e);
	if (r == 0)
		named_ignores(b);
	return r;
}
