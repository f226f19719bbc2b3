#include "net/ledger.h"
#include "base/file.h"
#include "base/paths.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { FILE_LIMIT = 64 << 20 };

void ledger_done(struct ledger *l)
{
	arena_free(&l->arena);
	close_at(&l->lock);
}

/* A damaged line is dropped: its address is merely free again. */
static void read_row(struct ledger *l, struct span line)
{
	struct span first, second;
	struct row row = {0};
	struct err e;

	if (!span_cut(&line, ' ', &first) || !span_cut(&line, ' ', &second))
		return;
	row.first = span_dup(&l->arena, first);
	row.second = span_dup(&l->arena, second);
	if (!ip_parse(span_dup(&l->arena, line), &row.ip, &e))
		*vec_push(&l->arena, &l->rows) = row;
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
	while (!r && text.n) {
		span_cut(&text, '\n', &line);
		read_row(l, line);
	}
	return r;
}

int ledger_write(struct ledger *l, struct err *e)
{
	auto_buf b = {0};
	char ip[64];

	vec_each(row, &l->rows)
		buf_printf(&b, "%s %s %s\n", row->first, row->second, ip_print(&row->ip, true, ip));
	return file_replace(AT_FDCWD, l->path, b.p ? b.p : "", b.n, 0600, FILE_FAST, e);
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
