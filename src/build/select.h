/*
 * What one COPY or ADD takes from its source: wildcards matched, links followed, patterns of
 * --exclude and --parents applied. The same list makes the cache key and is then copied.
 */
#pragma once
#include "build/files.h"
#include "build/graph.h"
#include "build/steps.h"

struct selected {         /* one source path that matched */
	const char *name; /* last name as written: what it is called in a directory */
	bool is_dir;
	bool below_rel;        /* --parents: targets are rel, parents included */
	struct file_list list; /* first: itself */
};
struct selection {
	struct selected *v;
	size_t n, cap;
};

/* Of the sources of kind COPY_PATH. */
int select_files(struct arena *a, const struct files *f, const struct step *s,
		 struct selection *out, struct err *e) must_check;
/* Adds names, types, owners and contents to the key; times are no part of it. */
int select_key(const struct files *f, struct selection *sel, struct key *k,
	       struct err *e) must_check;
