/*
 * A plan while it is made: what plan.c (up) and down.c (the other goals) share. Internal to plan/.
 */
#pragma once
#include "plan/plan.h"

struct indices {
	size_t *v;
	size_t n, cap;
};

struct seens {
	const struct seen **v;
	size_t n, cap;
};

/* A service while its plan is made. */
struct item {
	const struct service *svc;
	bool chosen, named, recreated;
	struct indices creates;
	struct indices starts;
	struct indices stops;
	struct indices removes;
	bool gate_made[5];
	size_t gate_at[5];
};

struct making {
	struct arena *a;
	const struct project *p;
	const struct observed *seen;
	const struct plan_options *o;
	struct plan *plan;
	VEC(struct item) items; /* dependencies first */
	VEC(size_t) resources;  /* networks and volumes to come first */
	struct strings stale_nets;
};

#define after_all(m, step, list)                                                                   \
	vec_each(first_, list)                                                                     \
	making_after(m, step, *first_)

const struct service *making_service(const struct project *p, const char *name);
struct item *making_item(struct making *m, const char *service);
size_t making_add(struct making *m, enum step_do doing, const char *target, const char *service,
		  const char *because);
void making_after(struct making *m, size_t step, size_t first);
size_t making_stop(struct making *m, struct item *i, const struct seen *c, const char *because);
size_t making_remove(struct making *m, struct item *i, const struct seen *c, const char *because,
		     bool again);
size_t making_start(struct making *m, struct item *i, int64_t number, const char *name,
		    const char *because);
size_t making_create(struct making *m, struct item *i, int64_t number, const char *because);
/* Why this container cannot stay as it is; NULL: it can. */
const char *making_obsolete(struct making *m, struct item *i, const struct seen *c);
/* What of it changed, into the details of a step. */
void making_explain(struct making *m, const struct item *i, const struct seen *c, size_t step);
bool making_uses_network(const struct service *s, const char *key);
bool making_is_rolled(const struct making *m, const struct service *s);
/* Replaces the old ones batch by batch; *top: the highest number so far. */
void making_roll(struct making *m, struct item *i, struct seens *old, int64_t *top);
bool making_revive(struct making *m, struct item *i, const struct seens *have, int64_t want);
void making_order_starts(struct making *m, struct item *i);
void making_order_stops(struct making *m, struct item *i);
void making_follow(struct making *m, struct item *i);
/* Refuses what docker compose's config lets pass and dockerd does not. */
int making_possible(const struct service *s, struct err *e) must_check;
bool making_is_disabled(const struct making *m, const char *service);

int making_down(struct making *m, struct err *e) must_check;
int making_stop_all(struct making *m, struct err *e) must_check;
int making_start_all(struct making *m, struct err *e) must_check;
int making_rm(struct making *m, struct err *e) must_check;
