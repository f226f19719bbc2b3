#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/sys.h"
#include "base/tree.h"
#include "image/archive.h"
#include "image/commit.h"
#include "image/feed.h"
#include "image/intake.h"
#include "image/manifest.h"
#include "image/place.h"
#include "image/tar.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_MAX = 20000 };

/* A file of the archive, spooled to disk or lying in a layout directory. */
struct member {
	const char *name;
	const char *path; /* on disk */
	const char *link; /* another member's name instead */
	int64_t size;
};

struct loader {
	struct arena *a;
	struct err *e;
	const struct archive_options *o;
	struct platform platform;
	struct strings *names;
	VEC(struct member) members;
	const char *scratch;
	struct unpack_space space;
	bool borrowed; /* the members are the user's own files */
};

static void note(struct loader *l, const char *line)
{
	struct progress_sink *p = l->o->progress;

	if (p && p->note)
		p->note(p, line);
}

static const char *plain_name(const char *name)
{
	while (text_starts(name, "./"))
		name += 2;
	return name;
}

static struct member *find(struct loader *l, const char *name)
{
	for (int hops = 0; hops < 3; hops++) {
		struct member *hit = NULL;

		vec_each(m, &l->members) {
			if (!strcmp(m->name, name))
				hit = m; /* the last of a name wins */
		}
		if (!hit || !hit->link)
			return hit;
		name = hit->link;
	}
	return NULL;
}

/* docker's old archives: "<id>/layer.tar" -> "../<other>/layer.tar". */
static const char *link_target(struct loader *l, const char *from, const char *to)
{
	const char *slash = strrchr(from, '/');

	if (text_starts(to, "../"))
		return arena_printf(l->a, "%s", to + 3);
	return slash ? arena_printf(l->a, "%.*s/%s", (int)(slash - from), from, to)
		     : arena_printf(l->a, "%s", to);
}

static int spool_one(struct loader *l, struct tar_reader *t)
{
	struct member m = {.name = arena_printf(l->a, "%s", plain_name(t->entry.name)),
			   .size = t->entry.size};
	auto_fd int fd = -1;

	if (t->entry.type == TAR_SYMLINK || t->entry.type == TAR_HARD_LINK) {
		m.link = t->entry.type == TAR_SYMLINK
				 ? link_target(l, m.name, t->entry.link)
				 : arena_printf(l->a, "%s", plain_name(t->entry.link));
	} else if (t->entry.type == TAR_FILE) {
		m.path = arena_printf(l->a, "%s/%zu", l->scratch, l->members.n);
		fd = sys_open(AT_FDCWD, m.path, O_WRONLY | O_CREAT | O_EXCL, 0600);
		if (fd < 0)
			return err_set(l->e, -fd, "cannot make %s: %s", m.path, strerror(-fd));
		if (!unpack_fits(&l->space, fd, t->left))
			return err_set(l->e, ENOSPC, "the disk would be full with %.120s", m.name);
		if (tar_to_fd(t, fd, l->e) < 0)
			return -l->e->code;
	} else {
		return 0;
	}
	if (l->members.n >= FILES_MAX)
		return err_set(l->e, EFBIG, "the archive holds more than %d files", FILES_MAX);
	*vec_push(l->a, &l->members) = m;
	return 0;
}

static int spool(struct loader *l, int fd)
{
	struct tar_reader t;
	int r = 0;

	tar_reader_init(&t, fd);
	while (!r) {
		r = tar_next(&t, l->e);
		if (!r)
			r = spool_one(l, &t);
	}
	if (r == TAR_END)
		r = tar_drain(&t, l->e);
	tar_reader_done(&t);
	return r;
}

static int document(struct loader *l, const char *name, size_t limit, struct span *out)
{
	struct member *m = find(l, name);

	if (!m || !m->path)
		return err_set(l->e, ENOENT, "the archive lacks %.120s", name);
	if (file_read(l->a, AT_FDCWD, m->path, limit, out, l->e) < 0)
		return err_wrap(l->e, "read %.120s of the archive", name);
	return 0;
}

static int document_of(struct loader *l, const char *digest, int64_t size, struct span *out)
{
	char hex[HASH_HEX];
	int r = document(l, arena_printf(l->a, "blobs/sha256/%s", digest + 7), MANIFEST_LIMIT, out);

	if (r < 0)
		return r;
	if ((int64_t)out->n != size || strcmp(hash_sha256(out->p, out->n, hex), digest + 7))
		return err_set(l->e, EBADMSG, "blob %.19s is not what its name says", digest);
	return 0;
}

static int bring_layer(struct loader *l, const struct member *m, struct intake_want *want)
{
	auto_fd int fd = sys_open(AT_FDCWD, m->path, O_RDONLY | O_NOFOLLOW, 0);
	auto_fd int copy = -1;
	struct intake in;
	struct layer layer;
	int r;

	if (fd < 0)
		return err_set(l->e, -fd, "cannot read a layer: %s", strerror(-fd));
	/* A spooled member becomes the blob itself; a layout directory's stays the user's. */
	want->blob_path = m->path;
	if (l->borrowed) {
		want->blob_path = arena_printf(l->a, "%s/blob", l->scratch);
		copy = sys_open(AT_FDCWD, want->blob_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if (copy < 0)
			return err_set(l->e, -copy, "cannot make %s", want->blob_path);
	}
	r = intake_begin(&in, copy, l->e);
	if (!r)
		r = intake_feed(&in, fd, l->e);
	if (!r)
		r = intake_end(&in, want, l->a, &layer, l->e);
	intake_done(&in);
	return r;
}

static int need_layer(struct loader *l, const char *member, struct intake_want *want)
{
	auto_fd int lock = -1;
	struct member *m = find(l, member);
	struct layer have;
	int r = intake_lock(l->a, want->diff_id, &lock, l->e);

	if (!r)
		r = layer_find(l->a, want->diff_id, &have, l->e);
	if (r != LAYER_ABSENT)
		return r;
	if (!m || !m->path)
		return err_set(l->e, ENOENT, "the archive lacks %.120s", member);
	r = bring_layer(l, m, want);
	return r < 0 ? err_wrap(l->e, "layer %.120s", member) : 0;
}

static int commit_named(struct loader *l, struct span config, const char *digest,
			const struct strings *tags)
{
	VEC(struct ref) refs = {0};
	struct image *img;
	int r = 0;

	/* All names are read before anything is kept. */
	for (size_t i = 0; !r && i < tags->n; i++)
		r = ref_parse(l->a, tags->v[i], vec_push(l->a, &refs), l->e);
	if (!r)
		r = store_commit(l->a, config, digest, NULL, &img, l->e);
	vec_each(ref, &refs) {
		if (r || ref->digest)
			continue;
		r = ref_write(l->a, ref, &(struct named){img->id, digest}, l->e);
		if (r)
			break;
		*vec_push(l->a, l->names) = ref_short(l->a, ref);
		note(l, arena_printf(l->a, "Loaded image: %s", ref_short(l->a, ref)));
	}
	if (!r && !tags->n) {
		*vec_push(l->a, l->names) = img->id;
		note(l, arena_printf(l->a, "Loaded image ID: %s", img->id));
	}
	return r;
}

static int strings_from(struct loader *l, const json_t *list, struct strings *out, const char *what)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item) || i >= 1000)
			return err_set(l->e, EINVAL, "manifest.json: %s is not a list of names",
				       what);
		*vec_push(l->a, out) = arena_printf(l->a, "%s", json_string_value(item));
	}
	return 0;
}

/* An index was searched for it; an image that is alone is what it is. */
static int check_platform(struct loader *l, const struct image *img)
{
	if (!l->o->platform || platform_fits(img, &l->platform))
		return 0;
	return err_set(l->e, ENOENT, "an image in it is made for %s/%s, not for %s",
		       img->os ? img->os : "?", img->architecture ? img->architecture : "?",
		       l->o->platform);
}

static int docker_image(struct loader *l, const json_t *j)
{
	struct strings layers = {0}, tags = {0};
	struct image img = {0};
	struct span config;
	const char *name;
	int r = json_want_string(j, "Config", "manifest.json", &name, l->e);

	if (!r)
		r = document(l, plain_name(name), CONFIG_LIMIT, &config);
	if (!r)
		r = config_parse(l->a, config, &img, l->e);
	if (!r)
		r = check_platform(l, &img);
	if (!r)
		r = strings_from(l, json_object_get(j, "Layers"), &layers, "Layers");
	if (!r)
		r = strings_from(l, json_object_get(j, "RepoTags"), &tags, "RepoTags");
	if (!r && layers.n != img.diff_ids.n)
		r = err_set(l->e, EINVAL, "the archive lists %zu layers, the configuration %zu",
			    layers.n, img.diff_ids.n);
	for (size_t i = 0; !r && i < layers.n; i++) {
		struct intake_want want = {.diff_id = img.diff_ids.v[i], .keep_blob = true};

		r = need_layer(l, plain_name(layers.v[i]), &want);
	}
	return r ? r : commit_named(l, config, NULL, &tags);
}

static int load_docker(struct loader *l)
{
	auto_json *j = NULL;
	const json_t *item;
	struct span text;
	size_t i;
	int r = document(l, "manifest.json", MANIFEST_LIMIT, &text);

	if (!r)
		r = json_read(text.p, text.n, &j, l->e);
	if (r < 0)
		return err_wrap(l->e, "read manifest.json");
	if (!json_is_array(j) || !json_array_size(j))
		return err_set(l->e, EINVAL, "manifest.json lists no image");
	json_array_foreach(j, i, item)
	{
		r = docker_image(l, item);
		if (r < 0)
			return r;
	}
	return 0;
}

static int oci_layers(struct loader *l, const struct manifest *m, const struct image *img)
{
	int r = 0;

	if (m->layers.n != img->diff_ids.n)
		return err_set(l->e, EINVAL, "the manifest lists %zu layers, the configuration %zu",
			       m->layers.n, img->diff_ids.n);
	for (size_t i = 0; !r && i < m->layers.n; i++) {
		const struct descriptor *d = &m->layers.v[i];
		struct intake_want want = {.diff_id = img->diff_ids.v[i],
					   .blob = d->digest,
					   .media_type = d->media_type,
					   .keep_blob = true};

		r = need_layer(l, arena_printf(l->a, "blobs/sha256/%s", d->digest + 7), &want);
	}
	return r;
}

static int oci_image(struct loader *l, const struct descriptor *d, const struct strings *tags,
		     int depth)
{
	struct manifest m = {0};
	struct image img = {0};
	struct span text, config;
	char digest[72];
	int r = document_of(l, d->digest, d->size, &text);

	if (!r)
		r = manifest_parse(l->a, text, *d->media_type ? d->media_type : NULL, &l->platform,
				   &m, l->e);
	if (r < 0)
		return r;
	if (m.kind == MANIFEST_INDEX)
		return depth ? err_set(l->e, EINVAL, "indexes are nested more than one deep")
			     : oci_image(l, &m.chosen, tags, depth + 1);
	r = document_of(l, m.config.digest, m.config.size, &config);
	if (!r)
		r = config_parse(l->a, config, &img, l->e);
	if (!r)
		r = check_platform(l, &img);
	if (!r)
		r = oci_layers(l, &m, &img);
	if (!r)
		r = place_put_blob(l->a, text.p, text.n, digest, l->e);
	return r ? r : commit_named(l, config, d->digest, tags);
}

static int oci_entry(struct loader *l, const json_t *j)
{
	const json_t *notes = json_object_get(j, "annotations");
	const char *name = json_string_or(notes, "io.containerd.image.name", NULL);
	struct strings tags = {0};
	struct descriptor d = {.media_type = json_string_or(j, "mediaType", ""),
			       .digest = json_string_or(j, "digest", ""),
			       .size = json_int_or(j, "size", -1)};
	struct ref ref;
	struct err ignored;

	if (!digest_valid(d.digest) || d.size < 0)
		return err_set(l->e, EINVAL, "index.json: a manifest has no valid digest and size");
	if (!name) {
		name = json_string_or(notes, "org.opencontainers.image.ref.name", NULL);
		/* A bare tag ("latest") names no repository. */
		if (name && !strpbrk(name, "/:"))
			name = NULL;
	}
	if (name && !l->o->only && !ref_parse(l->a, name, &ref, &ignored))
		*vec_push(l->a, &tags) = arena_printf(l->a, "%s", name);
	return oci_image(l, &d, &tags, 0);
}

/* "latest", "docker.io/library/x:latest" or the digest */
static bool is_wanted(const json_t *j, const char *only)
{
	static const char *const keys[] = {"org.opencontainers.image.ref.name",
					   "io.containerd.image.name"};

	if (!only || !strcmp(json_string_or(j, "digest", ""), only))
		return true;
	for (size_t i = 0; i < countof(keys); i++) {
		const char *name = json_string_or(json_object_get(j, "annotations"), keys[i], "");
		const char *colon = strrchr(name, ':');

		if (!strcmp(name, only) || (colon && !strcmp(colon + 1, only)))
			return true;
	}
	return false;
}

static int load_oci(struct loader *l)
{
	auto_json *j = NULL;
	const json_t *item, *list;
	struct span text;
	size_t i, taken = 0;
	int r = document(l, "index.json", MANIFEST_LIMIT, &text);

	if (!r)
		r = json_read(text.p, text.n, &j, l->e);
	if (r < 0)
		return err_wrap(l->e, "read index.json");
	list = json_object_get(j, "manifests");
	if (!json_is_array(list) || !json_array_size(list))
		return err_set(l->e, EINVAL, "index.json lists no image");
	json_array_foreach(list, i, item)
	{
		if (!is_wanted(item, l->o->only) || (taken && l->o->only))
			continue;
		taken++;
		r = oci_entry(l, item);
		if (r < 0)
			return r;
	}
	return taken ? 0 : err_set(l->e, ENOENT, "it has no image \"%s\"", l->o->only);
}

static int load_members(struct loader *l)
{
	if (find(l, "manifest.json") && !l->o->only)
		return load_docker(l);
	if (find(l, "index.json"))
		return load_oci(l);
	err_set(l->e, EINVAL,
		"neither manifest.json nor index.json is in it: not an image archive");
	return err_hint(l->e, "a root file system goes through \"berth import\"");
}

static int begin(struct loader *l, int *hold)
{
	char *scratch;
	int r = platform_parse(l->a, l->o->platform, &l->platform, l->e);

	if (!r)
		r = place_hold(l->a, PLACE_ADD, hold, l->e);
	if (!r)
		r = place_scratch(l->a, "load", &scratch, l->e);
	if (!r)
		l->scratch = scratch;
	return r;
}

int archive_load(struct arena *a, int fd, const struct archive_options *o, struct strings *names,
		 struct err *e)
{
	struct loader l = {.a = a, .e = e, .o = o, .names = names};
	auto_fd int hold = -1;
	struct feed feed;
	struct err why;
	int r = begin(&l, &hold);

	if (r < 0)
		return r;
	r = feed_start(fd, &feed, e);
	if (!r)
		r = spool(&l, feed.out);
	if (feed_finish(&feed, &why) < 0) { /* damaged compression shows as a short tar */
		*e = why;
		r = -why.code;
	}
	if (!r)
		r = load_members(&l);
	tree_remove(AT_FDCWD, l.scratch);
	return r < 0 ? err_wrap(e, "load the archive") : 0;
}

static int list_blobs(struct loader *l, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *ent;

	if (!d)
		return errno == ENOENT
			       ? 0
			       : err_set(l->e, errno, "cannot list %s: %s", dir, strerror(errno));
	while ((ent = readdir(d))) {
		if (strlen(ent->d_name) == 64)
			*vec_push(l->a, &l->members) =
				(struct member){arena_printf(l->a, "blobs/sha256/%s", ent->d_name),
						arena_printf(l->a, "%s/%s", dir, ent->d_name)};
	}
	closedir(d);
	return 0;
}

/* Only what a layout has: its documents and blobs. */
static int list_layout(struct loader *l, const char *path)
{
	static const char *const known[] = {"index.json", "manifest.json", "oci-layout"};
	struct stat st;

	for (size_t i = 0; i < countof(known); i++) {
		const char *full = arena_printf(l->a, "%s/%s", path, known[i]);

		if (!lstat(full, &st) && S_ISREG(st.st_mode))
			*vec_push(l->a, &l->members) =
				(struct member){known[i], full, NULL, st.st_size};
	}
	return list_blobs(l, arena_printf(l->a, "%s/blobs/sha256", path));
}

int archive_load_dir(struct arena *a, const char *path, const struct archive_options *o,
		     struct strings *names, struct err *e)
{
	struct loader l = {.a = a, .e = e, .o = o, .names = names, .borrowed = true};
	auto_fd int hold = -1;
	int r = begin(&l, &hold);

	if (r < 0)
		return r;
	r = list_layout(&l, path);
	if (!r)
		r = load_members(&l);
	tree_remove(AT_FDCWD, l.scratch);
	return r < 0 ? err_wrap(e, "load %s", path) : 0;
}
