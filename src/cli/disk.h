/* What containers use of the store, for prune and df. */
#pragma once
#include "cli/cli.h"
#include "image/volume.h"

struct disk_users {
	struct strings images, volumes; /* ids, names */
	size_t containers, running;
	int64_t container_bytes, log_bytes;
};
int disk_in_use(struct arena *a, struct disk_users *out, struct err *e) must_check;
int64_t disk_usage(const char *path); /* bytes of blocks below it */
/* Volumes that no container uses: all, or only those without a name of the user's own. */
int disk_prune_volumes(struct cli *c, bool all, bool dry_run, struct err *e) must_check;
