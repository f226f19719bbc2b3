/*
 * Jobs: one request that changes the project at a time, the others wait their turn. A job makes
 * its plan when it begins and runs every step whose prerequisites are done.
 */
#pragma once
#include "plan/plan.h"
#include "supervise/conn.h"
#include "supervise/revisions.h"

enum step_state { STEP_WAITS, STEP_RUNS, STEP_DONE, STEP_FAILED, STEP_SKIPPED };
struct run_step {
	enum step_state state;
	unsigned starts, ends; /* of the instance when the step began */
	int64_t began_ns, met_ns, ended_ns;
	bool told;
	bool again;       /* a start that had to wait for an end was asked for once more */
	bool behind;      /* skipped, for one before it has failed */
	int64_t failures; /* of a batch that is rolled out */
};

struct job {
	struct job *next;
	struct supervisor *of;
	struct conn *conn; /* NULL: hung up, or nobody asked */
	const char *what;
	struct arena arena;
	json_t *request;
	struct plan_options options;
	struct plan plan;
	struct run_step *steps;
	json_t *kept; /* states of removed containers whose successors inherit */
	bool begun;
	bool abandoned; /* its client hung up */
	int64_t timeout_ns;
	struct timer deadline, settle;
	int64_t settle_at_ns;   /* mono: when settle is due; 0: it is not set */
	struct strings failing; /* services whose new version must be rolled back */
	bool puts_back;         /* services go back to an earlier revision */
	struct revisions back;  /* what they went back to */
	struct err cause;       /* why they do, where it is not by request */
	struct err err;
	int code;
	bool only_looks; /* plans and changes nothing: it may do so while another one works */
	void (*prepare)(struct job *j); /* the definition is loaded, the plan not made */
	/* run: what to do when every step is done; takes the connection */
	void (*then)(struct job *j);
	void *extra;
	struct later bury;
};

struct job *job_new(struct supervisor *s, struct conn *c, const char *what, const json_t *req);
void job_read_options(struct arena *a, const json_t *req, struct plan_options *o);
enum goal job_goal(const char *word);
void job_queue(struct job *j);

/* overtake.c: jobs before it that only hold it up are called off. */
void jobs_overtake(struct job *by);
/* Nobody listens any more: it does what can be done and waits for no gate. */
void job_abandon(struct job *j);

int job_turn_all(struct supervisor *s); /* begin, run, end what can be */
int job_plan(struct job *j, struct err *e) must_check;
bool supervisor_is_idle(const struct supervisor *s); /* no container, no job */

/* The step has failed: told, kept as the job's error (the first one), a warning where optional. */
void job_fail(struct job *j, struct run_step *rs, const struct step *s, struct err *e);

/* tell.c */
void job_tell(struct job *j, const char *event, const char *name, const char *service,
	      const char *status, const char *text);
void job_warn(struct job *j, const char *text);
void tell_begun(struct job *j, const struct step *s);
void tell_done(struct job *j, const struct step *s);

/* resources.c */
void resource_network(struct job *j, struct run_step *rs, const struct step *s);
void resource_volume(struct job *j, struct run_step *rs, const struct step *s);

/* gates.c */
void job_keep_timeline(struct job *j);
void gate_poll(struct job *j, struct run_step *rs, const struct step *s);
/* Batches whose gate was never asked, as a container could not be made or started. */
void gates_undo_unmet(struct job *j);

/* rollback.c */
void rollback_request(struct conn *c, const json_t *req);
int rollback_begin(struct job *j, struct err *e) must_check; /* of a job that puts back */
/* Jobs that end: what came up is noted; what failed is put back by a job that goes next. */
void rollback_end(struct job *j);
void retire_begin(struct job *j, struct run_step *rs, const struct step *s);
void revive_begin(struct job *j, struct run_step *rs, const struct step *s);

/* prestart.c */
int prestart_next(struct instance *i, struct err *e) must_check;
int prestart_poll(struct instance *i, struct err *e) must_check;
void prestart_stop(struct instance *i); /* the service is not to start any more */

/* requests.c: a "down" that nobody has asked for. */
void requests_down(struct supervisor *s);

/* remains.c */
bool remains_settled(struct job *j); /* nothing it has removed is left, or it was told */

/* run.c */
void run_request(struct conn *c, const json_t *req, int *fds, size_t n);
void run_cancel(struct job *j); /* the container that was never made */
void run_started(struct instance *i);
void run_ended(struct instance *i);
int open_stdin(const struct instance *i);
void wait_request(struct conn *c, const json_t *req);
void why_request(struct conn *c, const json_t *req);

/* secrets.c: what came by request outlives the supervisor below BERTH_RUN, 0600 */
void secrets_keep(struct supervisor *s, const char *key, const void *p, size_t n);
void secrets_load(struct supervisor *s);
