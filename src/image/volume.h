/*
 * Named volumes: BERTH_ROOT/volumes/<name>/_data with volume.json beside it. Names follow docker's
 * rule. A volume that is used for the first time and is empty is seeded from the image's directory
 * at the mount point, as docker does.
 *
 * The options type, device and o of docker's local driver make it a directory elsewhere ("bind"), a
 * tmpfs, which is mounted at _data from the first use until the volume goes, or a file system of
 * its own (NFS, CIFS, a disk), which only containers mount.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

struct store_volume {
	const char *name, *path; /* path: the _data directory */
	const char *where;       /* where its files are on the host; NULL: only containers see it */
	const char *type, *device, *o; /* driver options; NULL where not given */
	const char *driver;            /* "local" */
	const char *created;           /* RFC 3339 */
	struct pairs labels, options;
};
struct store_volumes {
	struct store_volume *v;
	size_t n, cap;
};

enum { VOLUME_ABSENT = 1 };

/* Finds it or makes it with these labels and driver options (either may be NULL). */
int volume_ensure(struct arena *a, const char *name, const struct pairs *labels,
		  const struct pairs *options, struct store_volume *out, struct err *e) must_check;
int volume_find(struct arena *a, const char *name, struct store_volume *out,
		struct err *e) must_check;
int volume_list(struct arena *a, struct store_volumes *out, struct err *e) must_check;
/* A tmpfs is mounted, where it is not yet; others need nothing. */
int volume_mount(const struct store_volume *v, struct err *e) must_check;
/*
 * With a name aside, not there yet, it is only moved there where the file systems allow: what it
 * holds is the caller's to remove. With NULL, or where they do not, it is removed.
 */
int volume_remove(const char *name, const char *aside, struct err *e) must_check;
/*
 * Fills an empty volume with what lies at `where` inside the image (layer directories topmost
 * first, as struct image has them): owner and mode of the directory itself too. Once per volume;
 * a volume with content, or already seeded, stays as it is; one that was left half filled is
 * filled. Where that is more than `most` entries, or somebody else is at it, VOLUME_LARGE: to be
 * called again with 0 by who can wait.
 */
enum { VOLUME_LARGE = 1 };
int volume_seed(const struct store_volume *v, const struct strings *layers, const char *where,
		size_t most, struct err *e) must_check;
