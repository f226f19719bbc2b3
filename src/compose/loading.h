/*
 * What the files of the load share: options, environment, warnings. Own to compose/.
 *
 *   load.c     which files, which environment, which name; the order of the steps
 *   source.c   one file: parse, interpolate, include, extends, merge
 *   place.c    relative paths
 *   normal.c   defaults, implied dependencies, names, environment files
 *   check.c    what only the whole can tell: cycles, unknown references
 */
#pragma once
#include "compose/load.h"
#include "compose/schema.h"

enum { FILE_LIMIT = 16 << 20, CHAIN_LIMIT = 64 };

struct loading {
	struct arena *a;
	const struct load_options *o;
	struct walk w;
	struct project *p;
	struct node *env; /* name -> value: process environment over .env */
	const char *cwd, *name;
	struct strings include_stack;
	struct span input; /* -f -: standard input, read once */
	bool input_read;
};

int loading_read(struct loading *l, const char *path, struct span *out, struct err *e);
const char *loading_env(const struct loading *l, const char *name);
int loading_env_file(struct loading *l, const char *path, struct err *e);
const char *filepath_join(struct arena *a, const char *dir, const char *name);
const char *filepath_clean(struct arena *a, const char *path);
const char *filepath_dir(struct arena *a, const char *path);

/* One file with all that it includes and extends, merged over *tree. */
int source_load(struct loading *l, const char *path, const char *dir, struct node **tree,
		struct err *e);
void place_tree(struct loading *l, struct node *tree, const char *base);
void place_service(struct loading *l, struct node *service, const char *base);
void normal_paths(struct loading *l, struct node *tree);
int normal_tree(struct loading *l, struct node *tree, struct err *e);
/* 1: files were read. */
/* Before the tree is settled. */
void normal_replicas(struct loading *l, struct node *tree);
int normal_environment(struct loading *l, struct node *tree, struct err *e);
int check_resources(const struct node *tree, struct err *e);
int check_project(struct loading *l, const struct node *tree, struct err *e);
void lint(struct loading *l); /* warnings for what is legal and rarely meant */
int project_decode(struct arena *a, struct project *p, struct err *e);
void project_hash(struct project *p);
