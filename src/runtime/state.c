#include "runtime/state.h"
#include "base/file.h"
#include "base/json.h"
#include "base/sys.h"
#include "runtime/userns.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { STATE_LIMIT = 8 << 20 };

enum kind { TEXT, NUMBER, BOOL, LIST };

/* One row per remembered member; a test writes and reads all of them back. */
#define AT(member) offsetof(struct container_spec, member)
/* clang-format off */
static const struct member {
	const char *key;
	enum kind kind;
	size_t off, size;
} members[] = {
	{"id", TEXT, AT(id)}, {"name", TEXT, AT(name)}, {"dir", TEXT, AT(dir)},
	{"cgroup", TEXT, AT(cgroup_path)}, {"cwd", TEXT, AT(cwd)}, {"user", TEXT, AT(user)},
	{"seccomp_file", TEXT, AT(seccomp_file)}, {"apparmor", TEXT, AT(apparmor)},
	{"selinux_label", TEXT, AT(selinux_label)},
	{"env", LIST, AT(envp)}, {"argv", LIST, AT(argv)}, {"groups", LIST, AT(groups)},
	{"layers", LIST, AT(layers)}, {"upper", TEXT, AT(upper)}, {"root_dir", TEXT, AT(root_dir)},
	{"caps", NUMBER, AT(caps)},
	{"no_new_privs", BOOL, AT(no_new_privs)}, {"privileged", BOOL, AT(privileged)},
	{"seccomp_unconfined", BOOL, AT(seccomp_unconfined)}, {"tty", BOOL, AT(tty)},
};
/* clang-format on */

static json_t *list_json(const struct strings *list)
{
	json_t *array = json_array();

	vec_each(s, list)
		json_array_append_new(array, json_stringn_nocheck(*s, strlen(*s)));
	return array;
}

static json_t *member_json(const struct container_spec *s, const struct member *m)
{
	const void *at = (const char *)s + m->off;
	const char *text;
	uint64_t n;
	bool flag;

	switch (m->kind) {
	case TEXT:
		memcpy(&text, at, sizeof(text));
		return text ? json_stringn_nocheck(text, strlen(text)) : NULL;
	case NUMBER:
		memcpy(&n, at, sizeof(n));
		return json_integer((json_int_t)n);
	case BOOL:
		memcpy(&flag, at, sizeof(flag));
		return json_boolean(flag);
	case LIST:
		return list_json(at);
	}
	return NULL;
}

static void read_oom(const json_t *j, struct container_spec *s)
{
	const json_t *score = json_object_get(j, "oom_score_adj");

	s->oom_score_adj_given = json_is_integer(score);
	s->oom_score_adj = (int)json_integer_value(score);
}

static json_t *rlimits_json(const struct container_spec *s)
{
	json_t *array = json_array();

	vec_each(l, &s->rlimits) {
		json_t *row = json_array();

		json_array_append_new(row, json_integer(l->resource));
		json_array_append_new(row, json_integer((json_int_t)l->soft));
		json_array_append_new(row, json_integer((json_int_t)l->hard));
		json_array_append_new(array, row);
	}
	return array;
}

/* User namespace: joined or made, exec needs only to know that there is one, and the ids. */
static json_t *maps_json(const struct id_map *maps, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_pack("[I,I,I]", (json_int_t)maps[i].inside,
						       (json_int_t)maps[i].outside,
						       (json_int_t)maps[i].count));
	return array;
}

static struct id_map read_map(const json_t *row)
{
	return (struct id_map){(uint32_t)json_integer_value(json_array_get(row, 0)),
			       (uint32_t)json_integer_value(json_array_get(row, 1)),
			       (uint32_t)json_integer_value(json_array_get(row, 2))};
}

static void read_maps(struct arena *a, const json_t *j, struct container_spec *s)
{
	const json_t *uid = json_object_get(j, "uid_map"), *gid = json_object_get(j, "gid_map");

	s->userns.mode = json_is_array(uid) ? NS_NEW : NS_HOST;
	for (size_t i = 0; i < json_array_size(uid); i++)
		*vec_push(a, &s->uid_map) = read_map(json_array_get(uid, i));
	for (size_t i = 0; i < json_array_size(gid); i++)
		*vec_push(a, &s->gid_map) = read_map(json_array_get(gid, i));
}

int state_write(const char *path, const struct container_spec *s, pid_t pid, uint64_t start_time,
		struct err *e)
{
	auto_json *j = json_object();
	auto_free char *text = NULL;
	json_t *value;

	json_object_set_new(j, "pid", json_integer(pid));
	json_object_set_new(j, "start_time", json_integer((json_int_t)start_time));
	json_object_set_new(j, "rlimits", rlimits_json(s));
	if (s->oom_score_adj_given)
		json_object_set_new(j, "oom_score_adj", json_integer(s->oom_score_adj));
	if (userns_wanted(s)) {
		json_object_set_new(j, "uid_map", maps_json(s->uid_map.v, s->uid_map.n));
		json_object_set_new(j, "gid_map", maps_json(s->gid_map.v, s->gid_map.n));
	}
	for (size_t i = 0; i < countof(members); i++) {
		value = member_json(s, &members[i]);
		if (value)
			json_object_set_new(j, members[i].key, value);
	}
	text = json_dumps(j, JSON_COMPACT);
	if (!text)
		return err_set(e, EINVAL, "cannot write %s: a value is not text", path);
	return file_replace(AT_FDCWD, path, text, strlen(text), 0600, FILE_FAST, e);
}

static void read_list(struct arena *a, const json_t *array, struct strings *out)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *text = json_string_value(json_array_get(array, i));

		if (text)
			*vec_push(a, out) = arena_strndup(a, text, strlen(text));
	}
}

static void read_member(struct arena *a, const json_t *value, struct container_spec *s,
			const struct member *m)
{
	void *at = (char *)s + m->off;
	const char *text = json_string_value(value);
	uint64_t n = (uint64_t)json_integer_value(value);
	bool flag = json_is_true(value);

	if (m->kind == TEXT && text) {
		text = arena_strndup(a, text, strlen(text));
		memcpy(at, &text, sizeof(text));
	}
	if (m->kind == NUMBER)
		memcpy(at, &n, sizeof(n));
	if (m->kind == BOOL)
		memcpy(at, &flag, sizeof(flag));
	if (m->kind == LIST)
		read_list(a, value, at);
}

static void read_rlimits(struct arena *a, const json_t *array, struct container_spec *s)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *row = json_array_get(array, i);

		*vec_push(a, &s->rlimits) =
			(struct rlimit_spec){(int)json_integer_value(json_array_get(row, 0)),
					     (uint64_t)json_integer_value(json_array_get(row, 1)),
					     (uint64_t)json_integer_value(json_array_get(row, 2))};
	}
}

int state_read(struct arena *a, const char *path, struct container_spec *out, pid_t *pid,
	       uint64_t *start_time, struct err *e)
{
	auto_json *j = NULL;
	struct container_spec s = {.limits.swappiness = -1, .gate_fd = -1, .stdio = {-1, -1, -1}};
	int64_t p, t;

	if (json_read_file(path, STATE_LIMIT, &j, e) < 0)
		return -e->code;
	if (json_want_int(j, "pid", "pid", &p, e) < 0 ||
	    json_want_int(j, "start_time", "start_time", &t, e) < 0)
		return err_wrap(e, "read %s", path);
	for (size_t i = 0; i < countof(members); i++) {
		const json_t *value = json_object_get(j, members[i].key);

		if (value)
			read_member(a, value, &s, &members[i]);
	}
	read_oom(j, &s);
	read_maps(a, j, &s);
	read_rlimits(a, json_object_get(j, "rlimits"), &s);
	*out = s;
	*pid = (pid_t)p;
	*start_time = (uint64_t)t;
	return 0;
}

enum { STAT_MAX = 1024 };

/* /proc/PID/stat from the end of field 2 on, see proc(5); NULL: there is no such process. */
static const char *read_stat(pid_t pid, char text[static STAT_MAX])
{
	char name[32];
	int fd, len;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	fd = sys_open(AT_FDCWD, name, O_RDONLY, 0);
	if (fd < 0)
		return NULL;
	len = sys_read_full(fd, text, STAT_MAX - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	/* The name in field 2 may hold anything; after its last parenthesis comes field 3. */
	return strrchr(text, ')');
}

/* From 4 on. */
static int stat_field(pid_t pid, int n, uint64_t *out)
{
	char text[STAT_MAX];
	unsigned long long number;
	const char *p = read_stat(pid, text);

	for (int field = 3; p && field <= n; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, "%llu", &number) != 1)
		return -ESRCH;
	*out = number;
	return 0;
}

int state_start_time(pid_t pid, uint64_t *out)
{
	return stat_field(pid, 22, out);
}

bool state_is_zombie(pid_t pid)
{
	char text[STAT_MAX], state;
	const char *p = read_stat(pid, text);

	return p && sscanf(p, ") %c", &state) == 1 && strchr("ZX", state);
}

pid_t state_parent(pid_t pid)
{
	uint64_t parent;

	return stat_field(pid, 4, &parent) < 0 ? 0 : (pid_t)parent;
}

int state_adopt(pid_t pid, uint64_t start_time)
{
	auto_fd int fd = sys_pidfd_open(pid);
	uint64_t t;

	/* The pidfd first: it pins whoever has the pid now, and the comparison is about that one.
	 */
	if (fd < 0 || state_start_time(pid, &t) < 0 || t != start_time)
		return -ESRCH;
	return take_fd(&fd);
}
