/*
 * What a build will do, decided before anything is done: stages that the target needs, each with
 * its base, its final configuration and its steps, every word expanded. Pure but for the image
 * look-ups that the caller answers.
 */
#pragma once
#include "build/config.h"
#include "build/mountopt.h"
#include "build/stage.h"

enum source_kind { SOURCE_NONE, SOURCE_CONTEXT, SOURCE_STAGE, SOURCE_IMAGE, SOURCE_NAMED };
struct source { /* where COPY --from, a mount or FROM takes files from */
	enum source_kind kind;
	int stage;
	const char *name; /* reference or name of a context */
	struct image *image;
};

struct graph_mount {
	struct run_mount opt;
	struct source from;
	const char *target; /* absolute */
};

enum copy_kind { COPY_PATH, COPY_URL, COPY_GIT, COPY_TEXT };
struct copy_source {
	enum copy_kind kind;
	const char *path;    /* cleaned, absolute inside the source; or the URL */
	const char *pattern; /* --parents: relative to path; NULL */
	const char *text;    /* COPY_TEXT */
};

enum step_kind { STEP_RUN, STEP_COPY, STEP_DIR };
struct step {
	enum step_kind kind;
	const struct action *action;
	const char *title; /* as the user reads it: "RUN npm ci" */
	int line, number;  /* number: within its stage, from 1 */
	/* STEP_RUN */
	struct strings argv, env;
	const char *cwd, *user; /* user also of STEP_DIR; NULL: root */
	const char *network;    /* NULL: default; "none", "host" */
	bool insecure;
	const char *script, *script_name; /* a heredoc with #!, run as /dev/pipes/NAME */
	VEC(struct graph_mount) mounts;
	/* STEP_COPY; dest also of STEP_DIR */
	VEC(struct copy_source) sources;
	struct source from;
	const char *dest; /* absolute; ends in "/" where it must be a directory */
	const char *chown, *chmod, *checksum;
	struct strings exclude;
	bool is_add, link, parents, keep_git_dir, unpack;
	size_t history; /* index in the stage's history, for the time */
};

struct graph_stage {
	const struct stage *stage;
	const char *title;  /* name, or its index as text */
	struct source base; /* SOURCE_NONE: scratch */
	const char *platform;
	bool needed, done;
	bool workdir_set; /* by an instruction, here or in a base stage */
	struct config config;
	struct strings env; /* of RUN: ENV and ARG */
	struct pairs args;  /* declared here or in a base stage, in order */
	VEC(struct step) steps;
	size_t first_history; /* what came before is the base's */
};

struct undefined { /* a variable that nothing defines, for lint */
	int line;
	const char *name, *near; /* near: what may have been meant, or NULL */
};

struct graph {
	const struct recipe *recipe;
	VEC(struct graph_stage) stages;
	int target;
	int64_t epoch_s;          /* SOURCE_DATE_EPOCH; -1: none */
	struct strings used_args; /* names that some ARG asked for */
	VEC(struct undefined) undefined;
	VEC(struct undefined) relative_workdirs; /* the first WORKDIR of a chain of stages */
};

struct graph_input {
	struct pairs args;     /* --build-arg; NULL values were resolved or dropped */
	struct pairs contexts; /* named contexts: name to anything */
	struct pairs labels;
	const char *target;   /* NULL: the last */
	const char *platform; /* "linux/amd64"; of the result */
	const char *build_platform;
	const char *network; /* of RUN without --network; NULL */
	/* The image of a reference; *out NULL says there will be none (checks without images). */
	int (*image)(void *arg, const char *ref, const char *platform, struct image **out,
		     struct err *e);
	void *arg;
};

int graph_make(struct arena *a, const struct recipe *r, const struct graph_input *in,
	       struct graph *out, struct err *e) must_check;
