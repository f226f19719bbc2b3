/*
 * Advice on a Dockerfile: the checks of BuildKit under their own names. `# check=skip=RULE,...`
 * (or all) silences, `error=true` makes any of them fatal, `experimental=RULE` (or all) wakes those
 * that BuildKit keeps asleep.
 */
#pragma once
#include "build/graph.h"
#include "build/ignore.h"

struct lint_finding {
	const char *rule, *message;
	int line, end_line; /* end_line: build_check() knows it */
};
struct lint {
	struct lint_finding *v;
	size_t n, cap;
	struct span source; /* what was judged */
	bool fatal;         /* the file asked for error=true, and there are findings */
};

struct lint_options {
	const struct ignore *ignore; /* of the context, or NULL */
	bool hadolint;               /* its rules too: advice.h */
};
/* g: what graph_make left, also where it failed half way; NULL: before it. By line. */
void lint_run(struct arena *a, const struct recipe *r, const struct graph *g,
	      const struct lint_options *o, struct lint *out);
/* Where the rule is explained. */
const char *lint_url(struct arena *a, const char *rule);
