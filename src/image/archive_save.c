#include "base/file.h"
#include "base/mem.h"
#include "base/stream.h"
#include "base/sys.h"
#include "image/archive.h"
#include "image/outgoing.h"
#include "image/pack.h"
#include "image/place.h"
#include "image/ref.h"
#include "image/store.h"
#include "image/tar.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PART = 1 << 20 };

struct saved {
	struct outgoing out;
	struct strings names; /* "repo:tag", full */
};

struct saver {
	struct arena *a;
	struct err *e;
	struct sink *to; /* the tar, or the file of the directory that is being written */
	int dir;         /* a layout's directory, or -1: a tar */
	VEC(struct saved) images;
	struct strings written; /* digests */
};

static int add_image(struct saver *s, const char *text)
{
	struct image *img;
	struct saved *to = NULL;
	struct ref ref;
	struct err ignored;
	int r = store_image(s->a, text, &img, s->e);

	if (r == IMAGE_ABSENT)
		return err_set(s->e, ENOENT, "no such image: %s", text);
	if (r < 0)
		return r;
	vec_each(x, &s->images) {
		if (!strcmp(x->out.image->id, img->id))
			to = x;
	}
	if (!to) {
		to = vec_push(s->a, &s->images);
		*to = (struct saved){0};
		r = outgoing_prepare(s->a, img, false, &to->out, s->e);
		if (r < 0)
			return r;
	}
	/* An id or a digest names no tag. */
	if ((img->names.n || img->digests.n) && !ref_parse(s->a, text, &ref, &ignored) && ref.tag)
		*vec_push(s->a, &to->names) = ref_full(s->a, &ref);
	return 0;
}

static bool is_new(struct saver *s, const char *digest)
{
	if (strings_have(&s->written, digest))
		return false;
	*vec_push(s->a, &s->written) = digest;
	return true;
}

static const char *blob_name(struct saver *s, const char *digest)
{
	return arena_printf(s->a, "blobs/sha256/%s", digest + 7);
}

static int write_file(struct saver *s, const char *name, const char *p, size_t n)
{
	return s->dir >= 0 ? file_replace(s->dir, name, p, n, 0644, FILE_FAST, s->e)
			   : tar_write_file(s->to, name, p, n, s->e);
}

static int write_document(struct saver *s, const char *digest, struct span text)
{
	return is_new(s, digest) ? write_file(s, blob_name(s, digest), text.p, text.n) : 0;
}

static int copy_file(struct saver *s, const char *path, int64_t size)
{
	auto_fd int fd = sys_open(AT_FDCWD, path, O_RDONLY, 0);
	auto_free char *part = mem_room(PART);
	int64_t left = size;
	int r = 0;

	if (fd < 0)
		return err_set(s->e, -fd, "cannot read %s: %s", path, strerror(-fd));
	while (!r && left) {
		ssize_t n = sys_read(fd, part, left < PART ? (size_t)left : PART);

		if (n <= 0)
			return err_set(s->e, EIO, "%s is shorter than it was", path);
		r = sink_write(s->to, part, (size_t)n, s->e);
		left -= n;
	}
	return r;
}

static int pack_dir(struct saver *s, const struct outgoing_layer *l)
{
	static const struct pack_options plain;
	auto_fd int dir = sys_open(AT_FDCWD, l->dir, O_RDONLY | O_DIRECTORY, 0);
	struct sha256_sink sha;
	int r;

	if (dir < 0)
		return err_set(s->e, -dir, "cannot open %s: %s", l->dir, strerror(-dir));
	r = sha256_sink_init(&sha, s->to, s->e);
	if (!r)
		r = pack_tree(dir, &sha.sink, &plain, s->e);
	if (!r) {
		sha.sink.next = NULL; /* the archive goes on */
		r = sink_end(&sha.sink, s->e);
	}
	if (!r && (sha.bytes != l->d.size || strcmp(sha.hex, l->d.digest + 7)))
		r = err_set(s->e, EBADMSG, "layer %.19s was changed on disk", l->d.digest);
	sha256_sink_done(&sha);
	return r;
}

static int write_content(struct saver *s, const struct outgoing_layer *l)
{
	return l->path ? copy_file(s, l->path, l->d.size) : pack_dir(s, l);
}

static int write_layer_file(struct saver *s, const struct outgoing_layer *l)
{
	const char *name = blob_name(s, l->d.digest);
	auto_fd int fd = sys_open(s->dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	struct fd_sink out;
	int r;

	if (fd < 0)
		return err_set(s->e, -fd, "cannot write %s: %s", name, strerror(-fd));
	fd_sink_init(&out, fd);
	s->to = &out.sink;
	r = write_content(s, l);
	s->to = NULL;
	return r;
}

static int write_layer(struct saver *s, const struct outgoing_layer *l)
{
	auto_free struct tar_entry *t = mem_new(sizeof(*t));
	int r;

	if (!is_new(s, l->d.digest))
		return 0;
	if (s->dir >= 0)
		return write_layer_file(s, l);
	t->type = TAR_FILE;
	t->mode = 0644;
	t->size = l->d.size;
	snprintf(t->name, sizeof(t->name), "%s", blob_name(s, l->d.digest));
	r = tar_write_header(s->to, t, s->e);
	if (!r)
		r = write_content(s, l);
	return r ? r : tar_write_padding(s->to, l->d.size, s->e);
}

static int write_blobs(struct saver *s)
{
	int r = 0;

	vec_each(x, &s->images) {
		for (size_t i = 0; !r && i < x->out.layers.n; i++)
			r = write_layer(s, &x->out.layers.v[i]);
		if (!r)
			r = write_document(s, x->out.image->id, x->out.image->config_json);
		if (!r)
			r = write_document(s, x->out.manifest_digest, x->out.manifest);
		if (r < 0)
			return r;
	}
	return 0;
}

static void index_entry(struct saver *s, struct buf *b, const struct saved *x, const char *name)
{
	const char *tag = name ? strrchr(name, ':') + 1 : NULL;

	buf_printf(b, "%s{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu",
		   b->n > 40 ? "," : "", x->out.manifest_type, x->out.manifest_digest,
		   x->out.manifest.n);
	if (name)
		buf_printf(b,
			   ",\"annotations\":{\"io.containerd.image.name\":\"%s\","
			   "\"org.opencontainers.image.ref.name\":\"%s\"}",
			   name, tag);
	buf_char(b, '}');
}

static int write_index(struct saver *s)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	auto_buf b = {0};
	int r;

	buf_str(&b, "{\"schemaVersion\":2,\"manifests\":[");
	vec_each(x, &s->images) {
		if (!x->names.n)
			index_entry(s, &b, x, NULL);
		for (size_t i = 0; i < x->names.n; i++)
			index_entry(s, &b, x, x->names.v[i]);
	}
	buf_str(&b, "]}");
	r = write_file(s, "index.json", b.p, b.n);
	return r ? r : write_file(s, "oci-layout", layout, strlen(layout));
}

static int write_docker(struct saver *s)
{
	auto_buf b = {0};

	buf_char(&b, '[');
	vec_each(x, &s->images) {
		buf_printf(&b, "%s{\"Config\":\"%s\",\"RepoTags\":", b.n > 1 ? "," : "",
			   blob_name(s, x->out.image->id));
		buf_str(&b, x->names.n ? "[" : "null");
		for (size_t i = 0; i < x->names.n; i++) {
			struct ref ref;
			struct err e;

			if (ref_parse(s->a, x->names.v[i], &ref, &e) < 0)
				continue;
			buf_printf(&b, "%s\"%s\"", i ? "," : "", ref_short(s->a, &ref));
		}
		buf_str(&b, x->names.n ? "]" : "");
		buf_str(&b, ",\"Layers\":[");
		for (size_t i = 0; i < x->out.layers.n; i++)
			buf_printf(&b, "%s\"%s\"", i ? "," : "",
				   blob_name(s, x->out.layers.v[i].d.digest));
		buf_str(&b, "]}");
	}
	buf_char(&b, ']');
	return write_file(s, "manifest.json", b.p, b.n);
}

static int make_layout(int dir, struct err *e)
{
	if ((mkdirat(dir, "blobs", 0755) < 0 && errno != EEXIST) ||
	    (mkdirat(dir, "blobs/sha256", 0755) < 0 && errno != EEXIST))
		return err_set(e, errno, "cannot make blobs/sha256: %s", strerror(errno));
	return 0;
}

int archive_save(struct arena *a, const struct strings *refs, int out_fd,
		 enum archive_format format, struct err *e)
{
	bool tar = format == ARCHIVE_TAR;
	struct saver s = {.a = a, .e = e, .dir = tar ? -1 : out_fd};
	auto_fd int hold = -1;
	struct fd_sink out;
	int r = place_hold(a, PLACE_ADD, &hold, e);

	fd_sink_init(&out, out_fd);
	s.to = &out.sink;
	if (!r && !tar)
		r = make_layout(out_fd, e);
	for (size_t i = 0; !r && i < refs->n; i++)
		r = add_image(&s, refs->v[i]);
	if (!r)
		r = write_blobs(&s);
	if (!r)
		r = write_index(&s);
	if (!r && tar)
		r = write_docker(&s);
	return r || !tar ? r : tar_write_end(s.to, e);
}
