/*
 * User namespaces. The container's mounts are made by the host's root in the initial namespace;
 * the process joins its user namespace last, so its root has no power over the mount table at all.
 * Image layers and binds are shown through id-mapped mounts: nothing on disk is changed.
 */
#pragma once
#include "base/err.h"
#include "runtime/spec.h"

bool userns_wanted(const struct container_spec *s);
/* A descriptor of the namespace that the spec asks for, or -1 for none. */
int userns_open(const struct container_spec *s, int *out, struct err *e) must_check;
/* An id of the container as the host sees it; the id itself without user namespace. */
uid_t userns_uid(const struct container_spec *s, uid_t inside);
gid_t userns_gid(const struct container_spec *s, gid_t inside);
