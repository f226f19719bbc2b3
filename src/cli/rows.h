/* A container as docker's tools print it: the members of `ps --format json`. */
#pragma once
#include "base/json.h"
#include "supervise/status.h"

json_t *rows_container(const struct status *s, bool no_trunc);
/* One of docker's seven words: ours between two of them are the one a script expects. */
const char *rows_state(const struct status *s);
/* What ps shows without -a. One that starts is "created" still: who is seen may be exec'd in. */
bool rows_runs(enum status_state s);
char *rows_ports(struct arena *a, const struct status *s); /* "0.0.0.0:80->80/tcp, 90/tcp" */
json_t *rows_publishers(struct arena *a, const struct status *s);
char *rows_command(struct arena *a, const struct status *s, bool no_trunc); /* in quotes */
