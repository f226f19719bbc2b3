/*
 * Words for the operator of a long-running process: one line each, key=value where it helps.
 * The command line prints through cli/complain instead.
 */
#pragma once
#include "base/err.h"

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERROR_ };

void log_open(int fd, enum log_level least); /* default: stderr, warnings */
void log_line(enum log_level level, const char *fmt, ...) printf_like(2, 3);
void log_err(enum log_level level, const struct err *e);

#define log_debug(...) log_line(LOG_DEBUG_, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN_, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR_, __VA_ARGS__)
