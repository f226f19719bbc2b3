/*
 * An overlay of layers as a descriptor, for those who read or write a container's root without
 * starting anything in it. The mount is detached: no path of the host leads there, and it is gone
 * with its last descriptor.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

/* layers: topmost first. upper NULL: read-only. Returns the root's descriptor. */
int overlay_open(struct arena *a, const struct strings *layers, const char *upper, const char *work,
		 struct err *e) must_check;
