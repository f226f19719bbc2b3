/* Inside template: one run of a template, and the functions it may call. */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <jansson.h>

enum { TEMPLATE_VARS = 16 };

struct variable {
	struct span name;
	json_t *value;
};
/* Every value made on the way is put into `keep` and dies with the run; the rest only borrows. */
struct run {
	struct buf *out;
	json_t *root, *keep;
	struct variable vars[TEMPLATE_VARS];
	size_t n_vars, depth;
	bool known; /* the members of root are all there are */
	struct err *e;
};

struct function {
	const char *name;
	size_t least; /* arguments */
	json_t *(*call)(struct run *t, json_t **v, size_t n);
};
/* NULL: none of that name. */
const struct function *function_named(struct span name);

json_t *kept(struct run *t, json_t *fresh);
json_t *kept_text(struct run *t, struct buf *b); /* empties b */
bool is_true(const json_t *v);
