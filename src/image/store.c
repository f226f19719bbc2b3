#include "image/store.h"
#include "base/behind.h"
#include "base/file.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/sys.h"
#include "base/when.h"
#include "image/commit.h"
#include "image/layer.h"
#include "image/manifest.h"
#include "image/place.h"
#include "image/ref.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { SMALL = 65536 };

/* refs/docker.io/library/alpine/:latest; no component of a name starts with ':' or '@'. */
static char *ref_file(struct arena *a, const struct ref *r)
{
	return arena_printf(a, "%s/images/refs/%s/%s/%s%s", paths_root(), r->domain, r->path,
			    r->digest ? "@" : ":", r->digest ? r->digest : r->tag);
}

static int read_json(const char *path, json_t **out, struct err *e)
{
	return access(path, F_OK) < 0 ? IMAGE_ABSENT : json_read_file(path, SMALL, out, e);
}

int ref_read(struct arena *a, const struct ref *r, struct named *out, struct err *e)
{
	auto_json *j = NULL;
	int err = read_json(ref_file(a, r), &j, e);
	const char *id, *digest;
	struct stat st;

	if (err)
		return err;
	id = json_string_or(j, "image", "");
	digest = json_string_or(j, "digest", NULL);
	if (!digest_valid(id) || (digest && !digest_valid(digest)))
		return err_set(e, EINVAL, "%s is damaged", ref_file(a, r));
	out->id = arena_printf(a, "%s", id);
	out->digest = digest ? arena_printf(a, "%s", digest) : NULL;
	out->since_ns = stat(ref_file(a, r), &st) < 0
				? 0
				: st.st_mtim.tv_sec * NS_PER_SEC + st.st_mtim.tv_nsec;
	return 0;
}

int ref_write(struct arena *a, const struct ref *r, const struct named *n, struct err *e)
{
	char *dir, *sub = arena_printf(a, "refs/%s/%s", r->domain, r->path);
	auto_json *j = json_pack("{ss ss*}", "image", n->id, "digest", n->digest);
	auto_free char *text = json_dumps(j, JSON_COMPACT);
	int err = place_dir(a, sub, &dir, e);

	return err < 0 ? err : place_write(a, ref_file(a, r), span_of(text), FILE_DURABLE, e);
}

int ref_remove(struct arena *a, const struct ref *r, struct err *e)
{
	char *path = ref_file(a, r), *slash;
	char *top = place_path(a, "refs");

	if (unlink(path) < 0 && errno != ENOENT)
		return err_set(e, errno, "cannot remove %s: %s", path, strerror(errno));
	while ((slash = strrchr(path, '/'))) {
		*slash = '\0';
		if (!strcmp(path, top) || rmdir(path) < 0)
			break;
	}
	return 0;
}

static int walk(struct arena *a, const char *dir, const char *name, refs_fn *fn, void *arg,
		struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *ent;
	struct ref r;
	struct err ignored;
	int err = 0;

	if (!d)
		return errno == ENOENT
			       ? 0
			       : err_set(e, errno, "cannot list %s: %s", dir, strerror(errno));
	while (!err && (ent = readdir(d))) {
		const char *n = ent->d_name;

		if (n[0] == '.')
			continue;
		if (n[0] != ':' && n[0] != '@') {
			err = walk(a, arena_printf(a, "%s/%s", dir, n),
				   arena_printf(a, "%s%s%s", name, *name ? "/" : "", n), fn, arg,
				   e);
		} else if (!ref_parse(a, arena_printf(a, "%s%s", name, n), &r, &ignored)) {
			struct named to;

			err = ref_read(a, &r, &to, e);
			err = err == 0 ? fn(arg, &r, &to, e) : err < 0 ? err : 0;
		}
	}
	closedir(d);
	return err;
}

int refs_each(struct arena *a, refs_fn *fn, void *arg, struct err *e)
{
	return walk(a, place_path(a, "refs"), "", fn, arg, e);
}

/* What was written just before a power cut may be torn: believed only after a look. */
static int check_unsettled(struct arena *a, const struct image *img, struct err *e)
{
	struct layer l;
	int r;

	for (size_t i = 0; i < img->diff_ids.n; i++) {
		r = layer_find(a, img->diff_ids.v[i], &l, e);
		if (r)
			return r < 0 ? r : IMAGE_ABSENT;
	}
	return 0;
}

int record_read(struct arena *a, const char *id, struct image **out, struct err *e)
{
	struct image *img = arena_new(a, struct image);
	auto_json *j = NULL;
	struct span config;
	const char *boot;
	int r = read_json(place_record(a, id), &j, e);

	if (r)
		return r;
	if (access(place_blob(a, id), F_OK) < 0)
		return IMAGE_ABSENT; /* half removed when the power went */
	r = file_read(a, AT_FDCWD, place_blob(a, id), CONFIG_LIMIT, &config, e);
	if (!r)
		r = config_parse(a, config, img, e);
	if (r < 0)
		return err_wrap(e, "read image %.19s", id);
	img->id = arena_printf(a, "%s", id);
	img->size = json_int_or(j, "size", 0);
	if (json_string_or(j, "digest", NULL))
		img->digest = arena_printf(a, "%s", json_string_or(j, "digest", NULL));
	/* Overlayfs refuses the same directory twice (ELOOP); what lies under itself adds nothing.
	 */
	for (size_t i = img->diff_ids.n; i--;) {
		char *dir = arena_printf(a, "%s/diff", place_layer(a, img->diff_ids.v[i]));

		if (!strings_have(&img->layers, dir))
			*vec_push(a, &img->layers) = dir;
	}
	boot = json_string_or(j, "boot", NULL);
	if (boot && strcmp(boot, place_boot_id(a))) {
		r = check_unsettled(a, img, e);
		if (r)
			return r;
	}
	*out = img;
	return 0;
}

static bool is_hex(const char *s, size_t least)
{
	size_t n = strspn(s, "0123456789abcdef");

	return n >= least && n <= 64 && !s[n];
}

static int by_prefix(struct arena *a, const char *hex, const char **id, struct err *e)
{
	struct dirent *ent;
	int found = 0;
	DIR *d;

	if (strlen(hex) == 64) { /* whether it is there, record_read() sees */
		*id = arena_printf(a, "sha256:%s", hex);
		return 0;
	}
	d = opendir(place_path(a, "records"));

	while (d && (ent = readdir(d))) {
		if (strlen(ent->d_name) != 69 || !text_starts(ent->d_name, hex))
			continue;
		found++;
		*id = arena_printf(a, "sha256:%.64s", ent->d_name);
	}
	if (d)
		closedir(d);
	if (found > 1)
		return err_set(e, EINVAL, "%s is the beginning of %d image ids", hex, found);
	return found ? 0 : IMAGE_ABSENT;
}

struct by_digest {
	const struct ref *want;
	const char *id;
	struct arena *a;
};

static int same_digest(void *arg, const struct ref *r, const struct named *n, struct err *e)
{
	struct by_digest *b = arg;

	if (!b->id && n->digest && !strcmp(n->digest, b->want->digest) &&
	    !strcmp(r->domain, b->want->domain) && !strcmp(r->path, b->want->path))
		b->id = n->id;
	return 0;
}

static int by_name(struct arena *a, const struct ref *r, struct resolved *out, struct err *e)
{
	struct by_digest search = {r, NULL, a};
	struct named n;
	int err = ref_read(a, r, &n, e);

	if (!err) {
		out->id = n.id;
		out->since_ns = n.since_ns;
	}
	if (err != IMAGE_ABSENT || !r->digest)
		return err;
	err = refs_each(a, same_digest, &search, e);
	if (err < 0)
		return err;
	out->id = search.id;
	return search.id ? 0 : IMAGE_ABSENT;
}

int store_resolve(struct arena *a, const char *ref, struct resolved *out, struct err *e)
{
	const char *hex = text_starts(ref, "sha256:") ? ref + 7 : ref;
	struct ref r;
	int err = IMAGE_ABSENT;

	memset(out, 0, sizeof(*out));
	if (!text_starts(ref, "sha256:") && !(is_hex(ref, 64))) {
		err = ref_parse(a, ref, &r, e);
		if (err < 0)
			return err;
		err = by_name(a, &r, out, e);
		if (!err) {
			out->by_name = true;
			out->name = r;
		}
	}
	if (err == IMAGE_ABSENT && is_hex(hex, 4))
		err = by_prefix(a, hex, &out->id, e);
	return err;
}

int store_image(struct arena *a, const char *ref, struct image **out, struct err *e)
{
	struct resolved found;
	int r = store_resolve(a, ref, &found, e);

	if (r)
		return r;
	r = record_read(a, found.id, out, e);
	if (!r)
		(*out)->tagged_ns = found.since_ns;
	if (!r && found.by_name)
		*vec_push(a, found.name.digest ? &(*out)->digests : &(*out)->names) =
			ref_short(a, &found.name);
	return r;
}

static ino_t inode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

/* Waits for the disk, then says so in the notes of those layers that are still the same. */
static int settle(struct arena *a, const struct image *img, int root)
{
	ino_t *before = arena_alloc(a, img->diff_ids.n * sizeof(*before));
	struct err e;

	for (size_t i = 0; i < img->diff_ids.n; i++)
		before[i] = inode_of(place_layer(a, img->diff_ids.v[i]));
	if (syncfs(root) < 0)
		return -errno;
	for (size_t i = 0; i < img->diff_ids.n; i++) {
		char *dir = place_layer(a, img->diff_ids.v[i]);

		if (!before[i] || inode_of(dir) != before[i] ||
		    place_settle(a, arena_printf(a, "%s/layer.json", dir), &e) < 0)
			return -ESTALE;
	}
	return place_settle(a, place_record(a, img->id), &e);
}

static void settle_alone(const void *arg, const int *root)
{
	auto_arena a = {0};

	(void)settle(&a, arg, *root);
}

/* Sends the new layers to the disk without making anybody wait, then says so in the records. Where
 * that cannot be, the next command finds records that are not settled. */
static void settle_behind(const struct image *img)
{
	auto_fd int root = sys_open(AT_FDCWD, paths_root(), O_RDONLY | O_DIRECTORY, 0);

	if (root >= 0)
		(void)!behind_run(settle_alone, img, &root, 1);
}

static int write_record(struct arena *a, const struct image *img, struct err *e)
{
	auto_json *j = json_pack("{ss sI ss* ss}", "id", img->id, "size", (json_int_t)img->size,
				 "digest", img->digest, "boot", place_boot_id(a));
	auto_free char *text = json_dumps(j, JSON_COMPACT);
	char *dir;
	int r = place_dir(a, "records", &dir, e);

	if (r < 0)
		return r;
	r = place_write(a, place_record(a, img->id), span_of(text), FILE_FAST, e);
	if (!r)
		settle_behind(img);
	return r;
}

int store_commit(struct arena *a, struct span config, const char *digest, const struct ref *name,
		 struct image **out, struct err *e)
{
	struct image *img = arena_new(a, struct image);
	char id[72];
	int r = config_parse(a, config, img, e);

	for (size_t i = 0; !r && i < img->diff_ids.n; i++) {
		struct layer l;

		r = layer_find(a, img->diff_ids.v[i], &l, e);
		if (r == LAYER_ABSENT)
			r = err_set(e, ENOENT, "layer %.19s is not in the store",
				    img->diff_ids.v[i]);
		img->size += r ? 0 : l.size;
	}
	if (!r)
		r = place_put_blob(a, config.p, config.n, id, e);
	if (r < 0)
		return r;
	img->id = arena_printf(a, "%s", id);
	img->digest = digest;
	r = write_record(a, img, e);
	if (!r && name)
		r = ref_write(a, name, &(struct named){img->id, digest}, e);
	if (r < 0)
		return r;
	r = record_read(a, img->id, out, e);
	return r == IMAGE_ABSENT ? err_set(e, EIO, "image %s vanished", img->id) : r;
}

int store_add(struct arena *a, struct span config, const char *name, struct image **out,
	      struct err *e)
{
	struct ref ref;
	int r;

	if (name) {
		r = ref_parse(a, name, &ref, e);
		if (r < 0)
			return r;
		if (ref.digest)
			return err_set(e, EINVAL,
				       "a digest cannot be given to an image: it follows "
				       "from its content");
	}
	r = store_commit(a, config, NULL, name ? &ref : NULL, out, e);
	if (!r && name)
		*vec_push(a, &(*out)->names) = ref_short(a, &ref);
	return r;
}

int store_tag(const char *ref, const char *new_ref, struct err *e)
{
	auto_arena a = {0};
	struct resolved found;
	struct ref to;
	struct named n = {0};
	int r = store_resolve(&a, ref, &found, e);

	if (r == IMAGE_ABSENT)
		return err_set(e, ENOENT, "no such image: %s", ref);
	if (!r)
		r = ref_parse(&a, new_ref, &to, e);
	if (!r && to.digest)
		r = err_set(e, EINVAL, "a tag cannot be a digest: %s", new_ref);
	if (r < 0)
		return r;
	if (found.by_name && !strcmp(found.name.domain, to.domain) &&
	    !strcmp(found.name.path, to.path) && ref_read(&a, &found.name, &n, e) < 0)
		return -e->code;
	n.id = found.id;
	return ref_write(&a, &to, &n, e);
}

struct naming {
	struct arena *a;
	struct image **v;
	size_t n;
};

static void add_once(struct arena *a, struct strings *to, const char *s)
{
	if (!strings_have(to, s))
		*vec_push(a, to) = s;
}

static int add_name(void *arg, const struct ref *r, const struct named *n, struct err *e)
{
	struct naming *to = arg;

	for (size_t i = 0; i < to->n; i++) {
		struct image *img = to->v[i];

		if (strcmp(img->id, n->id))
			continue;
		if (n->since_ns > img->tagged_ns)
			img->tagged_ns = n->since_ns;
		if (!r->digest)
			add_once(to->a, &img->names, ref_short(to->a, r));
		if (n->digest)
			add_once(to->a, &img->digests,
				 arena_printf(to->a, "%s@%s", ref_short_repo(to->a, r), n->digest));
	}
	return 0;
}

int store_names(struct arena *a, struct image *img, struct err *e)
{
	struct naming to = {a, &img, 1};

	img->names = img->digests = (struct strings){0};
	return refs_each(a, add_name, &to, e);
}

static int newest_first(const void *x, const void *y)
{
	const struct image *a = *(struct image *const *)x, *b = *(struct image *const *)y;
	int r = strcmp(b->created ? b->created : "", a->created ? a->created : "");

	return r ? r : strcmp(a->id, b->id);
}

int store_list(struct arena *a, struct images *out, struct err *e)
{
	DIR *d = opendir(place_path(a, "records"));
	struct images found = {0};
	struct naming to;
	struct dirent *ent;
	int r = 0;

	if (!d && errno != ENOENT)
		return err_set(e, errno, "cannot list the images: %s", strerror(errno));
	while (d && r >= 0 && (ent = readdir(d))) {
		struct image *img;

		if (strlen(ent->d_name) != 69 || !text_ends(ent->d_name, ".json"))
			continue;
		r = record_read(a, arena_printf(a, "sha256:%.64s", ent->d_name), &img, e);
		if (!r)
			*vec_push(a, &found) = img;
	}
	if (d)
		closedir(d);
	if (r < 0)
		return r;
	to = (struct naming){a, found.v, found.n};
	r = refs_each(a, add_name, &to, e);
	if (found.n)
		qsort(found.v, found.n, sizeof(*found.v), newest_first);
	if (!r)
		*out = found;
	return r;
}
