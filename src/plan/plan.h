/*
 * From what is wanted and what is seen to steps: each with a cause and what must be done before.
 * Pure: opens nothing, reads no clock; tests compare plans as text. supervise/apply runs them.
 */
#pragma once
#include "base/err.h"
#include "compose/project.h"

enum step_do {
	STEP_NETWORK, /* make it, or make it anew */
	STEP_NETWORK_REMOVE,
	STEP_VOLUME,
	STEP_VOLUME_REMOVE,
	STEP_CREATE,
	STEP_START,
	STEP_STOP,
	STEP_REMOVE,
	STEP_RETIRE, /* its successors have taken over; it waits a while for a change of mind */
	STEP_REVIVE, /* a retired one takes over again */
	STEP_GATE,   /* wait until a service meets a condition */
};

enum gate { /* the first three as enum depend_on */
	    GATE_STARTED,
	    GATE_HEALTHY,
	    GATE_COMPLETED,
	    GATE_READY,   /* --wait: running and healthy where it has a check, or ended with 0 */
	    GATE_SETTLED, /* rollout: ready, and still so after update_config.monitor */
};

struct step {
	enum step_do doing;
	const char *target; /* container, network or volume by full name; GATE: the service */
	const char *key;    /* network, volume: key in the file */
	const char *service;
	int64_t number;
	const char *because;
	struct strings details; /* what has changed, a line each; of a container's first step */
	enum gate gate;
	bool optional; /* GATE: failure is a warning (required: false) */
	bool rolling; /* of a rolling update: drained before it stops, gone if it does not settle */
	bool held;    /* START: gets no connections until its gate is met; GATE: it lets them in */
	bool again;   /* STOP, REMOVE: a container of the same name follows and inherits */
	VEC(size_t) after;
};
struct plan {
	struct step *v;
	size_t n, cap;
	struct strings kept; /* containers that run and stay as they are */
	struct strings notices;
};

enum seen_state { SEEN_CREATED, SEEN_RUNNING, SEEN_EXITED };
struct seen { /* a container */
	const char *name, *service, *hash, *image_id;
	const char *contents;   /* of secrets and configs, "kind:name=hash" each; NULL: unknown */
	struct strings changes; /* of its definition since; empty: none, or unknown */
	int64_t number, exit_code;
	enum seen_state state;
	bool one_off, manual_stop, retired;
};
struct seen_net {
	const char *name, *hash; /* hash: of the definition that made it, or NULL */
	struct strings changes;
};
struct observed {
	VEC(struct seen) containers;
	VEC(struct seen_net) networks; /* those that exist */
	struct strings volumes;        /* names of those that exist */
};

enum goal { GOAL_UP, GOAL_DOWN, GOAL_STOP, GOAL_START, GOAL_RESTART, GOAL_RM };
struct scale {
	const char *service;
	int64_t replicas;
};
struct plan_options {
	enum goal goal;
	struct strings services; /* empty: all */
	bool force_recreate, no_recreate, no_start, no_deps, always_recreate_deps, remove_orphans;
	bool wait, volumes /* down -v, rm -v */, stop_first /* rm -s */, rolling, boot;
	bool will_start; /* no_start, but a start follows: what is to be rolled waits for that */
	bool rollback;   /* rollback_config counts */
	const char *strategy;          /* rolling, blue-green; NULL: the file's */
	const char *only_resources_of; /* run: this service's networks and volumes, not itself */
	VEC(struct scale) scales;
	struct pairs contents; /* service to the hash of what its secrets and configs hold now */
	struct pairs images;   /* service to id of the image it would get; absent: unknown, kept */
};

int plan_make(struct arena *a, const struct project *p, const struct observed *seen,
	      const struct plan_options *o, struct plan *out, struct err *e) must_check;
/*
 * By berth's own rules, where the file has none: the old ones stay until the new ones are well, and
 * come back when these fail. An `up` that meets an update_config keeps to what Compose says of it.
 */
bool plan_is_careful(const struct service *s, const struct plan_options *o);
/* How this service is updated, or rolled back. */
const struct update_config *plan_update(const struct service *s, bool rollback);
char *plan_text(struct arena *a, const struct plan *p);
const char *plan_verb(enum step_do d);

char *plan_container_name(struct arena *a, const struct project *p, const struct service *s,
			  int64_t number);
char *plan_network_hash(struct arena *a, const struct network *n);
/* Services in order: dependencies before dependents. */
int plan_order(struct arena *a, const struct project *p, struct strings *out,
	       struct err *e) must_check;
