#include "cli/progress.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "base/when.h"
#include "cli/cli.h"
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

enum mode { MODE_TTY, MODE_PLAIN, MODE_JSON, MODE_QUIET };
enum { BAR = 20, REDRAW_NS = 60 * 1000 * 1000 };

struct row {
	const char *parent, *id;
	const char *text;
	enum progress_state state;
	int64_t start_ns, end_ns, done, total;
};

struct progress {
	struct arena arena;
	const char *title;
	enum mode mode;
	bool colour, dry_run;
	VEC(struct row) rows;
	int drawn; /* lines on the screen that are ours */
	int64_t drawn_ns;
};

static enum mode mode_of(struct cli *c)
{
	const char *word = c->global.progress, *ansi = c->global.ansi;

	if (!word)
		word = getenv("COMPOSE_PROGRESS");
	if (word && !strcmp(word, "quiet"))
		return MODE_QUIET;
	if (word && !strcmp(word, "json"))
		return MODE_JSON;
	if (word && !strcmp(word, "plain"))
		return MODE_PLAIN;
	if (word && !strcmp(word, "tty"))
		return MODE_TTY;
	return isatty(STDERR_FILENO) && !(ansi && !strcmp(ansi, "never")) ? MODE_TTY : MODE_PLAIN;
}

struct progress *progress_new(struct cli *c, const char *title, bool quiet)
{
	struct progress *p = mem_new(sizeof(*p));

	p->title = title;
	p->mode = quiet ? MODE_QUIET : mode_of(c);
	p->colour = c->colour_err;
	p->dry_run = c->global.dry_run;
	return p;
}

static struct row *row_of(struct progress *p, const char *parent, const char *id)
{
	struct row *row;

	vec_each(r, &p->rows) {
		if (!strcmp(r->id, id))
			return r;
	}
	row = vec_push(&p->arena, &p->rows);
	*row = (struct row){.id = arena_printf(&p->arena, "%s", id),
			    .parent = parent ? arena_printf(&p->arena, "%s", parent) : NULL,
			    .text = "",
			    .start_ns = when_mono_ns()};
	return row;
}

static void print_json(const struct progress *p, const struct row *r)
{
	auto_buf b = {0};

	buf_char(&b, '{');
	if (p->dry_run)
		buf_str(&b, "\"dry-run\":true,");
	buf_str(&b, "\"id\":");
	buf_json(&b, r->id, strlen(r->id));
	if (r->parent) {
		buf_str(&b, ",\"parent_id\":");
		buf_json(&b, r->parent, strlen(r->parent));
	}
	buf_str(&b, ",\"status\":");
	buf_json(&b, r->text, strlen(r->text));
	if (r->total > 0)
		buf_printf(&b, ",\"current\":%lld,\"total\":%lld,\"percent\":%lld",
			   (long long)r->done, (long long)r->total,
			   (long long)(r->done * 100 / r->total));
	fprintf(stderr, "%s}\n", b.p);
}

static void add_bar(struct buf *b, const struct row *r)
{
	char done[24], total[24];
	int full = (int)(r->done >= r->total ? BAR : r->done * BAR / r->total);

	buf_str(b, " [");
	for (int i = 0; i < BAR; i++)
		buf_char(b, i < full ? '=' : i == full ? '>' : ' ');
	buf_printf(b, "] %s/%s", size_human(r->done, done), size_human(r->total, total));
}

static void add_row(struct buf *b, const struct progress *p, const struct row *r, int width,
		    int id_width)
{
	static const char *const spinner[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
	static const char *const marks[] = {NULL, "✔", "!", "✘"};
	static const char *const colours[] = {"\033[36m", "\033[32m", "\033[33m", "\033[31m"};
	int64_t now = when_mono_ns(), spent = (r->end_ns ? r->end_ns : now) - r->start_ns;
	const char *mark =
		marks[r->state] ? marks[r->state] : spinner[now / (NS_PER_SEC / 10) % 10];
	auto_buf line = {0};
	int room, indent = r->parent ? 2 : 0;

	buf_printf(&line, "%-*s  %s", id_width - indent, r->id, r->text);
	if (r->total > 0 && r->state == PROGRESS_WORKING)
		add_bar(&line, r);
	room = width - 12 - indent;
	if (room < 10)
		room = 10;
	buf_printf(b, "\033[K %*s%s%s%s %-*.*s %5.1fs\n", indent, "",
		   p->colour ? colours[r->state] : "", mark, p->colour ? "\033[0m" : "", room, room,
		   line.p, (double)spent / 1e9);
}

static void count_rows(const struct progress *p, size_t *done, size_t *all, int *id_width)
{
	*done = *all = 0;
	*id_width = 0;
	vec_each(r, &p->rows) {
		int n = (int)strlen(r->id) + (r->parent ? 2 : 0);

		*id_width = n > *id_width ? n : *id_width;
		*all += !r->parent;
		*done += !r->parent && r->state != PROGRESS_WORKING;
	}
}

static void draw(struct progress *p, bool last)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	size_t done, all, hidden;
	int id_width, shown = 0;
	auto_buf b = {0};

	ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
	count_rows(p, &done, &all, &id_width);
	if (p->drawn)
		buf_printf(&b, "\033[%dA\r", p->drawn);
	buf_printf(&b, "\033[K[+] %s%s %zu/%zu\n", p->dry_run ? "dry run: " : "", p->title, done,
		   all);
	/* More rows than the screen has: what is finished gives way, oldest first. */
	hidden = !last && p->rows.n + 2 > size.ws_row ? p->rows.n + 2 - size.ws_row : 0;
	vec_each(r, &p->rows) {
		if (hidden && r->state == PROGRESS_DONE) {
			hidden--;
			continue;
		}
		if (!last && shown + 2 > size.ws_row)
			break;
		add_row(&b, p, r, size.ws_col ? size.ws_col : 80, id_width);
		shown++;
	}
	buf_str(&b, "\033[J");
	p->drawn = shown + 1;
	p->drawn_ns = when_mono_ns();
	fwrite(b.p, 1, b.n, stderr);
	fflush(stderr);
}

static void changed(struct progress *p, const struct row *r, bool words)
{
	if (p->mode == MODE_TTY && (words || when_mono_ns() - p->drawn_ns > REDRAW_NS))
		draw(p, false);
	else if (p->mode == MODE_PLAIN && words)
		fprintf(stderr, " %s%s  %s\n", p->dry_run ? "dry run: " : "", r->id, r->text);
	else if (p->mode == MODE_JSON && words)
		print_json(p, r);
}

/* The later steps of what is made anew say its word alone, the first says why as well. */
static bool says(const char *shown, const char *text)
{
	size_t n = strlen(text);

	return !strncmp(shown, text, n) && (!shown[n] || !strncmp(shown + n, "  ", 2));
}

void progress_set(struct progress *p, const char *parent, const char *id, enum progress_state s,
		  const char *text)
{
	struct row *r = row_of(p, parent, id);
	bool same = says(r->text, text) && r->state == s;

	r->state = s;
	if (s == PROGRESS_WORKING)
		r->end_ns = 0;
	else if (!r->end_ns)
		r->end_ns = when_mono_ns();
	if (same) {
		changed(p, r, false);
		return;
	}
	r->text = arena_printf(&p->arena, "%s", text);
	r->done = r->total = 0;
	changed(p, r, true);
}

void progress_bytes(struct progress *p, const char *id, int64_t done, int64_t total)
{
	struct row *r = row_of(p, NULL, id);

	r->done = done;
	r->total = total;
	changed(p, r, false);
}

void progress_note(struct progress *p, const char *text)
{
	if (p->mode == MODE_QUIET)
		return;
	if (p->mode == MODE_TTY && p->drawn) {
		fprintf(stderr, "\033[%dA\r\033[J", p->drawn);
		p->drawn = 0;
	}
	fprintf(stderr, "%s\n", text);
	if (p->mode == MODE_TTY && p->rows.n)
		draw(p, false);
}

void progress_end(struct progress *p)
{
	if (!p)
		return;
	if (p->mode == MODE_TTY && p->rows.n)
		draw(p, true);
	arena_free(&p->arena);
	free(p);
}
