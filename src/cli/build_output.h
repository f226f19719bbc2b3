/* build -o: what was built as files, a tar, an archive, or in a registry instead of the store
 * alone. */
#pragma once
#include "build/build.h"

struct cli;

enum build_output_kind { OUTPUT_LOCAL, OUTPUT_TAR, OUTPUT_DOCKER, OUTPUT_OCI, OUTPUT_IMAGE };
struct build_output {
	enum build_output_kind kind;
	const char *dest; /* "-": standard output */
	const char *name; /* a further tag */
	bool push, dir;   /* dir: an OCI layout directory, not an archive */
};
/* "type=local,dest=DIR", or DIR, or "-" for a tar. */
int build_output_parse(struct arena *a, const char *word, struct build_output *out,
		       struct err *e) must_check;
int build_output_write(struct cli *c, const struct image *img, const struct strings *tags,
		       const struct build_output *o, struct err *e) must_check;
/* Pushes each name. */
int build_push(struct cli *c, const struct strings *tags, struct err *e) must_check;
