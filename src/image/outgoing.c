#include "image/outgoing.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/stream.h"
#include "base/sys.h"
#include "base/tree.h"
#include "image/layer.h"
#include "image/place.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { GZIP_LEVEL = 4 };

static const char *oci_type(const char *t)
{
	if (!t || text_ends(t, "zstd"))
		return t ? MEDIA_OCI_ZSTD : MEDIA_OCI_TAR;
	return text_ends(t, "gzip") ? MEDIA_OCI_GZIP : MEDIA_OCI_TAR;
}

/* tree -> tar -> [check of the diff id] -> gzip -> sha256 -> file */
static int compress(const struct layer *l, int fd, struct sha256_sink *packed, struct err *e)
{
	static const struct pack_options plain;
	auto_fd int dir = sys_open(AT_FDCWD, l->dir, O_RDONLY | O_DIRECTORY, 0);
	struct sha256_sink tar = {0};
	struct deflate_sink gzip = {0};
	struct fd_sink out;
	int r;

	if (dir < 0)
		return err_set(e, -dir, "cannot open %s: %s", l->dir, strerror(-dir));
	fd_sink_init(&out, fd);
	r = sha256_sink_init(packed, &out.sink, e);
	if (!r)
		r = deflate_sink_init(&gzip, &packed->sink, COMPRESSION_GZIP, GZIP_LEVEL, e);
	if (!r)
		r = sha256_sink_init(&tar, &gzip.sink, e);
	if (!r)
		r = pack_tree(dir, &tar.sink, &plain, e);
	if (!r)
		r = sink_end(&tar.sink, e);
	if (!r && strcmp(tar.hex, l->diff_id + 7))
		r = err_set(e, EBADMSG, "layer %.19s was changed on disk", l->diff_id);
	deflate_sink_done(&gzip);
	sha256_sink_done(&tar);
	return r;
}

static int make_blob(struct arena *a, struct layer *l, struct err *e)
{
	struct sha256_sink packed = {0};
	char *scratch, *dir;
	const char *path;
	auto_fd int fd = -1;
	int r = place_scratch(a, "pack", &scratch, e);

	if (r < 0)
		return r;
	path = arena_printf(a, "%s/blob", scratch);
	fd = sys_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600);
	r = fd < 0 ? err_set(e, -fd, "cannot make %s: %s", path, strerror(-fd))
		   : compress(l, fd, &packed, e);
	/* The layer's own bytes are on the disk, and so must be what is noted beside them. */
	if (!r && fsync(fd) < 0)
		r = err_set(e, errno, "cannot write %s: %s", path, strerror(errno));
	if (!r)
		r = place_dir(a, "blobs/sha256", &dir, e);
	if (!r) {
		l->blob = arena_printf(a, "sha256:%s", packed.hex);
		l->blob_size = packed.bytes;
		l->media_type = MEDIA_OCI_GZIP;
		if (rename(path, place_blob(a, l->blob)) < 0)
			r = err_set(e, errno, "cannot keep a blob: %s", strerror(errno));
	}
	if (!r)
		r = layer_note_blob(a, l, e);
	sha256_sink_done(&packed);
	tree_remove(AT_FDCWD, scratch);
	return r;
}

static int prepare_layer(struct arena *a, const char *diff_id, bool files, struct outgoing *out,
			 struct err *e)
{
	struct outgoing_layer o = {0};
	struct layer l;
	int r = layer_find(a, diff_id, &l, e);

	if (r == LAYER_ABSENT)
		r = err_set(e, ENOENT, "layer %.19s is not in the store", diff_id);
	if (!r && l.blob && access(place_blob(a, l.blob), R_OK) < 0)
		r = err_set(e, ENOENT, "blob %.19s is missing: pull or load the image again",
			    l.blob);
	if (!r && !l.blob && files)
		r = make_blob(a, &l, e);
	if (r < 0)
		return r;
	o.dir = l.dir;
	if (l.blob) {
		o.path = place_blob(a, l.blob);
		o.d = (struct descriptor){oci_type(l.media_type), l.blob, l.blob_size};
	} else {
		o.d = (struct descriptor){MEDIA_OCI_TAR, l.diff_id, l.size};
	}
	*vec_push(a, &out->layers) = o;
	return 0;
}

/* The manifest that came with the image still says the truth. */
static bool came_so(struct arena *a, struct outgoing *out)
{
	const struct image *img = out->image;
	struct platform any = {"linux", "amd64", NULL};
	struct manifest m = {0};
	struct span text;
	struct err e;
	auto_json *j = NULL;

	if (!img->digest ||
	    file_read(a, AT_FDCWD, place_blob(a, img->digest), MANIFEST_LIMIT, &text, &e) < 0 ||
	    manifest_parse(a, text, NULL, &any, &m, &e) < 0 || m.kind != MANIFEST_IMAGE ||
	    strcmp(m.config.digest, img->id) || m.layers.n != out->layers.n)
		return false;
	for (size_t i = 0; i < m.layers.n; i++) {
		if (strcmp(m.layers.v[i].digest, out->layers.v[i].d.digest))
			return false;
	}
	if (json_read(text.p, text.n, &j, &e) < 0)
		return false;
	out->manifest = text;
	out->manifest_type =
		arena_printf(a, "%s", json_string_or(j, "mediaType", MEDIA_OCI_MANIFEST));
	return true;
}

static void write_manifest(struct arena *a, struct outgoing *out)
{
	const struct image *img = out->image;
	auto_buf b = {0};

	buf_printf(&b,
		   "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"config\":"
		   "{\"mediaType\":\"" MEDIA_OCI_CONFIG "\",\"digest\":\"%s\",\"size\":%zu},"
		   "\"layers\":[",
		   img->id, img->config_json.n);
	vec_each(l, &out->layers)
		buf_printf(&b, "%s{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%lld}",
			   l == out->layers.v ? "" : ",", l->d.media_type, l->d.digest,
			   (long long)l->d.size);
	buf_str(&b, "]}");
	out->manifest.n = b.n;
	out->manifest.p = buf_take(a, &b);
	out->manifest_type = MEDIA_OCI_MANIFEST;
}

int outgoing_prepare(struct arena *a, const struct image *img, bool files, struct outgoing *out,
		     struct err *e)
{
	int r = 0;

	*out = (struct outgoing){.image = img};
	for (size_t i = 0; !r && i < img->diff_ids.n; i++)
		r = prepare_layer(a, img->diff_ids.v[i], files, out, e);
	if (r < 0)
		return r;
	if (!came_so(a, out))
		write_manifest(a, out);
	memcpy(out->manifest_digest, "sha256:", 7);
	hash_sha256(out->manifest.p, out->manifest.n, out->manifest_digest + 7);
	return 0;
}
