/* Volumes, binds, tmpfs, images, secrets and configs of a service as mounts of its container. */
#include "base/file.h"
#include "base/mountfd.h"
#include "base/trust.h"
#include "base/when.h"
#include "image/store.h"
#include "image/volume.h"
#include "runtime/spec.h"
#include "supervise/supervisor.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { FILLED_AT_ONCE = 200 }; /* entries: some milliseconds */

struct making {
	struct arena *a;
	struct instance *i;
	const struct image *image;
	struct container_spec *out;
};

static bool covered(const struct making *m, const char *target)
{
	vec_each(x, &m->out->mounts) {
		if (!strcmp(x->target, target))
			return true;
	}
	return false;
}

static struct mount_spec *push(struct making *m, enum bind_kind kind, const char *target)
{
	struct mount_spec *out = vec_push(m->a, &m->out->mounts);

	*out = (struct mount_spec){.kind = kind, .source_fd = -1, .target = target};
	return out;
}

static void remember(struct making *m, const char *type, const char *source, const char *target,
		     const char *name, bool read_only)
{
	struct arena *a = &m->i->arena;

	*vec_push(a, &m->i->st.mounts) = (struct status_mount){
		.type = type,
		.source = source ? arena_printf(a, "%s", source) : NULL,
		.target = arena_printf(a, "%s", target),
		.name = name ? arena_printf(a, "%s", name) : NULL,
		.read_only = read_only,
	};
}

static const char *anonymous(struct making *m, const char *target)
{
	struct arena *a = &m->i->arena;
	unsigned char raw[32];
	char hex[65];

	vec_each(v, &m->i->st.volumes) {
		if (!strcmp(v->target, target))
			return v->name;
	}
	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		abort();
	for (int k = 0; k < 32; k++)
		snprintf(hex + 2 * k, 3, "%02x", raw[k]);
	*vec_push(a, &m->i->st.volumes) =
		(struct status_volume){arena_printf(a, "%s", hex), arena_printf(a, "%s", target)};
	instance_save(m->i); /* before there is one: nobody else knows the name */
	return m->i->st.volumes.v[m->i->st.volumes.n - 1].name;
}

static void volume_source(const struct store_volume *v, struct mount_spec *out)
{
	uint64_t attrs = v->where ? mountfd_words(v->o) : 0;

	out->type = v->type;
	out->options = v->o;
	out->source = v->where ? v->where : v->device;
	out->read_only = attrs & MOUNT_ATTR_RDONLY;
	out->no_suid = attrs & MOUNT_ATTR_NOSUID;
	out->no_dev = attrs & MOUNT_ATTR_NODEV;
	out->no_exec = attrs & MOUNT_ATTR_NOEXEC;
}

static int named_volume(struct making *m, const struct mount *x, struct err *e)
{
	const struct volume *def = x->source ? project_volume(m->i->of->project, x->source) : NULL;
	const char *name = def ? def->name : x->source;
	struct mount_spec *out;
	struct store_volume v;
	int r;

	if (!name || !*name)
		name = anonymous(m, x->target);
	r = volume_ensure(m->a, name, def ? &def->labels : &x->labels,
			  def ? &def->driver_opts : NULL, &v, e);
	if (!r)
		r = volume_mount(&v, e);
	if (!r && !x->nocopy)
		r = volume_seed(&v, &m->image->layers, x->target, FILLED_AT_ONCE, e);
	if (r < 0)
		return r;
	if (r == VOLUME_LARGE)
		fill_later(m->i, v.name, x->target);
	out = push(m, v.where ? MNT_BIND : MNT_DEVICE, x->target);
	volume_source(&v, out);
	out->subpath = x->subpath;
	out->read_only |= x->read_only;
	remember(m, "volume", v.path, x->target, name, out->read_only);
	return 0;
}

static int bind_mount(struct making *m, const struct mount *x, struct err *e)
{
	struct mount_spec *out;
	struct stat st;
	int r;

	if (stat(x->source, &st) < 0) {
		if (errno != ENOENT || !x->create_host_path) {
			err_set(e, errno, "bind source path does not exist: %s", x->source);
			return x->at ? err_at(e, "%s", x->at) : -errno;
		}
		r = file_mkdirs(x->source, 0755, e);
		if (r < 0)
			return r;
	}
	out = push(m, MNT_BIND, x->target);
	out->source = x->source;
	out->read_only = x->read_only;
	out->propagation = x->propagation;
	if (x->recursive && !strcmp(x->recursive, "disabled"))
		out->no_recursive = true;
	else if (x->recursive && !strcmp(x->recursive, "writable"))
		out->recursive_ro = false;
	else
		out->recursive_ro = x->read_only;
	remember(m, "bind", x->source, x->target, NULL, x->read_only);
	return 0;
}

static int image_mount(struct making *m, const struct mount *x, struct err *e)
{
	struct mount_spec *out;
	struct image *image;
	const char *ref = x->source;
	const struct service *other = project_service(m->i->of->project, ref);
	int r;

	if (other)
		ref = spec_image_ref(m->a, m->i->of, other);
	r = store_image(m->a, ref, &image, e);
	if (r == IMAGE_ABSENT)
		return err_set(e, ENOENT, "image %s, mounted at %s, is not here", ref, x->target);
	if (r < 0)
		return r;
	out = push(m, MNT_OVERLAY_IMAGE, x->target);
	out->layers = image->layers;
	out->subpath = x->subpath;
	out->read_only = true;
	remember(m, "image", ref, x->target, NULL, true);
	return 0;
}

static int one(struct making *m, const struct mount *x, struct err *e)
{
	struct mount_spec *out;

	if (covered(m, x->target))
		return 0;
	switch (x->type) {
	case MOUNT_VOLUME:
		return named_volume(m, x, e);
	case MOUNT_BIND:
		return bind_mount(m, x, e);
	case MOUNT_IMAGE:
		return image_mount(m, x, e);
	case MOUNT_TMPFS:
		break;
	}
	out = push(m, MNT_TMPFS, x->target);
	out->size = x->tmpfs_size > 0 ? x->tmpfs_size : 0;
	out->mode = x->tmpfs_mode >= 0 ? (mode_t)x->tmpfs_mode : 01777;
	out->read_only = x->read_only;
	out->no_dev = out->no_suid = true;
	remember(m, "tmpfs", NULL, x->target, NULL, x->read_only);
	return 0;
}

/* "/run:size=64m,mode=755,ro" */
static int short_tmpfs(struct making *m, const char *text, struct err *e)
{
	struct span rest = span_of(text), target, word, value, key;
	struct mount_spec *out;

	if (!span_cut(&rest, ':', &target)) {
		target = span_of(text);
		rest = (struct span){"", 0};
	}
	out = push(m, MNT_TMPFS, span_dup(m->a, target));
	out->mode = 01777;
	out->no_dev = out->no_suid = out->no_exec = true;
	while (rest.n) {
		span_cut(&rest, ',', &word);
		value = word;
		if (span_is(word, "ro"))
			out->read_only = true;
		else if (span_is(word, "exec"))
			out->no_exec = false;
		else if (span_is(word, "suid"))
			out->no_suid = false;
		if (!span_cut(&value, '=', &key))
			continue;
		if (span_is(key, "mode"))
			out->mode = (mode_t)strtoul(span_dup(m->a, value), NULL, 8);
		else if (span_is(key, "size") &&
			 size_parse(span_dup(m->a, value), &out->size, e) < 0)
			return err_wrap(e, "tmpfs %s", text);
		else if (span_is(key, "uid"))
			out->uid = (uid_t)strtoul(span_dup(m->a, value), NULL, 10);
		else if (span_is(key, "gid"))
			out->gid = (gid_t)strtoul(span_dup(m->a, value), NULL, 10);
	}
	remember(m, "tmpfs", NULL, out->target, NULL, out->read_only);
	return 0;
}

static int others_volumes(struct making *m, const char *from, struct err *e)
{
	struct span rest = span_of(from), name;
	const struct service *other;
	bool ro = text_ends(from, ":ro");
	int r = 0;

	if (!span_cut(&rest, ':', &name))
		name = span_of(from);
	if (span_is(name, "container"))
		return err_set(e, ENOTSUP, "volumes_from: %s: only services of the project", from);
	other = project_service(m->i->of->project, span_dup(m->a, name));
	if (!other)
		return err_set(e, ENOENT, "volumes_from: no service \"%s\"", span_dup(m->a, name));
	vec_each(x, &other->volumes) {
		struct mount copy = *x;

		copy.read_only |= ro;
		if (!r)
			r = one(m, &copy, e);
	}
	return r;
}

static int secret(struct making *m, const struct file_ref *ref, const char *kind, const char *dir,
		  struct err *e)
{
	const struct file_source *src = !strcmp(kind, "secret")
						? project_secret(m->i->of->project, ref->source)
						: project_config(m->i->of->project, ref->source);
	const char *target = ref->target ? ref->target : ref->source;
	struct mount_spec *out;
	struct span data;
	struct stat st;
	int r;

	if (!src)
		return err_set(e, ENOENT, "undefined %s \"%s\"", kind, ref->source);
	if (*target != '/')
		target = arena_printf(m->a, "%s%s", dir, target);
	if (src->file && !stat(src->file, &st) && S_ISDIR(st.st_mode)) {
		out = push(m, MNT_BIND, target);
		out->source = src->file;
		out->read_only = true;
		return 0;
	}
	r = secrets_content(m->a, m->i->of->project, m->i->of->secrets, src, kind, &data, e);
	if (r < 0)
		return err_at(e, "%s", ref->at ? ref->at : "");
	out = push(m, MNT_DATA, target);
	out->data = data;
	out->mode = ref->mode >= 0 ? (mode_t)ref->mode : 0444;
	out->uid = ref->uid ? (uid_t)strtoul(ref->uid, NULL, 10) : 0;
	out->gid = ref->gid ? (gid_t)strtoul(ref->gid, NULL, 10) : 0;
	out->read_only = true;
	return 0;
}

static int by_depth(const void *x, const void *y)
{
	const struct mount_spec *a = x, *b = y;

	return strcmp(a->target, b->target);
}

static void trust(struct making *m)
{
	const char *bundle = trust_bundle(m->a);
	struct mount_spec *out;

	if (!bundle || covered(m, TRUST_TARGET))
		return;
	out = push(m, MNT_BIND, TRUST_TARGET);
	out->source = bundle;
	out->read_only = true;
}

int mounts_make(struct arena *a, struct instance *i, const struct image *image,
		struct container_spec *out, struct err *e)
{
	struct making m = {a, i, image, out};
	int r = secrets_note(i, e);

	i->st.mounts.n = 0;
	/* The last of two mounts at one target wins. */
	for (size_t k = i->svc->volumes.n; !r && k--;)
		r = one(&m, &i->svc->volumes.v[k], e);
	vec_each(t, &i->svc->tmpfs)
		r = r ? r : short_tmpfs(&m, *t, e);
	vec_each(f, &i->svc->volumes_from)
		r = r ? r : others_volumes(&m, *f, e);
	vec_each(v, &image->volumes) {
		struct mount x = {.type = MOUNT_VOLUME, .target = *v};

		r = r ? r : one(&m, &x, e);
	}
	vec_each(s, &i->svc->secrets)
		r = r ? r : secret(&m, s, "secret", "/run/secrets/", e);
	vec_each(c, &i->svc->configs)
		r = r ? r : secret(&m, c, "config", "/", e);
	trust(&m);
	/* A parent before what lies in it. */
	if (!r && out->mounts.n)
		qsort(out->mounts.v, out->mounts.n, sizeof(*out->mounts.v), by_depth);
	return r;
}
