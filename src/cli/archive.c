/* load, save, import: images from and to files. */
#include "image/archive.h"
#include "base/sys.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/image.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct load {
	const char *input, *platform;
	bool quiet;
};

static void print_note(struct progress_sink *s, const char *line)
{
	puts(line);
}

static int open_input(const char *path, int *fd, struct err *e)
{
	if (!path || !strcmp(path, "-")) {
		if (isatty(STDIN_FILENO))
			return err_set(e, EINVAL, "standard input is a terminal: name a file");
		*fd = sys_dup_above(STDIN_FILENO, 3);
	} else {
		*fd = sys_open(AT_FDCWD, path, O_RDONLY, 0);
	}
	return *fd < 0 ? err_set(e, -*fd, "cannot open %s: %s", path ? path : "standard input",
				 strerror(-*fd))
		       : 0;
}

static int load_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct load *o = opts;
	struct progress_sink sink = {.note = print_note}; /* with --quiet, too, as docker has it */
	const struct archive_options lo = {.platform = o->platform, .progress = &sink};
	const char *path = o->input ? o->input : argc ? argv[0] : NULL;
	struct strings names = {0};
	auto_fd int fd = -1;
	struct stat st;

	if (path && !stat(path, &st) && S_ISDIR(st.st_mode))
		return archive_load_dir(&c->arena, path, &lo, &names, e);
	if (open_input(path, &fd, e) < 0)
		return -e->code;
	return archive_load(&c->arena, fd, &lo, &names, e);
}

/* clang-format off */
static const struct opt load_opts[] = {
	{'i', "input", OPT_STR,  offsetof(struct load, input), "FILE", "read this file or layout directory instead of standard input"},
	{'q', "quiet", OPT_FLAG, offsetof(struct load, quiet), NULL,   "no progress: there never is any"},
	{0,   "platform", OPT_STR, offsetof(struct load, platform), "OS/ARCH", "what to take of an image for several"},
	{0},
};
/* clang-format on */

const struct command load_command = {
	.name = "load",
	.args = "[FILE]",
	.brief = "Load images from an archive (docker save, OCI layout; gzip and zstd too).",
	.opts = load_opts,
	.size = sizeof(struct load),
	.max = 1,
	.run = load_run,
	.group = GROUP_IMAGE,
	.unplanned = true,
};

struct import {
	struct strings changes;
	const char *message, *platform;
};

static int import_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct import *o = opts;
	struct import_options io = {.ref = argc > 1 ? argv[1] : NULL,
				    .message = o->message,
				    .platform = o->platform,
				    .changes = o->changes};
	const char *id;
	auto_fd int fd = -1;
	bool far = text_starts(argv[0], "http://") || text_starts(argv[0], "https://");
	int r = far ? archive_get(&c->arena, argv[0], &fd, e) : open_input(argv[0], &fd, e);

	if (far && !io.message)
		io.message = arena_printf(&c->arena, "Imported from %s", argv[0]);
	if (!r)
		r = archive_import(&c->arena, fd, &io, &id, e);
	if (!r)
		puts(id);
	return r;
}

/* clang-format off */
static const struct opt import_opts[] = {
	{'c', "change",   OPT_LIST, offsetof(struct import, changes),  "INSTRUCTION", "apply a Dockerfile instruction to the image"},
	{'m', "message",  OPT_STR,  offsetof(struct import, message),  "TEXT",        "a comment for the image's history"},
	{0,   "platform", OPT_STR,  offsetof(struct import, platform), "OS/ARCH",     "what the file system is made for"},
	{0},
};
/* clang-format on */

const struct command import_command = {
	.name = "import",
	.args = "FILE|URL|- [REPOSITORY[:TAG]]",
	.brief = "Make an image of a root file system in a tar.",
	.opts = import_opts,
	.size = sizeof(struct import),
	.min = 1,
	.max = 2,
	.run = import_run,
	.group = GROUP_IMAGE,
	.unplanned = true,
};

struct save {
	const char *output, *format, *platform;
};

static enum archive_format format_of(const struct save *o)
{
	return o->format && !strcmp(o->format, "oci-dir") ? ARCHIVE_DIR : ARCHIVE_TAR;
}

static int open_output(const struct save *o, enum archive_format f)
{
	if (!o->output)
		return sys_dup_above(STDOUT_FILENO, 3);
	if (f != ARCHIVE_DIR)
		return sys_open(AT_FDCWD, o->output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (mkdir(o->output, 0755) < 0 && errno != EEXIST)
		return -errno;
	return sys_open(AT_FDCWD, o->output, O_RDONLY | O_DIRECTORY, 0);
}

static int save_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct save *o = opts;
	enum archive_format format = format_of(o);
	struct strings refs = {0};
	auto_fd int fd = -1;
	int r;

	for (int i = 0; i < argc; i++) {
		struct image *img;

		*vec_push(&c->arena, &refs) = argv[i];
		r = image_must_for(c, argv[i], o->platform, &img, e);
		if (r < 0)
			return r;
	}
	if (!o->output && isatty(STDOUT_FILENO))
		return err_set(e, EINVAL,
			       "an archive does not belong on a terminal: use -o FILE or a pipe");
	if (!o->output && format == ARCHIVE_DIR)
		return err_set(e, EINVAL, "--format oci-dir needs a directory: -o DIR");
	fd = open_output(o, format);
	if (fd < 0)
		return err_set(e, -fd, "cannot write %s: %s", o->output ? o->output : "the archive",
			       strerror(-fd));
	r = archive_save(&c->arena, &refs, fd, format, e);
	if (r < 0 && o->output && format != ARCHIVE_DIR)
		unlink(o->output); /* half an archive helps nobody */
	return r;
}

/* clang-format off */
static const struct opt save_opts[] = {
	{0,   "format", OPT_WORD, offsetof(struct save, format), "docker-archive|oci-archive|oci-dir", "both archives are the same, an OCI layout with docker's list in it; oci-dir is a directory, -o DIR"},
	{'o', "output", OPT_STR,  offsetof(struct save, output), "FILE", "write here instead of standard output"},
	{0,   "platform", OPT_STR, offsetof(struct save, platform), "OS/ARCH", "the images must be made for it"},
	{0},
};
/* clang-format on */

const struct command save_command = {
	.name = "save",
	.args = "IMAGE...",
	.brief = "Write images into an archive that docker, podman and skopeo read",
	.opts = save_opts,
	.size = sizeof(struct save),
	.min = 1,
	.max = -1,
	.run = save_run,
	.group = GROUP_IMAGE,
	.unplanned = true,
};
