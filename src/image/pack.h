/*
 * A directory tree or overlay upper as a reproducible tar layer: entries in byte order, pax headers
 * only where needed, overlay whiteouts and opaque marks as .wh. entries, berth's and overlay's own
 * xattrs left out. The same tree gives the same bytes for ever: diff ids depend on it.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct sink;

struct pack_options {
	int64_t mtime_max_s;  /* later times become this one (SOURCE_DATE_EPOCH); 0: as they are */
	bool set_on_disk;     /* and are set so in the tree itself */
	bool skip_root_entry; /* leave the tree's own directory out */
	uint32_t first_id;    /* what is written as id 0: a user namespace's first */
};

/* Writes the tar to out_fd (-1: only hash it); diff_id gets "sha256:<hex>". */
int pack_layer(const char *dir, int out_fd, const struct pack_options *o, char diff_id[static 72],
	       int64_t *tar_size, struct err *e) must_check;
/* The tar through a sink; the sink is not ended. */
int pack_tree(int dir, struct sink *out, const struct pack_options *o, struct err *e) must_check;
