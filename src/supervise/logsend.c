#include "supervise/logsend.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "supervise/supervisor.h"
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { STREAM_MAX = 1 << 20 };

struct log_sender {
	const struct instance *of;
	struct sockaddr_storage to;
	socklen_t to_len;
	int fd, type; /* SOCK_DGRAM, SOCK_STREAM */
	bool journal;
	int facility;
	const char *format;
	struct arena arena;
	struct buf tag, fields /* of the journal, the same in every message */;
	struct buf out; /* of a stream, on its way */
	struct watch watch;
	struct timer again;
	uint64_t lost;
	int64_t told_ns;
};

/* --- what a message looks like --- */

void logsend_syslog(struct buf *out, const char *format, int priority, int64_t wall_ns,
		    const char *tag, int64_t pid, struct span line)
{
	time_t t = (time_t)(wall_ns / NS_PER_SEC);
	char host[65] = "-", stamp[64];
	struct tm tm;

	localtime_r(&t, &tm);
	(void)!gethostname(host, sizeof(host) - 1);
	while (line.n && line.p[line.n - 1] == '\n')
		line.n--;
	if (!strncmp(format, "rfc5424", 7)) {
		gmtime_r(&t, &tm);
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
		buf_printf(out, "<%d>1 %s", priority, stamp);
		if (!strcmp(format, "rfc5424micro"))
			buf_printf(out, ".%06d", (int)(wall_ns % NS_PER_SEC / 1000));
		buf_printf(out, "Z %s %s %lld %s - ", host, tag, (long long)pid, tag);
	} else {
		strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
		buf_printf(out, "<%d>%s ", priority, stamp);
		if (!strcmp(format, "rfc3164"))
			buf_printf(out, "%s ", host);
		buf_printf(out, "%s[%lld]: ", tag, (long long)pid);
	}
	buf_add(out, line.p, line.n);
	buf_char(out, '\n');
}

/* systemd's native protocol: the form with a length takes any bytes. */
static void journal_field(struct buf *out, const char *name, struct span value)
{
	uint64_t n = htole64(value.n);

	buf_printf(out, "%s\n", name);
	buf_add(out, &n, sizeof(n));
	buf_add(out, value.p, value.n);
	buf_char(out, '\n');
}

static void journal_message(const struct log_sender *s, struct buf *out, int severity,
			    struct span line, bool is_part, int64_t wall_ns)
{
	char stamp[40];

	while (line.n && line.p[line.n - 1] == '\n')
		line.n--;
	buf_printf(out, "PRIORITY=%d\nSYSLOG_TIMESTAMP=%s\n", severity,
		   when_rfc3339(wall_ns, stamp));
	if (is_part)
		buf_str(out, "CONTAINER_PARTIAL_MESSAGE=true\n");
	buf_add(out, s->fields.p, s->fields.n);
	journal_field(out, "MESSAGE", line);
}

static void journal_fields(struct log_sender *s)
{
	const struct status *st = &s->of->st;
	auto_buf attributes = {0};
	auto_json *j = NULL;
	struct err ignored;
	const char *key;
	json_t *value;

	buf_printf(&s->fields, "CONTAINER_ID=%.12s\nCONTAINER_ID_FULL=%s\n", st->id, st->id);
	buf_printf(&s->fields, "CONTAINER_NAME=%s\nIMAGE_NAME=%s\n", st->name,
		   st->image ? st->image : "");
	journal_field(&s->fields, "CONTAINER_TAG", (struct span){s->tag.p, s->tag.n});
	journal_field(&s->fields, "SYSLOG_IDENTIFIER", (struct span){s->tag.p, s->tag.n});
	logsend_attributes(s->of, &attributes);
	if (!attributes.n || json_read(attributes.p, attributes.n, &j, &ignored) < 0)
		return;
	json_object_foreach(j, key, value)
	{
		auto_buf name = {0};

		for (const char *c = key; *c; c++) /* upper case, digits, underscores */
			buf_char(&name, *c >= 'a' && *c <= 'z'   ? (char)(*c - 32)
					: *c >= 'A' && *c <= 'Z' ? *c
					: *c >= '0' && *c <= '9' ? *c
								 : '_');
		journal_field(&s->fields, name.p, span_of(json_string_value(value)));
	}
}

/* --- where it goes --- */

static int unix_address(struct log_sender *s, const char *path, struct err *e)
{
	struct sockaddr_un *to = (struct sockaddr_un *)&s->to;

	if (strlen(path) >= sizeof(to->sun_path))
		return err_set(e, ENAMETOOLONG, "log socket %s: the name is too long", path);
	to->sun_family = AF_UNIX;
	snprintf(to->sun_path, sizeof(to->sun_path), "%s", path);
	s->to_len = sizeof(*to);
	return 0;
}

/* Numbers only: a look-up would keep everything else waiting. */
static int ip_address(struct log_sender *s, const char *where, struct err *e)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *found = NULL;
	auto_arena a = {0};
	const char *colon = strrchr(where, ':');
	struct span host = span_of(where);
	const char *port = "514";

	if (colon && !strchr(colon, ']')) {
		host.n = (size_t)(colon - where);
		port = colon + 1;
	}
	if (host.n && *host.p == '[') {
		host.p++;
		host.n -= 2;
	}
	if (!host.n || span_is(host, "localhost"))
		host = span_of("127.0.0.1");
	if (getaddrinfo(span_dup(&a, host), port, &hints, &found) || !found) {
		err_set(e, EINVAL, "syslog-address: \"%s\" is no address with a port", where);
		return err_hint(e, "a number: udp://192.0.2.1:514");
	}
	memcpy(&s->to, found->ai_addr, found->ai_addrlen);
	s->to_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int syslog_address(struct log_sender *s, const char *text, struct err *e)
{
	static const struct {
		const char *scheme;
		int type;
		int (*read)(struct log_sender *s, const char *rest, struct err *e);
	} rows[] = {{"udp://", SOCK_DGRAM, ip_address},
		    {"tcp://", SOCK_STREAM, ip_address},
		    {"unixgram://", SOCK_DGRAM, unix_address},
		    {"unix://", SOCK_STREAM, unix_address}};

	for (size_t k = 0; k < countof(rows); k++) {
		if (!text_starts(text, rows[k].scheme))
			continue;
		s->type = rows[k].type;
		return rows[k].read(s, text + strlen(rows[k].scheme), e);
	}
	if (text_starts(text, "tcp+tls://")) {
		err_set(e, ENOTSUP, "syslog-address: berth speaks no TLS to a syslog receiver");
		return err_hint(e, "send to a syslog daemon of this host, which forwards it");
	}
	err_set(e, EINVAL, "syslog-address: \"%s\" is not understood", text);
	return err_hint(e, "udp://, tcp://, unix:// or unixgram://");
}

static int facility_of(const char *text, int *out, struct err *e)
{
	static const char *const names[] = {"kern", "user", "mail", "daemon", "auth",     "syslog",
					    "lpr",  "news", "uucp", "cron",   "authpriv", "ftp"};
	int64_t n;

	*out = LOG_DAEMON;
	if (!text)
		return 0;
	for (size_t k = 0; k < countof(names); k++) {
		if (!strcmp(names[k], text))
			*out = (int)k << 3;
	}
	if (text_starts(text, "local") && !text_to_i64(text + 5, &n) && n >= 0 && n <= 7)
		*out = (int)(16 + n) << 3;
	else if (!text_to_i64(text, &n) && n >= 0 && n <= 23)
		*out = (int)n << 3;
	else if (*out == LOG_DAEMON && strcmp(text, "daemon"))
		return err_set(e, EINVAL, "syslog-facility: there is no \"%s\"", text);
	return 0;
}

/* --- the connection --- */

static int on_socket(struct watch *w, uint32_t events);

static int dial(struct log_sender *s)
{
	int fd = socket(s->to.ss_family, s->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&s->to, s->to_len) < 0 && errno != EINPROGRESS) {
		int r = -errno;

		close(fd);
		return r;
	}
	s->fd = fd;
	return s->type == SOCK_STREAM
		       ? loop_watch(s->of->of->loop, &s->watch, fd, EPOLLIN | EPOLLOUT, on_socket)
		       : 0;
}

static int on_again(struct timer *t);

static void hang_up(struct log_sender *s)
{
	loop_unwatch(&s->watch);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	if (!s->again.loop)
		loop_timer_in(s->of->of->loop, &s->again, NS_PER_SEC, on_again);
}

static int on_again(struct timer *t)
{
	struct log_sender *s = container_of(t, struct log_sender, again);

	if (s->fd < 0 && dial(s) < 0)
		hang_up(s);
	return 0;
}

static void flush(struct log_sender *s)
{
	ssize_t n = send(s->fd, s->out.p, s->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != ENOTCONN) {
		hang_up(s);
		return;
	}
	if (n > 0) {
		memmove(s->out.p, s->out.p + n, s->out.n - (size_t)n);
		s->out.n -= (size_t)n;
	}
	loop_change(&s->watch, s->out.n ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static int on_socket(struct watch *w, uint32_t events)
{
	struct log_sender *s = container_of(w, struct log_sender, watch);
	char nothing[512];

	if (events & (EPOLLERR | EPOLLHUP) ||
	    (events & EPOLLIN && recv(w->fd, nothing, sizeof(nothing), MSG_DONTWAIT) == 0))
		hang_up(s);
	else if (s->out.n)
		flush(s);
	else
		loop_change(w, EPOLLIN);
	return 0;
}

static void lose(struct log_sender *s)
{
	int64_t now = when_mono_ns();

	s->lost++;
	if (s->told_ns && now - s->told_ns < 60 * NS_PER_SEC)
		return;
	s->told_ns = now;
	log_warn("%s: %llu lines were not taken by its log receiver", s->of->st.name,
		 (unsigned long long)s->lost);
}

static void post(struct log_sender *s, const struct buf *message)
{
	if (s->type == SOCK_STREAM) {
		if (s->out.n + message->n > STREAM_MAX) {
			lose(s);
			return;
		}
		buf_add(&s->out, message->p, message->n);
		if (s->fd >= 0)
			flush(s);
		return;
	}
	if (s->fd < 0 || send(s->fd, message->p, message->n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		if (s->fd >= 0 && errno != EAGAIN && errno != EMSGSIZE)
			hang_up(s);
		lose(s);
	}
}

void logsend_line(struct log_sender *s, struct span line, int stream, bool is_part, int64_t wall_ns)
{
	auto_buf message = {0};
	int severity = stream ? LOG_ERR : LOG_INFO;

	if (s->journal)
		journal_message(s, &message, severity, line, is_part, wall_ns);
	else
		logsend_syslog(&message, s->format, s->facility | severity, wall_ns, s->tag.p,
			       s->of->st.pid, line);
	post(s, &message);
}

static int address_of(struct log_sender *s, const struct pairs *o, struct err *e)
{
	const char *address = pairs_get(o, "syslog-address"), *format;
	int r;

	s->type = SOCK_DGRAM;
	if (s->journal)
		return unix_address(s, "/run/systemd/journal/socket", e);
	format = pairs_get(o, "syslog-format");
	s->format = arena_printf(&s->arena, "%s", format ? format : "");
	r = facility_of(pairs_get(o, "syslog-facility"), &s->facility, e);
	if (r < 0)
		return r;
	return address ? syslog_address(s, address, e) : unix_address(s, "/dev/log", e);
}

int logsend_new(struct instance *i, struct log_sender **out, struct err *e)
{
	const char *driver = i->svc && i->svc->log_driver ? i->svc->log_driver : "";
	struct log_sender *s;
	const char *tag;
	int r;

	*out = NULL;
	if (strcmp(driver, "journald") && strcmp(driver, "syslog"))
		return 0;
	s = mem_new(sizeof(*s));
	s->of = i;
	s->fd = -1;
	s->journal = !strcmp(driver, "journald");
	tag = pairs_get(&i->svc->log_options, "tag");
	r = logsend_tag(i, tag ? tag : "{{.ID}}", &s->tag, e);
	if (!r)
		r = address_of(s, &i->svc->log_options, e);
	if (!r) {
		r = dial(s);
		if (r < 0) {
			err_set(e, -r, "log driver %s: its receiver is not there: %s", driver,
				strerror(-r));
			err_hint(e, "start it, or choose the driver json-file");
		}
	}
	if (r < 0) {
		logsend_free(s);
		return r;
	}
	if (s->journal)
		journal_fields(s);
	*out = s;
	return 0;
}

void logsend_free(struct log_sender *s)
{
	if (!s)
		return;
	if (s->fd >= 0 && s->out.n)
		(void)!send(s->fd, s->out.p, s->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	loop_unwatch(&s->watch);
	loop_timer_drop(&s->again);
	if (s->fd >= 0)
		close(s->fd);
	buf_done(&s->tag);
	buf_done(&s->fields);
	buf_done(&s->out);
	arena_free(&s->arena);
	free(s);
}
