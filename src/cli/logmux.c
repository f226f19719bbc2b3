#include "cli/logmux.h"
#include "base/arena.h"
#include "base/mem.h"
#include "base/vec.h"
#include "base/when.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

struct source {
	const char *full_name, *name;
	const char *colour;
	struct logs_reader *reader;
	struct logs_line line; /* read ahead */
	bool has_line, part_is_stderr;
};

struct logmux {
	struct arena arena;
	struct logmux_style style;
	size_t unfinished; /* whose line goes on, counted from 1; 0: nobody's */
	VEC(struct source) sources;
	int width;
};

struct logmux *logmux_new(const struct logmux_style *style)
{
	struct logmux *m = mem_new(sizeof(*m));

	m->style = *style;
	return m;
}

static void finish_line(struct logmux *m)
{
	if (m->unfinished)
		putchar('\n');
	m->unfinished = 0;
}

void logmux_free(struct logmux *m)
{
	if (!m)
		return;
	finish_line(m);
	vec_each(s, &m->sources)
		logs_close(s->reader);
	arena_free(&m->arena);
	free(m);
}

const char *logmux_short_name(const struct status *s)
{
	size_t n = strlen(s->project), m = strlen(s->service);
	const char *rest = s->name + n + 1, *number = rest + m + 1;

	if (strncmp(s->name, s->project, n) || !s->name[n] || !strchr("-_", s->name[n]) ||
	    strncmp(rest, s->service, m) || rest[m] != s->name[n])
		return s->name;
	return *number && !number[strspn(number, "0123456789")] ? rest : s->name;
}

int logmux_add(struct logmux *m, const struct status *s, const struct logs_query *q, struct err *e)
{
	static const char *const colours[] = {
		"\033[36m",   "\033[33m",   "\033[32m",   "\033[35m",   "\033[34m",
		"\033[36;1m", "\033[33;1m", "\033[32;1m", "\033[35;1m", "\033[34;1m"};
	struct source *new;
	int r;

	vec_each(old, &m->sources) {
		if (!strcmp(old->full_name, s->name))
			return 0;
	}
	new = vec_push(&m->arena, &m->sources);
	*new = (struct source){.full_name = arena_printf(&m->arena, "%s", s->name)};
	new->name = arena_printf(&m->arena, "%s", logmux_short_name(s));
	new->colour = colours[(m->sources.n - 1) % countof(colours)];
	if ((int)strlen(new->name) > m->width)
		m->width = (int)strlen(new->name);
	r = logs_open(s->log_dir, q, &new->reader, e);
	if (r < 0)
		m->sources.n--;
	return r;
}

static void print_prefix(const struct logmux *m, const struct source *s)
{
	if (!m->style.prefix)
		return;
	printf("%s%-*s  |%s ", m->style.colour ? s->colour : "", m->width, s->name,
	       m->style.colour ? "\033[0m" : "");
}

/* The container's bytes go out as they are: colours in logs are wanted. */
static void print_line(struct logmux *m, struct source *s)
{
	const struct logs_line *l = &s->line;
	size_t me = (size_t)(s - m->sources.v) + 1;
	char stamp[40];

	if (m->unfinished != me || s->part_is_stderr != l->is_stderr) {
		finish_line(m);
		print_prefix(m, s);
		if (m->style.timestamps)
			printf("%s ", when_rfc3339(l->time_ns, stamp));
	}
	fwrite(l->text.p, 1, l->text.n, stdout);
	m->unfinished = me;
	if (l->text.n && l->text.p[l->text.n - 1] == '\n')
		m->unfinished = 0;
	else if (l->text.n < LOGS_PART) /* not the part of a long line, but the last one */
		finish_line(m);
	s->part_is_stderr = l->is_stderr;
}

static int read_ahead(struct logmux *m, struct source **oldest, struct err *e)
{
	*oldest = NULL;
	vec_each(s, &m->sources) {
		if (!s->has_line) {
			int r = logs_next(s->reader, &s->line, e);

			if (r < 0)
				return r;
			s->has_line = r > 0;
		}
		if (s->has_line && m->unfinished == (size_t)(s - m->sources.v) + 1) {
			*oldest = s;
			return 0;
		}
		if (s->has_line && (!*oldest || s->line.time_ns < (*oldest)->line.time_ns))
			*oldest = s;
	}
	return 0;
}

int logmux_drain(struct logmux *m, struct err *e)
{
	struct source *s;
	int r = 0;

	while ((r = read_ahead(m, &s, e)) >= 0 && s) {
		print_line(m, s);
		s->has_line = false;
	}
	if (fflush(stdout))
		return err_set(e, EPIPE, "nobody reads the output any more");
	return r;
}

void logmux_names(const struct logmux *m, struct buf *out)
{
	vec_each(s, &m->sources)
		buf_printf(out, "%s%s", s == m->sources.v ? "" : ", ", s->name);
}

size_t logmux_count(const struct logmux *m)
{
	return m->sources.n;
}

size_t logmux_poll(struct logmux *m, struct pollfd *fds, size_t room)
{
	struct err ignored;
	size_t n = 0;

	vec_each(s, &m->sources) {
		int fd = n < room ? logs_follow_fd(s->reader, &ignored) : -1;

		if (fd >= 0)
			fds[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	return n;
}

void logmux_say(struct logmux *m, const char *text)
{
	finish_line(m);
	printf("%s\n", text);
	fflush(stdout);
}
