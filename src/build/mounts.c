#include "build/mounts.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/sys.h"
#include "base/tree.h"
#include "build/path.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { SECRET_LIMIT = 512 * 1024 };

/* ---- key ---- */

int mounts_key(struct builder *b, const struct graph_mount *m, struct key *k, struct err *e)
{
	const struct run_mount *o = &m->opt;

	key_number(k, "mount", o->type);
	key_text(k, "target", m->target);
	key_text(k, "id", o->id);
	key_text(k, "env", o->env);
	key_number(k, "ro", o->read_only);
	key_number(k, "uid", o->uid);
	key_number(k, "gid", o->gid);
	key_number(k, "mode", o->mode);
	key_number(k, "size", o->size);
	/* What a cache or a secret holds is deliberately no part of the key. */
	return o->type == RUN_BIND ? source_key(b, &m->from, o->source ? o->source : "", k, e) : 0;
}

/* ---- bind ---- */

/*
 * The context with what .dockerignore hides: a layer of whiteouts on the directory itself, so
 * nothing is copied. Writes go to an upper that is thrown away.
 */
static int hide(struct builder *b, const struct files *f, const char *path, int mask, struct err *e)
{
	struct files all = {.root = f->root, .is_context = true};
	struct file_list list = {}, shown = {};
	size_t k = 0;
	int r = files_walk(b->a, &all, path, &list, e);

	if (r == 0)
		r = files_walk(b->a, f, path, &shown, e);
	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		char name[256];

		if (k < shown.n && !strcmp(shown.v[k].path, list.v[i].path)) {
			k++;
			continue;
		}
		auto_fd int dir = tree_parent(mask, list.v[i].path, 0755, name);

		if (dir >= 0 && mknodat(dir, name, S_IFCHR, makedev(0, 0)) < 0 && errno != EEXIST)
			return err_set(e, errno, "hide %s: %s", list.v[i].path, strerror(errno));
		/* All below is hidden with it. */
		while (i + 1 < list.n && text_starts(list.v[i + 1].path, list.v[i].path) &&
		       list.v[i + 1].path[strlen(list.v[i].path)] == '/')
			i++;
	}
	return r < 0 ? r : 0;
}

static int context_layers(struct builder *b, const struct files *f, struct mount_spec *out,
			  struct err *e)
{
	char *scratch;
	int r;

	if (f->ignore && f->ignore->patterns.n) {
		r = execute_scratch(b, &scratch, e);
		if (r < 0)
			return r;
		auto_fd int mask = sys_open(AT_FDCWD, arena_printf(b->a, "%s/upper", scratch),
					    O_PATH | O_DIRECTORY, 0);

		r = mask < 0 ? err_set(e, -mask, "%s: %s", scratch, strerror(-mask))
			     : hide(b, f, "", mask, e);
		if (r < 0)
			return r;
		*vec_push(b->a, &out->layers) = arena_printf(b->a, "%s/upper", scratch);
	}
	*vec_push(b->a, &out->layers) = f->dir;
	return 0;
}

static int writable(struct builder *b, struct mount_spec *out, struct err *e)
{
	char *scratch;
	int r = execute_scratch(b, &scratch, e);

	out->upper = arena_printf(b->a, "%s/upper", scratch);
	out->work = arena_printf(b->a, "%s/work", scratch);
	return r;
}

static int add_bind(struct builder *b, const struct graph_mount *m, struct mount_spec *out,
		    struct err *e)
{
	struct files files = {.root = -1};
	bool owned = false;
	const char *resolved;
	int r = source_files(b, &m->from, &files, &owned, e);

	auto_fd int close_it = owned ? files.root : -1;

	if (r == 0)
		r = files_resolve(b->a, &files, m->opt.source ? m->opt.source : "", &resolved, e);
	if (r == FILES_ABSENT)
		return err_set(e, ENOENT, "\"%s\": not found", m->opt.source);
	if (r < 0)
		return r;
	auto_fd int at = tree_open(files.root, resolved, O_PATH, 0);
	struct stat st;

	if (at < 0 || fstat(at, &st) < 0)
		return err_set(e, ENOENT, "\"%s\": not found", m->opt.source);
	out->kind = MNT_OVERLAY_IMAGE;
	out->subpath = *resolved ? resolved : NULL;
	out->mode = S_ISDIR(st.st_mode) ? S_IFDIR : S_IFREG;
	out->read_only = m->opt.read_only;
	(void)close_it;
	if (files.is_context)
		r = context_layers(b, &files, out, e);
	else
		out->layers = source_layers(b, &m->from);
	if (r == 0 && !out->layers.n)
		return err_set(e, ENOENT, "there is nothing to mount from an empty stage");
	return r < 0 || m->opt.read_only ? r : writable(b, out, e);
}

/* ---- cache ---- */

static int seed(struct builder *b, const struct graph_mount *m, const char *dir, struct err *e)
{
	struct files files = {.root = -1};
	struct selected s = {.is_dir = true};
	bool owned = false;
	const char *resolved;
	auto_fd int root = sys_open(AT_FDCWD, dir, O_PATH | O_DIRECTORY, 0);
	struct copy_to to = {.root = root, .dest = "/", .epoch_s = -1};
	int r = m->from.kind == SOURCE_NONE ? FILES_ABSENT
					    : source_files(b, &m->from, &files, &owned, e);

	auto_fd int close_it = owned ? files.root : -1;

	if (r == 0)
		r = files_resolve(b->a, &files, m->opt.source ? m->opt.source : "", &resolved, e);
	if (r == 0)
		r = files_walk(b->a, &files, resolved, &s.list, e);
	(void)close_it;
	return r == 0 ? copy_selected(b->a, &files, &s, &to, e) : r < 0 ? r : 0;
}

static int make_cache(struct builder *b, const struct graph_mount *m, const char *dir,
		      struct err *e)
{
	const struct run_mount *o = &m->opt;

	if (access(dir, F_OK) == 0)
		return 0;
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "cannot make %s: %s", dir, strerror(errno));
	if (chown(dir, o->uid >= 0 ? (uid_t)o->uid : 0, o->gid >= 0 ? (gid_t)o->gid : 0) < 0 ||
	    chmod(dir, o->mode >= 0 ? (mode_t)o->mode & 0777 : 0755) < 0)
		return err_set(e, errno, "%s: %s", dir, strerror(errno));
	return seed(b, m, dir, e);
}

/*
 * The name is a hash: an id is text from a stranger and no path. What a cache begins with is part
 * of its name, as in BuildKit: another seed or owner is another cache.
 */
static void cache_name(struct builder *b, const struct graph_mount *m, char hex[HASH_HEX])
{
	const struct run_mount *o = &m->opt;
	struct key k = {};

	buf_str(&k.text, o->id);
	if (o->uid >= 0 || o->gid >= 0 || o->mode >= 0) {
		key_number(&k, "uid", o->uid);
		key_number(&k, "gid", o->gid);
		key_number(&k, "mode", o->mode);
	}
	if (m->from.kind != SOURCE_NONE)
		source_name(b, &m->from, o->source, &k);
	hash_sha256(k.text.p ? k.text.p : "", k.text.n, hex);
	key_done(&k);
}

static int reserve(struct builder *b, const struct graph_mount *m, struct running *run,
		   struct err *e)
{
	char hex[HASH_HEX], *dir;
	int lock = -1, r;

	cache_name(b, m, hex);
	for (int n = 0;; n++) {
		r = paths_make(b->a, paths_root(), arena_printf(b->a, "build/mounts/%s.%d", hex, n),
			       &dir, e);
		if (r < 0 || m->opt.sharing == SHARING_SHARED)
			break;
		/* Never waited for here: who holds it may be a step of this very build. */
		r = file_lock(AT_FDCWD, arena_printf(b->a, "%s/lock", dir), FILE_LOCK_TRY, &lock,
			      e);
		if (r != -EWOULDBLOCK || m->opt.sharing == SHARING_LOCKED)
			break;
	}
	if (r < 0)
		return r == -EWOULDBLOCK ? MOUNTS_BUSY : r;
	if (lock >= 0)
		*vec_push(b->a, &run->fds) = lock;
	*vec_push(b->a, &run->caches) = dir;
	return 0;
}

int mounts_reserve(struct builder *b, const struct step *s, struct running *run, struct err *e)
{
	int r = 0;

	vec_each(m, &s->mounts)
		if (r == 0 && m->opt.type == RUN_CACHE)
			r = reserve(b, m, run, e);
	return r;
}

static int add_cache(struct builder *b, const struct graph_mount *m, struct running *run,
		     struct mount_spec *out, struct err *e)
{
	out->kind = MNT_BIND;
	out->source = arena_printf(b->a, "%s/data", run->caches.v[run->caches_mounted++]);
	out->mode = S_IFDIR;
	out->read_only = m->opt.read_only;
	return make_cache(b, m, out->source, e);
}

/* ---- secrets, agents ---- */

static const struct build_secret_source *secret(struct builder *b, const char *id)
{
	vec_each(s, &b->req->secrets)
		if (!strcmp(s->id, id))
			return s;
	return NULL;
}

/* 1: there is none, and none is needed. */
static int secret_data(struct builder *b, const struct graph_mount *m, struct span *out,
		       struct err *e)
{
	const struct build_secret_source *s = secret(b, m->opt.id);

	if (!s && !m->opt.required)
		return 1;
	if (!s) {
		err_set(e, ENOENT, "secret %s: not found", m->opt.id);
		return err_hint(e, "give it with --secret id=%s,src=FILE", m->opt.id);
	}
	if (s->value) {
		*out = span_of(s->value);
		return 0;
	}
	if (file_read(b->a, AT_FDCWD, s->file, SECRET_LIMIT, out, e) < 0)
		return err_wrap(e, "read the secret %s", m->opt.id);
	return 0;
}

static int add_secret(struct builder *b, const struct graph_mount *m, struct running *run,
		      struct err *e)
{
	const struct run_mount *o = &m->opt;
	struct span data;
	int r = secret_data(b, m, &data, e);

	if (r)
		return r < 0 ? r : 0;
	if (o->env)
		*vec_push(b->a, &run->spec.envp) =
			arena_printf(b->a, "%s=%.*s", o->env, (int)data.n, data.p);
	if (!m->target)
		return 0;
	*vec_push(b->a, &run->spec.mounts) = (struct mount_spec){
		.kind = MNT_DATA,
		.source_fd = -1,
		.target = path_clean(b->a, m->target),
		.read_only = true,
		.data = data,
		.mode = o->mode >= 0 ? (mode_t)o->mode & 07777 : 0400,
		.uid = o->uid >= 0 ? (uid_t)o->uid : 0,
		.gid = o->gid >= 0 ? (gid_t)o->gid : 0,
	};
	return 0;
}

static int add_ssh(struct builder *b, const struct graph_mount *m, struct mount_spec *out,
		   struct err *e)
{
	const char *id = m->opt.id ? m->opt.id : "default";
	struct stat st;

	vec_each(s, &b->req->ssh) {
		if (strcmp(s->id, id))
			continue;
		if (stat(s->path, &st) < 0 || !S_ISSOCK(st.st_mode))
			return err_set(e, ENOTSOCK, "ssh %s: %s is no agent's socket", id, s->path);
		out->kind = MNT_BIND;
		out->source = s->path;
		out->mode = S_IFREG;
		return 0;
	}
	if (!m->opt.required)
		return 1;
	err_set(e, ENOENT, "no agent for ssh %s", id);
	return err_hint(e, "give one with --ssh %s=$SSH_AUTH_SOCK", id);
}

bool mounts_is_dir(const struct mount_spec *m)
{
	return m->kind == MNT_TMPFS || (m->kind != MNT_DATA && S_ISDIR(m->mode));
}

int mounts_add(struct builder *b, const struct graph_mount *m, struct running *run, struct err *e)
{
	struct mount_spec out = {.source_fd = -1};
	int r = 0;

	if (m->opt.type == RUN_SECRET)
		return add_secret(b, m, run, e);
	out.target = path_clean(b->a, m->target);
	switch (m->opt.type) {
	case RUN_BIND:
		r = add_bind(b, m, &out, e);
		break;
	case RUN_CACHE:
		r = add_cache(b, m, run, &out, e);
		break;
	case RUN_TMPFS:
		out.kind = MNT_TMPFS;
		out.size = m->opt.size;
		break;
	case RUN_SSH:
		r = add_ssh(b, m, &out, e);
		break;
	case RUN_SECRET:
		break;
	}
	if (r)
		return r < 0 ? err_wrap(e, "mount %s", m->target) : 0;
	*vec_push(b->a, &run->spec.mounts) = out;
	return 0;
}
