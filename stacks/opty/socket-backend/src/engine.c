/* Engine.IO sessions: packets to whichever transport there is, pings, time-outs. */
#include "opty.h"
#include <stdlib.h>
#include <string.h>

struct session *session_find(struct server *s, const char *id)
{
	for (struct session *x = s->sessions; x; x = x->next) {
		if (!x->dead && !strcmp(x->id, id))
			return x;
	}
	return NULL;
}

int session_count(const struct server *s)
{
	int n = 0;

	for (const struct session *x = s->sessions; x; x = x->next)
		n += !x->dead;
	return n;
}

struct session *session_open(struct server *s)
{
	struct session *x = calloc(1, sizeof(*x));
	struct buf hello = {0};

	if (!x)
		abort();
	random_id(x->id);
	random_id(x->socket_id);
	x->ping_at = s->now + PING_MS;
	x->idle_at = s->now + CONNECT_MS;
	x->next = s->sessions;
	s->sessions = x;
	buf_printf(&hello,
		   "0{\"sid\":\"%s\",\"upgrades\":[\"websocket\"],\"pingInterval\":%d,"
		   "\"pingTimeout\":%d,\"maxPayload\":%d}",
		   x->id, PING_MS, PONG_MS, PACKET_MAX);
	session_send(s, x, hello.p);
	buf_free(&hello);
	return x;
}

void session_close(struct session *x)
{
	x->dead = true;
	x->connected = false;
}

void session_goodbye(struct server *s, struct session *x)
{
	if (x->connected)
		session_send(s, x, "41");
	session_send(s, x, "1");
	session_close(x);
}

void session_send(struct server *s, struct session *x, const char *packet)
{
	if (x->dead)
		return;
	if (x->waiting.n)
		buf_add(&x->waiting, "\x1e", 1);
	buf_text(&x->waiting, packet);
	session_flush(s, x);
}

void session_flush(struct server *s, struct session *x)
{
	if (!x->waiting.n)
		return;
	if (x->websocket) {
		char *p = x->waiting.p, *sep;

		for (; (sep = strchr(p, 0x1e)); p = sep + 1)
			ws_send(x->websocket, 1, p, (size_t)(sep - p));
		ws_send(x->websocket, 1, p, strlen(p));
	} else if (x->poll) {
		http_reply(s, x->poll, 200, "text/plain; charset=UTF-8", x->waiting.p,
			   x->waiting.n);
		x->poll->session = NULL;
		x->poll = NULL;
	} else {
		if (x->waiting.n > OUT_MAX) /* it has stopped to ask */
			session_close(x);
		return;
	}
	x->waiting.n = 0;
}

void session_packet(struct server *s, struct session *x, const char *p, size_t n)
{
	if (!n || x->dead)
		return;
	switch (*p) {
	case '1':
		session_close(x);
		break;
	case '2':
		session_send(s, x, "3");
		break;
	case '3':
		x->pong_by = 0;
		x->ping_at = s->now + PING_MS;
		break;
	case '4':
		event_packet(s, x, p + 1, n - 1);
		break;
	case '5':
	case '6':
		break;
	default:
		session_close(x);
	}
}

void session_ticks(struct server *s)
{
	for (struct session *x = s->sessions; x; x = x->next) {
		if (x->dead)
			continue;
		if (s->now >= x->idle_at) {
			if (x->connected)
				event_emit(s, x, "timeout", NULL);
			session_goodbye(s, x);
		} else if (x->pong_by && s->now >= x->pong_by) {
			session_close(x);
		} else if (x->ping_at && s->now >= x->ping_at) {
			x->ping_at = 0;
			x->pong_by = s->now + PONG_MS;
			session_send(s, x, "2");
		}
	}
}
