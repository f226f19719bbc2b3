/*
 * Logs of several containers on one screen: prefixed, coloured per container, merged by time
 * where they are read from the past, as they come where they are followed. Reads the files, not
 * the supervisor.
 */
#pragma once
#include "base/err.h"
#include "supervise/logs_read.h"
#include "supervise/status.h"

struct logmux;

struct logmux_style {
	bool colour, prefix, timestamps;
};

struct logmux *logmux_new(const struct logmux_style *style);
void logmux_free(struct logmux *m);
static inline void logmux_free_at(struct logmux **m)
{
	logmux_free(*m);
}
#define auto_logmux __attribute__((cleanup(logmux_free_at))) struct logmux

/* name: what stands before its lines ("web-1"). A container that is there already is left alone. */
int logmux_add(struct logmux *m, const struct status *s, const struct logs_query *q,
	       struct err *e) must_check;
/* Prints what there is now, oldest first. */
int logmux_drain(struct logmux *m, struct err *e) must_check;
/* Descriptors to wait for: one per container. Returns how many were written. */
struct pollfd;
size_t logmux_poll(struct logmux *m, struct pollfd *fds, size_t room);
void logmux_names(const struct logmux *m, struct buf *out); /* "db-1, web-1" */
size_t logmux_count(const struct logmux *m);
/* A line of berth's own between them: "web-1 exited with code 0". */
void logmux_say(struct logmux *m, const char *text);
/* "web-1" for a container "p-web-1" of project p and service web; a name that the file gives is
 * told whole. */
const char *logmux_short_name(const struct status *s);
