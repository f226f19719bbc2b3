#include "image/bundle.h"
#include "base/file.h"
#include "base/sys.h"
#include "base/tree.h"
#include "image/fetch.h"
#include "image/intake.h"
#include "image/outgoing.h"
#include "image/place.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ---- in ---- */

static int read_ids(struct arena *a, struct bundle *b, struct err *e)
{
	struct image img = {0};
	int r = config_parse(a, b->config, &img, e);

	if (r < 0)
		return r;
	if (img.diff_ids.n != b->layers.n)
		return err_set(e, EINVAL, "the manifest lists %zu layers, the configuration %zu",
			       b->layers.n, img.diff_ids.n);
	b->diff_ids = img.diff_ids;
	return 0;
}

int bundle_open(struct arena *a, const char *ref, struct bundle *out, struct err *e)
{
	struct pull_parts parts;
	int r = pull_parts(a, ref, &parts, e);

	if (r < 0)
		return r;
	*out = (struct bundle){.config = parts.config,
			       .layers = parts.layers,
			       .path = parts.path,
			       .registry = parts.registry};
	r = read_ids(a, out, e);
	if (r < 0)
		bundle_done(out);
	return r;
}

static const char *blob_path(struct arena *a, const char *dir, const char *digest)
{
	return arena_printf(a, "%s/blobs/sha256/%s", dir, digest + strlen("sha256:"));
}

static int document(struct arena *a, const char *dir, const char *digest, struct span *out,
		    struct err *e)
{
	char hex[HASH_HEX];
	int r = digest_valid(digest)
			? file_read(a, AT_FDCWD, blob_path(a, dir, digest), MANIFEST_LIMIT, out, e)
			: err_set(e, EINVAL, "\"%.80s\" is not a sha256 digest", digest);

	if (r == 0 && strcmp(hash_sha256(out->p, out->n, hex), digest + strlen("sha256:")))
		r = err_set(e, EBADMSG, "blob %.19s is not what its name says", digest);
	return r;
}

int bundle_open_dir(struct arena *a, const char *dir, struct bundle *out, struct err *e)
{
	struct platform any = {"linux", "amd64", NULL};
	struct manifest m = {0};
	struct span text;
	const char *digest;
	auto_json *j = NULL;
	int r = json_read_file(arena_printf(a, "%s/index.json", dir), MANIFEST_LIMIT, &j, e);

	*out = (struct bundle){.dir = dir};
	if (r == 0)
		r = json_want_string(json_array_get(json_object_get(j, "manifests"), 0), "digest",
				     "manifests[0].digest", &digest, e);
	if (r == 0)
		r = document(a, dir, digest, &text, e);
	if (r == 0)
		r = manifest_parse(a, text, NULL, &any, &m, e);
	if (r == 0 && m.kind != MANIFEST_IMAGE)
		r = err_set(e, EINVAL, "index.json names an index");
	if (r == 0)
		r = document(a, dir, m.config.digest, &out->config, e);
	out->layers = m.layers;
	return r < 0 ? r : read_ids(a, out, e);
}

static int bring_file(struct arena *a, const struct bundle *b, size_t i, struct err *e)
{
	const struct intake_want want = {.diff_id = b->diff_ids.v[i],
					 .blob = b->layers.v[i].digest};
	auto_fd int lock = -1;
	auto_fd int fd =
		sys_open(AT_FDCWD, blob_path(a, b->dir, want.blob), O_RDONLY | O_NOFOLLOW, 0);
	struct intake in;
	struct layer layer;
	int r = fd < 0 ? err_set(e, -fd, "cannot read blob %.19s: %s", want.blob, strerror(-fd))
		       : intake_lock(a, want.diff_id, &lock, e);

	if (r == 0)
		r = layer_find(a, want.diff_id, &layer, e);
	if (r != LAYER_ABSENT)
		return r;
	r = intake_begin(&in, -1, e);
	if (r == 0)
		r = intake_feed(&in, fd, e);
	if (r == 0)
		r = intake_end(&in, &want, a, &layer, e);
	intake_done(&in);
	return r;
}

int bundle_bring(struct arena *a, struct bundle *b, const struct strings *diff_ids,
		 struct progress_sink *progress, struct err *e)
{
	struct descriptors layers = {0};
	struct strings ids = {0};
	struct fetch f = {.registry = &b->registry,
			  .path = b->path,
			  .layers = &layers,
			  .diff_ids = &ids,
			  .progress = progress};
	struct layer have;

	for (size_t i = 0; i < b->diff_ids.n; i++) {
		int r = strings_have(diff_ids, b->diff_ids.v[i])
				? layer_find(a, b->diff_ids.v[i], &have, e)
				: 0;

		if (r == LAYER_ABSENT && b->dir)
			r = bring_file(a, b, i, e);
		if (r < 0)
			return r;
		if (r != LAYER_ABSENT)
			continue;
		*vec_push(a, &layers) = b->layers.v[i];
		*vec_push(a, &ids) = b->diff_ids.v[i];
	}
	return layers.n ? fetch_layers(a, &f, e) : 0;
}

void bundle_done(struct bundle *b)
{
	if (!b->dir)
		registry_close(&b->registry);
}

/* ---- out ---- */

/* The document as a blob of the store, and what goes out with it. */
static int prepare(struct arena *a, struct span config, const struct strings *diff_ids,
		   struct image *img, struct outgoing *out, struct err *e)
{
	char digest[72];
	int r = place_put_blob(a, config.p, config.n, digest, e);

	if (r < 0)
		return r;
	*img = (struct image){.id = arena_printf(a, "%s", digest), .config_json = config};
	img->diff_ids = *diff_ids;
	return outgoing_prepare(a, img, true, out, e);
}

int bundle_push(struct arena *a, const char *ref, struct span config,
		const struct strings *diff_ids, struct progress_sink *progress, struct err *e)
{
	const struct push_options o = {.progress = progress};
	auto_fd int hold = -1;
	struct outgoing out;
	struct image img;
	int r = place_hold(a, PLACE_ADD, &hold, e);

	if (r == 0)
		r = prepare(a, config, diff_ids, &img, &out, e);
	return r < 0 ? r : push_outgoing(a, ref, &out, &o, e);
}

static int put(const char *path, const void *p, size_t n, struct err *e)
{
	return file_replace(AT_FDCWD, path, p, n, 0644, FILE_FAST, e);
}

static int copy_blob(struct arena *a, const struct outgoing_layer *l, const char *to, struct err *e)
{
	const char *part = arena_printf(a, "%s.part", to);
	auto_fd int from = sys_open(AT_FDCWD, l->path, O_RDONLY, 0);
	auto_fd int fd = -1;
	struct stat st;
	int r;

	if (stat(to, &st) == 0 && st.st_size == l->d.size)
		return 0;
	fd = sys_open(AT_FDCWD, part, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (from < 0 || fd < 0)
		return err_set(e, from < 0 ? -from : -fd, "cannot write %s", to);
	r = tree_copy_bytes(from, fd);
	if (r == 0 && rename(part, to) < 0)
		r = -errno;
	return r < 0 ? err_set(e, -r, "cannot write %s: %s", to, strerror(-r)) : 0;
}

int bundle_write_dir(struct arena *a, const char *dir, struct span config,
		     const struct strings *diff_ids, struct err *e)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	auto_fd int hold = -1;
	struct outgoing out;
	struct image img;
	const char *index;
	int r = place_hold(a, PLACE_ADD, &hold, e);

	if (r == 0)
		r = prepare(a, config, diff_ids, &img, &out, e);
	if (r == 0)
		r = file_mkdirs(arena_printf(a, "%s/blobs/sha256", dir), 0755, e);
	for (size_t i = 0; r == 0 && i < out.layers.n; i++)
		r = copy_blob(a, &out.layers.v[i], blob_path(a, dir, out.layers.v[i].d.digest), e);
	if (r == 0)
		r = put(blob_path(a, dir, img.id), config.p, config.n, e);
	if (r == 0)
		r = put(blob_path(a, dir, out.manifest_digest), out.manifest.p, out.manifest.n, e);
	if (r == 0)
		r = put(arena_printf(a, "%s/oci-layout", dir), layout, strlen(layout), e);
	if (r < 0)
		return r;
	index = arena_printf(a,
			     "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"%s\","
			     "\"digest\":\"%s\",\"size\":%zu}]}",
			     out.manifest_type, out.manifest_digest, out.manifest.n);
	return put(arena_printf(a, "%s/index.json", dir), index, strlen(index), e);
}
