/*
 * develop.watch of a project as questions about paths: which rules a changed file meets, and where
 * it goes. Knows no containers.
 */
#pragma once
#include "build/ignore.h"
#include "compose/project.h"

struct watch_use {
	const struct service *service;
	const struct watch_rule *rule;
	struct ignore include, ignore, hidden;
	const char *context; /* what `hidden` is relative to; NULL: no build */
};
struct watch_uses {
	struct watch_use *v;
	size_t n, cap;
};

/* The rules of the services named (none: of all). */
int watch_rules(struct arena *a, const struct project *p, const struct strings *services,
		struct watch_uses *out, struct err *e) must_check;
bool watch_meets(struct arena *a, const struct watch_use *u, const char *path);
/* Nothing below this directory meets any rule. */
bool watch_skips(const struct watch_uses *all, const char *dir);
/* Where a path that meets the rule goes in the container. */
const char *watch_target(struct arena *a, const struct watch_use *u, const char *path);
bool watch_copies(const struct watch_rule *r);   /* sync, sync+restart, sync+exec */
bool watch_restarts(const struct watch_rule *r); /* restart, sync+restart */
