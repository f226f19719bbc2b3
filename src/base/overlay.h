/*
 * An overlay of layers as a descriptor. The mount is detached: no path of the host leads there, and
 * it is gone with its last descriptor.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

/*
 * layers: topmost first, at most OVERLAY_LAYERS, or none: `upper` itself. upper NULL: read-only.
 * attrs: MOUNT_ATTR_*. Returns the root's descriptor. Before Linux 6.5 the working directory is
 * another for a moment.
 */
enum { OVERLAY_LAYERS = 128 };
int overlay_open(struct arena *a, const struct strings *layers, const char *upper, const char *work,
		 uint64_t attrs, struct err *e) must_check;
/*
 * The same with the layers shown in the ids of a user namespace, and an upper directory that is
 * its root's already. The caller has a mount namespace of its own: for a moment /sys is hidden.
 */
int overlay_open_mapped(struct arena *a, const struct strings *layers, const char *upper,
			const char *work, int userns, struct err *e) must_check;
