/*
 * What the machine runs when it starts: one service for all enabled projects, as a systemd unit, an
 * OpenRC script or a line of rc.local. All paths are below `prefix` ("" is the machine itself), so
 * that an image of a machine can be prepared, and tested, from outside.
 *
 * Which projects are enabled is a file each below BERTH_ROOT/enabled.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

enum startup_kind { STARTUP_SYSTEMD, STARTUP_OPENRC, STARTUP_RC, STARTUP_KINDS };

const char *startup_name(enum startup_kind k); /* "systemd", "openrc", "rc" */
/* What is there; rc where neither of the others is. */
enum startup_kind startup_detect(const char *prefix);
/* Writes what starts `program`; *path (in the arena) is the file. */
int startup_install(struct arena *a, enum startup_kind k, const char *prefix, const char *program,
		    char **path, struct err *e) must_check;
/* Takes away what any kind has installed; nothing there is fine. */
int startup_remove(const char *prefix, struct err *e) must_check;

int startup_enable(const char *project, struct err *e) must_check;
int startup_disable(const char *project, struct err *e) must_check; /* fine where it was not */
int startup_enabled(struct arena *a, struct strings *out, struct err *e) must_check; /* sorted */
