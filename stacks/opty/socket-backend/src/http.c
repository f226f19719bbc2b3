/* HTTP/1.1 as Engine.IO needs it, and WebSocket frames (RFC 6455). */
#include "opty.h"
#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
	const char *method, *path, *query, *headers, *body;
	size_t body_size;
	bool keep;
};

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} all[] = {{200, "OK"},        {204, "No Content"}, {400, "Bad Request"},
		   {403, "Forbidden"}, {404, "Not Found"},  {503, "Service Unavailable"}};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (all[i].status == status)
			return all[i].text;
	}
	return "";
}

void http_reply(struct server *s, struct conn *c, int status, const char *type, const void *body,
		size_t n)
{
	c->idle_by = s->now + IDLE_MS;
	buf_printf(&c->out,
		   "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		   "Cache-Control: no-store\r\n",
		   status, reason(status), type, n);
	if (c->origin)
		buf_printf(&c->out,
			   "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n"
			   "Access-Control-Allow-Methods: GET,POST\r\n"
			   "Access-Control-Allow-Headers: content-type\r\n",
			   c->origin);
	buf_text(&c->out, c->close_after ? "Connection: close\r\n\r\n" : "\r\n");
	buf_add(&c->out, body, n);
	c->waiting = false;
}

static void reply_text(struct server *s, struct conn *c, int status, const char *text)
{
	http_reply(s, c, status, "text/plain; charset=UTF-8", text, strlen(text));
}

static void reply_error(struct server *s, struct conn *c, int code, const char *message)
{
	char text[100];
	int n = snprintf(text, sizeof(text), "{\"code\":%d,\"message\":\"%s\"}", code, message);

	http_reply(s, c, code == 4 ? 403 : 400, "application/json", text, (size_t)n);
}

/* A header's value, copied; NULL when it is not there. */
static char *header(const struct request *r, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = r->headers; line && *line; line = strstr(line, "\r\n")) {
		line += strncmp(line, "\r\n", 2) ? 0 : 2;
		if (!strncasecmp(line, name, n) && line[n] == ':') {
			line += n + 1;
			line += strspn(line, " \t");
			return strndup(line, strcspn(line, "\r"));
		}
	}
	return NULL;
}

static bool header_has(const struct request *r, const char *name, const char *word)
{
	char *value = header(r, name);
	bool has = value && strcasestr(value, word);

	free(value);
	return has;
}

static char *parameter(const struct request *r, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = r->query; p; p = strchr(p, '&')) {
		p += *p == '&';
		if (!strncmp(p, name, n) && p[n] == '=')
			return strndup(p + n + 1, strcspn(p + n + 1, "&"));
	}
	return NULL;
}

/* One of the listed origins, to be named in the answer; who sends no Origin is no page. */
static bool origin_allowed(struct server *s, struct conn *c, const struct request *r)
{
	char *origin = header(r, "Origin");
	size_t n = origin ? strlen(origin) : 0;

	free(c->origin);
	c->origin = NULL;
	if (!origin)
		return true;
	for (const char *o = s->origins; *o; o += strspn(o, ", ")) {
		size_t size = strcspn(o, ", ");

		if (size == n && !strncmp(o, origin, n)) {
			c->origin = origin;
			return true;
		}
		o += size;
	}
	free(origin);
	return false;
}

static void upgrade(struct server *s, struct conn *c, const struct request *r, struct session *x)
{
	static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE) + 1];
	char *key = header(r, "Sec-WebSocket-Key");
	uint8_t digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha;

	if (!key) {
		reply_error(s, c, 3, "Bad request");
		return;
	}
	sha1_init(&sha);
	sha1_update(&sha, strlen(key), (const uint8_t *)key);
	sha1_update(&sha, sizeof(magic) - 1, (const uint8_t *)magic);
	sha1_digest(&sha, sizeof(digest), digest);
	base64_encode_raw(text, sizeof(digest), digest);
	text[sizeof(text) - 1] = 0;
	free(key);
	buf_printf(&c->out,
		   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		   "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		   text);
	c->websocket = true;
	c->probing = x != NULL;
	if (!x) {
		x = session_open(s);
		x->websocket = c;
	}
	c->session = x;
	session_flush(s, x);
}

static void end_poll(struct server *s, struct session *x)
{
	http_reply(s, x->poll, 200, "text/plain; charset=UTF-8", "6", 1);
	x->poll->session = NULL;
	x->poll = NULL;
}

static void poll_request(struct server *s, struct conn *c, const struct request *r,
			 struct session *x)
{
	if (!strcmp(r->method, "POST")) {
		for (const char *p = r->body, *end = p + r->body_size; p < end;) {
			const char *sep = memchr(p, 0x1e, (size_t)(end - p));
			size_t n = (size_t)((sep ? sep : end) - p);

			session_packet(s, x, p, n);
			p += n + 1;
		}
		reply_text(s, c, 200, "ok");
		return;
	}
	if (x->poll || x->websocket) { /* two polls at a time: as the original does */
		reply_error(s, c, 3, "Bad request");
		session_close(x);
		return;
	}
	x->poll = c;
	c->session = x;
	c->waiting = true;
	session_flush(s, x);
	if (x->poll && x->upgrading)
		end_poll(s, x);
}

static void engine_request(struct server *s, struct conn *c, const struct request *r)
{
	char *transport = parameter(r, "transport"), *sid = parameter(r, "sid");
	char *version = parameter(r, "EIO");
	struct session *x = sid ? session_find(s, sid) : NULL;
	bool websocket = transport && !strcmp(transport, "websocket");

	if (!strcmp(r->method, "OPTIONS"))
		reply_text(s, c, 204, "");
	else if (!transport || (!websocket && strcmp(transport, "polling")))
		reply_error(s, c, 0, "Transport unknown");
	else if (sid && !x)
		reply_error(s, c, 1, "Session ID unknown");
	else if (!sid && (!version || strcmp(version, "4")))
		reply_error(s, c, 5, "Unsupported protocol version");
	else if (!sid && session_count(s) >= s->max_connections * 2 + 16)
		reply_text(s, c, 503, "too many sessions\n");
	else if (websocket && header_has(r, "Upgrade", "websocket") && !(x && x->websocket))
		upgrade(s, c, r, x);
	else if (websocket)
		reply_error(s, c, 3, "Bad request");
	else if (!sid && strcmp(r->method, "GET"))
		reply_error(s, c, 2, "Bad handshake method");
	else
		poll_request(s, c, r, x ? x : session_open(s));
	free(transport);
	free(sid);
	free(version);
}

static void serve(struct server *s, struct conn *c, const struct request *r)
{
	c->close_after = !r->keep;
	if (!origin_allowed(s, c, r)) {
		reply_error(s, c, 4, "Forbidden");
	} else if (!strcmp(r->path, "/health")) {
		c->waiting = true;
		mongo_ping(s, c);
	} else if (!strcmp(r->path, "/socket.io/")) {
		engine_request(s, c, r);
	} else {
		reply_text(s, c, 404, "no such page\n");
	}
}

/* Splits the head in place; false when it is none. */
static bool parse(char *head, struct request *r)
{
	char *path = strchr(head, ' '), *version = path ? strchr(path + 1, ' ') : NULL;
	char *line = strstr(head, "\r\n");

	if (!version || !line || version > line)
		return false;
	*path = *version = 0;
	r->method = head;
	r->path = path + 1;
	r->headers = line + 2;
	r->query = strchr(r->path, '?');
	if (r->query) {
		*(char *)(size_t)r->query = 0;
		r->query++;
	}
	r->keep = !strncmp(version + 1, "HTTP/1.1", 8) && !header_has(r, "Connection", "close");
	return true;
}

/* A body of a stated size: chunks nobody needs to send here, and two opinions of where a request
 * ends would let one hide in another. */
static bool has_size(struct request *r)
{
	char *length = header(r, "Content-Length"), *coding = header(r, "Transfer-Encoding");
	size_t digits = length ? strspn(length, "0123456789") : 0;
	bool fine = !coding;

	if (length)
		fine &= digits && !length[digits + strspn(length + digits, " \t")];
	r->body_size = length ? strtoul(length, NULL, 10) : 0;
	free(length);
	free(coding);
	return fine && r->body_size <= PACKET_MAX;
}

void http_input(struct server *s, struct conn *c)
{
	while (c->in.n && !c->waiting && !c->websocket && !c->dead && !c->close_after) {
		char *end = memmem(c->in.p, c->in.n, "\r\n\r\n", 4);
		struct request r = {0};
		size_t head = end ? (size_t)(end - c->in.p) + 4 : 0;

		if (!end && c->in.n <= HEAD_MAX)
			return;
		char *copy = end && !memchr(c->in.p, 0, head) ? strndup(c->in.p, head) : NULL;

		if (!copy || !parse(copy, &r)) {
			c->dead = true;
			free(copy);
			return;
		}
		c->dead = !has_size(&r);
		if (c->dead || c->in.n < head + r.body_size) {
			free(copy);
			return;
		}
		struct buf body = {0};

		buf_add(&body, c->in.p + head, r.body_size);
		buf_take(&c->in, head + r.body_size);
		r.body = body.p;
		serve(s, c, &r);
		buf_free(&body);
		free(copy);
	}
	if (c->websocket && c->in.n)
		ws_input(s, c);
}

/* ---- WebSocket ---------------------------------------------------------------------------- */

void ws_send(struct conn *c, int opcode, const void *p, size_t n)
{
	unsigned char head[10] = {(unsigned char)(0x80 | opcode)};
	size_t size = 2;

	if (n < 126) {
		head[1] = (unsigned char)n;
	} else if (n < 65536) {
		head[1] = 126;
		head[2] = (unsigned char)(n >> 8);
		head[3] = (unsigned char)n;
		size = 4;
	} else {
		head[1] = 127;
		for (int i = 0; i < 8; i++)
			head[2 + i] = (unsigned char)((uint64_t)n >> (56 - 8 * i));
		size = 10;
	}
	buf_add(&c->out, head, size);
	buf_add(&c->out, p, n);
}

static void ws_message(struct server *s, struct conn *c, const char *p, size_t n)
{
	struct session *x = c->session;

	if (!x || x->dead)
		return;
	if (!c->probing) {
		session_packet(s, x, p, n);
	} else if (n == 6 && !memcmp(p, "2probe", 6)) {
		ws_send(c, 1, "3probe", 6);
		x->upgrading = true;
		if (x->poll)
			end_poll(s, x);
	} else if (n == 1 && *p == '5') {
		c->probing = x->upgrading = false;
		x->websocket = c;
		session_flush(s, x);
	} else {
		c->dead = true;
	}
}

static void ws_frame(struct server *s, struct conn *c, int opcode, bool last, const char *p,
		     size_t n)
{
	if (opcode >= 8 ? n > 125 || !last : (opcode == 0) != c->more) {
		c->dead = true;
		return;
	}
	switch (opcode) {
	case 8:
		ws_send(c, 8, p, n < 2 ? 0 : 2);
		c->close_after = true;
		if (c->session && !c->probing)
			session_close(c->session);
		break;
	case 9:
		ws_send(c, 10, p, n);
		break;
	case 0:
	case 1:
		if (c->message.n + n > PACKET_MAX) {
			c->dead = true;
			break;
		}
		buf_add(&c->message, p, n);
		c->more = !last;
		if (last) {
			ws_message(s, c, c->message.p, c->message.n);
			c->message.n = 0;
		}
		break;
	case 10:
		break;
	default: /* binary packets are not spoken here */
		c->dead = true;
	}
}

void ws_input(struct server *s, struct conn *c)
{
	size_t at = 0;

	while (c->in.n - at >= 2 && !c->dead && !c->close_after) {
		unsigned char *p = (unsigned char *)c->in.p + at, *mask;
		uint64_t n = p[1] & 127;
		size_t head = n == 126 ? 4 : n == 127 ? 10 : 2;

		if (c->in.n - at < head + 4)
			break;
		if (head > 2)
			n = 0;
		for (size_t i = 2; i < head; i++)
			n = n << 8 | p[i];
		if (!(p[1] & 128) || p[0] & 0x70 || n > PACKET_MAX) {
			c->dead = true;
			break;
		}
		if (c->in.n - at < head + 4 + n)
			break;
		mask = p + head;
		for (uint64_t i = 0; i < n; i++)
			mask[4 + i] ^= mask[i % 4];
		ws_frame(s, c, p[0] & 15, p[0] & 128, (char *)mask + 4, n);
		at += head + 4 + n;
	}
	buf_take(&c->in, at);
}
