#include "runtime/users.h"
#include "runtime/inside.h"
#include "runtime/launch.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FILE_LIMIT = 10 << 20, MAX_GROUPS = 65536 };
#define MAX_ID INT32_MAX

struct query {
	struct arena *a;
	struct span passwd, group;
	struct user *out;
	VEC(gid_t) groups;
};

/* 0: a number; 1: not one (a name); -ERANGE: one that no kernel id can be. */
static int number(struct span s, uint32_t *out)
{
	uint64_t n = 0;

	if (!s.n)
		return 1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 1;
		n = n * 10 + (uint64_t)(s.p[i] - '0');
		if (n > MAX_ID)
			return -ERANGE;
	}
	*out = (uint32_t)n;
	return 0;
}

/* Cuts one line of a colon-separated file into its fields; false at the end. */
static bool next_entry(struct span *text, struct span *field, size_t n_fields)
{
	struct span line;

	if (!text->n)
		return false;
	if (!span_cut(text, '\n', &line))
		*text = (struct span){0};
	for (size_t i = 0; i < n_fields; i++) {
		field[i] = (struct span){0};
		if (line.p && !span_cut(&line, ':', &field[i]))
			line = (struct span){0};
	}
	return true;
}

static bool same(struct span a, struct span b)
{
	return a.n == b.n && !memcmp(a.p, b.p, a.n);
}

/* Of two names of one id the first has the home: docker hands on the number alone. */
static void take_home(struct query *q)
{
	struct span text = q->passwd, f[7];
	uint32_t u;

	while (next_entry(&text, f, 7)) {
		if (!f[0].n || number(f[2], &u) || u != q->out->uid)
			continue;
		if (f[5].n)
			q->out->home = span_dup(q->a, f[5]);
		return;
	}
}

/* passwd: by name, or by number where `name` is one. */
static bool find_user(struct query *q, struct span name, bool is_number, uint32_t uid)
{
	struct span text = q->passwd, f[7];
	uint32_t u, g;

	while (next_entry(&text, f, 7)) {
		if (number(f[2], &u) || number(f[3], &g) || !f[0].n)
			continue;
		if (is_number ? u != uid : !same(f[0], name))
			continue;
		q->out->uid = u;
		q->out->gid = g;
		q->out->name = span_dup(q->a, f[0]);
		take_home(q);
		return true;
	}
	return false;
}

static bool find_group(struct query *q, struct span name, gid_t *out)
{
	struct span text = q->group, f[4];
	uint32_t g;

	while (next_entry(&text, f, 4)) {
		if (f[0].n && same(f[0], name) && !number(f[2], &g)) {
			*out = g;
			return true;
		}
	}
	return false;
}

static int add_group(struct query *q, gid_t gid, struct err *e)
{
	vec_each(g, &q->groups) {
		if (*g == gid)
			return 0;
	}
	if (q->groups.n >= MAX_GROUPS)
		return err_set(e, E2BIG, "the user is in more than %d groups", MAX_GROUPS);
	*vec_push(q->a, &q->groups) = gid;
	return 0;
}

static bool lists(struct span members, const char *name)
{
	struct span one;
	bool more = true;

	while (more) {
		more = span_cut(&members, ',', &one);
		if (span_is(one, name))
			return true;
	}
	return false;
}

static int add_memberships(struct query *q, struct err *e)
{
	struct span text = q->group, f[4];
	uint32_t g;
	int r = 0;

	while (!r && *q->out->name && next_entry(&text, f, 4)) {
		if (!number(f[2], &g) && f[3].n && lists(f[3], q->out->name))
			r = add_group(q, g, e);
	}
	return r;
}

static int pick_group(struct query *q, struct span word, gid_t *out, struct err *e)
{
	uint32_t gid;
	int r = number(word, &gid);

	if (r < 0)
		return err_set(e, EINVAL, "group \"%.*s\" is out of range: ids are 0 to %d",
			       (int)word.n, word.p, MAX_ID);
	/* A group named like a number loses to the number: docker looks the name up first, which
	 * lets an image turn 1000 into 0. */
	if (!r)
		*out = gid;
	else if (!word.n || !find_group(q, word, out))
		return err_set(e, EINVAL, "no group \"%.*s\" in the container's /etc/group",
			       (int)word.n, word.p);
	return 0;
}

static int pick_user(struct query *q, struct span word, struct err *e)
{
	uint32_t uid = 0;
	int r = number(word, &uid);

	if (r < 0)
		return err_set(e, EINVAL, "user \"%.*s\" is out of range: ids are 0 to %d",
			       (int)word.n, word.p, MAX_ID);
	if (find_user(q, word, !r, uid))
		return 0;
	if (r)
		return err_set(e, EINVAL, "no user \"%.*s\" in the container's /etc/passwd",
			       (int)word.n, word.p);
	q->out->uid = uid;
	return 0;
}

static int pick_all(struct query *q, const char *user, const struct strings *extra, struct err *e)
{
	struct span rest = span_of(user), name;
	bool has_group = span_cut(&rest, ':', &name);
	gid_t gid;
	int r;

	if (!name.n && !has_group)
		name = span_of("0");
	if (!name.n || (has_group && !rest.n))
		return err_set(e, EINVAL, "user \"%s\" is not of the form name|uid[:group|gid]",
			       user);
	r = pick_user(q, name, e);
	if (!r && has_group)
		r = pick_group(q, rest, &q->out->gid, e);
	else if (!r)
		r = add_memberships(q, e);
	for (size_t i = 0; !r && extra && i < extra->n; i++) {
		r = pick_group(q, span_of(extra->v[i]), &gid, e);
		if (!r)
			r = add_group(q, gid, e);
	}
	return r;
}

int users_pick(struct arena *a, struct span passwd, struct span group, const char *user,
	       const struct strings *extra, struct user *out, struct err *e)
{
	struct query q = {.a = a, .passwd = passwd, .group = group, .out = out};
	int r;

	*out = (struct user){.name = "", .home = "/"};
	r = pick_all(&q, user ? user : "", extra, e);
	if (r < 0)
		return r;
	out->groups = q.groups.v;
	out->n_groups = q.groups.n;
	return 0;
}

static int read_optional(struct arena *a, int root, const char *path, struct span *out,
			 struct err *e)
{
	int r = inside_read(a, root, path, FILE_LIMIT, out, e);

	*out = r == -ENOENT ? (struct span){0} : *out;
	return r == -ENOENT ? 0 : r;
}

int users_find(struct arena *a, int root, const char *user, const struct strings *extra,
	       struct user *out, struct err *e)
{
	struct span passwd = {0}, group = {0};
	int r = read_optional(a, root, "/etc/passwd", &passwd, e);

	if (!r)
		r = read_optional(a, root, "/etc/group", &group, e);
	return r < 0 ? r : users_pick(a, passwd, group, user, extra, out, e);
}

int launch_resolve_user(int root_fd, const char *user, struct user_ids *out, struct err *e)
{
	auto_arena a = {0};
	struct user u;
	int r = users_find(&a, root_fd, user, NULL, &u, e);

	if (r < 0)
		return r;
	*out = (struct user_ids){.uid = u.uid, .gid = u.gid};
	snprintf(out->home, sizeof(out->home), "%s", u.home);
	return 0;
}
