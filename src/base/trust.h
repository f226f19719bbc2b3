/*
 * The certificates that programs in containers and in RUN steps are to trust as well: for people
 * behind a proxy that opens TLS. Asked for by BERTH_ROOT/ca.pem or /etc/berth/ca.pem, a whole
 * bundle (or a symbolic link to the host's). It is shown at one path, and the variables that
 * libraries read lead there; no image and no cache key knows of it.
 */
#pragma once
#include "base/arena.h"

#define TRUST_TARGET "/run/berth-ca.pem"

const char *trust_bundle(struct arena *a);  /* NULL: not asked for */
extern const char *const trust_variables[]; /* ended by NULL */
