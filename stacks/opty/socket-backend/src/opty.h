/* The Socket.IO server of Opty. One thread and one poll loop; every file has its part of the state
 * in `struct server`. */
#pragma once
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ID_CHARS = 20, PACKET_MAX = 1000000, HEAD_MAX = 16384 };
enum { PING_MS = 25000, PONG_MS = 20000, MONGO_MS = 5000, BEAT_MS = 5000 };

struct buf {
	char *p;
	size_t n, cap;
};

void buf_add(struct buf *b, const void *p, size_t n);
void buf_text(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_take(struct buf *b, size_t n); /* drops n bytes from the front */
void buf_free(struct buf *b);

struct server;
struct session;

/* A TCP connection of a client: HTTP until it becomes a WebSocket. */
struct conn {
	struct conn *next;
	int fd;
	struct buf in, out;
	struct buf message;	 /* WebSocket: the fragments so far */
	struct session *session; /* whose WebSocket or waiting poll this is */
	bool websocket, close_after, dead, probing, waiting;
	char *origin; /* allowed origin of the request that is being answered */
};

/* An Engine.IO session with the one Socket.IO socket in it. */
struct session {
	struct session *next;
	char id[ID_CHARS + 1], socket_id[ID_CHARS + 1];
	struct conn *poll, *websocket;
	struct buf waiting; /* packets for the next poll, with 0x1e between them */
	bool connected, dead;
	bool upgrading; /* a WebSocket probes: polls are to end, so that the client can pause */
	int64_t ping_at, pong_by, idle_at; /* 0: not now */
	char *name;			   /* as it has said for the presence */
};

/* What to do with a reply of the database. The session may be gone by then: it is named. */
typedef void mongo_done(struct server *s, bool ok, int64_t n, const char *who, long ack);
struct mongo_call {
	struct mongo_call *next;
	mongo_done *done;
	char who[ID_CHARS + 1];
	long ack;
	int64_t deadline;
	struct conn *conn; /* of a health check */
};

struct mongo {
	char *user, *password, *host, *port, *database, *auth_source;
	int fd;
	int32_t request;
	int64_t retry_at;
	struct buf in, out;
	struct mongo_call *first, **last;
};

/* Other instances, through Redis; fd is -1 when OPTY_REDIS_URL is not set. */
struct peer {
	struct peer *next;
	char id[ID_CHARS + 1];
	int64_t until;
	json_t *names;
};
struct peers {
	char *host, *port, *password;
	int hear, say;
	int64_t retry_at, beat_at;
	struct buf in, out;
	struct peer *all;
};

struct server {
	const char *origins;
	long max_connections;
	int64_t timeout_ms, now;
	int listener;
	bool stopping;
	char id[ID_CHARS + 1];
	struct conn *conns;
	struct session *sessions;
	struct mongo mongo;
	struct peers peers;
};

/* net.c */
int64_t clock_ms(void);
void random_id(char out[ID_CHARS + 1]);
int net_connect(const char *host, const char *port, int timeout_ms); /* -1 and errno */
int net_read(int fd, struct buf *b); /* 1 read, 0 nothing now, -1 it is over */
int net_write(int fd, struct buf *b);

/* http.c */
void http_input(struct server *s, struct conn *c);
void http_reply(struct server *s, struct conn *c, int status, const char *type, const void *body,
		size_t n);
void ws_input(struct server *s, struct conn *c);
void ws_send(struct conn *c, int opcode, const void *p, size_t n);

/* engine.c */
struct session *session_find(struct server *s, const char *id);
struct session *session_open(struct server *s);
void session_close(struct session *x);
void session_packet(struct server *s, struct session *x, const char *p, size_t n);
void session_send(struct server *s, struct session *x, const char *packet);
void session_flush(struct server *s, struct session *x);
void session_ticks(struct server *s);
int session_count(const struct server *s);

/* events.c */
void event_packet(struct server *s, struct session *x, const char *p, size_t n);
void event_emit(struct server *s, struct session *x, const char *event, json_t *value);
void event_broadcast(struct server *s, const struct session *but, const char *event, json_t *value);
void event_gone(struct server *s, struct session *x);
void event_presence(struct server *s);
json_t *event_names(const struct server *s);

/* mongo.c */
int mongo_start(struct mongo *m, const char *url); /* parses, connects, logs in; says what failed */
bool mongo_input(struct server *s);
void mongo_ping(struct server *s, struct conn *c);
void mongo_keep(struct server *s, const struct session *from, const char *text, long ack);
void mongo_ticks(struct server *s);

/* peers.c */
void peers_start(struct server *s, const char *url);
void peers_input(struct server *s);
void peers_say(struct server *s, const char *event, json_t *value); /* relayed by the others */
void peers_ticks(struct server *s);
