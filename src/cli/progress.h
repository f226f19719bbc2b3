/*
 * What is going on, on stderr: live lines on a terminal, one line per change elsewhere, JSON
 * objects for programs, or nothing. A line is named by its id ("Container web-1", a layer).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct cli;
struct progress;

enum progress_state { PROGRESS_WORKING, PROGRESS_DONE, PROGRESS_WARNING, PROGRESS_ERROR };

/* title: "Running", "Pulling". quiet: show nothing, whatever --progress says. */
struct progress *progress_new(struct cli *c, const char *title, bool quiet);
/* parent: the id of the line it belongs below, or NULL. */
void progress_set(struct progress *p, const char *parent, const char *id, enum progress_state s,
		  const char *text);
void progress_bytes(struct progress *p, const char *id, int64_t done, int64_t total);
void progress_end(struct progress *p); /* last picture; frees */
static inline void progress_end_at(struct progress **p)
{
	progress_end(*p);
}
#define auto_progress __attribute__((cleanup(progress_end_at))) struct progress
/* A line of its own among the live ones: a warning, a digest. */
void progress_note(struct progress *p, const char *text);
