/*
 * A Dockerfile and a context become an image in the store. Runs in the calling process, which the
 * user watches; RUN steps are containers of their own. Nothing is left behind on failure or on
 * Ctrl-C but what the cache may keep.
 */
#pragma once
#include "base/err.h"
#include "compose/project.h"
#include "image/image.h"
#include "image/pull.h"

struct build_secret_source {
	const char *id, *file; /* file NULL: the value */
	const char *value;
};
struct build_ssh { /* agent socket or key file */
	const char *id, *path;
};

/* One step, as progress shows it. */
struct build_step_info {
	int number;        /* in the whole build, from 1 */
	const char *build; /* the request's name */
	const char *stage; /* "builder" */
	int in_stage, of;  /* "2/5" */
	const char *title; /* "RUN npm ci" */
	int line;
};
enum build_outcome { BUILD_DONE, BUILD_CACHED, BUILD_FAILED, BUILD_CANCELED };
struct build_progress {
	void (*begin)(struct build_progress *p, const struct build_step_info *s);
	void (*output)(struct build_progress *p, const struct build_step_info *s, const char *bytes,
		       size_t n);
	void (*end)(struct build_progress *p, const struct build_step_info *s,
		    enum build_outcome outcome, int64_t took_ns);
	void (*note)(struct build_progress *p, const char *line); /* warnings */
	void (*built)(struct build_progress *p, const char *name);
};

struct build_request {
	const char *name;       /* for progress: a service; NULL */
	const char *context;    /* directory, "-" (a tar on stdin) or an URL; NULL: none */
	const char *dockerfile; /* NULL: Dockerfile in the context; "-": on stdin */
	const char *inline_text;
	struct strings tags;
	struct pairs args, labels, contexts;
	VEC(struct build_secret_source) secrets;
	VEC(struct build_ssh) ssh;
	struct pairs extra_hosts;
	VEC(struct ulimit) ulimits;
	struct strings no_cache_filter, cache_from, cache_to;
	struct strings left_out; /* platforms that are wished for besides; said, not built */
	const char *dir; /* directories of caches are from here; NULL: where the process stands */
	const char *target, *platform, *network;
	int64_t shm_size;
	bool no_cache, pull;
	bool insecure;                       /* RUN --security=insecure is allowed */
	bool host_network;                   /* RUN --network=host is allowed */
	bool privileged;                     /* every RUN is */
	struct build_progress *progress;     /* may be NULL */
	struct progress_sink *pull_progress; /* may be NULL */
};

int build_image(struct arena *a, const struct build_request *r, struct image **out,
		struct err *e) must_check;

/* Several at the same time; each begins when those in `after` are done. */
struct build_job {
	struct build_request request;
	VEC(struct build_job *) after; /* of the same list */
	struct image *image;           /* out; NULL until it is done */
};
struct build_jobs {
	struct build_job **v;
	size_t n, cap;
};
int build_images(struct arena *a, const struct build_jobs *jobs, struct err *e) must_check;

/* Reads and judges the Dockerfile only; images that are not here are not fetched. */
struct lint;
int build_check(struct arena *a, const struct build_request *r, struct lint *out,
		struct err *e) must_check;

/*
 * What `--call` tells of a Dockerfile without building it: its stages, and what one stage can be
 * given. A comment "# NAME what it is" above ARG or FROM is the description.
 */
struct build_target {
	const char *name, *description; /* "" where there is none */
	const char *base, *platform;    /* as written */
	bool is_default;
	int line, end_line;
};
struct build_targets {
	struct build_target *v;
	size_t n, cap;
	struct span source; /* the Dockerfile */
};
int build_targets(struct arena *a, const struct build_request *r, struct build_targets *out,
		  struct err *e) must_check;
struct build_outline_row {
	const char *name, *value, *description; /* value: of an argument, "" where it has none */
	bool required;                          /* a secret or an agent */
	int line, end_line;
};
struct build_outline_rows {
	struct build_outline_row *v;
	size_t n, cap;
};
struct build_outline {
	const char *target, *description;
	bool is_named; /* else target is "default" */
	struct build_outline_rows args, secrets, ssh;
	struct span source;
};
int build_outline(struct arena *a, const struct build_request *r, struct build_outline *out,
		  struct err *e) must_check;

/* A service's `build`, as a request; services that it names (service:x) are not built here. */
int build_service_request(struct arena *a, const struct project *p, const struct service *s,
			  struct build_request *out, struct err *e) must_check;
/* Builds services and, before them, those that their contexts name, what can be at the same time.
 * An image has its service's image name, or PROJECT-SERVICE. */
struct build_overrides {
	struct pairs args;
	bool no_cache, pull;
	const struct build_request *more; /* NULL, or whose secrets and ssh are added */
	struct build_progress *progress;
	struct progress_sink *pull_progress;
};
int build_services(struct arena *a, const struct project *p, const struct strings *services,
		   const struct build_overrides *o, struct err *e) must_check;
/* The name that a service's image has: `image`, or PROJECT-SERVICE. */
const char *build_service_image(struct arena *a, const struct project *p, const struct service *s);
