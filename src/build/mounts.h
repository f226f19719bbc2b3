/* The --mounts of one RUN: what names them in a key, and how the container gets them. */
#pragma once
#include "build/room.h"

int mounts_key(struct builder *b, const struct graph_mount *m, struct key *k,
	       struct err *e) must_check;
/*
 * Takes the locks of the cache mounts. MOUNTS_BUSY: another step has one, in this process or not;
 * nobody says when it ends.
 */
enum { MOUNTS_BUSY = 2 };
int mounts_reserve(struct builder *b, const struct step *s, struct running *run,
		   struct err *e) must_check;
/* After mounts_reserve(), in the step's order. */
int mounts_add(struct builder *b, const struct graph_mount *m, struct running *run,
	       struct err *e) must_check;
bool mounts_is_dir(const struct mount_spec *m);
