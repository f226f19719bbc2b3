#include "base/sys.h"
#include "base/when.h"
#include "supervise/conn.h"
#include "supervise/supervisor.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { JOURNAL_MAX = 4 << 20 };

void events_open(struct supervisor *s)
{
	s->journal = sys_open(AT_FDCWD, arena_printf(&s->arena, "%s/events.jsonl", s->root_dir),
			      O_WRONLY | O_CREAT | O_APPEND, 0600);
}

static void keep_small(struct supervisor *s)
{
	auto_arena a = {0};
	char *path = arena_printf(&a, "%s/events.jsonl", s->root_dir);
	struct stat st;

	if (s->journal < 0 || fstat(s->journal, &st) < 0 || st.st_size < JOURNAL_MAX)
		return;
	rename(path, arena_printf(&a, "%s.1", path));
	close(s->journal);
	events_open(s);
}

static json_t *attributes(const struct instance *i, const char *action)
{
	json_t *j = json_object();

	vec_each(l, &i->st.labels) {
		if (!text_starts(l->key, "com.docker.compose."))
			json_object_set_new(j, l->key, json_string(l->value ? l->value : ""));
	}

	json_object_set_new(j, "name", json_string(i->st.name));
	json_object_set_new(j, "image", json_string(i->st.image ? i->st.image : ""));
	if (!strcmp(action, "die")) {
		int64_t ran = i->st.finished_ns - i->st.started_ns;

		json_object_set_new(j, "execDuration",
				    json_integer(ran > 0 ? ran / NS_PER_SEC : 0));
		json_object_set_new(j, "exitCode", json_integer(i->st.exit_code));
	}
	return j;
}

void events_killed(const struct instance *i, int signal)
{
	json_t *about = attributes(i, "kill");

	json_object_set_new(about, "signal", json_integer(signal));
	events_write(i->of, "container", "kill", i, json_pack("{s:o}", "attributes", about));
}

static bool wants(const json_t *services, const struct instance *i)
{
	json_t *each;
	size_t k;

	if (!json_array_size(services) || !i)
		return true;
	json_array_foreach(services, k, each)
	{
		if (json_is_string(each) && !strcmp(json_string_value(each), i->st.service))
			return true;
	}
	return false;
}

void events_write(struct supervisor *s, const char *type, const char *action,
		  const struct instance *i, json_t *more)
{
	json_t *j = json_object();
	char time[40], *text;

	json_object_set_new(j, "time", json_string(when_rfc3339(when_wall_ns(), time)));
	json_object_set_new(j, "type", json_string(type));
	json_object_set_new(j, "action", json_string(action));
	if (i) {
		json_object_set_new(j, "id", json_string(i->st.id));
		json_object_set_new(j, "service", json_string(i->st.service));
		json_object_set_new(j, "attributes", attributes(i, action));
	}
	if (more) {
		json_object_update(j, more);
		json_decref(more);
	}
	text = json_dumps(j, JSON_COMPACT);
	if (text && s->journal >= 0) {
		size_t n = strlen(text);

		text[n] = '\n';
		(void)!write(s->journal, text, n + 1);
		text[n] = '\0';
	}
	free(text);
	keep_small(s);
	for (struct conn *c = s->conns, *next; c; c = next) {
		next = c->next;
		if (c->subscribed && wants(c->services, i)) {
			json_t *copy = json_copy(j);

			json_object_set_new(copy, "event", json_string("event"));
			conn_send(c, copy);
		}
	}
	json_decref(j);
}

void events_subscribe(struct conn *c, const json_t *services)
{
	c->subscribed = true;
	c->services = json_incref((json_t *)(uintptr_t)services);
}
