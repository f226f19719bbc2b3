#include "image/volume.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mountfd.h"
#include "base/overlay.h"
#include "base/paths.h"
#include "base/sys.h"
#include "base/tree.h"
#include "base/when.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

enum { NOTE_MAX = 1 << 20 };

/* docker's rule: a letter or digit, then those and "_.-", at least two. */
static int check_name(const char *name, struct err *e)
{
	size_t n = strlen(name);
	auto_buf shown = {0};
	bool good = n >= 1 && n <= 255 && isalnum((unsigned char)name[0]);

	for (size_t i = 1; good && i < n; i++)
		good = isalnum((unsigned char)name[i]) || strchr("_.-", name[i]);
	if (good)
		return 0;
	buf_terminal(&shown, name, strnlen(name, 100));
	err_set(e, EINVAL, "\"%s\" is not a volume name", shown.p ? shown.p : "");
	return err_hint(e, "letters and digits, then _ . - as well");
}

static char *dir_of(struct arena *a, const char *name)
{
	return arena_printf(a, "%s/volumes/%s", paths_root(), name);
}

static json_t *pairs_to_json(const struct pairs *p)
{
	json_t *j = json_object();

	for (size_t i = 0; p && i < p->n; i++)
		json_object_set_new(j, p->v[i].key,
				    json_string(p->v[i].value ? p->v[i].value : ""));
	return j;
}

/* docker's rules for the local driver, in its words. */
static int check_options(const char *name, const struct pairs *p, struct err *e)
{
	static const char *const known[] = {"device", "type", "o"};
	size_t n = p ? p->n : 0;

	for (size_t i = 0; i < n; i++) {
		bool found = false;

		for (size_t k = 0; k < countof(known); k++)
			found = found || !strcmp(p->v[i].key, known[k]);
		if (found)
			continue;
		err_set(e, EINVAL, "volume %s: invalid option: \"%.80s\"", name, p->v[i].key);
		return err_hint(e,
				"type, device and o are taken, as mount(8) takes -t, DEVICE, -o");
	}
	for (size_t k = 0; n && k < 2; k++) {
		const char *given = pairs_get(p, known[k]);

		if (!given || !*given)
			return err_set(e, EINVAL, "volume %s: missing required option: \"%s\"",
				       name, known[k]);
	}
	return 0;
}

static bool is_bind(const char *o)
{
	struct span rest = span_of(o ? o : ""), word;

	while (rest.n) {
		span_cut(&rest, ',', &word);
		if (span_is(word, "bind") || span_is(word, "rbind"))
			return true;
	}
	return false;
}

static bool is_tmpfs(const struct store_volume *v)
{
	return v->type && !strcmp(v->type, "tmpfs");
}

static void locate(struct store_volume *v)
{
	v->type = pairs_get(&v->options, "type");
	v->device = pairs_get(&v->options, "device");
	v->o = pairs_get(&v->options, "o");
	if (!v->device || is_tmpfs(v))
		v->where = v->path;
	else if (is_bind(v->o))
		v->where = v->device;
}

static void pairs_from_json(struct arena *a, const json_t *j, struct pairs *out)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)j, key, value)
	{
		if (json_is_string(value))
			*vec_push(a, out) =
				(struct pair){arena_printf(a, "%s", key),
					      arena_printf(a, "%s", json_string_value(value))};
	}
}

int volume_find(struct arena *a, const char *name, struct store_volume *out, struct err *e)
{
	const char *dir = dir_of(a, name);
	auto_json *j = NULL;
	struct store_volume v = {0};
	const char *path = arena_printf(a, "%s/volume.json", dir);
	int r = check_name(name, e);

	if (r < 0)
		return r;
	if (access(path, F_OK) < 0)
		return VOLUME_ABSENT;
	if (json_read_file(path, NOTE_MAX, &j, e) < 0)
		return err_wrap(e, "read volume %s", name);
	v.name = arena_printf(a, "%s", name);
	v.path = arena_printf(a, "%s/_data", dir);
	v.driver = arena_printf(a, "%s", json_string_or(j, "driver", "local"));
	v.created = arena_printf(a, "%s", json_string_or(j, "created", ""));
	pairs_from_json(a, json_object_get(j, "labels"), &v.labels);
	pairs_from_json(a, json_object_get(j, "options"), &v.options);
	locate(&v);
	*out = v;
	return 0;
}

static int make(struct arena *a, const char *name, const struct pairs *labels,
		const struct pairs *options, struct err *e)
{
	const char *dir = dir_of(a, name), *data = arena_printf(a, "%s/_data", dir);
	char now[40], *ignored;
	auto_json *j = NULL;
	auto_free char *text = NULL;
	int r = paths_make(a, paths_root(), arena_printf(a, "volumes/%s", name), &ignored, e);

	if (r < 0)
		return r;
	if (mkdir(data, 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "cannot make %s: %s", data, strerror(errno));
	if (chmod(data, 0755) < 0)
		return err_set(e, errno, "cannot set the mode of %s: %s", data, strerror(errno));
	when_rfc3339(when_wall_ns(), now);
	j = json_pack("{ss ss ss so so}", "name", name, "driver", "local", "created", now, "labels",
		      pairs_to_json(labels), "options", pairs_to_json(options));
	text = json_dumps(j, JSON_INDENT(2));
	/* Last: a volume is one when its note is there. */
	return file_replace(AT_FDCWD, arena_printf(a, "%s/volume.json", dir), text, strlen(text),
			    0600, FILE_DURABLE, e);
}

static int lock(struct arena *a, int *fd, struct err *e)
{
	char *dir;
	int r = paths_make(a, paths_root(), "volumes", &dir, e);

	return r < 0 ? r
		     : file_lock(AT_FDCWD, arena_printf(a, "%s/.lock", dir), FILE_LOCK_WAIT, fd, e);
}

int volume_ensure(struct arena *a, const char *name, const struct pairs *labels,
		  const struct pairs *options, struct store_volume *out, struct err *e)
{
	auto_fd int held = -1;
	int r = volume_find(a, name, out, e);

	if (r != VOLUME_ABSENT)
		return r;
	r = check_options(name, options, e);
	if (!r)
		r = lock(a, &held, e);
	if (!r)
		r = volume_find(a, name, out, e);
	if (r != VOLUME_ABSENT)
		return r;
	r = make(a, name, labels, options, e);
	if (!r)
		r = volume_find(a, name, out, e);
	return r == VOLUME_ABSENT ? err_set(e, EIO, "volume %s vanished", name) : r;
}

static bool is_mounted(const struct store_volume *v)
{
	auto_arena a = {0};
	struct stat here, above;

	return !stat(v->path, &here) && !stat(dir_of(&a, v->name), &above) &&
	       here.st_dev != above.st_dev;
}

int volume_mount(const struct store_volume *v, struct err *e)
{
	auto_arena a = {0};
	auto_fd int held = -1, fs = -1, at = -1;
	int r;

	if (!is_tmpfs(v) || is_mounted(v))
		return 0;
	r = lock(&a, &held, e);
	if (r < 0 || is_mounted(v))
		return r;
	fs = mountfd_device(v->type, v->device, v->o, e);
	if (fs < 0)
		return err_wrap(e, "volume %s", v->name);
	at = sys_open(AT_FDCWD, v->path, O_PATH | O_DIRECTORY, 0);
	r = at < 0 ? at : mountfd_put(fs, at);
	return r < 0 ? err_set(e, -r, "volume %s: cannot mount its tmpfs: %s", v->name,
			       strerror(-r))
		     : 0;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(((const struct store_volume *)x)->name,
		      ((const struct store_volume *)y)->name);
}

int volume_list(struct arena *a, struct store_volumes *out, struct err *e)
{
	DIR *d = opendir(arena_printf(a, "%s/volumes", paths_root()));
	struct store_volumes found = {0};
	struct dirent *ent;
	struct store_volume v;
	int r = 0;

	if (!d && errno != ENOENT)
		return err_set(e, errno, "cannot list the volumes: %s", strerror(errno));
	while (d && r >= 0 && (ent = readdir(d))) {
		if (ent->d_name[0] == '.')
			continue;
		r = volume_find(a, arena_printf(a, "%s", ent->d_name), &v, e);
		if (!r)
			*vec_push(a, &found) = v;
	}
	if (d)
		closedir(d);
	if (r < 0)
		return r;
	if (found.n)
		qsort(found.v, found.n, sizeof(*found.v), by_name);
	*out = found;
	return 0;
}

int volume_remove(const char *name, const char *aside, struct err *e)
{
	auto_arena a = {0};
	auto_fd int held = -1;
	struct store_volume v;
	int r = lock(&a, &held, e);

	if (!r)
		r = volume_find(&a, name, &v, e);
	if (r == VOLUME_ABSENT) {
		(void)!tree_remove(AT_FDCWD, dir_of(&a, name)); /* half made when it was killed */
		return err_set(e, ENOENT, "no such volume: %s", name);
	}
	if (r < 0)
		return r;
	while (is_mounted(&v) && !umount2(v.path, MNT_DETACH))
		;
	if (aside && !rename(dir_of(&a, name), aside))
		return 0;
	/* The note first: half a volume is none. */
	r = tree_remove(AT_FDCWD, arena_printf(&a, "%s/volume.json", dir_of(&a, name)));
	if (!r)
		r = tree_remove(AT_FDCWD, dir_of(&a, name));
	return r < 0 ? err_set(e, -r, "cannot remove volume %s: %s", name, strerror(-r)) : 0;
}

static bool is_empty(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *ent;
	bool empty = true;

	while (d && (ent = readdir(d)))
		empty = empty && (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, ".."));
	if (d)
		closedir(d);
	return d && empty;
}

static char *mark(struct arena *a, const struct store_volume *v, const char *word)
{
	return arena_printf(a, "%s/%s", dir_of(a, v->name), word);
}

/*
 * A tmpfs that is new again is filled again; so is what was being filled when the machine or the
 * process went: its "filling" stands until all is there.
 */
static bool is_settled(struct arena *a, const struct store_volume *v)
{
	if (!v->where || (!is_tmpfs(v) && !access(mark(a, v, "seeded"), F_OK)))
		return true;
	return access(mark(a, v, "filling"), F_OK) < 0 && !is_empty(v->where);
}

static int fill(struct arena *a, const struct store_volume *v, const struct strings *layers,
		const char *where, size_t most, struct err *e)
{
	const struct tree_copy how = {.left = most ? &most : NULL};
	auto_fd int root =
		overlay_open(a, layers, NULL, NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, e);
	auto_fd int from = -1;
	int r;

	if (root < 0)
		return root;
	from = tree_open(root, where, O_RDONLY | O_DIRECTORY, 0);
	if (from < 0 && from != -ENOENT && from != -ENOTDIR)
		return err_set(e, -from, "cannot read %s in the image: %s", where, strerror(-from));
	r = from < 0 ? 0 : tree_copy(from, ".", AT_FDCWD, v->where, &how, e);
	if (!r)
		r = file_replace(AT_FDCWD, mark(a, v, "seeded"), "", 0, 0600, FILE_FAST, e);
	if (!r)
		(void)!unlink(mark(a, v, "filling"));
	return r;
}

int volume_seed(const struct store_volume *v, const struct strings *layers, const char *where,
		size_t most, struct err *e)
{
	auto_arena a = {0};
	auto_fd int held = -1;
	int r;

	if (!layers->n || is_settled(&a, v))
		return 0;
	r = file_lock(AT_FDCWD, mark(&a, v, "filling"), most ? FILE_LOCK_TRY : FILE_LOCK_WAIT,
		      &held, e);
	if (most && r == -EWOULDBLOCK) /* somebody else is at it */
		return VOLUME_LARGE;
	if (!r && (is_tmpfs(v) || access(mark(&a, v, "seeded"), F_OK) < 0))
		r = fill(&a, v, layers, where, most, e);
	if (most && r == -EAGAIN)
		return VOLUME_LARGE;
	return r < 0 ? err_wrap(e, "fill volume %s", v->name) : 0;
}
