#include "cli/table.h"
#include "base/json.h"
#include "base/vec.h"
#include "cli/template.h"
#include <errno.h>
#include <string.h>

enum { GAP = 3 };

struct grid {
	struct arena *arena;
	VEC(struct strings) rows;
	VEC(size_t) widths;
};

/* Code points: good enough for names, images and dates. */
static size_t shown_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static void put_cell(struct grid *g, struct strings *row, const char *text)
{
	size_t width = shown_width(text);

	*vec_push(g->arena, row) = text;
	if (row->n > g->widths.n)
		*vec_push(g->arena, &g->widths) = 0;
	if (width > g->widths.v[row->n - 1])
		g->widths.v[row->n - 1] = width;
}

static void put_text(struct grid *g, const char *text)
{
	struct strings *row = vec_push(g->arena, &g->rows);
	struct span rest = span_of(text), cell;
	bool more;

	*row = (struct strings){0};
	do {
		more = span_cut(&rest, '\t', &cell);
		put_cell(g, row, span_dup(g->arena, cell));
	} while (more);
}

static void print_grid(FILE *out, const struct grid *g)
{
	vec_each(row, &g->rows) {
		auto_buf line = {0};

		for (size_t i = 0; i < row->n; i++) {
			buf_str(&line, row->v[i]);
			if (i + 1 == row->n)
				break;
			for (size_t n = shown_width(row->v[i]); n < g->widths.v[i] + GAP; n++)
				buf_char(&line, ' ');
		}
		while (line.n && line.p[line.n - 1] == ' ')
			line.n--;
		fwrite(line.p, 1, line.n, out);
		putc('\n', out);
	}
}

/* A cell never breaks the table or steers the terminal. */
static const char *clean(struct arena *a, json_t *value)
{
	auto_buf raw = {0}, b = {0};

	template_value(&raw, value);
	buf_terminal(&b, raw.p ? raw.p : "", raw.n);
	return buf_take(a, &b);
}

static void print_table(FILE *out, const struct column *columns, json_t *rows)
{
	auto_arena a = {0};
	struct grid g = {.arena = &a};
	struct strings *line = vec_push(&a, &g.rows);
	json_t *row;
	size_t i;

	*line = (struct strings){0};
	for (const struct column *c = columns; c->head; c++)
		put_cell(&g, line, c->head);
	json_array_foreach(rows, i, row)
	{
		line = vec_push(&a, &g.rows);
		*line = (struct strings){0};
		for (const struct column *c = columns; c->head; c++)
			put_cell(&g, line, clean(&a, json_object_get(row, c->key)));
	}
	print_grid(out, &g);
}

/* The head row of "table {{.Name}}\t{{.Status}}": the template over the names of the columns. */
static int print_heads(struct grid *g, const struct column *columns, const char *text, json_t *rows,
		       struct err *e)
{
	auto_json *heads = json_object();
	json_t *first = json_array_get(rows, 0), *value;
	const char *key;
	auto_buf b = {0};

	json_object_foreach(first, key, value)
	{
		auto_buf upper = {0};

		for (const char *p = key; *p; p++)
			buf_char(&upper, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
		json_object_set_new(heads, key, json_string(upper.p));
	}
	for (const struct column *c = columns; c->head; c++)
		json_object_set_new(heads, c->key, json_string(c->head));
	if (template_print(&b, text, heads, e) < 0)
		return -e->code;
	put_text(g, arena_printf(g->arena, "%s", b.p ? b.p : ""));
	return 0;
}

static int print_template(FILE *out, const char *format, const struct column *columns, json_t *rows,
			  struct err *e)
{
	bool heads = text_starts(format, "table ");
	auto_arena a = {0};
	struct grid g = {.arena = &a};
	const char *text = template_unescape(&a, format + (heads ? 6 : 0));
	json_t *row;
	size_t i;

	if (heads && print_heads(&g, columns, text, rows, e) < 0)
		return -e->code;
	json_array_foreach(rows, i, row)
	{
		auto_buf b = {0};

		if (template_row(&b, text, row, e) < 0)
			return -e->code;
		if (heads)
			put_text(&g, arena_printf(&a, "%s", b.p ? b.p : ""));
		else
			fprintf(out, "%s\n", b.p ? b.p : "");
	}
	print_grid(out, &g);
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Go sorts the keys of a map, docker's row, but not those of the structs in it. */
static void print_sorted(FILE *out, json_t *row)
{
	auto_json *sorted = json_object();
	struct strings keys = {0};
	auto_arena a = {0};
	const char *key;
	json_t *value;

	json_object_foreach(row, key, value) * vec_push(&a, &keys) = key;
	if (keys.n)
		qsort(keys.v, keys.n, sizeof(*keys.v), compare_keys);
	vec_each(k, &keys)
		json_object_set(sorted, *k, json_object_get(row, *k));
	json_dumpf(sorted, out, JSON_COMPACT);
}

static void print_json(FILE *out, json_t *rows, enum table_json how)
{
	json_t *row;
	size_t i;

	if (how == TABLE_ARRAY) {
		json_dumpf(rows, out, JSON_COMPACT);
		putc('\n', out);
		return;
	}
	json_array_foreach(rows, i, row)
	{
		print_sorted(out, row);
		putc('\n', out);
	}
}

int table_print(FILE *out, const char *format, const struct column *columns, json_t *rows,
		enum table_json how, struct err *e)
{
	if (!format || !*format || !strcmp(format, "table") || !strcmp(format, "pretty")) {
		print_table(out, columns, rows);
		return 0;
	}
	if (!strcmp(format, "json")) {
		print_json(out, rows, how);
		return 0;
	}
	if (!strstr(format, "{{")) {
		err_set(e, EINVAL, "unknown format \"%s\"", format);
		return err_hint(e, "table, json or a template such as '{{.Name}}'");
	}
	return print_template(out, format, columns, rows, e);
}
