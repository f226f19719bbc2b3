/* The database: MongoDB's wire protocol with SCRAM-SHA-256, commands answered in turn. */
#define _GNU_SOURCE
#include "opty.h"
#include <errno.h>
#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <nettle/pbkdf2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OP_MSG = 2013, HEADER = 16, FLAGS = 5, HASH = SHA256_DIGEST_SIZE };

/* ---- BSON --------------------------------------------------------------------------------- */

static void put32(struct buf *b, int32_t n)
{
	buf_add(b, &n, 4);
}

static void element(struct buf *b, char type, const char *name)
{
	buf_add(b, &type, 1);
	buf_add(b, name, strlen(name) + 1);
}

static void put_string(struct buf *b, const char *name, const char *value)
{
	element(b, 2, name);
	put32(b, (int32_t)strlen(value) + 1);
	buf_add(b, value, strlen(value) + 1);
}

static void put_int(struct buf *b, const char *name, int32_t value)
{
	element(b, 16, name);
	put32(b, value);
}

static void put_binary(struct buf *b, const char *name, const char *value)
{
	element(b, 5, name);
	put32(b, (int32_t)strlen(value));
	buf_add(b, "", 1);
	buf_text(b, value);
}

static size_t begin(struct buf *b)
{
	put32(b, 0);
	return b->n - 4;
}

static void end(struct buf *b, size_t start)
{
	int32_t n;

	buf_add(b, "", 1);
	n = (int32_t)(b->n - start);
	memcpy(b->p + start, &n, 4);
}

struct reply {
	bool ok, done;
	int64_t n;
	int32_t conversation;
	char payload[512], error[200];
};

static int64_t number(char type, const char *p)
{
	double d;
	int32_t small;
	int64_t large;

	memcpy(&d, p, 8);
	memcpy(&small, p, 4);
	memcpy(&large, p, 8);
	return type == 1 ? (int64_t)d : type == 16 ? small : large;
}

/* The size of a value; 0 when its type is none that a reply of ours has. */
static size_t value_size(char type, const char *p, size_t left)
{
	int32_t n = 0;

	if (left >= 4)
		memcpy(&n, p, 4);
	switch (type) {
	case 1:
	case 9:
	case 17:
	case 18:
		return 8;
	case 2:
		return n > 0 ? (size_t)n + 4 : 0;
	case 3:
	case 4:
		return n > 0 ? (size_t)n : 0;
	case 5:
		return n >= 0 ? (size_t)n + 5 : 0;
	case 7:
		return 12;
	case 8:
		return 1;
	case 16:
		return 4;
	default:
		return 0;
	}
}

static void take(struct reply *r, const char *name, char type, const char *p, size_t size)
{
	bool numeric = type == 1 || type == 16 || type == 18;

	if (numeric && !strcmp(name, "ok"))
		r->ok = number(type, p) == 1;
	else if (numeric && !strcmp(name, "n"))
		r->n = number(type, p);
	else if (numeric && !strcmp(name, "conversationId"))
		r->conversation = (int32_t)number(type, p);
	else if (type == 8 && !strcmp(name, "done"))
		r->done = *p;
	else if (type == 2 && !strcmp(name, "errmsg"))
		snprintf(r->error, sizeof(r->error), "%.*s", (int)size - 5, p + 4);
	else if (type == 5 && !strcmp(name, "payload") && size - 5 < sizeof(r->payload))
		memcpy(r->payload, p + 5, size - 5);
}

static void read_reply(struct reply *r, const char *p, size_t size)
{
	const char *limit = p + size;
	char padded[8];

	*r = (struct reply){0};
	for (p += 4; p < limit && *p;) {
		char type = *p++;
		const char *name = p, *stop = memchr(p, 0, (size_t)(limit - p));
		size_t n;

		if (!stop)
			return;
		p = stop + 1;
		n = type == 10 ? 0 : value_size(type, p, (size_t)(limit - p));
		if ((!n && type != 10) || n > (size_t)(limit - p))
			return;
		if (n <= 8) {
			memset(padded, 0, sizeof(padded));
			memcpy(padded, p, n);
		}
		take(r, name, type, n <= 8 ? padded : p, n);
		p += n;
	}
}

/* A whole message in the buffer? Its reply, and it is taken out. 0 not yet, -1 nonsense. */
static int next_reply(struct mongo *m, struct reply *r)
{
	int32_t size;

	if (m->in.n < HEADER + FLAGS + 5)
		return 0;
	memcpy(&size, m->in.p, 4);
	if (size < HEADER + FLAGS + 5 || size > (1 << 24))
		return -1;
	if (m->in.n < (size_t)size)
		return 0;
	read_reply(r, m->in.p + HEADER + FLAGS, (size_t)size - HEADER - FLAGS);
	buf_take(&m->in, (size_t)size);
	return 1;
}

/* ---- commands ------------------------------------------------------------------------------ */

static size_t command(struct mongo *m, struct buf *b)
{
	put32(b, 0);
	put32(b, ++m->request);
	put32(b, 0);
	put32(b, OP_MSG);
	put32(b, 0);
	buf_add(b, "", 1);
	return begin(b);
}

static void finish(struct mongo *m, struct buf *b, size_t start, const char *database)
{
	int32_t n;

	put_string(b, "$db", database);
	end(b, start);
	n = (int32_t)b->n;
	memcpy(b->p, &n, 4);
	buf_add(&m->out, b->p, b->n);
	buf_free(b);
}

static int failed(struct mongo *m, const char *what, const char *why)
{
	fprintf(stderr, "cannot reach the database: %s: %s\n", what, why);
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
	m->in.n = m->out.n = 0;
	return -1;
}

/* Only while logging in, when nothing else can be done yet. */
static int ask(struct mongo *m, struct reply *r)
{
	int64_t until = clock_ms() + MONGO_MS;
	int got = 0;

	while (!got && clock_ms() < until) {
		struct pollfd p = {.fd = m->fd, .events = (short)(POLLIN | (m->out.n ? POLLOUT : 0))};

		if (net_write(m->fd, &m->out) < 0)
			return failed(m, "write", strerror(errno));
		poll(&p, 1, 100);
		if (p.revents & (POLLIN | POLLHUP) && net_read(m->fd, &m->in) < 0)
			return failed(m, "log in", "the connection was closed");
		got = next_reply(m, r);
	}
	if (got <= 0)
		return failed(m, "log in", got ? "no MongoDB" : "no answer");
	return r->ok ? 0 : failed(m, "log in", r->error);
}

/* ---- SCRAM-SHA-256 (RFC 7677); names and passwords of ASCII, which SASLprep leaves as they are - */

static void hmac(const uint8_t *key, size_t n, const char *text, uint8_t out[HASH])
{
	struct hmac_sha256_ctx h;

	hmac_sha256_set_key(&h, n, key);
	hmac_sha256_update(&h, strlen(text), (const uint8_t *)text);
	hmac_sha256_digest(&h, HASH, out);
}

static void base64(const uint8_t *p, size_t n, char *out)
{
	base64_encode_raw(out, n, p);
	out[BASE64_ENCODE_RAW_LENGTH(n)] = 0;
}

struct scram {
	char nonce[ID_CHARS + 1], first[300], last[700], signature[64];
};

static int scram_answer(struct mongo *m, struct scram *c, const char *challenge)
{
	const char *salt = strstr(challenge, ",s="), *count = strstr(challenge, ",i=");
	uint8_t raw[128], salted[HASH], key[HASH], stored[HASH], sign[HASH];
	size_t raw_size = sizeof(raw), nonce = strcspn(challenge, ",");
	char without[500], auth[1400], proof[64];
	struct base64_decode_ctx d;
	struct sha256_ctx h;

	if (strncmp(challenge, "r=", 2) || strncmp(challenge + 2, c->nonce, ID_CHARS) || !salt ||
	    !count || nonce > 400)
		return -1;
	base64_decode_init(&d);
	if (!base64_decode_update(&d, &raw_size, raw, strcspn(salt + 3, ","), salt + 3))
		return -1;
	pbkdf2_hmac_sha256(strlen(m->password), (uint8_t *)m->password, (unsigned)atoi(count + 3),
			   raw_size, raw, HASH, salted);
	hmac(salted, HASH, "Client Key", key);
	sha256_init(&h);
	sha256_update(&h, HASH, key);
	sha256_digest(&h, HASH, stored);
	snprintf(without, sizeof(without), "c=biws,%.*s", (int)nonce, challenge);
	snprintf(auth, sizeof(auth), "%s,%s,%s", c->first + 3, challenge, without);
	hmac(stored, HASH, auth, sign);
	for (int i = 0; i < HASH; i++)
		key[i] ^= sign[i];
	base64(key, HASH, proof);
	snprintf(c->last, sizeof(c->last), "%s,p=%s", without, proof);
	hmac(salted, HASH, "Server Key", key);
	hmac(key, HASH, auth, sign);
	base64(sign, HASH, c->signature);
	return 0;
}

static int log_in(struct mongo *m)
{
	struct scram c;
	struct reply r;
	struct buf b = {0};
	size_t start;

	random_id(c.nonce);
	snprintf(c.first, sizeof(c.first), "n,,n=%s,r=%s", m->user, c.nonce);
	start = command(m, &b);
	put_int(&b, "saslStart", 1);
	put_string(&b, "mechanism", "SCRAM-SHA-256");
	put_binary(&b, "payload", c.first);
	finish(m, &b, start, m->auth_source);
	if (ask(m, &r))
		return -1;
	if (scram_answer(m, &c, r.payload))
		return failed(m, "log in", "a challenge that is none");
	for (int i = 0; i < 3 && !r.done; i++) {
		start = command(m, &b);
		put_int(&b, "saslContinue", 1);
		put_int(&b, "conversationId", r.conversation);
		put_binary(&b, "payload", i ? "" : c.last);
		finish(m, &b, start, m->auth_source);
		if (ask(m, &r))
			return -1;
		if (!i && (strncmp(r.payload, "v=", 2) || strncmp(r.payload + 2, c.signature, 44)))
			return failed(m, "log in", "the server does not know the password either");
	}
	return 0;
}

static int dial(struct mongo *m)
{
	m->fd = net_connect(m->host, m->port, MONGO_MS);
	if (m->fd < 0)
		return failed(m, m->host, strerror(errno));
	return m->user ? log_in(m) : 0;
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
int mongo_start(struct mongo *m, const char *url)
{
	const char *p = url + strlen("mongodb://"), *at, *slash, *colon, *source;
	size_t n;

	m->last = &m->first;
	if (strncmp(url, "mongodb://", strlen("mongodb://")))
		return failed(m, "MONGO_URL", "set it to mongodb://USER:PASSWORD@HOST/DATABASE");
	at = strchr(p, '@');
	slash = strchr(at ? at : p, '/');
	if (at) {
		n = strcspn(p, ":@");
		m->user = decoded(p, n);
		m->password = p[n] == ':' ? decoded(p + n + 1, (size_t)(at - p) - n - 1) : strdup("");
		p = at + 1;
	}
	n = slash ? (size_t)(slash - p) : strlen(p);
	colon = memchr(p, ':', n);
	m->host = strndup(p, colon ? (size_t)(colon - p) : n);
	m->port = colon ? strndup(colon + 1, n - (size_t)(colon - p) - 1) : strdup("27017");
	n = slash ? strcspn(slash + 1, "?") : 0;
	m->database = n ? strndup(slash + 1, n) : strdup("test");
	source = slash ? strstr(slash, "authSource=") : NULL;
	m->auth_source = source ? strndup(source + 11, strcspn(source + 11, "&")) : strdup(m->database);
	return dial(m);
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

static void lost(struct server *s, const char *why)
{
	failed(&s->mongo, s->mongo.host, why);
	s->mongo.retry_at = s->now + 1000;
	while (s->mongo.first)
		pop(s, false, 0);
}

bool mongo_input(struct server *s)
{
	struct reply r;
	int got = net_read(s->mongo.fd, &s->mongo.in);

	while (got >= 0 && (got = next_reply(&s->mongo, &r)) > 0)
		pop(s, r.ok, r.n);
	if (got < 0)
		lost(s, "the connection was closed");
	return got >= 0;
}

void mongo_ping(struct server *s, struct conn *c)
{
	struct buf b = {0};
	size_t start;

	call(s, NULL, "", -1, c);
	if (s->mongo.fd < 0) {
		pop(s, false, 0);
		return;
	}
	start = command(&s->mongo, &b);
	put_int(&b, "ping", 1);
	finish(&s->mongo, &b, start, s->mongo.database);
}

/* The client hears how many messages are kept, once this one is. */
static void kept(struct server *s, bool ok, int64_t n, const char *who, long ack)
{
	struct buf packet = {0};
	struct session *x = session_find(s, who);

	if (!x || ack < 0)
		return;
	if (ok)
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

	if (m->fd < 0) {
		kept(s, false, 0, from->id, ack);
		return;
	}
	start = command(m, &b);
	put_string(&b, "insert", "messages");
	element(&b, 4, "documents");
	list = begin(&b);
	element(&b, 3, "0");
	document = begin(&b);
	put_string(&b, "from", from->socket_id);
	put_string(&b, "text", text);
	element(&b, 9, "at");
	buf_add(&b, &now, 8);
	end(&b, document);
	end(&b, list);
	finish(m, &b, start, m->database);
	call(s, NULL, "", -1, NULL);
	start = command(m, &b);
	put_string(&b, "count", "messages");
	finish(m, &b, start, m->database);
	call(s, kept, from->id, ack, NULL);
}

void mongo_ticks(struct server *s)
{
	struct mongo *m = &s->mongo;

	if (m->fd >= 0 && net_write(m->fd, &m->out) < 0)
		lost(s, strerror(errno));
	if (m->first && s->now > m->first->deadline)
		lost(s, "no answer in time");
	if (m->fd < 0 && !s->stopping && s->now >= m->retry_at) {
		m->retry_at = s->now + 2000;
		if (!dial(m))
			printf("the database is back\n");
	}
}
