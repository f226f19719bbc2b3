#include "supervise/logs_read.h"
#include "base/arena.h"
#include "base/base64.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/stream.h"
#include "base/sys.h"
#include "base/when.h"
#include "supervise/logfile.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

enum { CHUNK = 65536 };

struct logs_reader {
	char *dir;
	struct logs_query query;
	int64_t serial; /* of the open file; json.log has the number that it will get; 0: none yet
			 */
	int fd, inotify;
	int64_t skip; /* lines to pass over, for tail */
	char *raw;    /* bytes read, lines not yet given out start at `from` */
	size_t n, from, cap;
	struct buf text; /* the line given out */
};

static void take(struct logs_reader *r, int fd, int64_t serial)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = fd;
	r->serial = serial;
	r->n = r->from = 0;
}

/* Into memory: a rotated file is no larger than max-size. */
static int open_compressed(const char *path)
{
	auto_fd int in = sys_open(AT_FDCWD, path, O_RDONLY, 0);
	auto_fd int out = in < 0 ? -1 : sys_memfd("log", 0);
	auto_free char *chunk = mem_room(CHUNK);
	struct inflate_sink z;
	struct fd_sink file;
	struct err e;
	int n, r = 0;

	if (in < 0 || out < 0)
		return -ENOENT;
	fd_sink_init(&file, out);
	inflate_sink_init(&z, &file.sink);
	while (!r && (n = sys_read_full(in, chunk, CHUNK)) > 0)
		r = sink_write(&z.sink, chunk, (size_t)n, &e);
	if (!r)
		r = sink_end(&z.sink, &e);
	inflate_sink_done(&z);
	if (r < 0 || lseek(out, 0, SEEK_SET) < 0)
		return -EIO;
	return take_fd(&out);
}

static int open_serial(const struct logs_reader *r, int64_t serial)
{
	static const char *const places[] = {"", "previous/"};
	auto_arena a = {0};
	int fd = -ENOENT;

	for (size_t k = 0; fd < 0 && k < countof(places); k++) {
		char *path = arena_printf(&a, "%s/%sjson.log.%lld", r->dir, places[k],
					  (long long)serial);

		fd = sys_open(AT_FDCWD, path, O_RDONLY, 0);
		if (fd < 0)
			fd = open_compressed(arena_printf(&a, "%s.gz", path));
	}
	return fd;
}

/* The numbers of what was rotated away, with those of the predecessor where `all`. */
static size_t serials(struct arena *a, const struct logs_reader *r, bool all, int64_t **out)
{
	int64_t *before = NULL, *now, *both;
	size_t n_before = 0, n = logfile_serials(a, r->dir, &now);

	if (all)
		n_before = logfile_serials(a, arena_printf(a, "%s/previous", r->dir), &before);
	both = arena_alloc(a, (n + n_before + 1) * sizeof(*both));
	for (size_t k = 0; k < n_before; k++)
		both[k] = before[k];
	for (size_t k = 0; k < n; k++)
		both[n_before + k] = now[k];
	*out = both;
	return n + n_before;
}

/* json.log and the number it will get: one more than the last, if none was added meanwhile. */
static int open_current(struct logs_reader *r)
{
	auto_arena a = {0};
	char *path = arena_printf(&a, "%s/json.log", r->dir);
	int64_t *have, last;
	size_t n;
	int fd;

	for (;;) {
		n = serials(&a, r, true, &have);
		last = n ? have[n - 1] : 0;
		fd = sys_open(AT_FDCWD, path, O_RDONLY, 0);
		n = serials(&a, r, true, &have);
		if ((n ? have[n - 1] : 0) == last)
			break;
		if (fd >= 0)
			close(fd);
	}
	if (fd >= 0)
		take(r, fd, last + 1);
	return fd;
}

static int64_t count_lines(int fd)
{
	auto_free char *chunk = mem_room(CHUNK);
	int64_t lines = 0;
	int n;

	while (chunk && (n = sys_read_full(fd, chunk, CHUNK)) > 0) {
		for (char *p = chunk; (p = memchr(p, '\n', (size_t)(chunk + n - p))); p++)
			lines++;
	}
	(void)lseek(fd, 0, SEEK_SET);
	return lines;
}

/* Steps from the newest file to older ones until there are enough lines; then skips the surplus. */
static void seek_tail(struct logs_reader *r)
{
	auto_arena a = {0};
	int64_t *have, lines = 0;
	size_t n = serials(&a, r, false, &have);
	int fd = open_current(r);

	if (fd >= 0)
		lines = count_lines(fd);
	while (lines < r->query.tail && n) {
		fd = open_serial(r, have[--n]);
		if (fd < 0)
			continue;
		take(r, fd, have[n]);
		lines += count_lines(fd);
	}
	if (lines > r->query.tail)
		r->skip = lines - r->query.tail;
}

static void open_oldest(struct logs_reader *r)
{
	auto_arena a = {0};
	int64_t *have;
	size_t n = serials(&a, r, false, &have);
	int fd;

	for (size_t k = 0; k < n; k++) {
		fd = open_serial(r, have[k]);
		if (fd >= 0) {
			take(r, fd, have[k]);
			return;
		}
	}
	(void)!open_current(r);
}

int logs_open(const char *dir, const struct logs_query *q, struct logs_reader **out, struct err *e)
{
	struct logs_reader *r = mem_new(sizeof(*r));

	r->dir = mem_text(dir);
	r->query = *q;
	r->fd = r->inotify = -1;
	r->cap = 2 * CHUNK;
	r->raw = mem_room(r->cap);
	if (q->tail >= 0)
		seek_tail(r);
	else
		open_oldest(r);
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

/*
 * At the end of a file: has it got its number meanwhile? Then it may have got more lines before
 * that (*again), and after those the next number is due. A follower goes on through a recreation.
 */
static bool next_file(struct logs_reader *r, bool *again)
{
	auto_arena a = {0};
	int64_t *have;
	size_t n, k = 0;
	int fd;

	if (r->fd < 0)
		return open_current(r) >= 0;
	n = serials(&a, r, true, &have);
	if (!n || have[n - 1] < r->serial)
		return false;
	if (!*again) {
		*again = true;
		return true;
	}
	while (k < n && have[k] <= r->serial)
		k++;
	for (; k < n; k++) {
		fd = open_serial(r, have[k]);
		if (fd >= 0) {
			take(r, fd, have[k]);
			*again = false;
			return true;
		}
	}
	*again = false;
	return open_current(r) >= 0;
}

static int fill(struct logs_reader *r)
{
	ssize_t n;

	memmove(r->raw, r->raw + r->from, r->n - r->from);
	r->n -= r->from;
	r->from = 0;
	if (r->n == r->cap) {
		r->cap *= 2;
		r->raw = mem_grow(r->raw, r->cap);
	}
	n = r->fd < 0 ? 0 : sys_read(r->fd, r->raw + r->n, r->cap - r->n);
	if (n > 0)
		r->n += (size_t)n;
	return (int)n;
}

static bool next_raw(struct logs_reader *r, struct span *out)
{
	bool again = false;
	char *end;

	for (;;) {
		end = r->n > r->from ? memchr(r->raw + r->from, '\n', r->n - r->from) : NULL;
		if (end) {
			*out = (struct span){r->raw + r->from, (size_t)(end - r->raw) - r->from};
			r->from = (size_t)(end - r->raw) + 1;
			return true;
		}
		if (fill(r) > 0 || next_file(r, &again))
			continue;
		return false;
	}
}

static bool decode(struct logs_reader *r, struct span raw, struct logs_line *out)
{
	struct err ignored;
	auto_json *j = NULL;
	const json_t *text;
	const char *raw_text;

	if (json_read(raw.p, raw.n, &j, &ignored) < 0)
		return false;
	text = json_object_get(j, "log");
	if (!json_is_string(text) ||
	    when_parse_rfc3339(json_string_or(j, "time", ""), &out->time_ns, &ignored) < 0)
		return false;
	out->is_stderr = !strcmp(json_string_or(j, "stream", ""), "stderr");
	raw_text = json_string_or(j, "raw", NULL);
	r->text.n = 0;
	if (!raw_text || base64_decode(raw_text, &r->text) < 0)
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
	/* Who follows before the first line was written must not wait beside an empty place. */
	if (file_mkdirs(r->dir, 0700, e) < 0)
		return -e->code;
	r->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (r->inotify < 0 ||
	    inotify_add_watch(r->inotify, r->dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return err_set(e, errno, "cannot watch %s: %s", r->dir, strerror(errno));
	return r->inotify;
}
