/* The database: a connection that logs in and is made anew when it is lost, without anybody waiting
 * for it; commands are answered in turn. */
#include "opty.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RETRY_MS = 2000, BACKLOG = 16 * PACKET_MAX };

static void failed(const char *what, const char *why)
{
	fprintf(stderr, "cannot reach the database: %s: %s\n", what, why);
}

static size_t command(struct mongo *m, struct buf *b)
{
	return bson_command(b, ++m->request);
}

static void finish(struct mongo *m, struct buf *b, size_t start, const char *database)
{
	bson_finish(b, start, database);
	buf_add(&m->out, b->p, b->n);
	buf_free(b);
}

/* ---- logging in ----------------------------------------------------------------------------- */

static void sasl_start(struct mongo *m)
{
	struct buf b = {0};
	size_t start = command(m, &b);

	scram_first(&m->scram, m->user);
	bson_int(&b, "saslStart", 1);
	bson_string(&b, "mechanism", "SCRAM-SHA-256");
	bson_binary(&b, "payload", m->scram.first);
	finish(m, &b, start, m->auth_source);
}

static void sasl_continue(struct mongo *m, int32_t conversation, const char *payload)
{
	struct buf b = {0};
	size_t start = command(m, &b);

	bson_int(&b, "saslContinue", 1);
	bson_int(&b, "conversationId", conversation);
	bson_binary(&b, "payload", payload);
	finish(m, &b, start, m->auth_source);
}

/* NULL, or why this goes no further. */
static const char *log_in(struct mongo *m, const struct reply *r)
{
	if (!r->ok)
		return *r->error ? r->error : "refused";
	switch (m->step++) {
	case 0:
		if (scram_answer(&m->scram, m->password, r->payload))
			return "a challenge that is none";
		sasl_continue(m, r->conversation, m->scram.last);
		return NULL;
	case 1:
		if (!scram_proved(&m->scram, r->payload))
			return "the server does not know the password either";
		break;
	default:
		if (!r->done)
			return "no end";
	}
	m->ready = r->done;
	if (m->ready)
		printf("logged in to the database\n");
	else
		sasl_continue(m, r->conversation, "");
	return NULL;
}

static void dial(struct server *s)
{
	struct mongo *m = &s->mongo;

	m->retry_at = s->now + RETRY_MS;
	m->fd = net_begin(m->host, m->port, m->attempt++);
	if (m->fd < 0) {
		failed(m->host, strerror(errno));
		return;
	}
	m->in.n = m->out.n = 0;
	m->step = 0;
	m->ready_by = s->now + MONGO_MS;
	m->ready = !m->user;
	if (m->user)
		sasl_start(m);
}

/* ---- what the others ask for ---------------------------------------------------------------- */

static char *decoded(const char *p, size_t n)
{
	char *out = calloc(1, n + 1), *o = out, hex[3] = "";

	for (const char *e = p + n; out && p < e; p++) {
		if (*p == '%' && e - p > 2) {
			memcpy(hex, p + 1, 2);
			*o++ = (char)strtol(hex, NULL, 16);
			p += 2;
		} else {
			*o++ = *p;
		}
	}
	return out;
}

/* mongodb://[USER:PASSWORD@]HOST[:PORT]/DATABASE[?authSource=...] */
int mongo_start(struct server *s, const char *url)
{
	struct mongo *m = &s->mongo;
	const char *p = url + strlen("mongodb://"), *at, *slash, *colon, *source;
	size_t n;

	m->last = &m->first;
	if (strncmp(url, "mongodb://", strlen("mongodb://"))) {
		failed("MONGO_URL", "set it to mongodb://USER:PASSWORD@HOST/DATABASE");
		return -1;
	}
	at = strchr(p, '@');
	slash = strchr(at ? at : p, '/');
	if (at) {
		n = strcspn(p, ":@");
		m->user = decoded(p, n);
		m->password =
			p[n] == ':' ? decoded(p + n + 1, (size_t)(at - p) - n - 1) : strdup("");
		p = at + 1;
	}
	n = slash ? (size_t)(slash - p) : strlen(p);
	colon = memchr(p, ':', n);
	m->host = strndup(p, colon ? (size_t)(colon - p) : n);
	m->port = colon ? strndup(colon + 1, n - (size_t)(colon - p) - 1) : strdup("27017");
	n = slash ? strcspn(slash + 1, "?") : 0;
	m->database = n ? strndup(slash + 1, n) : strdup("test");
	source = slash ? strstr(slash, "authSource=") : NULL;
	m->auth_source =
		source ? strndup(source + 11, strcspn(source + 11, "&")) : strdup(m->database);
	dial(s);
	return 0;
}

static void call(struct server *s, mongo_done *done, const char *who, long ack, struct conn *c)
{
	struct mongo_call *k = calloc(1, sizeof(*k));

	if (!k)
		abort();
	k->done = done;
	k->ack = ack;
	k->conn = c;
	k->deadline = s->now + MONGO_MS;
	snprintf(k->who, sizeof(k->who), "%s", who);
	*s->mongo.last = k;
	s->mongo.last = &k->next;
}

static void pop(struct server *s, bool ok, int64_t n)
{
	struct mongo_call *k = s->mongo.first;

	if (!k)
		return;
	s->mongo.first = k->next;
	if (!k->next)
		s->mongo.last = &s->mongo.first;
	if (k->conn)
		http_reply(s, k->conn, ok ? 200 : 503, "text/plain", ok ? "ok\n" : "no database\n",
			   ok ? 3 : 12);
	else if (k->done)
		k->done(s, ok, n, k->who, k->ack);
	free(k);
}

static void lost(struct server *s, const char *what, const char *why)
{
	struct mongo *m = &s->mongo;

	failed(what, why);
	close(m->fd);
	m->fd = -1;
	m->ready = false;
	m->out.n = 0;
	while (m->first)
		pop(s, false, 0);
}

void mongo_input(struct server *s)
{
	struct mongo *m = &s->mongo;
	struct reply r;
	int got;

	if (net_read(m->fd, &m->in) < 0) {
		lost(s, m->host, errno ? strerror(errno) : "the connection was closed");
		return;
	}
	while ((got = bson_reply(&m->in, &r)) > 0) {
		const char *why = NULL;

		if (m->ready)
			pop(s, r.ok, r.n);
		else
			why = log_in(m, &r);
		if (why) {
			lost(s, "log in", why);
			return;
		}
	}
	if (got < 0)
		lost(s, m->host, "this is no MongoDB");
}

void mongo_ping(struct server *s, struct conn *c)
{
	struct buf b = {0};
	size_t start;

	call(s, NULL, "", -1, c);
	if (!s->mongo.ready) {
		pop(s, false, 0);
		return;
	}
	start = command(&s->mongo, &b);
	bson_int(&b, "ping", 1);
	finish(&s->mongo, &b, start, s->mongo.database);
}

static void inserted(struct server *s, bool ok, int64_t n, const char *who, long ack)
{
	(void)who, (void)ack;
	s->mongo.inserted = ok && n == 1;
}

/* The client hears how many messages are kept, once this one is; null when it is not. */
static void kept(struct server *s, bool ok, int64_t n, const char *who, long ack)
{
	struct buf packet = {0};
	struct session *x = session_find(s, who);

	if (!x || ack < 0)
		return;
	if (ok && s->mongo.inserted)
		buf_printf(&packet, "43%ld[%lld]", ack, (long long)n);
	else
		buf_printf(&packet, "43%ld[null]", ack);
	session_send(s, x, packet.p);
	buf_free(&packet);
}

void mongo_keep(struct server *s, const struct session *from, const char *text, long ack)
{
	struct mongo *m = &s->mongo;
	struct buf b = {0};
	size_t start, list, document;
	int64_t now = (int64_t)time(NULL) * 1000;

	if (!m->ready || m->out.n > BACKLOG) {
		kept(s, false, 0, from->id, ack);
		return;
	}
	start = command(m, &b);
	bson_string(&b, "insert", "messages");
	bson_element(&b, 4, "documents");
	list = bson_begin(&b);
	bson_element(&b, 3, "0");
	document = bson_begin(&b);
	bson_string(&b, "from", from->socket_id);
	bson_string(&b, "text", text);
	bson_element(&b, 9, "at");
	buf_add(&b, &now, 8);
	bson_end(&b, document);
	bson_end(&b, list);
	finish(m, &b, start, m->database);
	call(s, inserted, "", -1, NULL);
	start = command(m, &b);
	bson_string(&b, "count", "messages");
	finish(m, &b, start, m->database);
	call(s, kept, from->id, ack, NULL);
}

void mongo_ticks(struct server *s)
{
	struct mongo *m = &s->mongo;

	if (m->fd >= 0 && net_write(m->fd, &m->out) < 0)
		lost(s, m->host, strerror(errno));
	else if (m->fd >= 0 && !m->ready && s->now > m->ready_by)
		lost(s, "log in", "no answer in time");
	else if (m->first && s->now > m->first->deadline)
		lost(s, m->host, "no answer in time");
	if (m->fd < 0 && !s->stopping && s->now >= m->retry_at)
		dial(s);
}
