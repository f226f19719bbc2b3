/* `config --variables`: every variable that a value of the merged model asks for. */
#include "compose/interpolate.h"
#include "compose/node.h"
#include "compose/render.h"

struct variable {
	const char *name, *dflt, *alternate;
	bool required;
};
struct collecting {
	struct arena *a;
	VEC(struct variable) found;
};

static const char *nothing(void *arg, const char *name)
{
	(void)arg, (void)name;
	return NULL;
}

static void seen(void *arg, const char *name, const char *op, const char *word, const char *value)
{
	struct collecting *c = arg;
	struct variable *v = NULL;
	char kind = op[*op == ':'];

	(void)value;
	vec_each(f, &c->found) {
		if (!strcmp(f->name, name))
			v = f;
	}
	if (!v) {
		v = vec_push(c->a, &c->found);
		*v = (struct variable){name, "", "", false};
	}
	if (kind == '-' && !*v->dflt)
		v->dflt = word;
	else if (kind == '+' && !*v->alternate)
		v->alternate = word;
	else if (kind == '?')
		v->required = true;
}

static void collect(struct collecting *c, const struct node *n)
{
	struct interpolation i = {.lookup = nothing, .seen = seen, .arg = c, .dry = true};
	const char *unused;
	struct err e;

	if (n->kind == NODE_SCALAR && n->type == TYPE_STR &&
	    interpolate(c->a, n->text, &i, &unused, &e) < 0)
		return; /* text that only looks like a variable: not this question's business */
	vec_each(k, &n->kids)
		collect(c, *k);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct variable *)a)->name, ((const struct variable *)b)->name);
}

static void json_text(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, "\"%s\": ", key);
	buf_json(out, text, strlen(text));
}

static void print_json(const struct collecting *c, struct buf *out)
{
	buf_char(out, '{');
	for (size_t i = 0; i < c->found.n; i++) {
		const struct variable *v = &c->found.v[i];

		buf_str(out, i ? ",\n  " : "\n  ");
		buf_json(out, v->name, strlen(v->name));
		buf_str(out, ": {");
		json_text(out, "Name", v->name);
		buf_str(out, ", ");
		json_text(out, "DefaultValue", v->dflt);
		buf_str(out, ", ");
		json_text(out, "PresenceValue", v->alternate);
		buf_printf(out, ", \"Required\": %s}", v->required ? "true" : "false");
	}
	buf_str(out, "\n}\n");
}

/* Columns of at least 20, with three blanks between: those of docker compose. */
static void print_table(const struct collecting *c, struct buf *out)
{
	int wide[2] = {20, 20};

	for (size_t i = 0; i < c->found.n; i++) {
		int name = (int)strlen(c->found.v[i].name) + 3;
		int dflt = (int)strlen(c->found.v[i].dflt) + 3;

		wide[0] = name > wide[0] ? name : wide[0];
		wide[1] = dflt > wide[1] ? dflt : wide[1];
	}
	buf_printf(out, "%-*s%-20s%-*s%s\n", wide[0], "NAME", "REQUIRED", wide[1], "DEFAULT VALUE",
		   "ALTERNATE VALUE");
	for (size_t i = 0; i < c->found.n; i++)
		buf_printf(out, "%-*s%-20s%-*s%s\n", wide[0], c->found.v[i].name,
			   c->found.v[i].required ? "true" : "false", wide[1], c->found.v[i].dflt,
			   c->found.v[i].alternate);
}

int render_variables(const struct project *p, bool json, struct buf *out, struct err *e)
{
	auto_arena a = {0};
	struct collecting c = {.a = &a};

	(void)e;
	collect(&c, p->model);
	if (c.found.n > 1)
		qsort(c.found.v, c.found.n, sizeof(*c.found.v), by_name);
	(json ? print_json : print_table)(&c, out);
	return 0;
}
