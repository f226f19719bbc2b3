/* The poll loop and the connections of clients. */
#include "opty.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_CONN = 4, TURN_MS = 250, STOP_MS = 3000, OTHER_FDS = 32 };

static void conn_free(struct server *s, struct conn *c)
{
	if (c->session) {
		if (c->session->poll == c)
			c->session->poll = NULL;
		if (c->session->websocket == c) {
			c->session->websocket = NULL;
			session_close(c->session);
		}
		if (c->probing)
			c->session->upgrading = false;
	}
	for (struct mongo_call *k = s->mongo.first; k; k = k->next) {
		if (k->conn == c)
			k->conn = NULL;
	}
	if (c->fd >= 0)
		close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	buf_free(&c->message);
	free(c->origin);
	free(c);
	s->conn_count--;
}

/* A client that is being answered may take its time, a WebSocket is its session's business. */
static bool conn_over(struct server *s, struct conn *c)
{
	if (c->waiting || (c->websocket && c->session))
		c->idle_by = s->now + IDLE_MS;
	return c->dead || s->now >= c->idle_by || (c->close_after && !c->out.n && !c->waiting);
}

static void session_free(struct server *s, struct session *gone)
{
	for (struct conn *c = s->conns; c; c = c->next) {
		if (c->session == gone) {
			c->session = NULL;
			c->waiting = false;
			c->close_after = true;
		}
	}
	if (gone->name)
		event_moved(s);
	buf_free(&gone->waiting);
	free(gone->name);
	free(gone);
}

/* Sessions first: one that goes may have something to say on its connection. */
void loop_sweep(struct server *s)
{
	for (struct session **x = &s->sessions; *x;) {
		struct session *gone = *x;

		if (!gone->dead) {
			x = &gone->next;
			continue;
		}
		*x = gone->next;
		session_free(s, gone);
	}
	for (struct conn **c = &s->conns; *c;) {
		struct conn *gone = *c;

		if (!conn_over(s, gone)) {
			c = &gone->next;
			continue;
		}
		*c = gone->next;
		conn_free(s, gone);
	}
}

struct conn *loop_conn(struct server *s, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->fd = fd;
	c->idle_by = s->now + IDLE_MS;
	c->next = s->conns;
	s->conns = c;
	s->conn_count++;
	return c;
}

void loop_input(struct server *s, struct conn *c)
{
	if (c->websocket)
		ws_input(s, c);
	else
		http_input(s, c);
	if (c->in.n > IN_MAX) /* more than one request ahead of its answers */
		c->dead = true;
}

static void accept_all(struct server *s)
{
	int fd;

	while ((fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (s->conn_count < s->conn_max)
			loop_conn(s, fd);
		else
			close(fd);
	}
}

static struct pollfd waits(int fd, const struct buf *out)
{
	return (struct pollfd){.fd = fd, .events = (short)(POLLIN | (out->n ? POLLOUT : 0))};
}

static size_t gather(struct server *s)
{
	size_t n = FIRST_CONN, count = FIRST_CONN + (size_t)s->conn_count;

	if (count > s->fds_room) {
		s->fds_room = count * 2;
		s->fds = realloc(s->fds, s->fds_room * sizeof(*s->fds));
		if (!s->fds)
			abort();
	}
	s->fds[0] = (struct pollfd){.fd = s->stopping ? -1 : s->listener, .events = POLLIN};
	s->fds[1] = waits(s->mongo.fd, &s->mongo.out);
	s->fds[2] = waits(s->peers.hear, &s->peers.first);
	s->fds[3] = waits(s->peers.say, &s->peers.out);
	for (struct conn *c = s->conns; c; c = c->next)
		s->fds[n++] = waits(c->fd, &c->out);
	return n;
}

static void turn(struct server *s)
{
	enum { READ = POLLIN | POLLHUP | POLLERR };
	size_t n = gather(s);
	struct conn *first = s->conns;

	if (poll(s->fds, n, TURN_MS) < 0)
		return;
	s->now = clock_ms();
	if (s->fds[1].revents & READ)
		mongo_input(s);
	if ((s->fds[2].revents | s->fds[3].revents) & READ)
		peers_input(s);
	n = FIRST_CONN;
	for (struct conn *c = first; c; c = c->next, n++) {
		if (!(s->fds[n].revents & READ))
			continue;
		if (net_read(c->fd, &c->in) < 0)
			c->dead = true;
		else
			loop_input(s, c);
	}
	if (s->fds[0].revents)
		accept_all(s);
}

static void finish_turn(struct server *s)
{
	session_ticks(s);
	event_presence(s);
	mongo_ticks(s);
	peers_ticks(s);
	for (struct conn *c = s->conns; c; c = c->next) {
		if (net_write(c->fd, &c->out) < 0 || c->out.n > OUT_MAX) /* it does not read */
			c->dead = true;
	}
	loop_sweep(s);
}

/* As many connections as clients may need while they change to WebSockets, and descriptors allow.
 */
void loop_limit(struct server *s)
{
	struct rlimit files = {0};

	s->conn_max = s->max_connections * 3 + 64;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < (rlim_t)s->conn_max + OTHER_FDS)
		s->conn_max = (long)files.rlim_cur - OTHER_FDS;
}

void loop_run(struct server *s, const volatile sig_atomic_t *stop)
{
	while (!*stop) {
		turn(s);
		finish_turn(s);
	}
}

/* Who is there is told so, and what the database has been given it is let keep. */
void loop_stop(struct server *s)
{
	int64_t until = clock_ms() + STOP_MS;

	s->stopping = true;
	for (struct session *x = s->sessions; x; x = x->next)
		session_goodbye(s, x);
	for (struct conn *c = s->conns; c; c = c->next)
		c->close_after = true;
	finish_turn(s);
	while ((s->conns || s->mongo.first || s->peers.out.n) && s->now < until) {
		turn(s);
		finish_turn(s);
	}
}
