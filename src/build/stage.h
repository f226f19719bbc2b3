/*
 * Instructions with their meaning: flags checked, forms told apart, and the list cut into stages
 * at each FROM. Nothing is expanded yet: that needs the build's arguments (graph.h).
 */
#pragma once
#include "build/dockerfile.h"
#include "image/image.h"

enum verb {
	DO_ADD,
	DO_ARG,
	DO_CMD,
	DO_COPY,
	DO_ENTRYPOINT,
	DO_ENV,
	DO_EXPOSE,
	DO_HEALTHCHECK,
	DO_LABEL,
	DO_MAINTAINER,
	DO_ONBUILD,
	DO_RUN,
	DO_SHELL,
	DO_STOPSIGNAL,
	DO_USER,
	DO_VOLUME,
	DO_WORKDIR,
	DO_FROM,
};

struct inline_file { /* COPY <<EOF /dest */
	const char *name, *content;
	bool expand;
};
struct copy { /* COPY and ADD */
	struct strings sources, exclude;
	VEC(struct inline_file) files;
	const char *dest, *from, *chown, *chmod, *checksum, *link_text;
	bool link, parents, keep_git_dir;
	int unpack; /* -1: not given */
};

struct action {
	enum verb verb;
	const struct instruction *in;
	int line;
	struct strings words; /* CMD, ENTRYPOINT, RUN, SHELL; EXPOSE, VOLUME; else one value */
	bool shell_form;
	struct pairs pairs; /* ENV, LABEL; ARG with NULL where there is no default */
	struct copy copy;
	struct strings mounts; /* RUN --mount=..., as written */
	const char *network, *security;
	struct image_health health;
};

struct stage {
	const char *name;            /* lower case; "" */
	const char *base, *platform; /* as written; platform "" */
	const struct instruction *in;
	int line, index;
	VEC(struct action) actions;
};

struct recipe {
	const struct dockerfile *file;
	VEC(struct action) global_args;
	VEC(struct stage) stages;
};

int recipe_read(struct arena *a, const struct dockerfile *d, struct recipe *out,
		struct err *e) must_check;
/* One instruction; DO_FROM goes to *stage instead. */
int action_read(struct arena *a, const struct instruction *in, struct action *out,
		struct err *e) must_check;
