/* What goes: names, images, and then the layers and blobs that nobody refers to any more. */
#include "base/file.h"
#include "base/paths.h"
#include "base/sys.h"
#include "base/tree.h"
#include "base/when.h"
#include "image/commit.h"
#include "image/layer.h"
#include "image/place.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int store_hold(int *out_fd, struct err *e)
{
	auto_arena a = {0};

	return place_hold(&a, PLACE_ADD, out_fd, e);
}

static char *pin_dir(struct arena *a, const char *id)
{
	return arena_printf(a, "%s/images/pins/%s", paths_root(), id + 7);
}

static int check_pin(const char *id, const char *user, struct err *e)
{
	if (!digest_valid(id))
		return err_set(e, EINVAL, "\"%.80s\" is not an image id", id);
	if (!*user || strlen(user) > 250 || *user == '.' || strchr(user, '/'))
		return err_set(e, EINVAL, "\"%.80s\" cannot hold an image", user);
	return 0;
}

int store_pin(const char *image_id, const char *user, struct err *e)
{
	auto_arena a = {0};
	auto_fd int fd = -1;
	char *dir, *pin;
	int r = check_pin(image_id, user, e);

	if (!r)
		r = place_dir(&a, arena_printf(&a, "pins/%s", image_id + 7), &dir, e);
	if (r < 0)
		return r;
	pin = arena_printf(&a, "%s/%s", dir, user);
	/* The name is all that counts: another one of the image's record costs no inode. */
	if (!link(place_record(&a, image_id), pin) || errno == EEXIST)
		return 0;
	fd = sys_open(AT_FDCWD, pin, O_WRONLY | O_CREAT, 0600);
	return fd < 0 ? err_set(e, -fd, "cannot hold image %.19s: %s", image_id, strerror(-fd)) : 0;
}

int store_unpin(const char *image_id, const char *user, struct err *e)
{
	auto_arena a = {0};
	int r = check_pin(image_id, user, e);

	if (r < 0)
		return r;
	if (unlink(arena_printf(&a, "%s/%s", pin_dir(&a, image_id), user)) < 0 && errno != ENOENT)
		return err_set(e, errno, "cannot let go of image %.19s: %s", image_id,
			       strerror(errno));
	rmdir(pin_dir(&a, image_id)); /* fails while others hold it, as it should */
	return 0;
}

int store_pinned(struct arena *a, const char *image_id, struct strings *users, struct err *e)
{
	DIR *d = opendir(pin_dir(a, image_id));
	struct dirent *ent;

	if (!d)
		return errno == ENOENT ? 0
				       : err_set(e, errno, "cannot read who uses image %.19s: %s",
						 image_id, strerror(errno));
	while ((ent = readdir(d))) {
		if (ent->d_name[0] != '.')
			*vec_push(a, users) = arena_printf(a, "%s", ent->d_name);
	}
	closedir(d);
	return 0;
}

/* Everything that some image refers to. */
struct marks {
	struct arena *a;
	struct strings diff_ids, blobs;
};

static int mark_manifest_blob(struct marks *m, const struct image *img)
{
	*vec_push(m->a, &m->blobs) = img->id;
	if (img->digest)
		*vec_push(m->a, &m->blobs) = img->digest;
	return 0;
}

static int mark_all(struct marks *m, struct err *e)
{
	struct images all = {0};
	struct layer l;
	int r = store_list(m->a, &all, e);

	for (size_t i = 0; !r && i < all.n; i++) {
		const struct image *img = all.v[i];

		mark_manifest_blob(m, img);
		for (size_t k = 0; k < img->diff_ids.n; k++) {
			if (strings_have(&m->diff_ids, img->diff_ids.v[k]))
				continue;
			*vec_push(m->a, &m->diff_ids) = img->diff_ids.v[k];
			if (layer_find(m->a, img->diff_ids.v[k], &l, e) == 0 && l.blob)
				*vec_push(m->a, &m->blobs) = l.blob;
		}
	}
	return r;
}

static int64_t file_bytes(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 ? 0 : (int64_t)st.st_blocks * 512;
}

typedef int each_fn(void *arg, const char *digest, struct err *e);

/* The entries of a directory whose names are 64 hex digits. */
static int each_digest(struct arena *a, const char *dir, each_fn *fn, void *arg, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *ent;
	int r = 0;

	if (!d)
		return errno == ENOENT
			       ? 0
			       : err_set(e, errno, "cannot list %s: %s", dir, strerror(errno));
	while (!r && (ent = readdir(d))) {
		const char *digest = arena_printf(a, "sha256:%s", ent->d_name);

		if (digest_valid(digest))
			r = fn(arg, digest, e);
	}
	closedir(d);
	return r;
}

/*
 * What was taken out of sight, by rename: a half-removed layer must not be found. Its files go when
 * the store is let go of, so that nobody waits for them; after a crash the next command sweeps
 * them.
 */
struct gone {
	char *dir; /* NULL: nothing yet */
	size_t n;
};

struct sweep {
	struct arena *a;
	const struct marks *marks;
	const struct prune_options *o;
	struct prune_result *out;
	struct gone *gone;
};

static int drop_layer(struct arena *a, const char *diff_id, struct gone *g, struct err *e)
{
	int r = g->dir ? 0 : place_scratch(a, "gone", &g->dir, e);

	if (r < 0)
		return r;
	if (rename(place_layer(a, diff_id), arena_printf(a, "%s/%zu", g->dir, g->n++)) < 0 &&
	    errno != ENOENT)
		return err_set(e, errno, "cannot remove layer %.19s: %s", diff_id, strerror(errno));
	unlink(place_path(a, arena_printf(a, "locks/%s", diff_id + 7)));
	return 0;
}

static void let_go(int *hold, const struct gone *g)
{
	if (*hold >= 0)
		close(*hold);
	*hold = -1;
	if (g->dir)
		tree_remove(AT_FDCWD, g->dir);
}

static int sweep_layer(void *arg, const char *diff_id, struct err *e)
{
	struct sweep *s = arg;
	struct layer l = {0};

	if (strings_have(&s->marks->diff_ids, diff_id))
		return 0;
	/* Built here, not pulled since: the build cache may want it again. */
	if (!s->o->cache && layer_find(s->a, diff_id, &l, e) == 0 && l.step && !l.blob)
		return 0;
	s->out->bytes += l.size;
	*vec_push(s->a, &s->out->deleted) = diff_id;
	return s->o->dry_run ? 0 : drop_layer(s->a, diff_id, s->gone, e);
}

static int sweep_blob(void *arg, const char *digest, struct err *e)
{
	struct sweep *s = arg;
	const char *path = place_blob(s->a, digest);

	if (strings_have(&s->marks->blobs, digest))
		return 0;
	s->out->bytes += file_bytes(path);
	if (!s->o->dry_run && unlink(path) < 0 && errno != ENOENT)
		return err_set(e, errno, "cannot remove %s: %s", path, strerror(errno));
	return 0;
}

/* The caller holds the store for itself. */
static int sweep(struct arena *a, const struct prune_options *o, struct prune_result *out,
		 struct gone *gone, struct err *e)
{
	struct marks m = {.a = a};
	struct sweep s = {a, &m, o, out, gone};
	int r = mark_all(&m, e);

	if (!r)
		r = each_digest(a, place_path(a, "layers"), sweep_layer, &s, e);
	if (!r)
		r = each_digest(a, place_path(a, "blobs/sha256"), sweep_blob, &s, e);
	return r;
}

struct names_of {
	struct arena *a;
	const char *id;
	VEC(struct ref) refs;
};

static int collect_name(void *arg, const struct ref *r, const struct named *n, struct err *e)
{
	struct names_of *to = arg;

	if (!strcmp(n->id, to->id))
		*vec_push(to->a, &to->refs) = *r;
	return 0;
}

static int untag(struct arena *a, const struct ref *r, struct strings *said, struct err *e)
{
	*vec_push(a, said) = arena_printf(a, "Untagged: %s", ref_short(a, r));
	return ref_remove(a, r, e);
}

static int drop_record(struct arena *a, const char *id, struct strings *said, struct err *e)
{
	if (unlink(place_record(a, id)) < 0 && errno != ENOENT)
		return err_set(e, errno, "cannot remove image %.19s: %s", id, strerror(errno));
	*vec_push(a, said) = arena_printf(a, "Deleted: %s", id);
	return 0;
}

/* Layers of the image that went, where nobody else has them. A busy store is swept later. */
static int sweep_after(struct arena *a, struct strings *said, struct err *e)
{
	const struct prune_options o = {0};
	struct prune_result result = {0};
	struct gone gone = {0};
	auto_fd int hold = -1;
	int r = place_hold(a, PLACE_COLLECT, &hold, e);

	if (r == -EWOULDBLOCK)
		return 0;
	if (!r)
		r = sweep(a, &o, &result, &gone, e);
	let_go(&hold, &gone);
	for (size_t i = 0; !r && i < result.deleted.n; i++)
		*vec_push(a, said) = arena_printf(a, "Deleted: %s", result.deleted.v[i]);
	return r;
}

static int in_use(struct arena *a, const char *ref, const char *id, bool force, bool *pinned,
		  struct err *e)
{
	struct strings users = {0};
	int r = store_pinned(a, id, &users, e);

	*pinned = users.n > 0;
	if (r < 0 || force || !users.n)
		return r;
	err_set(e, EBUSY, "cannot remove %s: container %.64s uses it", ref, users.v[0]);
	return err_hint(e, "remove the container, or use --force to take the name away");
}

int store_remove(struct arena *a, const char *ref, bool force, struct strings *removed,
		 struct err *e)
{
	struct resolved found;
	struct names_of names = {.a = a};
	bool pinned;
	int r = store_resolve(a, ref, &found, e);

	if (r == IMAGE_ABSENT)
		return err_set(e, ENOENT, "no such image: %s", ref);
	if (r < 0)
		return r;
	names.id = found.id;
	r = refs_each(a, collect_name, &names, e);
	if (r < 0)
		return r;
	if (found.by_name && names.refs.n > 1)
		return untag(a, &found.name, removed, e);
	if (!found.by_name && names.refs.n > 1 && !force) {
		err_set(e, EBUSY, "cannot remove %s: it has %zu names", ref, names.refs.n);
		return err_hint(e, "name one of them, or use --force to remove all");
	}
	r = in_use(a, ref, found.id, force, &pinned, e);
	for (size_t i = 0; !r && i < names.refs.n; i++)
		r = untag(a, &names.refs.v[i], removed, e);
	if (r < 0 || pinned)
		return r;
	r = drop_record(a, found.id, removed, e);
	return r ? r : sweep_after(a, removed, e);
}

static bool prunable(struct arena *a, const struct image *img, const struct prune_options *o)
{
	struct strings users = {0};
	int64_t created;
	struct err e;

	if ((img->names.n || img->digests.n) && !o->all)
		return false;
	if (o->fits && !o->fits(&img->labels, o->filters))
		return false;
	if (strings_have(&o->keep, img->id) || store_pinned(a, img->id, &users, &e) < 0 || users.n)
		return false;
	return !o->until || (img->created && !when_parse_rfc3339(img->created, &created, &e) &&
			     created < o->until);
}

static int prune_image(struct arena *a, const struct image *img, const struct prune_options *o,
		       struct prune_result *out, struct err *e)
{
	struct names_of names = {.a = a, .id = img->id};
	struct strings said = {0};
	int r = refs_each(a, collect_name, &names, e);

	for (size_t i = 0; !r && i < names.refs.n; i++) {
		*vec_push(a, &out->untagged) = ref_short(a, &names.refs.v[i]);
		r = o->dry_run ? 0 : ref_remove(a, &names.refs.v[i], e);
	}
	*vec_push(a, &out->deleted) = img->id;
	return r || o->dry_run ? r : drop_record(a, img->id, &said, e);
}

static int by_age(const void *x, const void *y)
{
	const struct image *a = *(struct image *const *)x, *b = *(struct image *const *)y;

	return a->tagged_ns < b->tagged_ns ? -1 : a->tagged_ns > b->tagged_ns;
}

/* The layers of these images, each once. */
static int64_t layers_size(struct arena *a, struct image *const *images, size_t n)
{
	struct strings seen = {0};
	struct layer l;
	struct err ignored;
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; images[i] && k < images[i]->diff_ids.n; k++) {
			const char *id = images[i]->diff_ids.v[k];

			if (strings_have(&seen, id))
				continue;
			*vec_push(a, &seen) = id;
			if (!layer_find(a, id, &l, &ignored))
				sum += l.size;
		}
	}
	return sum;
}

int store_prune(struct arena *a, const struct prune_options *o, struct prune_result *out,
		struct err *e)
{
	auto_fd int hold = -1;
	struct images all = {0};
	struct gone gone = {0};
	int r = place_hold(a, PLACE_COLLECT, &hold, e);

	if (!r)
		r = store_list(a, &all, e);
	if (!r && all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_age);
	for (size_t i = 0; !r && i < all.n; i++) {
		if (o->keep_bytes && layers_size(a, all.v, all.n) <= o->keep_bytes)
			break;
		if (!prunable(a, all.v[i], o))
			continue;
		r = prune_image(a, all.v[i], o, out, e);
		all.v[i] = NULL;
	}
	if (!r)
		r = sweep(a, o, out, &gone, e);
	let_go(&hold, &gone);
	return r;
}

struct usage {
	struct arena *a;
	const struct marks *marks;
	struct store_usage *out;
};

static int use_layer(void *arg, const char *diff_id, struct err *e)
{
	struct usage *u = arg;
	struct layer l;

	if (layer_find(u->a, diff_id, &l, e))
		return 0;
	if (strings_have(&u->marks->diff_ids, diff_id)) {
		u->out->layers += l.size;
		u->out->n_layers++;
	} else {
		u->out->cache += l.size;
		u->out->n_cache++;
	}
	return 0;
}

static int use_blob(void *arg, const char *digest, struct err *e)
{
	struct usage *u = arg;

	u->out->blobs += file_bytes(place_blob(u->a, digest));
	u->out->n_blobs++;
	return 0;
}

int store_usage(struct arena *a, struct store_usage *out, struct err *e)
{
	struct marks m = {.a = a};
	struct usage u = {a, &m, out};
	int r = mark_all(&m, e);

	*out = (struct store_usage){0};
	if (!r)
		r = each_digest(a, place_path(a, "layers"), use_layer, &u, e);
	return r ? r : each_digest(a, place_path(a, "blobs/sha256"), use_blob, &u, e);
}
