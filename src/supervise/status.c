#include "supervise/status.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/paths.h"
#include "base/sys.h"
#include "base/when.h"
#include "runtime/state.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { MAX_STATE = 4 << 20 };

enum kind { TEXT, INT64, UINT64, BOOL, WORDS, PAIRS };
struct member {
	const char *key;
	enum kind kind;
	size_t off;
};

#define ROW(k, kind, type, field)                                                                  \
	{                                                                                          \
		k, kind, offsetof(struct type, field)                                              \
	}
static const struct member status_rows[] = {
	/* clang-format off */
	ROW("project", TEXT, status, project),      ROW("name", TEXT, status, name),
	ROW("id", TEXT, status, id),                ROW("service", TEXT, status, service),
	ROW("hash", TEXT, status, hash),            ROW("image", TEXT, status, image),
	ROW("image_id", TEXT, status, image_id),    ROW("one_off", TEXT, status, one_off),
	ROW("contents", TEXT, status, contents),
	ROW("number", INT64, status, number),       ROW("exit_code", INT64, status, exit_code),
	ROW("oom_killed", BOOL, status, oom_killed), ROW("auto_remove", BOOL, status, auto_remove),
	ROW("tty", BOOL, status, tty),              ROW("stdin_open", BOOL, status, stdin_open),
	ROW("takes_project", BOOL, status, takes_project), ROW("manual_stop", BOOL, status, manual_stop),
	ROW("interrupted", BOOL, status, interrupted), ROW("error", TEXT, status, error),
	ROW("created_ns", INT64, status, created_ns), ROW("started_ns", INT64, status, started_ns),
	ROW("finished_ns", INT64, status, finished_ns), ROW("pid", INT64, status, pid),
	ROW("first_id", INT64, status, first_id),   ROW("start_time", UINT64, status, start_time), ROW("boot_id", TEXT, status, boot_id),
	ROW("restarts", INT64, status, restarts),   ROW("attempts", INT64, status, attempts),
	ROW("next_restart_ns", INT64, status, next_restart_ns),
	ROW("heals", INT64, status, heals),         ROW("pause_ns", INT64, status, pause_ns),
	ROW("gave_up", BOOL, status, gave_up), ROW("retired_ns", INT64, status, retired_ns),
	ROW("labels", PAIRS, status, labels),       ROW("command", WORDS, status, command),
	ROW("cgroup", TEXT, status, cgroup),        ROW("dir", TEXT, status, dir),
	ROW("run_dir", TEXT, status, run_dir),      ROW("log_dir", TEXT, status, log_dir),
	ROW("runtime_file", TEXT, status, runtime_file), ROW("netns", TEXT, status, netns),
	ROW("log_driver", TEXT, status, log_driver), ROW("net_mode", TEXT, status, net_mode), {0},
	/* clang-format on */
};
static const struct member port_rows[] = {
	ROW("host_ip", TEXT, status_port, host_ip),
	ROW("protocol", TEXT, status_port, protocol),
	ROW("host_port", INT64, status_port, host_port),
	ROW("port", INT64, status_port, port),
	{0},
};
static const struct member net_rows[] = {
	ROW("name", TEXT, status_net, name),
	ROW("key", TEXT, status_net, key),
	ROW("id", TEXT, status_net, id),
	ROW("ip4", TEXT, status_net, ip4),
	ROW("ip6", TEXT, status_net, ip6),
	ROW("gateway", TEXT, status_net, gateway),
	ROW("mac", TEXT, status_net, mac),
	ROW("interface", TEXT, status_net, interface),
	ROW("aliases", WORDS, status_net, aliases),
	ROW("links", WORDS, status_net, links),
	ROW("gw_priority", INT64, status_net, gw_priority),
	{0},
};
static const struct member volume_rows[] = {
	ROW("name", TEXT, status_volume, name),
	ROW("target", TEXT, status_volume, target),
	{0},
};
static const struct member mount_rows[] = {
	ROW("type", TEXT, status_mount, type),           ROW("source", TEXT, status_mount, source),
	ROW("target", TEXT, status_mount, target),       ROW("name", TEXT, status_mount, name),
	ROW("read_only", BOOL, status_mount, read_only), {0},
};
static const struct member probe_rows[] = {
	ROW("start_ns", INT64, status_probe, start_ns),
	ROW("end_ns", INT64, status_probe, end_ns),
	ROW("exit_code", INT64, status_probe, exit_code),
	ROW("output", TEXT, status_probe, output),
	{0},
};
static const struct member network_rows[] = {
	/* clang-format off */
	ROW("name", TEXT, network_status, name),    ROW("id", TEXT, network_status, id),
	ROW("project", TEXT, network_status, project), ROW("key", TEXT, network_status, key),
	ROW("driver", TEXT, network_status, driver), ROW("hash", TEXT, network_status, hash),
	ROW("internal", BOOL, network_status, internal),
	ROW("attachable", BOOL, network_status, attachable),
	ROW("quiet_ip6", BOOL, network_status, quiet_ip6),
	ROW("created_ns", INT64, network_status, created_ns),
	ROW("options", PAIRS, network_status, options),
	ROW("labels", PAIRS, network_status, labels), {0},
	/* clang-format on */
};
static const struct member pool_rows[] = {
	ROW("subnet", TEXT, status_pool, subnet),
	ROW("gateway", TEXT, status_pool, gateway),
	ROW("range", TEXT, status_pool, range),
	ROW("reserved", PAIRS, status_pool, reserved),
	{0},
};

static json_t *value_of(const struct member *m, const void *field)
{
	const char *text;
	json_t *j = NULL;

	switch (m->kind) {
	case TEXT:
		text = *(const char *const *)field;
		return text ? json_stringn_nocheck(text, strlen(text)) : NULL;
	case INT64:
	case UINT64:
		return *(const int64_t *)field ? json_integer(*(const int64_t *)field) : NULL;
	case BOOL:
		return *(const bool *)field ? json_true() : NULL;
	case WORDS:
		j = json_array();
		vec_each(w, (const struct strings *)field)
			json_array_append_new(j, json_stringn_nocheck(*w, strlen(*w)));
		break;
	case PAIRS:
		j = json_object();
		vec_each(p, (const struct pairs *)field)
			json_object_set_new_nocheck(
				j, p->key,
				json_stringn_nocheck(p->value ? p->value : "",
						     p->value ? strlen(p->value) : 0));
		break;
	}
	return j;
}

static json_t *write_rows(const struct member *rows, const void *from)
{
	json_t *j = json_object(), *v;

	for (const struct member *m = rows; m->key; m++) {
		v = value_of(m, (const char *)from + m->off);
		if (v)
			json_object_set_new(j, m->key, v);
	}
	return j;
}

static const char *dup_string(struct arena *a, const json_t *j)
{
	return json_is_string(j) ? arena_strndup(a, json_string_value(j), json_string_length(j))
				 : NULL;
}

static void read_value(struct arena *a, const struct member *m, json_t *v, void *field)
{
	const char *key;
	json_t *each;
	size_t i;

	switch (m->kind) {
	case TEXT:
		*(const char **)field = dup_string(a, v);
		break;
	case INT64:
	case UINT64:
		*(int64_t *)field = json_is_integer(v) ? json_integer_value(v) : 0;
		break;
	case BOOL:
		*(bool *)field = json_is_true(v);
		break;
	case WORDS:
		json_array_foreach(v, i, each)
		{
			if (json_is_string(each))
				*vec_push(a, (struct strings *)field) = dup_string(a, each);
		}
		break;
	case PAIRS:
		json_object_foreach(v, key, each) * vec_push(a, (struct pairs *)field) =
			(struct pair){arena_strndup(a, key, strlen(key)), dup_string(a, each)};
		break;
	}
}

static void read_rows(struct arena *a, const struct member *rows, const json_t *j, void *into)
{
	for (const struct member *m = rows; m->key; m++)
		read_value(a, m, json_object_get(j, m->key), (char *)into + m->off);
}

#define write_list(j, key, rows, list)                                                             \
	do {                                                                                       \
		json_t *array_ = json_array();                                                     \
		vec_each(each_, list)                                                              \
			json_array_append_new(array_, write_rows(rows, each_));                    \
		json_object_set_new(j, key, array_);                                               \
	} while (0)

#define read_list(a, j, key, rows, list)                                                           \
	do {                                                                                       \
		json_t *each_;                                                                     \
		size_t i_;                                                                         \
		json_array_foreach(json_object_get(j, key), i_, each_)                             \
			read_rows(a, rows, each_, vec_push(a, list));                              \
	} while (0)

static const char *const state_words[] = {"created",  "starting",   "running", "paused",
					  "stopping", "restarting", "exited",  "dead"};
static const char *const health_words[] = {"", "starting", "healthy", "unhealthy"};

const char *status_name(enum status_state s)
{
	if (s == STATE_STARTING)
		return "created";
	return s == STATE_STOPPING ? "running" : state_words[s];
}

const char *status_health_name(enum status_health h)
{
	return health_words[h];
}

static json_t *health_json(const struct status *s)
{
	json_t *j = json_object();

	json_object_set_new(j, "health", json_string(health_words[s->health]));
	json_object_set_new(j, "failing_streak", json_integer(s->failing_streak));
	json_object_set_new(j, "health_since_ns", json_integer(s->health_since_ns));
	write_list(j, "probes", probe_rows, &s->probes);
	return j;
}

static void read_health(struct arena *a, const json_t *j, struct status *s)
{
	const char *word = json_string_or(j, "health", "");

	for (size_t i = 0; i < countof(health_words); i++) {
		if (!strcmp(word, health_words[i]))
			s->health = (enum status_health)i;
	}
	s->failing_streak = json_int_or(j, "failing_streak", 0);
	s->health_since_ns = json_int_or(j, "health_since_ns", 0);
	read_list(a, j, "probes", probe_rows, &s->probes);
}

json_t *status_to_json(const struct status *s, bool with_probes)
{
	json_t *j = write_rows(status_rows, s);

	json_object_set_new(j, "state", json_string(state_words[s->state]));
	write_list(j, "ports", port_rows, &s->ports);
	write_list(j, "networks", net_rows, &s->networks);
	write_list(j, "volumes", volume_rows, &s->volumes);
	write_list(j, "mounts", mount_rows, &s->mounts);
	if (with_probes) {
		auto_json *h = health_json(s);

		json_object_update(j, h);
	}
	return j;
}

int status_from_json(struct arena *a, const json_t *j, struct status *out, struct err *e)
{
	const char *word;
	int r = json_want_string(j, "state", "", &word, e);

	if (r < 0)
		return r;
	*out = (struct status){0};
	read_rows(a, status_rows, j, out);
	for (size_t i = 0; i < countof(state_words); i++) {
		if (!strcmp(word, state_words[i]))
			out->state = (enum status_state)i;
	}
	if (!out->name || !out->service || !out->id || !out->dir || !out->run_dir || !out->log_dir)
		return err_set(e, EINVAL, "name, service, id or a directory is missing");
	read_list(a, j, "ports", port_rows, &out->ports);
	read_list(a, j, "networks", net_rows, &out->networks);
	read_list(a, j, "volumes", volume_rows, &out->volumes);
	read_list(a, j, "mounts", mount_rows, &out->mounts);
	read_health(a, j, out);
	return 0;
}

/* Replaced atomically; where the disk is full in place, which takes no more room than there was. */
static int put(const char *path, struct span text, struct err *e)
{
	auto_arena a = {0};
	/* One writer: what a killed one leaves is overwritten. */
	char *tmp = arena_printf(&a, "%s~", path);
	int r = file_replace_via(tmp, path, text, FILE_FAST, e);
	auto_fd int fd = r == -ENOSPC || r == -EDQUOT
				 ? sys_open(AT_FDCWD, path, O_WRONLY | O_NOFOLLOW, 0)
				 : -1;

	if (fd < 0)
		return r;
	unlink(tmp);
	if (sys_write_all(fd, text.p, text.n) < 0 || ftruncate(fd, (off_t)text.n) < 0)
		return r;
	return 0;
}

/* *written: a hash of the text that lies there; the same text is not written again. */
static int write_json(const char *dir, const char *name, const json_t *j, uint64_t *written,
		      struct err *e)
{
	uint64_t hash;
	char *text = json_dumps(j, JSON_COMPACT), *path;
	auto_arena a = {0};
	int r;

	if (!text)
		return err_set(e, EINVAL, "%s/%s cannot be written as JSON", dir, name);
	hash = hash_quick(text, strlen(text));
	path = arena_printf(&a, "%s/%s", dir, name);
	r = written && *written == hash ? 0 : put(path, (struct span){text, strlen(text)}, e);
	if (written)
		*written = r < 0 ? 0 : hash;
	free(text);
	return r;
}

int status_write(const struct status *s, uint64_t *written, struct err *e)
{
	auto_json *j = status_to_json(s, false);

	return write_json(s->dir, "state.json", j, written, e);
}

int status_write_health(const struct status *s, struct err *e)
{
	auto_json *j = health_json(s);

	return write_json(s->run_dir, "health.json", j, NULL, e);
}

void status_read_health(struct arena *a, struct status *s)
{
	struct err ignored;
	auto_json *j = NULL;

	if (!json_read_file(arena_printf(a, "%s/health.json", s->run_dir), MAX_STATE, &j, &ignored))
		read_health(a, j, s);
}

/* What the file says of a process, held against the kernel's word. */
static void verify(struct status *s, bool supervised)
{
	uint64_t start;
	bool claims = s->state == STATE_RUNNING || s->state == STATE_PAUSED ||
		      s->state == STATE_STOPPING || s->state == STATE_STARTING;

	if (s->state == STATE_RESTARTING && !supervised)
		s->state = STATE_EXITED;
	if (!claims || supervised)
		return;
	if (s->pid > 0 && !state_start_time((pid_t)s->pid, &start) && start == s->start_time)
		return;
	s->state = STATE_EXITED;
	s->finished_ns = 0;
	s->pid = 0;
	s->health = HEALTH_NONE;
}

char *status_project_dir(struct arena *a, const char *project)
{
	return arena_printf(a, "%s/projects/%s", paths_root(), project);
}

char *status_project_run_dir(struct arena *a, const char *project)
{
	return arena_printf(a, "%s/projects/%s", paths_run(), project);
}

char *status_project_file(struct arena *a, const char *project)
{
	return arena_printf(a, "%s/projects/%s/project.json", paths_root(), project);
}

char *status_control_path(struct arena *a, const char *project)
{
	return arena_printf(a, "%s/projects/%s/control.sock", paths_run(), project);
}

int status_read_one(struct arena *a, const char *project, const char *name, struct status *out,
		    struct err *e)
{
	auto_json *j = NULL;
	char *path = arena_printf(a, "%s/containers/%s/state.json", status_project_dir(a, project),
				  name);
	int r = json_read_file(path, MAX_STATE, &j, e);

	if (!r)
		r = status_from_json(a, j, out, e);
	if (r < 0)
		return r;
	if (!out->project)
		out->project = arena_printf(a, "%s", project);
	status_read_health(a, out);
	verify(out, status_supervised(project, NULL));
	return 0;
}

static int by_place(const void *x, const void *y)
{
	const struct status *a = x, *b = y;
	int r = (a->one_off != NULL) - (b->one_off != NULL);

	if (!r)
		r = strcmp(a->service, b->service);
	if (!r)
		r = (a->number > b->number) - (a->number < b->number);
	return r ? r : strcmp(a->name, b->name);
}

static int list_dir(struct arena *a, const char *path, struct strings *out, struct err *e)
{
	DIR *d = opendir(path);
	struct dirent *ent;

	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	while ((ent = readdir(d))) {
		if (ent->d_name[0] != '.')
			*vec_push(a, out) = arena_printf(a, "%s", ent->d_name);
	}
	closedir(d);
	return 0;
}

int status_read(struct arena *a, const char *project, struct statuses *out, struct err *e)
{
	struct strings names = {0};
	struct err broken;
	struct status s;
	int r = list_dir(a, arena_printf(a, "%s/containers", status_project_dir(a, project)),
			 &names, e);

	if (r < 0)
		return r;
	vec_each(n, &names) {
		/* A directory without a state is a creation or a removal under way. */
		if (!status_read_one(a, project, *n, &s, &broken))
			*vec_push(a, out) = s;
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_place);
	return 0;
}

int status_projects(struct arena *a, struct strings *out, struct err *e)
{
	return list_dir(a, arena_printf(a, "%s/projects", paths_root()), out, e);
}

bool status_supervised(const char *project, pid_t *pid)
{
	auto_arena a = {0};
	struct span text;
	struct err ignored;
	uint64_t start, want;
	int n;

	if (file_read(&a, AT_FDCWD,
		      arena_printf(&a, "%s/supervisor.pid", status_project_run_dir(&a, project)),
		      64, &text, &ignored) < 0)
		return false;
	if (sscanf(text.p, "%d %lu", &n, &want) != 2 || state_start_time(n, &start) ||
	    start != want || state_is_zombie(n))
		return false;
	if (pid)
		*pid = n;
	return true;
}

static char *since(struct arena *a, int64_t wall_ns)
{
	char *text = arena_alloc(a, 40);

	return when_human(when_wall_ns() - wall_ns, text);
}

char *status_text(struct arena *a, const struct status *s)
{
	const char *extra = "";
	int64_t left;

	switch (s->state) {
	case STATE_CREATED:
	case STATE_STARTING:
		return arena_printf(a, "Created");
	case STATE_DEAD:
		return arena_printf(a, "Dead");
	case STATE_EXITED:
		if (!s->finished_ns)
			return arena_printf(a, "Exited (nobody saw how)");
		return arena_printf(a, "Exited (%d) %s ago%s", (int)s->exit_code,
				    since(a, s->finished_ns),
				    s->gave_up ? " (gave up restarting)" : "");
	case STATE_RESTARTING:
		left = s->next_restart_ns - when_wall_ns();
		if (s->pause_ns && left > s->pause_ns) /* the clock was set back */
			left = s->pause_ns;
		if (!s->next_restart_ns && s->error)
			return arena_printf(a, "Restarting (%d), %s", (int)s->exit_code, s->error);
		return arena_printf(a, "Restarting (%d) in %ds, attempt %d", (int)s->exit_code,
				    left > 0 ? (int)((left + NS_PER_SEC - 1) / NS_PER_SEC) : 0,
				    (int)s->attempts);
	case STATE_PAUSED:
		extra = " (Paused)";
		break;
	case STATE_RUNNING:
	case STATE_STOPPING:
		if (s->retired_ns)
			extra = " (retired)";
		else if (s->health == HEALTH_STARTING)
			extra = " (health: starting)";
		else if (s->health == HEALTH_HEALTHY)
			extra = " (healthy)";
		else if (s->health == HEALTH_UNHEALTHY)
			extra = " (unhealthy)";
	}
	return arena_printf(a, "Up %s%s", since(a, s->started_ns), extra);
}

static void read_network(struct arena *a, const json_t *j, struct network_status *out)
{
	read_rows(a, network_rows, j, out);
	read_list(a, j, "pools", pool_rows, &out->pools);
}

int status_networks(struct arena *a, struct network_statuses *out, struct err *e)
{
	char *dir = arena_printf(a, "%s/networks", paths_root());
	struct strings names = {0};
	struct err broken;
	int r = list_dir(a, dir, &names, e);

	vec_each(n, &names) {
		auto_json *j = NULL;

		if (text_ends(*n, ".json") &&
		    !json_read_file(arena_printf(a, "%s/%s", dir, *n), MAX_STATE, &j, &broken))
			read_network(a, j, vec_push(a, out));
	}
	return r;
}

int status_network_write(const struct network_status *n, struct err *e)
{
	auto_json *j = write_rows(network_rows, n);
	auto_arena a = {0};
	char *dir;
	int r = paths_make(&a, paths_root(), "networks", &dir, e);

	write_list(j, "pools", pool_rows, &n->pools);
	return r < 0 ? r : write_json(dir, arena_printf(&a, "%s.json", n->name), j, NULL, e);
}

int status_network_read(struct arena *a, const char *name, struct network_status *out,
			struct err *e)
{
	auto_json *j = NULL;
	int r = json_read_file(arena_printf(a, "%s/networks/%s.json", paths_root(), name),
			       MAX_STATE, &j, e);

	if (!r)
		read_network(a, j, out);
	return r;
}
