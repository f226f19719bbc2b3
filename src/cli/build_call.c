#include "cli/build_call.h"
#include "base/base64.h"
#include "base/json.h"
#include "base/vec.h"
#include "build/lint.h"
#include "cli/cli.h"
#include "cli/table.h"
#include <errno.h>
#include <stdio.h>

/* ---- as JSON: BuildKit's documents ---- */

/* One range a line, as BuildKit has it. */
static json_t *location(int line, int end_line)
{
	json_t *ranges = json_array();

	for (int i = line; i <= end_line; i++)
		json_array_append_new(
			ranges, json_pack("{s{si} s{si}}", "start", "line", i, "end", "line", i));
	return json_pack("{so}", "ranges", ranges);
}

static void put_text(json_t *to, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(to, key, json_string(text));
}

static json_t *source(struct cli *c, struct span text)
{
	return json_string(base64_encode(&c->arena, text));
}

static int print_json(json_t *j)
{
	auto_free char *text = json_dumps(j, JSON_INDENT(2));

	json_decref(j);
	puts(text ? text : "{}");
	return 0;
}

static int targets_json(struct cli *c, const struct build_targets *list)
{
	json_t *rows = json_array();

	vec_each(t, list) {
		json_t *row = json_object();

		put_text(row, "name", t->name);
		if (t->is_default)
			json_object_set_new(row, "default", json_true());
		put_text(row, "description", t->description);
		put_text(row, "base", t->base);
		put_text(row, "platform", t->platform);
		json_object_set_new(row, "location", location(t->line, t->end_line));
		json_array_append_new(rows, row);
	}
	return print_json(
		json_pack("{so s[o]}", "targets", rows, "sources", source(c, list->source)));
}

static void put_rows(json_t *to, const char *key, const struct build_outline_rows *list)
{
	json_t *rows = list->n ? json_array() : NULL;

	vec_each(x, list) {
		json_t *row = json_pack("{ss}", "name", x->name);

		put_text(row, "description", x->description);
		put_text(row, "value", x->value);
		if (x->required)
			json_object_set_new(row, "required", json_true());
		json_object_set_new(row, "location", location(x->line, x->end_line));
		json_array_append_new(rows, row);
	}
	if (rows)
		json_object_set_new(to, key, rows);
}

static int outline_json(struct cli *c, const struct build_outline *o)
{
	json_t *j = json_object();

	if (o->is_named)
		put_text(j, "name", o->target);
	put_text(j, "description", o->description);
	put_rows(j, "args", &o->args);
	put_rows(j, "secrets", &o->secrets);
	put_rows(j, "ssh", &o->ssh);
	json_object_set_new(j, "sources", json_pack("[o]", source(c, o->source)));
	return print_json(j);
}

static int check_json(struct cli *c, const char *file, const struct lint *lint)
{
	json_t *rows = lint->n ? json_array() : json_null();

	vec_each(f, lint)
		json_array_append_new(rows,
				      json_pack("{ss ss ss so}", "ruleName", f->rule, "url",
						lint_url(&c->arena, f->rule), "detail", f->message,
						"location", location(f->line, f->end_line)));
	print_json(json_pack("{so s[{ss so ss}]}", "warnings", rows, "sources", "filename", file,
			     "data", source(c, lint->source), "language", "Dockerfile"));
	return lint->n > 0;
}

/* ---- as text ---- */

static int targets_text(struct cli *c, const struct build_targets *list, struct err *e)
{
	static const struct column columns[] = {
		{"TARGET", "target"}, {"DESCRIPTION", "description"}, {0}};
	auto_json *rows = json_array();

	vec_each(t, list)
		json_array_append_new(rows, json_pack("{ss ss}", "target",
						      arena_printf(&c->arena, "%s%s", t->name,
								   !t->is_default ? ""
								   : *t->name     ? " (default)"
										  : "(default)"),
						      "description", t->description));
	return table_print(stdout, NULL, columns, rows, TABLE_LINES, e);
}

static int part(const struct build_outline_rows *list, const struct column *columns, struct err *e)
{
	auto_json *rows = json_array();

	if (!list->n)
		return 0;
	vec_each(row, list)
		json_array_append_new(rows, json_pack("{ss ss ss ss}", "name", row->name, "value",
						      row->value, "description", row->description,
						      "required", row->required ? "true" : ""));
	putchar('\n');
	return table_print(stdout, NULL, columns, rows, TABLE_LINES, e);
}

static int outline_text(const struct build_outline *o, struct err *e)
{
	static const struct column args[] = {
		{"BUILD ARG", "name"}, {"VALUE", "value"}, {"DESCRIPTION", "description"}, {0}};
	static const struct column secrets[] = {{"SECRET", "name"}, {"REQUIRED", "required"}, {0}};
	static const struct column ssh[] = {{"SSH", "name"}, {"REQUIRED", "required"}, {0}};
	int r;

	printf(*o->description ? "TARGET:      %s\nDESCRIPTION: %s\n" : "TARGET: %s%s\n", o->target,
	       o->description);
	r = part(&o->args, args, e);
	if (r == 0)
		r = part(&o->secrets, secrets, e);
	return r < 0 ? r : part(&o->ssh, ssh, e);
}

static int check_text(struct cli *c, const char *file, const struct lint *lint)
{
	if (!lint->n) {
		puts("Check complete, no warnings found.");
		return 0;
	}
	printf("Check complete, %zu warning%s been found!\n", lint->n,
	       lint->n > 1 ? "s have" : " has");
	vec_each(f, lint)
		printf("\nWARNING: %s - %s\n%s\n%s:%d\n", f->rule, lint_url(&c->arena, f->rule),
		       f->message, file, f->line);
	return 1;
}

/* ---- the questions ---- */

static int ask_targets(struct cli *c, const struct build_call *call, const struct build_request *q,
		       struct err *e)
{
	struct build_targets list = {0};
	int r = build_targets(&c->arena, q, &list, e);

	return r < 0 ? r : call->json ? targets_json(c, &list) : targets_text(c, &list, e);
}

static int ask_outline(struct cli *c, const struct build_call *call, const struct build_request *q,
		       struct err *e)
{
	struct build_outline o;
	int r = build_outline(&c->arena, q, &o, e);

	return r < 0 ? r : call->json ? outline_json(c, &o) : outline_text(&o, e);
}

static int ask_check(struct cli *c, const struct build_call *call, const struct build_request *q,
		     struct err *e)
{
	const char *file = q->dockerfile ? q->dockerfile : "Dockerfile";
	struct lint lint = {0};
	int r = build_check(&c->arena, q, &lint, e);

	return r < 0 ? r : call->json ? check_json(c, file, &lint) : check_text(c, file, &lint);
}

static const struct {
	const char *word;
	int (*question)(struct cli *c, const struct build_call *call, const struct build_request *q,
			struct err *e);
} questions[] = {
	{"build", NULL},          {"check", ask_check},     {"lint", ask_check},
	{"outline", ask_outline}, {"targets", ask_targets},
};

int build_call_parse(const char *word, struct build_call *out, struct err *e)
{
	struct span rest = span_of(word ? word : "build"), name, part;
	bool more = span_cut(&rest, ',', &name), known = false;

	*out = (struct build_call){0};
	while (more) {
		more = span_cut(&rest, ',', &part);
		if (span_is(part, "format=json"))
			out->json = true;
		else if (!span_is(part, "format=text"))
			return err_set(e, EINVAL,
				       "--call %s: it is followed by format=text or json", word);
	}
	for (size_t i = 0; i < countof(questions); i++) {
		if (!span_is(name, questions[i].word))
			continue;
		out->question = questions[i].question;
		known = true;
	}
	return known ? 0
		     : err_set(e, EINVAL, "--call is build, check, outline or targets, not \"%s\"",
			       word);
}

int build_call(struct cli *c, const struct build_call *call, const struct build_request *q,
	       struct err *e)
{
	return call->question(c, call, q, e);
}
