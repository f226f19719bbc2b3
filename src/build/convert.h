/* One stage of the graph: its instructions carried out on its configuration, steps collected. */
#pragma once
#include "build/graph.h"
#include "build/words.h"

struct converter {
	struct arena *a;
	const struct graph_input *in;
	struct graph *g;
	struct graph_stage *s;
	struct pairs globals; /* ARG before FROM and the platform arguments */
	struct pairs env;     /* of s, as words_expand() wants it */
	char escape;
	bool cmd_set;
	struct strings unmatched; /* of the instruction under way */
	struct err *e;
};

int convert_action(struct converter *c, const struct action *act) must_check;
/* Sets a variable of the stage (not of its image). */
void convert_set(struct converter *c, const char *key, const char *value);
int convert_expand(struct converter *c, const char *word, const char **out) must_check;
int convert_copy(struct converter *c, const struct action *act) must_check;
int convert_run(struct converter *c, const struct action *act) must_check;
/* --from, FROM and mount's from: a named context, a stage, an index, or an image. */
int convert_source(struct converter *c, const char *name, bool index,
		   struct source *out) must_check;
struct step *convert_step(struct converter *c, const struct action *act, enum step_kind kind,
			  const char *created_by);
