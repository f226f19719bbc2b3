#include "compose/project.h"
#include "base/file.h"
#include "compose/loading.h"
#include "compose/render.h"
#include "compose/service.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define FIND(list, field)                                                                          \
	do {                                                                                       \
		for (size_t i_ = 0; i_ < (list).n; i_++) {                                         \
			if (!strcmp((list).v[i_].field, name))                                     \
				return &(list).v[i_];                                              \
		}                                                                                  \
		return NULL;                                                                       \
	} while (0)

struct service *project_service(const struct project *p, const char *name)
{
	FIND(p->services, name);
}

struct network *project_network(const struct project *p, const char *name)
{
	FIND(p->networks, key);
}

struct volume *project_volume(const struct project *p, const char *name)
{
	FIND(p->volumes, key);
}

struct file_source *project_secret(const struct project *p, const char *name)
{
	FIND(p->secrets, key);
}

struct file_source *project_config(const struct project *p, const char *name)
{
	FIND(p->configs, key);
}

int project_runnable(const struct project *p, struct err *e)
{
	const char *text;

	if (!p->refusals.n)
		return 0;
	text = strstr(p->refusals.v[0], ": ");
	err_set(e, EINVAL, "%s", text ? text + 2 : p->refusals.v[0]);
	if (text)
		err_at(e, "%.*s", (int)(text - p->refusals.v[0]), p->refusals.v[0]);
	return -EINVAL;
}

/* ---- saved projects ----------------------------------------------------------------------- */

static void save_strings(struct buf *b, const char *key, const struct strings *s)
{
	buf_printf(b, ",\n\"%s\": [", key);
	for (size_t i = 0; i < s->n; i++) {
		buf_str(b, i ? ", " : "");
		buf_json(b, s->v[i], strlen(s->v[i]));
	}
	buf_char(b, ']');
}

static void save_text(struct buf *b, const char *key, const char *text)
{
	buf_printf(b, ",\n\"%s\": ", key);
	buf_json(b, text ? text : "", strlen(text ? text : ""));
}

/* ---- where everything was written: "FILE LINE COLUMN LINE COLUMN;" for each node in turn ---- */

static size_t file_index(struct arena *a, struct strings *files, const char *file)
{
	for (size_t i = files->n; i-- > 0;) {
		if (files->v[i] == file || !strcmp(files->v[i], file))
			return i;
	}
	*vec_push(a, files) = file;
	return files->n - 1;
}

static void add_places(struct arena *a, const struct node *n, struct strings *files, struct buf *b)
{
	if (n->file)
		buf_printf(b, "%zu %d %d %d %d", file_index(a, files, n->file), n->line, n->col,
			   n->key_line, n->key_col);
	buf_char(b, ';');
	vec_each(k, &n->kids)
		add_places(a, *k, files, b);
}

static void read_places(const struct node *files, struct node *n, const char **at)
{
	const char *end = strchr(*at, ';');
	unsigned long file;
	int line, col, key_line, key_col;

	if (!end)
		return;
	if (files &&
	    sscanf(*at, "%lu %d %d %d %d;", &file, &line, &col, &key_line, &key_col) == 5 &&
	    file < files->kids.n) {
		n->file = files->kids.v[file]->text;
		n->line = line;
		n->col = col;
		n->key_line = key_line;
		n->key_col = key_col;
	}
	*at = end + 1;
	vec_each(k, &n->kids)
		read_places(files, *k, at);
}

static void save_places(const struct node *tree, struct buf *b)
{
	auto_arena a = {0};
	auto_buf places = {0};
	struct strings files = {0};

	add_places(&a, tree, &files, &places);
	save_strings(b, "place_files", &files);
	save_text(b, "places", places.p);
}

int project_save(const struct project *p, const char *path, enum file_sync sync, struct err *e)
{
	auto_buf b = {0};

	buf_str(&b, "{\"berth_project\": 1");
	save_text(&b, "name", p->name);
	save_text(&b, "dir", p->dir);
	buf_printf(&b, ",\n\"compat\": %s", p->compat ? "true" : "false");
	save_strings(&b, "files", &p->files);
	save_strings(&b, "env_files", &p->env_files);
	save_strings(&b, "disabled", &p->disabled);
	buf_str(&b, ",\n\"pins\": {");
	vec_each(pin, &p->pins) {
		buf_str(&b, pin == p->pins.v ? "" : ", ");
		buf_json(&b, pin->key, strlen(pin->key));
		buf_str(&b, ": ");
		buf_json(&b, pin->value, strlen(pin->value));
	}
	buf_char(&b, '}');
	buf_str(&b, ",\n\"tree\": ");
	render_tree(p->tree, RENDER_SAVED, &b);
	save_places(p->tree, &b);
	buf_str(&b, "}\n");
	/* Resolved values may be passwords. The environment itself, which may hold more, stays out.
	 */
	return file_replace(AT_FDCWD, path, b.p, b.n, 0600, sync, e);
}

static void read_strings(struct arena *a, const struct node *n, struct strings *out)
{
	for (size_t i = 0; n && i < n->kids.n; i++)
		*vec_push(a, out) = n->kids.v[i]->text;
}

static void read_pins(struct arena *a, const struct node *n, struct pairs *out)
{
	for (size_t i = 0; n && i < n->kids.n; i++)
		*vec_push(a, out) = (struct pair){n->kids.v[i]->key, n->kids.v[i]->text};
}

int project_load_saved(struct arena *a, const char *path, struct project **out, struct err *e)
{
	struct project *p = arena_new(a, struct project);
	struct nodes docs = {0};
	const char *places;
	struct node *doc;
	struct span text;
	int r = file_read(a, AT_FDCWD, path, 4 * FILE_LIMIT, &text, e);

	if (!r)
		r = node_parse(a, path, text, &docs, e);
	if (r < 0)
		return r;
	doc = docs.n ? docs.v[0] : NULL;
	if (!node_is(node_get(doc, "berth_project"), "1") || !node_get(doc, "tree"))
		return err_set(e, EINVAL, "%s is no saved project", path);
	p->compat = node_true(node_get(doc, "compat"));
	p->name = node_get_text(doc, "name");
	p->dir = node_get_text(doc, "dir");
	read_strings(a, node_get(doc, "files"), &p->files);
	read_strings(a, node_get(doc, "env_files"), &p->env_files);
	read_strings(a, node_get(doc, "disabled"), &p->disabled);
	read_pins(a, node_get(doc, "pins"), &p->pins);
	places = node_get_text(doc, "places");
	if (places)
		read_places(node_get(doc, "place_files"), node_get(doc, "tree"), &places);
	/* Settled text settles to itself; this gives back what JSON cannot say (struct node). */
	r = schema_settle(&(struct walk){.a = a}, &compose_row, node_get(doc, "tree"), &p->tree, e);
	if (!r)
		r = project_decode(a, p, e);
	if (r < 0)
		return r;
	project_hash(p);
	*out = p;
	return 0;
}
