/*
 * The files of a container's log: json.log, and json.log.N with growing N for what was rotated
 * away, compressed as json.log.N.gz by a process of its own, so that the supervisor never waits.
 * What a predecessor of the same name wrote lies in previous/ below. One reader's and one writer's
 * view.
 */
#pragma once
#include "supervise/supervisor.h"

/* Opens json.log for appending: l->log; makes the directory. */
int logfile_open(struct instance *i);
/* json.log gets its number, a new one is opened; the oldest goes. */
int logfile_rotate(struct instance *i);
/* A compression at work goes on by itself. */
void logfile_forget(struct instance *i);
/* A new container takes the name: what is there becomes `previous`. */
void logfile_put_by(const char *dir);

/* The numbers in dir, ascending (both forms); 0 where there are none. */
size_t logfile_serials(struct arena *a, const char *dir, int64_t **out);
