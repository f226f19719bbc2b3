#include "compose/explain.h"
#include "compose/render.h"
#include "compose/service.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

static void explain_source(const struct project *p, const char *name, struct buf *out)
{
	const struct node *n = node_get(p->env, name);

	if (!n)
		buf_printf(out, "%s is not set\n", name);
	else if (!strcmp(name, "COMPOSE_PROJECT_NAME"))
		buf_printf(out, "%s = %s\n  the name of the project\n", name, n->text);
	else
		buf_printf(out, "%s = %s\n  from %s\n", name, n->text,
			   n->from ? n->from : "the environment");
}

static void explain_use(const struct variable_use *u, struct buf *out)
{
	char kind = u->op[*u->op == ':'];
	bool has = u->value && (*u->op != ':' || *u->value);

	buf_printf(out, "  used at %s as ${%s%s%s}", u->at, u->name, u->op, u->word);
	if (kind == '-' && !has)
		buf_printf(out, ": the default \"%s\" is taken", u->word);
	else if (kind == '+')
		buf_printf(out, ": %s", has ? "the other text is taken" : "nothing is taken");
	else if (!u->value)
		buf_str(out, ": empty text is taken");
	buf_char(out, '\n');
}

static int explain_variable(const struct project *p, const char *name, struct buf *out)
{
	bool used = false;

	explain_source(p, name, out);
	vec_each(u, &p->uses) {
		if (strcmp(u->name, name))
			continue;
		used = true;
		explain_use(u, out);
	}
	if (!used)
		buf_str(out, "  no value asks for it\n");
	return 0;
}

/* Names may hold dots: the longest that fits is meant. */
static const struct node *find(const struct node *n, const char *path, struct buf *rows)
{
	const struct node *best = NULL;
	size_t best_n = 0;

	if (!*path || n->kind == NODE_SCALAR)
		return *path ? NULL : n;
	for (size_t i = 0; i < n->kids.n; i++) {
		char number[24];
		const char *key = n->kids.v[i]->key;
		size_t len;

		snprintf(number, sizeof(number), "%zu", i);
		key = n->kind == NODE_MAP ? key : number;
		len = strlen(key);
		if (!strncmp(path, key, len) && (!path[len] || path[len] == '.') && len >= best_n) {
			best = n->kids.v[i];
			best_n = len;
		}
	}
	if (!best)
		return NULL;
	/* A dot inside a name would be taken for a step. */
	buf_printf(rows, "%s%s", rows->n ? "." : "",
		   n->kind == NODE_MAP && !memchr(path, '.', best_n) ? best->key : "*");
	return find(best, path + best_n + (path[best_n] == '.'), rows);
}

static void explain_text(const struct node *n, struct buf *out)
{
	auto_buf yaml = {0};

	if (n->kind == NODE_SCALAR) {
		buf_str(out, n->type == TYPE_NULL ? "null" : n->text);
		return;
	}
	render_yaml(n, false, &yaml);
	for (const char *line = yaml.p; line && *line;) {
		size_t len = strcspn(line, "\n");

		buf_printf(out, "\n    %.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static int explain_path(const struct project *p, const struct node *n, const char *path,
			const char *rows, struct buf *out)
{
	const struct attr *row = schema_find(&compose_row, rows);
	const struct node *was = n->before;

	(void)p;
	buf_printf(out, "%s = ", path);
	explain_text(n, out);
	if (n->line)
		buf_printf(out, "\n  set at %s:%d:%d", n->file, n->line, n->col);
	else
		buf_str(out, "\n  a default of berth");
	if (n->from)
		buf_printf(out, "\n  out of %s", n->from);
	for (int i = 0; was && i < 20; was = was->before, i++) {
		buf_printf(out, "\n  in place of ");
		explain_text(was, out);
		buf_printf(out, " at %s:%d:%d", was->file, was->line, was->col);
	}
	buf_char(out, '\n');
	if (row && row->doc)
		buf_printf(out, "  %s%s%s%s\n", row->doc, row->dflt ? " (default: " : "",
			   row->dflt ? row->dflt : "", row->dflt ? ")" : "");
	return 0;
}

int explain(const struct project *p, const char *what, struct buf *out, struct err *e)
{
	auto_buf rows = {0};
	const struct node *n = find(p->tree ? p->tree : p->model, what, &rows);
	const char *c = what;
	bool used = node_get(p->env, what);

	if (n)
		return explain_path(p, n, what, rows.p, out);
	while (*c == '_' || isalnum((unsigned char)*c))
		c++;
	vec_each(u, &p->uses)
		used |= !strcmp(u->name, what);
	if (!*c && used)
		return explain_variable(p, what, out);
	if (schema_find(&compose_row, what)) {
		schema_describe(schema_find(&compose_row, what), what, out);
		buf_str(out, "  not set in this project\n");
		return 0;
	}
	err_set(e, ENOENT, "neither a variable nor a path of the model is called \"%s\"", what);
	return err_hint(e, "a path looks like services.web.image");
}
