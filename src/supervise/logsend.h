/*
 * Lines of a container's output on their way to journald or a syslog server, beside the files that
 * `logs` reads. Nobody waits: what a full or absent receiver does not take is counted and left out.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <stdint.h>

struct instance;
struct log_sender;

/* *out NULL: the driver sends nothing. Refuses options that the driver does not know. */
int logsend_new(struct instance *i, struct log_sender **out, struct err *e) must_check;
void logsend_free(struct log_sender *s); /* NULL is fine */
/* is_part: the line goes on. */
void logsend_line(struct log_sender *s, struct span line, int stream, bool is_part,
		  int64_t wall_ns);

/* Driver and options of a service are known and make sense. */
int logsend_check(const struct instance *i, struct err *e) must_check;
/* Labels and variables that the options ask for, as {"label":"value"}; empty: none. */
void logsend_attributes(const struct instance *i, struct buf *out);
/* "{{.Name}}/{{.ID}}" filled in. */
int logsend_tag(const struct instance *i, const char *text, struct buf *out,
		struct err *e) must_check;
/* One message as a syslog server wants it, with its newline. format: syslog-format, or "". */
void logsend_syslog(struct buf *out, const char *format, int priority, int64_t wall_ns,
		    const char *tag, int64_t pid, struct span line);
