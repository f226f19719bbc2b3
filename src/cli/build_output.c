#include "cli/build_output.h"
#include "base/file.h"
#include "base/overlay.h"
#include "base/stream.h"
#include "base/sys.h"
#include "base/tree.h"
#include "cli/cli.h"
#include "image/archive.h"
#include "image/bundle.h"
#include "image/pack.h"
#include "image/tar.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

static const struct {
	const char *type;
	enum build_output_kind kind;
	bool needs_dest, push;
} kinds[] = {
	{"local", OUTPUT_LOCAL, true, false},    {"tar", OUTPUT_TAR, false, false},
	{"docker", OUTPUT_DOCKER, false, false}, {"oci", OUTPUT_OCI, false, false},
	{"image", OUTPUT_IMAGE, false, false},   {"registry", OUTPUT_IMAGE, false, true},
};

static int type_of(const char *word, struct build_output *out, bool *needs_dest, struct err *e)
{
	for (size_t i = 0; i < countof(kinds); i++) {
		if (strcmp(kinds[i].type, word))
			continue;
		out->kind = kinds[i].kind;
		out->push |= kinds[i].push;
		*needs_dest = kinds[i].needs_dest;
		return 0;
	}
	return err_set(e, EINVAL, "unknown type=%s: local, tar, oci, docker, image or registry",
		       word);
}

static int attribute(struct build_output *out, const char *key, const char *value, struct err *e)
{
	if (!strcmp(key, "dest"))
		out->dest = value;
	else if (!strcmp(key, "name"))
		out->name = value;
	else if (!strcmp(key, "push"))
		out->push = !strcmp(value, "true");
	else if (!strcmp(key, "tar"))
		out->dir = !strcmp(value, "false");
	else
		return err_set(e, EINVAL, "%s=%s is not known here", key, value);
	return 0;
}

static int attributes(struct arena *a, const char *word, struct build_output *out, struct err *e)
{
	struct span rest = span_of(word), part, key;
	const char *type = NULL;
	bool more = true, needs_dest = false;
	int r = 0;

	while (r == 0 && more) {
		more = span_cut(&rest, ',', &part);
		if (!span_cut(&part, '=', &key))
			r = err_set(e, EINVAL, "\"%.*s\" is not KEY=VALUE", (int)part.n, part.p);
		else if (span_is(key, "type"))
			type = span_dup(a, part);
		else
			r = attribute(out, span_dup(a, key), span_dup(a, part), e);
	}
	if (r == 0)
		r = type ? type_of(type, out, &needs_dest, e)
			 : err_set(e, EINVAL, "type is required");
	if (r == 0 && needs_dest && !out->dest)
		r = err_set(e, EINVAL, "type=%s needs dest=", type);
	return r;
}

int build_output_parse(struct arena *a, const char *word, struct build_output *out, struct err *e)
{
	int r = 0;

	*out = (struct build_output){.kind = OUTPUT_LOCAL, .dest = word};
	if (!strcmp(word, "-"))
		out->kind = OUTPUT_TAR;
	else if (strchr(word, '=')) {
		out->dest = NULL;
		r = attributes(a, word, out, e);
	}
	if (out->kind == OUTPUT_TAR || out->kind == OUTPUT_OCI)
		out->dest = out->dest ? out->dest : "-";
	return r < 0 ? err_wrap(e, "--output %s", word) : 0;
}

/* ---- files ---- */

static int open_root(struct cli *c, const struct image *img, struct err *e)
{
	auto_fd int root = overlay_open(&c->arena, &img->layers, NULL, NULL, 0, e);

	return root < 0 ? root : sys_open(root, ".", O_RDONLY | O_DIRECTORY, 0);
}

/* As docker: the files are of who asked for them; what lies there already stays. */
static int write_local(struct cli *c, const struct image *img, const char *dest, struct err *e)
{
	const struct tree_copy how = {.set_owner = true, .uid = getuid(), .gid = getgid()};
	int r = file_mkdirs(dest, 0755, e);

	if (r < 0 || !img->layers.n)
		return r;
	auto_fd int root = open_root(c, img, e);
	auto_fd int to = sys_open(AT_FDCWD, dest, O_PATH | O_DIRECTORY, 0);

	if (root < 0)
		return root;
	return to < 0 ? err_set(e, -to, "%s: %s", dest, strerror(-to))
		      : tree_copy(root, ".", to, ".", &how, e);
}

static int write_tar(struct cli *c, const struct image *img, int fd, struct err *e)
{
	struct fd_sink out;
	int r = 0;

	fd_sink_init(&out, fd);
	if (img->layers.n) {
		auto_fd int root = open_root(c, img, e);

		r = root < 0 ? root
			     : pack_tree(root, &out.sink,
					 &(struct pack_options){.skip_root_entry = true}, e);
	}
	return r < 0 ? r : tar_write_end(&out.sink, e);
}

static int write_archive(struct cli *c, const struct image *img, const struct strings *tags,
			 const struct build_output *o, int fd, struct err *e)
{
	struct strings id = {0};

	*vec_push(&c->arena, &id) = img->id;
	return archive_save(&c->arena, tags->n ? tags : &id, fd, ARCHIVE_TAR, e);
}

static int write_file(struct cli *c, const struct image *img, const struct strings *tags,
		      const struct build_output *o, struct err *e)
{
	bool out = !strcmp(o->dest, "-");
	auto_fd int fd = out ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
			     : sys_open(AT_FDCWD, o->dest, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	int r;

	if (fd < 0)
		return err_set(e, -fd, "cannot write %s: %s", o->dest, strerror(-fd));
	if (out && isatty(STDOUT_FILENO))
		return err_set(e, EINVAL, "a tar is nothing for a terminal: give dest=FILE");
	r = o->kind == OUTPUT_TAR ? write_tar(c, img, fd, e)
				  : write_archive(c, img, tags, o, fd, e);
	if (r < 0 && !out)
		unlink(o->dest); /* half an archive helps nobody */
	return r;
}

/* ---- all ---- */

int build_push(struct cli *c, const struct strings *tags, struct err *e)
{
	int r = 0;

	if (!tags->n)
		return err_set(e, EINVAL, "nothing to push: the image has no name (-t)");
	for (size_t i = 0; r == 0 && i < tags->n; i++)
		r = push_image(&c->arena, tags->v[i], &(struct push_options){0}, e);
	return r;
}

int build_output_write(struct cli *c, const struct image *img, const struct strings *tags,
		       const struct build_output *o, struct err *e)
{
	int r = 0;

	if (o->kind == OUTPUT_LOCAL)
		r = write_local(c, img, o->dest, e);
	else if (o->kind == OUTPUT_OCI && o->dir)
		r = bundle_write_dir(&c->arena, o->dest, img->config_json, &img->diff_ids, e);
	else if (o->dest)
		r = write_file(c, img, tags, o, e);
	else if (o->push)
		r = build_push(c, tags, e);
	return r < 0 ? err_wrap(e, "write the result") : 0;
}
