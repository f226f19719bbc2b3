/*
 * Reading the logs of a container: BERTH_ROOT/projects/<p>/logs/<name>/{json.log, json.log.N,
 * json.log.N.gz}, lines as docker's json-file has them. Follows across rotation; never needs the
 * supervisor.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

/* A longer line is kept in parts of this size, of which only the last has a newline. */
enum { LOGS_PART = 16384 };

struct logs_query {
	int64_t tail;               /* -1: all */
	int64_t since_ns, until_ns; /* wall; 0: none */
};
struct logs_line {
	int64_t time_ns;
	bool is_stderr;
	struct span text; /* with its newline, unless the line was cut; valid until the next call */
};

struct logs_reader;
/* Absent logs are an empty reader: following works once they appear. */
int logs_open(const char *dir, const struct logs_query *q, struct logs_reader **out,
	      struct err *e) must_check;
void logs_close(struct logs_reader *r);
/* 1: *out is filled. 0: nothing more now. */
int logs_next(struct logs_reader *r, struct logs_line *out, struct err *e) must_check;
/* inotify descriptor for poll(); logs_next() drains it. */
int logs_follow_fd(struct logs_reader *r, struct err *e) must_check;
