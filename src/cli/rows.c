#include "cli/rows.h"
#include "base/when.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *rows_state(const struct status *s)
{
	if (s->state == STATE_STARTING)
		return "created";
	if (s->state == STATE_STOPPING)
		return "running";
	return status_name(s->state);
}

bool rows_runs(enum status_state s)
{
	return s == STATE_RUNNING || s == STATE_PAUSED || s == STATE_RESTARTING ||
	       s == STATE_STOPPING;
}

char *rows_command(struct arena *a, const struct status *s, bool no_trunc)
{
	enum { SHOWN = 20 };
	auto_buf words = {0}, b = {0};

	for (size_t i = 0; i < s->command.n; i++) {
		const char *w = s->command.v[i];
		bool quoted = i && strchr(w, ' ');

		buf_printf(&words, quoted ? "%s'%s'" : "%s%s", i ? " " : "", w);
	}
	buf_char(&b, '"');
	if (!no_trunc && words.n > SHOWN) {
		size_t n = SHOWN - 1;

		while (n && (words.p[n] & 0xc0) == 0x80)
			n--;
		buf_add(&b, words.p, n);
		buf_str(&b, "…");
	} else {
		buf_str(&b, words.p ? words.p : "");
	}
	buf_char(&b, '"');
	return buf_take(a, &b);
}

static char *created_at(struct arena *a, const struct status *s)
{
	time_t seconds = (time_t)(s->created_ns / NS_PER_SEC);
	struct tm tm;
	char text[64];

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z %Z", &tm);
	return arena_printf(a, "%s", text);
}

static char *labels(struct arena *a, const struct status *s)
{
	auto_buf b = {0};

	vec_each(l, &s->labels)
		buf_printf(&b, "%s%s=%s", b.n ? "," : "", l->key, l->value ? l->value : "");
	return buf_take(a, &b);
}

static char *mounts(struct arena *a, const struct status *s, bool no_trunc, size_t *volumes)
{
	enum { SHOWN = 15 };
	auto_buf b = {0};

	*volumes = 0;
	vec_each(m, &s->mounts) {
		const char *name = m->name && *m->name ? m->name : m->source;

		*volumes += m->type && !strcmp(m->type, "volume");
		name = name ? name : m->target;
		buf_str(&b, b.n ? "," : "");
		if (no_trunc || strlen(name) <= SHOWN)
			buf_str(&b, name);
		else
			buf_printf(&b, "%.*s…", SHOWN - 1, name);
	}
	return buf_take(a, &b);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *networks(struct arena *a, const struct status *s)
{
	auto_buf b = {0};
	struct strings names = {0};

	vec_each(n, &s->networks)
		*vec_push(a, &names) = n->name;
	if (names.n > 1)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	vec_each(n, &names)
		buf_printf(&b, "%s%s", b.n ? "," : "", *n);
	if (!names.n && s->net_mode)
		buf_str(&b, s->net_mode);
	return buf_take(a, &b);
}

/* docker compose tells a code of what ended only, not of what failed to start or starts again. */
static bool has_ended(const struct status *s)
{
	return !strcmp(rows_state(s), "exited") || !strcmp(rows_state(s), "dead");
}

json_t *rows_container(const struct status *s, bool no_trunc)
{
	auto_arena a = {0};
	size_t volumes;
	char age[40], *where = mounts(&a, s, no_trunc, &volumes);

	when_human(when_wall_ns() - s->created_ns, age);
	return json_pack(
		"{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, "
		"s:s, s:s, s:s, s:s, s:s}",
		"Command", rows_command(&a, s, no_trunc), "CreatedAt", created_at(&a, s),
		"ExitCode", has_ended(s) ? (json_int_t)s->exit_code : 0, "Health",
		status_health_name(s->health), "ID",
		arena_strndup(&a, s->id ? s->id : "", no_trunc ? 64 : 12), "Image",
		s->image ? s->image : "", "Labels", labels(&a, s), "LocalVolumes",
		arena_printf(&a, "%zu", volumes), "Mounts", where, "Name", s->name, "Names",
		s->name, "Networks", networks(&a, s), "Ports", rows_ports(&a, s), "Project",
		s->project, "Publishers", rows_publishers(&a, s), "RunningFor",
		arena_printf(&a, "%s ago", age), "Service", s->service ? s->service : "", "Size",
		"0B", "State", rows_state(s), "Status", status_text(&a, s));
}
