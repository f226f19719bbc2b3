/* Foreign bytes through everything that reads them: a record is {whom, size, bytes}; whom is one of
 * three clients, the database or Redis. A row of twenty S is the id of the session last opened. */
#include "src/opty.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLIENTS = 3, DATABASE = 3, REDIS = 4, KINDS = 5 };
static const char token[] = "SSSSSSSSSSSSSSSSSSSS";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(const struct server *s, char *p, size_t n)
{
	for (char *t = p; s->sessions && (t = memmem(t, n - (size_t)(t - p), token, ID_CHARS));)
		memcpy(t, s->sessions->id, ID_CHARS);
}

/* What `read` would give: the bytes come through a pair of sockets. */
static int holding(const char *p, size_t n)
{
	int ends[2];

	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC))
		abort();
	if (n && write(ends[1], p, n) < 0)
		abort();
	return close(ends[1]), ends[0];
}

static void to_client(struct server *s, struct conn **clients, int i, const char *p, size_t n)
{
	struct conn *c = s->conns;

	while (c && c != clients[i])
		c = c->next;
	if (!c)
		c = clients[i] = loop_conn(s, -1);
	buf_add(&c->in, p, n);
	loop_input(s, c);
}

/* The end of the pipe is the end of the connection, so that there is a new one for each record. */
static void to_database(struct server *s, const char *p, size_t n)
{
	if (s->mongo.fd >= 0)
		close(s->mongo.fd);
	s->mongo.fd = holding(p, n);
	mongo_input(s);
}

static void to_redis(struct server *s, const char *p, size_t n)
{
	s->peers.hear = holding(p, n);
	s->peers.say = holding("-ERR\r\n", 6);
	peers_input(s);
	if (s->peers.hear >= 0)
		close(s->peers.hear);
	if (s->peers.say >= 0)
		close(s->peers.say);
	s->peers.hear = s->peers.say = -1;
}

static void settle(struct server *s)
{
	session_ticks(s);
	event_presence(s);
	for (struct conn *c = s->conns; c; c = c->next)
		c->out.n = 0;
	s->mongo.out.n = s->peers.out.n = 0;
	s->now += 7000;
	loop_sweep(s);
}

static void end(struct server *s)
{
	for (struct session *x = s->sessions; x; x = x->next)
		session_close(x);
	for (struct conn *c = s->conns; c; c = c->next)
		c->dead = true;
	loop_sweep(s);
	for (struct mongo_call *k = s->mongo.first, *next; k; k = next) {
		next = k->next;
		free(k);
	}
	for (struct peer *p = s->peers.all, *next; p; p = next) {
		next = p->next;
		json_decref(p->names);
		free(p);
	}
	if (s->mongo.fd >= 0)
		close(s->mongo.fd);
	buf_free(&s->mongo.in);
	buf_free(&s->mongo.out);
	buf_free(&s->peers.in);
	buf_free(&s->peers.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct server s = {.origins = "http://a.example, http://b.example",
			   .max_connections = 2,
			   .timeout_ms = 60000,
			   .mongo = {.fd = -1, .user = "u", .password = "p", .host = "mongo"},
			   .peers = {.hear = -1, .say = -1}};
	struct conn *clients[CLIENTS] = {0};

	s.mongo.last = &s.mongo.first;
	s.mongo.database = s.mongo.auth_source = "opty";
	s.mongo.ready = size && data[0] & 128;
	memset(s.mongo.scram.nonce, 'n', ID_CHARS);
	memset(s.id, 'i', ID_CHARS);
	while (size >= 3) {
		size_t n = (size_t)data[1] << 8 | data[2];
		int whom = (data[0] & 127) % KINDS;

		n = n < size - 3 ? n : size - 3;
		char *copy = malloc(n + 1);

		memcpy(copy, data + 3, n);
		fill(&s, copy, n);
		if (whom < CLIENTS)
			to_client(&s, clients, whom, copy, n);
		else if (whom == DATABASE)
			to_database(&s, copy, n);
		else
			to_redis(&s, copy, n);
		free(copy);
		settle(&s);
		data += 3 + n;
		size -= 3 + n;
	}
	end(&s);
	return 0;
}
