/* Settings, the poll loop, the way out. `opty-socket health` asks a running server. */
#define _GNU_SOURCE
#include "opty.h"
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_CONN = 4 };
static volatile sig_atomic_t told_to_stop;

static void on_term(int signal)
{
	(void)signal;
	told_to_stop = 1;
}

static const char *setting(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

static int listen_on(int port)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1, no = 0;
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
		if (!bind(fd, (struct sockaddr *)&any, sizeof(any)) && !listen(fd, 512))
			return fd;
		close(fd);
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&any4, sizeof(any4)) || listen(fd, 512))
		return -1;
	return fd;
}

static void conn_free(struct server *s, struct conn *c)
{
	if (c->session) {
		if (c->session->poll == c)
			c->session->poll = NULL;
		if (c->session->websocket == c)
			session_close(c->session);
		if (c->probing)
			c->session->upgrading = false;
	}
	for (struct mongo_call *k = s->mongo.first; k; k = k->next) {
		if (k->conn == c)
			k->conn = NULL;
	}
	close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	buf_free(&c->message);
	free(c->origin);
	free(c);
}

/* Sessions first: one that goes may have something to say on its connection. */
static void sweep(struct server *s)
{
	for (struct session **x = &s->sessions; *x;) {
		struct session *gone = *x;

		if (!gone->dead) {
			x = &gone->next;
			continue;
		}
		*x = gone->next;
		for (struct conn *c = s->conns; c; c = c->next) {
			if (c->session == gone) {
				c->session = NULL;
				c->waiting = false;
				c->close_after = true;
			}
		}
		event_gone(s, gone);
		buf_free(&gone->waiting);
		free(gone->name);
		free(gone);
	}
	for (struct conn **c = &s->conns; *c;) {
		struct conn *gone = *c;

		if (!gone->dead && !(gone->close_after && !gone->out.n && !gone->waiting)) {
			c = &gone->next;
			continue;
		}
		*c = gone->next;
		conn_free(s, gone);
	}
}

static void accept_all(struct server *s)
{
	int fd;

	while ((fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct conn *c = calloc(1, sizeof(*c));

		if (!c)
			abort();
		c->fd = fd;
		c->next = s->conns;
		s->conns = c;
	}
}

static void conn_ready(struct server *s, struct conn *c, int events)
{
	if (events & (POLLIN | POLLHUP | POLLERR)) {
		if (net_read(c->fd, &c->in) < 0)
			c->dead = true;
		else if (c->websocket)
			ws_input(s, c);
		else
			http_input(s, c);
	}
}

static void turn(struct server *s)
{
	static struct pollfd *fds;
	static size_t room;
	size_t n = FIRST_CONN, count = FIRST_CONN;
	struct conn *first = s->conns, *c;

	for (c = first; c; c = c->next)
		count++;
	if (count > room) {
		room = count * 2;
		fds = realloc(fds, room * sizeof(*fds));
		if (!fds)
			abort();
	}
	fds[0] = (struct pollfd){.fd = s->stopping ? -1 : s->listener, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = s->mongo.fd, .events = POLLIN};
	fds[2] = (struct pollfd){.fd = s->peers.hear, .events = POLLIN};
	fds[3] = (struct pollfd){.fd = s->peers.say, .events = POLLIN};
	for (c = first; c; c = c->next)
		fds[n++] = (struct pollfd){.fd = c->fd,
					   .events = (short)(POLLIN | (c->out.n ? POLLOUT : 0))};
	if (poll(fds, n, 250) < 0)
		return;
	s->now = clock_ms();
	if (fds[1].revents)
		mongo_input(s);
	if (fds[2].revents || fds[3].revents)
		peers_input(s);
	n = FIRST_CONN;
	for (c = first; c; c = c->next, n++)
		conn_ready(s, c, fds[n].revents);
	if (fds[0].revents)
		accept_all(s);
}

static void finish_turn(struct server *s)
{
	session_ticks(s);
	mongo_ticks(s);
	peers_ticks(s);
	for (struct conn *c = s->conns; c; c = c->next) {
		if (net_write(c->fd, &c->out) < 0)
			c->dead = true;
	}
	sweep(s);
}

static void stop(struct server *s)
{
	int64_t until = clock_ms() + 1000;

	printf("stopping\n");
	s->stopping = true;
	for (struct session *x = s->sessions; x; x = x->next) {
		session_send(s, x, "41");
		session_send(s, x, "1");
	}
	while (s->conns && clock_ms() < until) {
		bool busy = false;

		finish_turn(s);
		for (struct conn *c = s->conns; c; c = c->next)
			busy |= c->out.n > 0;
		if (!busy)
			return;
		poll(NULL, 0, 10);
	}
}

static int health(void)
{
	static const char ask[] = "GET /health HTTP/1.0\r\n\r\n";
	struct buf in = {0};
	int fd = net_connect("127.0.0.1", "8080", 2000);

	if (fd < 0 || send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) < 0)
		return 1;
	for (int64_t until = clock_ms() + 4000; clock_ms() < until;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		poll(&p, 1, 500);
		if (net_read(fd, &in) < 0)
			break;
	}
	return in.n > 12 && !strncmp(in.p + 8, " 200", 4) ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct server s = {
		.origins = setting("OPTY_SOCKET_CORS_ALLOWED_ORIGINS", ""),
		.max_connections = atol(setting("OPTY_SOCKET_MAX_CONNECTIONS", "1000")),
		.timeout_ms = (int64_t)(atof(setting("OPTY_SOCKET_SESSION_TIMEOUT_MINUTES", "30")) * 60000),
		.mongo = {.fd = -1},
		.peers = {.hear = -1, .say = -1},
	};
	struct sigaction term = {.sa_handler = on_term};

	if (argc > 1 && !strcmp(argv[1], "health"))
		return health();
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &term, NULL);
	sigaction(SIGINT, &term, NULL);
	random_id(s.id);
	s.now = clock_ms();
	if (mongo_start(&s.mongo, setting("MONGO_URL", "")))
		return 1;
	peers_start(&s, setting("OPTY_REDIS_URL", ""));
	s.listener = listen_on(8080);
	if (s.listener < 0) {
		fprintf(stderr, "cannot listen on 8080: %s\n", strerror(errno));
		return 1;
	}
	printf("listening on 8080\n");
	while (!told_to_stop) {
		turn(&s);
		finish_turn(&s);
	}
	stop(&s);
	return 0;
}
