#include "build/mountopt.h"
#include "base/when.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	struct arena *a;
	struct run_mount *m;
	struct err *e;
	bool read_only_given;
};

typedef int set_fn(struct reading *r, const char *value);

static int wrong(struct reading *r, const char *key, const char *value)
{
	return err_set(r->e, EINVAL, "invalid value \"%s\" of %s in --mount", value, key);
}

static int set_type(struct reading *r, const char *v)
{
	static const char *const types[] = {"bind", "cache", "tmpfs", "secret", "ssh"};
	const char *near;

	for (size_t i = 0; i < countof(types); i++) {
		if (!strcmp(v, types[i])) {
			r->m->type = (enum run_mount_type)i;
			return 0;
		}
	}
	err_set(r->e, EINVAL, "unsupported mount type \"%s\"", v);
	near = text_nearest(v, types, countof(types));
	if (near)
		err_hint(r->e, "did you mean \"%s\"?", near);
	return -EINVAL;
}

static int set_from(struct reading *r, const char *v)
{
	r->m->from = v;
	return 0;
}

static int set_source(struct reading *r, const char *v)
{
	r->m->source = v;
	return 0;
}

static int set_target(struct reading *r, const char *v)
{
	r->m->target = v;
	return 0;
}

static int set_id(struct reading *r, const char *v)
{
	r->m->id = v;
	return 0;
}

static int set_env(struct reading *r, const char *v)
{
	r->m->env = v;
	return 0;
}

static int truth(struct reading *r, const char *key, const char *v, bool *out)
{
	if (!v || !strcmp(v, "true") || !strcmp(v, "1"))
		*out = true;
	else if (!strcmp(v, "false") || !strcmp(v, "0"))
		*out = false;
	else
		return wrong(r, key, v);
	return 0;
}

static int set_read_only(struct reading *r, const char *v)
{
	r->read_only_given = true;
	return truth(r, "readonly", v, &r->m->read_only);
}

static int set_writable(struct reading *r, const char *v)
{
	bool rw = false;
	int n = truth(r, "readwrite", v, &rw);

	r->read_only_given = true;
	r->m->read_only = !rw;
	return n;
}

static int set_required(struct reading *r, const char *v)
{
	return truth(r, "required", v, &r->m->required);
}

static int set_sharing(struct reading *r, const char *v)
{
	static const char *const words[] = {"shared", "private", "locked"};

	for (size_t i = 0; i < countof(words); i++) {
		if (!strcmp(v, words[i])) {
			r->m->sharing = (enum run_sharing)i;
			return 0;
		}
	}
	return wrong(r, "sharing", v);
}

static int set_size(struct reading *r, const char *v)
{
	return size_parse(v, &r->m->size, r->e);
}

static int number(struct reading *r, const char *key, const char *v, int base, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(v, &end, base);
	return errno || *end || !*v || *out < 0 || *out > UINT32_MAX ? wrong(r, key, v) : 0;
}

static int set_mode(struct reading *r, const char *v)
{
	return number(r, "mode", v, 8, &r->m->mode);
}

static int set_uid(struct reading *r, const char *v)
{
	return number(r, "uid", v, 10, &r->m->uid);
}

static int set_gid(struct reading *r, const char *v)
{
	return number(r, "gid", v, 10, &r->m->gid);
}

enum { FOR_BIND = 1, FOR_CACHE = 2, FOR_TMPFS = 4, FOR_SECRET = 8, FOR_SSH = 16 };

/* clang-format off */
static const struct key {
	const char *name;
	set_fn *set;
	bool bare;  /* may stand without a value */
	unsigned of;
} keys[] = {
	{"type",        set_type,      .of = 31},
	{"from",        set_from,      .of = FOR_BIND | FOR_CACHE},
	{"source",      set_source,    .of = FOR_BIND | FOR_CACHE},
	{"src",         set_source,    .of = FOR_BIND | FOR_CACHE},
	{"target",      set_target,    .of = 31},
	{"dst",         set_target,    .of = 31},
	{"destination", set_target,    .of = 31},
	{"id",          set_id,        .of = FOR_CACHE | FOR_SECRET | FOR_SSH},
	{"env",         set_env,       .of = FOR_SECRET},
	{"readonly",    set_read_only, true, FOR_BIND | FOR_CACHE},
	{"ro",          set_read_only, true, FOR_BIND | FOR_CACHE},
	{"readwrite",   set_writable,  true, FOR_BIND | FOR_CACHE},
	{"rw",          set_writable,  true, FOR_BIND | FOR_CACHE},
	{"required",    set_required,  true, FOR_SECRET | FOR_SSH},
	{"sharing",     set_sharing,   .of = FOR_CACHE},
	{"size",        set_size,      .of = FOR_TMPFS},
	{"mode",        set_mode,      .of = FOR_CACHE | FOR_SECRET | FOR_SSH},
	{"uid",         set_uid,       .of = FOR_CACHE | FOR_SECRET | FOR_SSH},
	{"gid",         set_gid,       .of = FOR_CACHE | FOR_SECRET | FOR_SSH},
};
/* clang-format on */

static const struct key *find(const char *name)
{
	for (size_t i = 0; i < countof(keys); i++)
		if (!strcasecmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

/* One comma-separated field, where quotes around a whole field protect its commas (CSV). */
static bool next_field(struct arena *a, const char **p, const char **out)
{
	auto_buf b = {};

	if (!**p)
		return false;
	if (**p == '"') {
		for (++*p; **p && (**p != '"' || (*p)[1] == '"'); ++*p) {
			*p += **p == '"';
			buf_char(&b, **p);
		}
		*p += **p == '"';
	}
	for (; **p && **p != ','; ++*p)
		buf_char(&b, **p);
	*p += **p == ',';
	*out = buf_take(a, &b);
	return true;
}

static int read_field(struct reading *r, const char *field, run_mount_expand *expand, void *arg,
		      unsigned *used)
{
	const char *eq = strchr(field, '='), *value = eq ? eq + 1 : NULL;
	const char *name = arena_strndup(r->a, field, eq ? (size_t)(eq - field) : strlen(field));
	const struct key *k = find(name);

	if (!k)
		return err_set(r->e, EINVAL, "unexpected key \"%s\" in --mount", name);
	if (!value && !k->bare)
		return err_set(r->e, EINVAL,
			       "invalid field \"%s\" in --mount: must be a key=value pair", name);
	if (value && expand && expand(arg, value, &value, r->e) < 0)
		return -EINVAL;
	*used |= 1u << (k - keys);
	return k->set(r, value);
}

static int check(struct reading *r, unsigned used)
{
	struct run_mount *m = r->m;

	for (size_t i = 0; i < countof(keys); i++)
		if (used >> i & 1 && !(keys[i].of >> m->type & 1))
			return err_set(r->e, EINVAL,
				       "unexpected key \"%s\" for this type of --mount",
				       keys[i].name);
	if (m->type == RUN_BIND && !r->read_only_given)
		m->read_only = true;
	if ((m->type == RUN_BIND || m->type == RUN_CACHE || m->type == RUN_TMPFS) && !m->target)
		m->target = "."; /* the working directory */
	if (m->type == RUN_CACHE && !m->id)
		m->id = m->target;
	if (m->type == RUN_SECRET && !m->id && !m->target)
		return err_set(r->e, EINVAL, "invalid secret mount: one of id, target is required");
	return 0;
}

int run_mount_read(struct arena *a, const char *text, run_mount_expand *expand, void *arg,
		   struct run_mount *out, struct err *e)
{
	struct reading r = {.a = a, .m = out, .e = e};
	const char *field;
	unsigned used = 0;

	*out = (struct run_mount){.mode = -1, .uid = -1, .gid = -1};
	while (next_field(a, &text, &field))
		if (read_field(&r, field, expand, arg, &used) < 0)
			return -EINVAL;
	return check(&r, used);
}
