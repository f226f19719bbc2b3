/*
 * A size for what a container may write, by the project quota of the file system that holds its
 * upper directory: ext4 and xfs mounted with prjquota, Linux 5.14 (quotactl_fd(2)).
 */
#pragma once
#include "base/err.h"
#include <stdint.h>

/*
 * Lets everything below the directories `upper` and `work`, which must be empty or have this limit
 * already, take `bytes` together. -ENOTSUP where the file system counts no projects.
 */
int quota_limit(const char *upper, const char *work, uint64_t bytes, struct err *e) must_check;
