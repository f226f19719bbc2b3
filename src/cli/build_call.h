/* `build --check` and `--call=check|outline|targets[,format=json]`: told as docker does. */
#pragma once
#include "build/build.h"

struct cli;

struct build_call {
	int (*question)(struct cli *c, const struct build_call *call, const struct build_request *q,
			struct err *e); /* NULL: build */
	bool json;
};
/* word: of --call; NULL: build */
int build_call_parse(const char *word, struct build_call *out, struct err *e) must_check;
/* 1 where there are warnings. */
int build_call(struct cli *c, const struct build_call *call, const struct build_request *q,
	       struct err *e) must_check;
