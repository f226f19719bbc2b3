/*
 * A process that nobody waits for, for what is done as far as anybody can see while the kernel (or
 * a disk) goes on with it: an interface that is removed, a socket that is closed behind removed
 * rules, files on their way to the disk.
 */
#pragma once
#include "base/attr.h"
#include <stddef.h>

enum { BEHIND_FDS = 2 };

/*
 * Calls fn in a process of its own, which init reaps. It has the n descriptors open, under the
 * numbers that fn is given, and nothing else of the caller's: no lock and no connection lives on
 * through it. fn reads the caller's memory as it was. 0 or -errno; then fn was not called.
 */
int behind_run(void (*fn)(const void *arg, const int *fds), const void *arg, const int *fds,
	       size_t n) must_check;
