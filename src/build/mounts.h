/* The --mounts of one RUN: what names them in a key, and how the container gets them. */
#pragma once
#include "build/room.h"

int mounts_key(struct builder *b, const struct graph_mount *m, struct key *k,
	       struct err *e) must_check;
int mounts_add(struct builder *b, const struct graph_mount *m, struct running *run,
	       struct err *e) must_check;
bool mounts_is_dir(const struct mount_spec *m);
