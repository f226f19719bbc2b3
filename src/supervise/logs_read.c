#include "supervise/logs_read.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/sys.h"
#include "base/when.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

enum { MAX_GENERATION = 1000, CHUNK = 65536 };

struct logs_reader {
	char *dir;
	struct logs_query query;
	int generation; /* of the open file: 0 is json.log */
	int fd, inotify;
	struct stat id; /* of the open file */
	int64_t skip;   /* lines to pass over, for tail */
	char *raw;      /* bytes read, lines not yet given out start at `from` */
	size_t n, from, cap;
	struct buf text; /* the line given out */
};

static int open_generation(struct logs_reader *r, int generation)
{
	auto_arena a = {0};
	char *path = generation ? arena_printf(&a, "%s/json.log.%d", r->dir, generation)
				: arena_printf(&a, "%s/json.log", r->dir);
	int fd = sys_open(AT_FDCWD, path, O_RDONLY, 0);

	if (fd >= 0) {
		if (r->fd >= 0)
			close(r->fd);
		r->fd = fd;
		r->generation = generation;
		fstat(fd, &r->id);
		r->n = r->from = 0;
	}
	return fd;
}

static int64_t count_lines(int fd)
{
	auto_free char *chunk = malloc(CHUNK);
	int64_t lines = 0;
	int n;

	while (chunk && (n = sys_read_full(fd, chunk, CHUNK)) > 0) {
		for (char *p = chunk; (p = memchr(p, '\n', (size_t)(chunk + n - p))); p++)
			lines++;
	}
	return lines;
}

static int oldest(struct logs_reader *r)
{
	auto_arena a = {0};
	int g = 0;

	while (g < MAX_GENERATION &&
	       !access(arena_printf(&a, "%s/json.log.%d", r->dir, g + 1), F_OK))
		g++;
	return g;
}

/* Steps from the newest file to older ones until there are enough lines; then skips the surplus. */
static void seek_tail(struct logs_reader *r)
{
	int last = oldest(r), g = 0;
	int64_t have = 0;

	for (g = 0; g <= last; g++) {
		if (open_generation(r, g) < 0)
			continue;
		have += count_lines(r->fd);
		if (have >= r->query.tail)
			break;
	}
	if (g > last)
		g = last;
	if (open_generation(r, g) >= 0 && have > r->query.tail)
		r->skip = have - r->query.tail;
}

int logs_open(const char *dir, const struct logs_query *q, struct logs_reader **out, struct err *e)
{
	struct logs_reader *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->dir = strdup(dir);
	r->query = *q;
	r->fd = r->inotify = -1;
	r->cap = 2 * CHUNK;
	r->raw = malloc(r->cap);
	if (!r->dir || !r->raw)
		abort();
	if (q->tail >= 0)
		seek_tail(r);
	else
		open_generation(r, oldest(r));
	*out = r;
	return 0;
}

void logs_close(struct logs_reader *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	if (r->inotify >= 0)
		close(r->inotify);
	buf_done(&r->text);
	free(r->raw);
	free(r->dir);
	free(r);
}

/* The file that was json.log may have become json.log.1 (or .2 ...) since; go on with the next. */
static bool next_file(struct logs_reader *r)
{
	auto_arena a = {0};
	struct stat st;
	int g, last = oldest(r);

	if (r->fd < 0)
		return open_generation(r, oldest(r)) >= 0;
	for (g = 0; g <= last; g++) {
		char *path = g ? arena_printf(&a, "%s/json.log.%d", r->dir, g)
			       : arena_printf(&a, "%s/json.log", r->dir);

		if (!stat(path, &st) && st.st_ino == r->id.st_ino && st.st_dev == r->id.st_dev)
			break;
	}
	if (!g)
		return false;
	return open_generation(r, g > last ? last : g - 1) >= 0;
}

static int fill(struct logs_reader *r)
{
	ssize_t n;

	memmove(r->raw, r->raw + r->from, r->n - r->from);
	r->n -= r->from;
	r->from = 0;
	if (r->n == r->cap) {
		r->cap *= 2;
		r->raw = realloc(r->raw, r->cap);
		if (!r->raw)
			abort();
	}
	n = r->fd < 0 ? 0 : sys_read(r->fd, r->raw + r->n, r->cap - r->n);
	if (n > 0)
		r->n += (size_t)n;
	return (int)n;
}

static bool next_raw(struct logs_reader *r, struct span *out)
{
	char *end;

	for (;;) {
		end = r->n > r->from ? memchr(r->raw + r->from, '\n', r->n - r->from) : NULL;
		if (end) {
			*out = (struct span){r->raw + r->from, (size_t)(end - r->raw) - r->from};
			r->from = (size_t)(end - r->raw) + 1;
			return true;
		}
		if (fill(r) > 0)
			continue;
		if (!next_file(r))
			return false;
	}
}

static bool decode(struct logs_reader *r, struct span raw, struct logs_line *out)
{
	struct err ignored;
	auto_json *j = NULL;
	const json_t *text;

	if (json_read(raw.p, raw.n, &j, &ignored) < 0)
		return false;
	text = json_object_get(j, "log");
	if (!json_is_string(text) ||
	    when_parse_rfc3339(json_string_or(j, "time", ""), &out->time_ns, &ignored) < 0)
		return false;
	out->is_stderr = !strcmp(json_string_or(j, "stream", ""), "stderr");
	r->text.n = 0;
	buf_add(&r->text, json_string_value(text), json_string_length(text));
	out->text = (struct span){r->text.p, r->text.n};
	return true;
}

int logs_next(struct logs_reader *r, struct logs_line *out, struct err *e)
{
	char drain[4096];
	struct span raw;

	while (r->inotify >= 0 && read(r->inotify, drain, sizeof(drain)) > 0)
		;
	while (next_raw(r, &raw)) {
		if (r->skip > 0) {
			r->skip--;
			continue;
		}
		if (!decode(r, raw, out) || out->time_ns < r->query.since_ns)
			continue;
		if (r->query.until_ns && out->time_ns > r->query.until_ns)
			return 0;
		return 1;
	}
	return 0;
}

int logs_follow_fd(struct logs_reader *r, struct err *e)
{
	if (r->inotify >= 0)
		return r->inotify;
	r->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (r->inotify < 0 || inotify_add_watch(r->inotify, r->dir, IN_MODIFY | IN_CREATE) < 0)
		return err_set(e, errno, "cannot watch %s: %s", r->dir, strerror(errno));
	return r->inotify;
}
