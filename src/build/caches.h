/*
 * Build caches of other machines: cache_from and cache_to. What is exchanged is an OCI manifest,
 * in a registry or in a layout directory, whose configuration lists the layers and, under a member
 * of its own, which step made which. Of what is offered only the layers of steps that this build
 * has are brought.
 */
#pragma once
#include "build/room.h"

enum cache_kind { CACHE_REGISTRY, CACHE_LOCAL, CACHE_INLINE };
struct cache_spec {
	enum cache_kind kind;
	const char *where; /* reference or directory */
	bool all;          /* mode=max: steps of stages that the result has no layer of, too */
	bool may_fail;
};

/* Reads the tables of all cache_from. One that cannot be had is a note: the build goes on. */
int caches_open(struct builder *b, struct err *e) must_check;
void caches_close(struct builder *b);
/* The step as another machine did it, its layer brought; STEPS_ABSENT. */
int caches_find(struct builder *b, const char *key, struct known_step *out,
		struct err *e) must_check;
/* This stage did (or found) a step under that key: to be exported. */
void caches_note(struct stage_run *st, const char *key);

/* For type=inline: the configuration with the table in it; else as it came. */
const char *caches_inline(struct builder *b, const char *config);
/* After the build: every other cache_to. */
int caches_export(struct builder *b, struct err *e) must_check;
