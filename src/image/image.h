/*
 * An image as the rest of berth sees it: where its layers lie and what its configuration says.
 * Source: OCI image-spec v1.1 config.md; docker's Healthcheck extension.
 */
#pragma once
#include "base/text.h"
#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>

struct image_health {
	bool given;
	struct strings test; /* as in the configuration: ["CMD", ...] */
	int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns,
		retries; /* 0: default */
};

struct image_history {
	const char *created_by, *created, *comment;
	bool empty_layer;
};

struct image {
	const char *id;         /* "sha256:..." of the configuration */
	const char *digest;     /* of the manifest, or NULL */
	struct strings names;   /* references that point here */
	struct strings digests; /* "name@sha256:..." */
	struct strings layers;  /* directories of the unpacked layers, topmost first, each once */
	struct strings diff_ids;
	const char *os, *architecture, *variant, *created, *author;
	int64_t size;      /* bytes unpacked */
	int64_t tagged_ns; /* wall time when a name was last given to it, by a pull too; 0: none */
	struct strings entrypoint, cmd, env, volumes, exposed, shell, onbuild;
	const char *user, *workdir, *stop_signal;
	struct pairs labels;
	struct image_health health;
	VEC(struct image_history) history;
	struct span config_json; /* the document itself */
};
