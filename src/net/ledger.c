#include "net/ledger.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { FILE_LIMIT = 64 << 20 };

void ledger_done(struct ledger *l)
{
	arena_free(&l->arena);
	close_at(&l->lock);
}

/* A damaged line is dropped: its address is merely free again. */
static void read_row(struct ledger *l, struct span line, size_t at)
{
	struct span first, second;
	struct row row = {.at = at};
	struct err e;

	if (!span_cut(&line, ' ', &first) || !span_cut(&line, ' ', &second)) {
		l->damaged = true;
		return;
	}
	row.first = span_dup(&l->arena, first);
	row.second = span_dup(&l->arena, second);
	if (!ip_parse(span_dup(&l->arena, line), &row.ip, &e))
		*vec_push(&l->arena, &l->rows) = row;
	else
		l->damaged = true;
}

int ledger_open(struct ledger *l, const char *name, struct err *e)
{
	struct span text, line;
	char *dir, *lock;
	int r;

	*l = (struct ledger){.lock = -1};
	if (paths_make(&l->arena, paths_root(), "net", &dir, e) < 0)
		return -e->code;
	lock = arena_printf(&l->arena, "%s/lock", dir);
	l->path = arena_printf(&l->arena, "%s/%s", dir, name);
	r = file_lock(AT_FDCWD, lock, FILE_LOCK_WAIT, &l->lock, e);
	if (r < 0)
		return r;
	if (access(l->path, F_OK) < 0)
		return 0;
	r = file_read(&l->arena, AT_FDCWD, l->path, FILE_LIMIT, &text, e);
	if (r < 0)
		return r;
	l->size = text.n;
	l->damaged = text.n && text.p[text.n - 1] != '\n';
	while (text.n) {
		size_t at = l->size - text.n;

		span_cut(&text, '\n', &line);
		read_row(l, line, at);
	}
	return 0;
}

static void print_row(struct buf *b, const struct row *row)
{
	char ip[64];

	buf_printf(b, "%s %s %s\n", row->first, row->second, ip_print(&row->ip, true, ip));
}

int ledger_write(struct ledger *l, struct err *e)
{
	auto_buf b = {0};

	vec_each(row, &l->rows)
		print_row(&b, row);
	/* Under the lock: one name for all, so that what a killed writer leaves is overwritten. */
	return file_replace_via(arena_printf(&l->arena, "%s~", l->path), l->path,
				(struct span){b.p ? b.p : "", b.n}, FILE_FAST, e);
}

static int write_at(struct ledger *l, size_t at, const char *p, size_t n, struct err *e)
{
	auto_fd int fd = sys_open(AT_FDCWD, l->path, O_WRONLY | O_NOFOLLOW, 0);
	int r = fd < 0 ? fd : 0;
	ssize_t done = r ? 0 : pwrite(fd, p, n, (off_t)at);

	if (!r && done != (ssize_t)n)
		r = done < 0 ? -errno : -ENOSPC;
	return r < 0 ? err_set(e, -r, "cannot write %s: %s", l->path, strerror(-r)) : 0;
}

int ledger_append(struct ledger *l, const struct row *row, struct err *e)
{
	auto_buf b = {0};

	*vec_push(&l->arena, &l->rows) = *row;
	if (l->damaged || !l->size)
		return ledger_write(l, e);
	print_row(&b, row);
	return write_at(l, l->size, b.p, b.n, e);
}

int ledger_mark(struct ledger *l, struct row *row, const char *sign, struct err *e)
{
	row->first = sign;
	return l->damaged ? ledger_write(l, e) : write_at(l, row->at, sign, 1, e);
}

void ledger_drop(struct ledger *l, struct row *row)
{
	*row = l->rows.v[--l->rows.n];
}

int ledger_word(const char *what, const char *s, struct err *e)
{
	if (*s && !s[strcspn(s, " \n/")])
		return 0;
	return err_set(e, EINVAL, "\"%s\" cannot name %s", s, what);
}
