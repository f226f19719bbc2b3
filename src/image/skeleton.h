/*
 * The lowest layer of every container: the empty /dev, /proc, /sys and files of /etc that mounts
 * cover, and /.dockerenv. What the image has of its own lies above it; what it lacks need not be
 * made in each container's upper directory. One directory for all, never written again.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

/* Puts it below the layers, if there is room for one more; made on first use. */
int skeleton_add(struct arena *a, struct strings *layers, struct err *e) must_check;
