/* Inside the room: what the parts of one running build share. */
#pragma once
#include "base/loop.h"
#include "build/build.h"
#include "build/copy.h"
#include "build/graph.h"
#include "image/layer.h"
#include "runtime/launch.h"

struct named_files { /* an additional context that is a directory */
	const char *name;
	struct files files;
	struct ignore ignore;
	struct digests digests;
	bool passing; /* brought here for this build */
};

struct fetched { /* an URL or a repository that was brought here */
	const struct copy_source *source;
	const char *path;
	char sum[65];
};

struct done_step { /* for cache_to */
	const char *key;
	struct known_step step;
};

struct builder {
	struct arena *a;
	const struct build_request *req;
	struct dockerfile file;
	struct recipe recipe;
	struct graph graph;
	struct span piped;    /* the Dockerfile, where it came instead of a context */
	struct files context; /* root -1: there is none */
	struct ignore ignore;
	struct digests digests;
	VEC(struct named_files) named;
	VEC(struct fetched) fetched;
	struct caches *caches;
	struct stage_run *runs; /* one for each stage of the graph */
	struct site *site;
	bool check_only;
	const char *created;      /* RFC 3339: of everything in this build */
	struct strings scratches; /* directories to remove at the end */
	struct err *e;
};

/* Builds that go on at the same time, by one loop. */
struct site {
	struct loop *loop;
	struct builder *builders;
	size_t n;
	struct site_images *images;
	int steps_begun, failed; /* failed: -errno of a RUN that ended; the reason is in *e */
	struct err *e;
};

struct running { /* a RUN step in its container */
	struct container_spec spec;
	struct launch launch;
	struct watch exited, out;
	struct buf log; /* the end of its output, for the message */
	char *scratch;
	VEC(int) fds;          /* locks, held until it ends */
	struct strings caches; /* directories of the cache mounts, in order */
	size_t caches_mounted;
	struct stage_run *of;
	bool launched;
};

struct stage_run {
	struct builder *b;
	struct graph_stage *stage;
	size_t next;               /* step */
	struct strings diff_ids;   /* bottom first */
	struct strings dirs;       /* topmost first */
	struct strings created;    /* of each step's layer */
	VEC(struct done_step) did; /* where caches are exported */
	struct running *running;
	struct build_step_info info;
	int64_t began_ns;
	bool loaded, finished;
	bool begun;   /* the step was shown */
	bool waiting; /* for a cache mount that another step holds */
	char key[65]; /* of the step under way */
};

/* Files of a source; the descriptor is the caller's to close where *owned. */
int source_files(struct builder *b, const struct source *s, struct files *out, bool *owned,
		 struct err *e) must_check;
/* What names a source's content in a key. */
int source_key(struct builder *b, const struct source *s, const char *path, struct key *k,
	       struct err *e) must_check;
/* The layers of a stage or an image: their digests are their content. */
void source_layers_key(struct builder *b, const struct source *s, struct key *k);
/* What names a source without its content being looked at. */
void source_name(struct builder *b, const struct source *s, const char *path, struct key *k);
struct strings source_layers(struct builder *b, const struct source *s);

/* run.c: starts the step; run_collect() when it has ended takes the layer. */
int run_begin(struct stage_run *st, const struct step *s, struct err *e) must_check;
int run_key(struct stage_run *st, const struct step *s, struct key *k, struct err *e) must_check;
void run_drop(struct running *r);

/* fetch.c */
int fetch_url(struct builder *b, const char *url, const char *to, struct err *e) must_check;
int fetch_key(struct builder *b, const struct step *s, struct key *k, struct err *e) must_check;
int fetch_copy(struct builder *b, const struct step *s, const struct copy_to *to,
	       struct err *e) must_check;
/* Unpacks where the file is an archive: 1; 0 where it is none. */
int fetch_unpack(struct builder *b, int fd, const struct copy_to *to, struct err *e) must_check;

/*
 * images.c: what the builds stand on, brought side by side before anything is built, so that
 * Ctrl-C still ends this process alone. A failure is kept for who asks for that image.
 */
int images_bring(struct site *site, struct err *e) must_check;
/* The image of a reference, as graph_input has it; arg: a builder. */
int images_find(void *arg, const char *ref, const char *platform, struct image **out,
		struct err *e) must_check;

/* build.c: the graph's questions, with images from here. */
int builder_graph(struct builder *b, struct arena *a,
		  int (*image)(void *, const char *, const char *, struct image **, struct err *),
		  struct graph *out, struct err *e) must_check;
/* build.c: the Dockerfile read and its graph made; images that are not here are not fetched. */
int builder_look(struct builder *b, struct arena *a, const struct build_request *q,
		 struct err *e) must_check;
void builder_done(struct builder *b);

/* execute.c */
void execute_begin(struct builder *b);
/* One look at every stage: 1 where something was done, 0 where only time helps. */
int execute_turn(struct builder *b, struct err *e) must_check;
bool execute_ended(const struct builder *b);
/* What still runs is killed. */
void execute_drop(struct builder *b);
/* The step's layer is here: takes it and goes on with the stage. */
int execute_adopt(struct stage_run *st, const char *upper, struct err *e) must_check;
void execute_end_step(struct stage_run *st, enum build_outcome outcome);
/* A new scratch directory with upper and work below it. */
int execute_scratch(struct builder *b, char **out, struct err *e) must_check;
