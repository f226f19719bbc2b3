/* What containers use of the store, for prune and df. */
#pragma once
#include "base/json.h"
#include "cli/cli.h"
#include "image/volume.h"

struct disk_users {
	struct strings images, volumes; /* ids, names */
	size_t containers, running;
	int64_t container_bytes, log_bytes;
};
int disk_verbose(struct cli *c, const char *format, struct err *e) must_check;
int disk_in_use(struct arena *a, struct disk_users *out, struct err *e) must_check;
int64_t disk_usage(const char *path); /* bytes of blocks below it */
/* Whether labels satisfy "label=KEY[=VALUE]" or "label!=KEY[=VALUE]"; other filters always fit. */
bool disk_label_fits(const struct pairs *labels, const char *filter);
bool disk_labels_fit(const struct pairs *labels, const struct strings *filters);
/* A volume as docker's `volume ls --format json` has it. */
json_t *disk_volume_row(struct arena *a, const struct store_volume *v);
/* Volumes that no container uses: all, or only those without a name of the user's own. */
int disk_prune_volumes(struct cli *c, bool all, bool dry_run, const struct strings *labels,
		       struct err *e) must_check;
