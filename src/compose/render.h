/*
 * Trees back to text: YAML and JSON in docker compose's shape, what `config` and its flags print,
 * and the hash that decides whether a container must be made anew.
 */
#pragma once
#include "compose/load.h"

struct render_options {
	bool json;
	bool model;              /* --no-interpolate: the merged model, values undecided */
	struct strings services; /* only these and what they depend on; empty: all */
};

int render_config(const struct project *p, const struct render_options *o, struct buf *out,
		  struct err *e) must_check;

/* One name or value a line. */
enum render_list {
	RENDER_SERVICES,
	RENDER_VOLUMES,
	RENDER_NETWORKS,
	RENDER_MODELS,
	RENDER_PROFILES,
	RENDER_IMAGES,
	RENDER_ENVIRONMENT
};
void render_names(const struct project *p, enum render_list what, struct buf *out);
/* "NAME HASH" lines; services empty or "*": all. */
int render_hashes(const struct project *p, const struct strings *services, struct buf *out,
		  struct err *e) must_check;
/* The variables that the files ask for; needs a project loaded with no_interpolate. */
int render_variables(const struct project *p, bool json, struct buf *out, struct err *e) must_check;

enum render_tree {
	RENDER_JSON,  /* docker compose's: extensions only at the top, "$" doubled */
	RENDER_SAVED, /* everything, as it is */
	RENDER_MODEL, /* the same, for people: "$" belongs to variables */
	RENDER_HASHED /* one line, as Go marshals it */
};
void render_tree(const struct node *n, enum render_tree how, struct buf *out);
void render_yaml(const struct node *n, bool double_dollars, struct buf *out);
/* Of a settled service without what needs no new container. */
void render_hash(const struct node *service, char hex[static 65]);
/* What needs no new container is no part of it. depth: 2 for a service's attributes. */
bool render_is_unhashed(int depth, const char *key);
