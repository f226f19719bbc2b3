#include "cli/build_call.h"
#include "base/json.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/table.h"
#include <stdio.h>

int build_call_targets(struct cli *c, const struct build_request *q, struct err *e)
{
	static const struct column columns[] = {
		{"TARGET", "target"}, {"DESCRIPTION", "description"}, {0}};
	auto_json *rows = json_array();
	struct build_targets list = {0};
	int r = build_targets(&c->arena, q, &list, e);

	if (r < 0)
		return r;
	vec_each(t, &list)
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

int build_call_outline(struct cli *c, const struct build_request *q, struct err *e)
{
	static const struct column args[] = {
		{"BUILD ARG", "name"}, {"VALUE", "value"}, {"DESCRIPTION", "description"}, {0}};
	static const struct column secrets[] = {{"SECRET", "name"}, {"REQUIRED", "required"}, {0}};
	static const struct column ssh[] = {{"SSH", "name"}, {"REQUIRED", "required"}, {0}};
	struct build_outline o;
	int r = build_outline(&c->arena, q, &o, e);

	if (r < 0)
		return r;
	printf(*o.description ? "TARGET:      %s\nDESCRIPTION: %s\n" : "TARGET: %s%s\n", o.target,
	       o.description);
	r = part(&o.args, args, e);
	if (r == 0)
		r = part(&o.secrets, secrets, e);
	return r < 0 ? r : part(&o.ssh, ssh, e);
}
