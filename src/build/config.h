/*
 * The configuration of an image in the making, and its JSON. Field by field as docker writes it:
 * what is empty is left out.
 */
#pragma once
#include "image/image.h"

struct config {
	const char *os, *architecture, *variant, *author, *created;
	struct strings env; /* "K=V" */
	struct strings cmd, entrypoint, shell, onbuild;
	struct strings volumes, exposed; /* sets */
	const char *user, *workdir, *stop_signal;
	struct pairs labels;
	bool args_escaped; /* docker's mark of an image with a CMD of its own */
	struct image_health health;
	VEC(struct image_history) history;
};

void config_from_image(struct arena *a, const struct image *img, struct config *out);
/* A copy whose lists can be changed without changing the other's. */
void config_clone(struct arena *a, const struct config *from, struct config *out);
void config_set_env(struct arena *a, struct strings *env, const char *key, const char *value);
const char *config_env(const struct strings *env, const char *key); /* NULL: absent */
void config_set_label(struct arena *a, struct config *c, const char *key, const char *value);
void config_add_to_set(struct arena *a, struct strings *set, const char *word);
void config_add_history(struct arena *a, struct config *c, const char *created_by,
			bool empty_layer);
/* The document; diff_ids bottom first. */
char *config_json(struct arena *a, const struct config *c, const struct strings *diff_ids);
