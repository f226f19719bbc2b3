/*
 * What a RUN says, cut into commands by quotes and separators: enough for advice, not a shell's
 * grammar.
 */
#pragma once
#include "build/stage.h"

struct command { /* one of a RUN: name and arguments, as a shell would split them */
	struct strings words;
	bool piped; /* its output goes to another */
};
struct commands {
	struct command *v;
	size_t n, cap;
};
void commands_read(struct arena *a, const struct action *act, struct commands *out);
