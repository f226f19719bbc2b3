#include "base/log.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/when.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int log_fd = 2;
static enum log_level log_least = LOG_WARN_;

void log_open(int fd, enum log_level least)
{
	log_fd = fd;
	log_least = least;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	char text[2048], when[40];
	auto_buf line = {0};
	va_list ap;

	if (level < log_least)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(&line, "%s %s ", when_rfc3339(when_wall_ns(), when), names[level]);
	buf_terminal(&line, text, strlen(text));
	buf_char(&line, '\n');
	(void)sys_write_all(log_fd, line.p, line.n);
}

void log_err(enum log_level level, const struct err *e)
{
	log_line(level, "%s%s%s%s%s", e->at, e->at[0] ? ": " : "", e->what, e->what[0] ? ": " : "",
		 e->why);
}
