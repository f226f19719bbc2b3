/*
 * Versions of services that came up: the definition and the image's id, the last five of each
 * service, in BERTH_ROOT/projects/P/revisions.jsonl. Written by the supervisor when a job that made
 * containers ends well; `berth rollback` and failure_action: rollback go back to them. The images
 * are not kept from a prune.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>

struct supervisor;

struct revision {
	int64_t number, update; /* update: equal for services of one command */
	int64_t uid, back_to;   /* back_to: the revision that a rollback went to; 0: none */
	const char *service, *hash, *image, *image_id, *time;
	const char *definition; /* JSON: the service, and the networks and volumes that it uses */
};
struct revisions {
	struct revision *v;
	size_t n, cap;
};

int revisions_read(struct arena *a, const char *project, struct revisions *out,
		   struct err *e) must_check; /* oldest first */

struct revisions_mark {
	int64_t uid;
	const struct strings *services;
	const struct revisions *back; /* NULL, or what was gone back to */
};
/* What runs of these services now; those that are as the newest revision says are left out. */
int revisions_note(struct supervisor *s, const struct revisions_mark *mark,
		   struct err *e) must_check;
/* number 0: the newest that is not what the file or the containers are now. */
int revisions_find(struct arena *a, const struct supervisor *s, const char *service, int64_t number,
		   struct revision *out, struct err *e) must_check;
/* It can go back to the newest, from a definition or an image that never came up. */
bool revisions_left(const struct supervisor *s, const char *service);
/* The saved definition with this service as it was. */
int revisions_restore(const struct supervisor *s, const struct revision *r,
		      struct err *e) must_check;
/* Services that the last command changed and that have an earlier revision. */
int revisions_last(struct arena *a, const char *project, struct strings *out,
		   struct err *e) must_check;
