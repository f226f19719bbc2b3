/* The Socket.IO server of Opty. One thread and one poll loop; every file has its part of the state
 * in `struct server`. */
#pragma once
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ID_CHARS = 20, PACKET_MAX = 1000000, HEAD_MAX = 16384 };
enum { OUT_MAX = 4 * PACKET_MAX, IN_MAX = PACKET_MAX + HEAD_MAX + 65536, NAME_MAX_BYTES = 200 };
enum { PING_MS = 25000, PONG_MS = 20000, CONNECT_MS = 45000, IDLE_MS = 60000 };
enum { MONGO_MS = 5000, BEAT_MS = 5000 };

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
	struct buf message;      /* WebSocket: the fragments so far */
	struct session *session; /* whose WebSocket or waiting poll this is */
	bool websocket, close_after, dead, probing, waiting;
	bool more;       /* WebSocket: the message goes on in the next frame */
	int64_t idle_by; /* when it is to go if no request is being answered */
	char *origin;    /* allowed origin of the request that is being answered */
};

/* An Engine.IO session with the one Socket.IO socket in it. */
struct session {
	struct session *next;
	char id[ID_CHARS + 1], socket_id[ID_CHARS + 1];
	struct conn *poll, *websocket;
	struct buf waiting; /* packets for the next poll, with 0x1e between them */
	bool connected, dead;
	bool upgrading; /* a WebSocket probes: polls are to end, so that the client can pause */
	int64_t ping_at, pong_by; /* 0: not now */
	int64_t idle_at;
	char *name; /* as it has said for the presence */
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

struct scram {
	char nonce[ID_CHARS + 1], first[300], last[700], signature[64];
};

struct mongo {
	const char *user, *password, *host, *port, *database, *auth_source;
	int fd;
	unsigned attempt;
	int32_t request;
	bool ready, inserted; /* logged in; the last message was kept */
	int step;             /* of logging in */
	struct scram scram;
	int64_t retry_at, ready_by;
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
	unsigned attempt;
	int64_t retry_at, beat_at, heard_by;
	struct buf in, first, out; /* first: what subscribes */
	struct peer *all;
};

struct server {
	const char *origins;
	long max_connections;
	int64_t timeout_ms, now;
	int listener;
	bool stopping, presence_due;
	char id[ID_CHARS + 1];
	struct conn *conns;
	long conn_count, conn_max;
	struct pollfd *fds;
	size_t fds_room;
	struct session *sessions;
	struct mongo mongo;
	struct peers peers;
};

/* loop.c */
struct conn *loop_conn(struct server *s, int fd);
void loop_input(struct server *s, struct conn *c);
void loop_sweep(struct server *s);
void loop_limit(struct server *s);
void loop_run(struct server *s, const volatile sig_atomic_t *stop);
void loop_stop(struct server *s);

/* net.c */
int64_t clock_ms(void);
void random_id(char out[ID_CHARS + 1]);
/* Begins to connect to one of the host's addresses, each in turn; -1 and errno. */
int net_begin(const char *host, const char *port, unsigned attempt);
int net_read(int fd,
	     struct buf *b); /* 1 read, 0 nothing now, -1 it is over: errno, 0 for its end */
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
void session_goodbye(struct server *s, struct session *x); /* says so, and closes */
void session_packet(struct server *s, struct session *x, const char *p, size_t n);
void session_send(struct server *s, struct session *x, const char *packet);
void session_flush(struct server *s, struct session *x);
void session_ticks(struct server *s);
int session_count(const struct server *s);

/* events.c */
void event_packet(struct server *s, struct session *x, const char *p, size_t n);
void event_emit(struct server *s, struct session *x, const char *event, json_t *value);
void event_broadcast(struct server *s, const struct session *but, const char *event, json_t *value);
void event_moved(struct server *s); /* somebody here has come or gone */
void event_presence(struct server *s);
json_t *event_names(const struct server *s);

/* bson.c */
struct reply {
	bool ok, done;
	int64_t n;
	int32_t conversation;
	char payload[512], error[200];
};
void bson_int32(struct buf *b, int32_t n);
void bson_element(struct buf *b, char type, const char *name);
void bson_string(struct buf *b, const char *name, const char *value);
void bson_int(struct buf *b, const char *name, int32_t value);
void bson_binary(struct buf *b, const char *name, const char *value);
size_t bson_begin(struct buf *b); /* a document; its place, for bson_end */
void bson_end(struct buf *b, size_t start);
size_t bson_command(struct buf *b, int32_t request); /* a message with its document begun */
void bson_finish(struct buf *b, size_t start, const char *database);
/* Takes the reply at the front: 1; 0 when it is not all there, -1 when it is none. */
int bson_reply(struct buf *in, struct reply *r);

/* scram.c */
void scram_first(struct scram *c, const char *user);
int scram_answer(struct scram *c, const char *password, const char *challenge); /* -1: it is none */
bool scram_proved(const struct scram *c, const char *payload);

/* mongo.c */
int mongo_start(struct server *s, const char *url); /* -1: that is no URL, and it says so */
void mongo_input(struct server *s);
void mongo_ping(struct server *s, struct conn *c);
void mongo_keep(struct server *s, const struct session *from, const char *text, long ack);
void mongo_ticks(struct server *s);

/* peers.c */
void peers_start(struct server *s, const char *url);
void peers_input(struct server *s);
void peers_say(struct server *s, const char *event, json_t *value); /* relayed by the others */
void peers_ticks(struct server *s);
