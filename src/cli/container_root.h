/* The file system of a container, running or not, as a descriptor for base/tree. */
#pragma once
#include "base/err.h"
#include "supervise/status.h"

/* The caller closes *out. A stopped container's overlay is mounted nowhere: only this holds it. */
int container_root(struct arena *a, const struct status *s, int *out, struct err *e) must_check;
/*
 * From now on files are made as that user (0: as ourselves again), with all rights of root: where a
 * mount maps ids, one that it does not know makes no file.
 */
int container_make_as(uint32_t first_id, struct err *e) must_check;
/* The same without volumes and other mounts: what export shows. */
int container_bare_root(struct arena *a, const struct status *s, int *out,
			struct err *e) must_check;
