#include "net/resolver.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/when.h"
#include "net/answer.h"
#include "net/forward.h"
#include "net/questions.h"
#include "net/registry.h"
#include "net/virtual.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

/*
 * A client is one network namespace: a UDP socket and a TCP listener made inside it, which stay
 * bound to it while the supervisor serves them from its own. Answers are either made at once from
 * `names` or come later from the forwarder; a `pending` remembers for whom.
 */

enum { TCP_MAX = 256, TCP_ASK_MAX = 4096, UDP_BURST = 32 };
#define TCP_IDLE_NS (10 * NS_PER_SEC)

struct client {
	struct client *next;
	struct resolver *of;
	struct arena arena;
	struct resolver_client config;
	ino_t ino; /* of the namespace */
	struct watch udp, tcp;
	struct virtual_client virtual;
};

/* A TCP connection; at most one question of it is being answered. */
struct conn {
	struct conn *next;
	struct resolver *of;
	struct client *client;
	struct watch watch;
	int64_t used_ns;
	uint8_t in[2 + TCP_ASK_MAX];
	size_t in_n;
	uint8_t *out;
	size_t out_n, out_at;
	bool busy; /* a question is out */
	bool over;
};

/* A question that others are asked; the asker is a conn or a UDP address. */
struct pending {
	struct pending *next;
	struct client *client;
	struct conn *conn;
	struct sockaddr_in from;
	size_t room;
	bool over;
};

struct resolver {
	struct loop *loop;
	struct names *names;
	struct registry *registry;
	struct forwarder *forwarder;
	struct virtuals *virtuals;
	struct client *clients;
	struct conn *conns;
	struct pending *pendings;
	size_t n_conns;
	unsigned turn; /* round robin */
	struct later bury;
	struct timer idle;
	bool closing;
};

static void bury_all(struct resolver *r)
{
	for (struct conn **at = &r->conns, *c; (c = *at);) {
		if (!c->over) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		free(c->out);
		free(c);
	}
	for (struct pending **at = &r->pendings, *p; (p = *at);) {
		if (!p->over) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		free(p);
	}
}

static void release(struct resolver *r)
{
	bury_all(r);
	names_free(r->names);
	free(r);
}

static int on_bury(struct later *later)
{
	struct resolver *r = container_of(later, struct resolver, bury);

	bury_all(r);
	if (r->closing)
		release(r);
	return 0;
}

static void end_pending(struct resolver *r, struct pending *p)
{
	p->over = true;
	loop_later(r->loop, &r->bury, on_bury);
}

static void close_conn(struct conn *c)
{
	struct resolver *r = c->of;

	if (c->over)
		return;
	for (struct pending *p = r->pendings; p; p = p->next) {
		if (p->conn != c || p->over)
			continue;
		forward_cancel(r->forwarder, p);
		end_pending(r, p);
	}
	loop_unwatch(&c->watch);
	close(c->watch.fd);
	c->over = true;
	r->n_conns--;
	loop_later(r->loop, &r->bury, on_bury);
}

static void send_udp(const struct client *c, const struct sockaddr_in *to, const uint8_t *p,
		     size_t n)
{
	/* A full socket buffer loses the answer, as a network would; the asker repeats. */
	(void)sendto(c->udp.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)to,
		     sizeof(*to));
}

static void flush(struct conn *c)
{
	ssize_t n;

	while (c->out_at < c->out_n) {
		n = send(c->watch.fd, c->out + c->out_at, c->out_n - c->out_at,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			loop_change(&c->watch, EPOLLOUT);
			return;
		}
		if (n < 0) {
			close_conn(c);
			return;
		}
		c->out_at += (size_t)n;
	}
	free(c->out);
	c->out = NULL;
	c->out_n = c->out_at = 0;
	c->busy = false;
	loop_change(&c->watch, EPOLLIN);
}

static void send_tcp(struct conn *c, const uint8_t *p, size_t n)
{
	c->out = mem_room(n + 2);
	c->out[0] = (uint8_t)(n >> 8);
	c->out[1] = (uint8_t)n;
	memcpy(c->out + 2, p, n);
	c->out_n = n + 2;
	c->out_at = 0;
	flush(c);
}

static void on_forwarded(void *arg, uint8_t *p, size_t n)
{
	struct pending *pending = arg;
	struct client *c = pending->client;

	if (!n && pending->conn)
		close_conn(pending->conn);
	else if (pending->conn)
		send_tcp(pending->conn, p, n);
	else if (n)
		send_udp(c, &pending->from, p, n);
	if (!pending->over)
		end_pending(c->of, pending);
}

/* Answers into out, or hands on; the length of the answer, 0: later or never. */
static size_t handle(struct client *c, struct conn *conn, const struct sockaddr_in *from,
		     const uint8_t *p, size_t n, uint8_t *out, size_t room)
{
	struct resolver *r = c->of;
	struct dns_question q;
	int code = dns_read(p, n, &q);
	struct answer_ask ask = {r->names, &c->config, p, &q, r->turn++, out, conn ? room : q.room};
	struct pending *pending;
	size_t done;

	if (code < 0)
		return 0;
	if (code > 0)
		return answer_code(&ask, (enum dns_code)code);
	done = answer(&ask);
	if (done)
		return done;
	pending = mem_new(sizeof(*pending));
	*pending = (struct pending){.next = r->pendings, .client = c, .conn = conn};
	if (from)
		pending->from = *from;
	r->pendings = pending;
	forward(r->forwarder, &(struct forward_ask){&c->config.upstreams, p, &q, conn != NULL,
						    on_forwarded, pending});
	return 0;
}

/* Questions and answers of one burst: two system calls for all of them. */
struct burst {
	struct mmsghdr in[UDP_BURST], out[UDP_BURST];
	struct iovec in_at[UDP_BURST], out_at[UDP_BURST];
	struct sockaddr_in from[UDP_BURST];
	uint8_t asks[UDP_BURST][DNS_UDP_MAX], answers[UDP_BURST][DNS_UDP_MAX];
};

static int take_burst(int fd, struct burst *b)
{
	memset(b->in, 0, sizeof(b->in));
	for (int i = 0; i < UDP_BURST; i++) {
		b->in_at[i] = (struct iovec){b->asks[i], sizeof(b->asks[i])};
		b->in[i].msg_hdr = (struct msghdr){.msg_name = &b->from[i],
						   .msg_namelen = sizeof(b->from[i]),
						   .msg_iov = &b->in_at[i],
						   .msg_iovlen = 1};
	}
	return recvmmsg(fd, b->in, UDP_BURST, MSG_DONTWAIT, NULL);
}

static void put_answer(struct burst *b, int at, int i, size_t n)
{
	b->out_at[at] = (struct iovec){b->answers[at], n};
	b->out[at] = (struct mmsghdr){.msg_hdr = {.msg_name = &b->from[i],
						  .msg_namelen = sizeof(b->from[i]),
						  .msg_iov = &b->out_at[at],
						  .msg_iovlen = 1}};
}

/* A burst at a time: one loud container must not starve the others. */
static int on_udp(struct watch *w, uint32_t events)
{
	struct client *c = container_of(w, struct client, udp);
	int n, out = 0, sent;
	struct burst b;
	size_t done;

	n = take_burst(w->fd, &b);
	/* Whoever asks after another project's `up` has returned must not be told of before. */
	registry_catch_up(c->of->registry);
	for (int i = 0; i < n; i++) {
		done = handle(c, NULL, &b.from[i], b.asks[i], b.in[i].msg_len, b.answers[out],
			      sizeof(b.answers[out]));
		if (done)
			put_answer(&b, out++, i, done);
	}
	/* A full socket buffer loses an answer, as a network would; the asker repeats. */
	for (int at = 0; at<out; at += sent> 0 ? sent : 1)
		sent = sendmmsg(w->fd, b.out + at, (unsigned)(out - at),
				MSG_DONTWAIT | MSG_NOSIGNAL);
	return 0;
}

/* Reads one message at most; 1: it is whole. */
static int read_message(struct conn *c)
{
	size_t want;
	ssize_t n;

	for (;;) {
		want = c->in_n < 2 ? 2 : 2 + ((size_t)c->in[0] << 8 | c->in[1]);
		if (want > sizeof(c->in) || (c->in_n >= 2 && want == 2))
			return -EMSGSIZE;
		if (c->in_n == want)
			return 1;
		n = recv(c->watch.fd, c->in + c->in_n, want - c->in_n, MSG_DONTWAIT);
		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -ECONNRESET;
		c->in_n += (size_t)n;
	}
}

static bool has_pending(const struct conn *c)
{
	for (const struct pending *p = c->of->pendings; p; p = p->next) {
		if (p->conn == c && !p->over)
			return true;
	}
	return false;
}

static int on_conn(struct watch *w, uint32_t events)
{
	struct conn *c = container_of(w, struct conn, watch);
	uint8_t out[8192];
	size_t n;
	int r;

	c->used_ns = when_mono_ns();
	if (c->out_n)
		flush(c);
	else if (c->busy && events & (EPOLLHUP | EPOLLERR))
		close_conn(c);
	if (c->busy || c->over)
		return 0;
	r = read_message(c);
	if (r < 0)
		close_conn(c);
	if (r <= 0)
		return 0;
	n = c->in_n - 2;
	c->in_n = 0;
	c->busy = true;
	registry_catch_up(c->of->registry);
	loop_change(w, 0); /* the next question waits for this answer */
	n = handle(c->client, c, NULL, c->in + 2, n, out, sizeof(out));
	if (n)
		send_tcp(c, out, n);
	else if (!c->over && !has_pending(c))
		close_conn(c); /* not a question */
	return 0;
}

static void drop_oldest(struct resolver *r)
{
	struct conn *oldest = NULL;

	for (struct conn *c = r->conns; c; c = c->next) {
		if (!c->over && (!oldest || c->used_ns < oldest->used_ns))
			oldest = c;
	}
	if (oldest)
		close_conn(oldest);
}

static int on_idle(struct timer *t)
{
	struct resolver *r = container_of(t, struct resolver, idle);
	int64_t limit = when_mono_ns() - TCP_IDLE_NS;

	for (struct conn *c = r->conns; c; c = c->next) {
		if (c->used_ns < limit)
			close_conn(c);
	}
	if (r->n_conns)
		loop_timer_in(r->loop, t, TCP_IDLE_NS / 2, on_idle);
	return 0;
}

static int on_listener(struct watch *w, uint32_t events)
{
	struct client *client = container_of(w, struct client, tcp);
	struct resolver *r = client->of;
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct conn *c;

	if (fd < 0)
		return 0;
	/* Idle connections never keep others out: the least used one makes room. */
	if (r->n_conns >= TCP_MAX)
		drop_oldest(r);
	c = mem_new(sizeof(*c));
	*c = (struct conn){.next = r->conns, .of = r, .client = client, .used_ns = when_mono_ns()};
	if (loop_watch(r->loop, &c->watch, fd, EPOLLIN, on_conn) < 0) {
		close(fd);
		free(c);
		return 0;
	}
	r->conns = c;
	if (!r->n_conns++)
		loop_timer_in(r->loop, &r->idle, TCP_IDLE_NS / 2, on_idle);
	return 0;
}

int resolver_new(struct loop *l, struct resolver **out, struct err *e)
{
	struct resolver *r = mem_new(sizeof(*r));

	r->loop = l;
	r->names = names_new();
	if (registry_new(l, r->names, &r->registry, e) < 0) {
		names_free(r->names);
		free(r);
		return -e->code;
	}
	r->forwarder = forwarder_new(l);
	r->virtuals = virtuals_new(l, r->names);
	*out = r;
	return 0;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	while (r->clients)
		resolver_unserve(r, r->clients->config.key);
	loop_timer_drop(&r->idle);
	forwarder_free(r->forwarder);
	registry_free(r->registry);
	virtuals_free(r->virtuals);
	r->closing = true;
	if (!r->bury.queued)
		release(r);
}

static void configure(struct client *c, const struct resolver_client *config)
{
	struct arena a = {0}, old = c->arena;

	c->config = (struct resolver_client){.internal_only = config->internal_only};
	c->config.key = arena_strndup(&a, config->key, strlen(config->key));
	vec_each(s, &config->networks)
		*vec_push(&a, &c->config.networks) = arena_strndup(&a, *s, strlen(*s));
	vec_each(s, &config->upstreams)
		*vec_push(&a, &c->config.upstreams) = arena_strndup(&a, *s, strlen(*s));
	vec_each(p, &config->links)
		*vec_push(&a, &c->config.links) = (struct pair){arena_printf(&a, "%s", p->key),
								arena_printf(&a, "%s", p->value)};
	c->arena = a;
	arena_free(&old);
}

static struct client *find_client(const struct resolver *r, const char *key)
{
	for (struct client *c = r->clients; c; c = c->next) {
		if (!strcmp(c->config.key, key))
			return c;
	}
	return NULL;
}

static int watch_networks(struct resolver *r, const struct strings *networks, struct err *e)
{
	int ret = 0;

	vec_each(network, networks) {
		if (!ret)
			ret = registry_watch(r->registry, *network, e);
	}
	return ret;
}

int resolver_serve(struct resolver *r, int netns_fd, const struct resolver_client *config,
		   struct err *e)
{
	struct client *c = find_client(r, config->key);
	struct questions s;
	struct stat st = {0};
	int ret;

	fstat(netns_fd, &st);
	if (c && c->ino != st.st_ino) {
		resolver_unserve(r, config->key);
		c = NULL;
	}
	ret = watch_networks(r, &config->networks, e);
	if (ret < 0)
		return ret;
	if (c) {
		configure(c, config); /* the sockets stay: no query is lost */
		virtual_later(r->virtuals);
		return 0;
	}
	if (questions_open(netns_fd, config->leaves_53, &s, e) < 0)
		return err_wrap(e, "serve DNS for %s", config->key);
	c = mem_new(sizeof(*c));
	*c = (struct client){.next = r->clients, .of = r, .ino = st.st_ino};
	configure(c, config);
	if (loop_watch(r->loop, &c->udp, s.udp, EPOLLIN, on_udp) < 0 ||
	    loop_watch(r->loop, &c->tcp, s.tcp, EPOLLIN, on_listener) < 0)
		abort(); /* new descriptors in an epoll that exists: out of memory */
	r->clients = c;
	c->virtual = (struct virtual_client){.socket = s.udp, .networks = &c->config.networks};
	virtual_join(r->virtuals, &c->virtual);
	virtual_later(r->virtuals);
	return 0;
}

int resolver_settle(struct resolver *r, struct err *e)
{
	return virtual_now(r->virtuals, e);
}

/* Networks that no client is on any more are not watched. */
static void unwatch_unused(struct resolver *r, const struct strings *networks)
{
	vec_each(network, networks) {
		const struct client *c = r->clients;

		while (c && !strings_have(&c->config.networks, *network))
			c = c->next;
		if (!c)
			registry_unwatch(r->registry, *network);
	}
}

static void close_watch(struct watch *w)
{
	loop_unwatch(w);
	close(w->fd);
}

void resolver_unserve(struct resolver *r, const char *key)
{
	struct client **at = &r->clients, *c;

	while (*at && strcmp((*at)->config.key, key))
		at = &(*at)->next;
	c = *at;
	if (!c)
		return;
	*at = c->next;
	for (struct conn *conn = r->conns; conn; conn = conn->next) {
		if (conn->client == c)
			close_conn(conn);
	}
	for (struct pending *p = r->pendings; p; p = p->next) {
		if (p->client != c || p->over)
			continue;
		forward_cancel(r->forwarder, p);
		end_pending(r, p);
	}
	virtual_leave(r->virtuals, &c->virtual);
	close_watch(&c->udp);
	close_watch(&c->tcp);
	unwatch_unused(r, &c->config.networks);
	arena_free(&c->arena);
	free(c);
}

void resolver_set(struct resolver *r, const struct resolver_record *rec)
{
	auto_buf text = {0};
	struct err none;

	registry_text(&text, rec);
	/* Without the file only other projects miss the name. */
	if (names_set(r->names, rec, hash_quick(text.p, text.n)))
		(void)!registry_publish(rec, &text, &none);
}

void resolver_drop(struct resolver *r, const char *network, const char *key)
{
	names_drop(r->names, network, key);
	registry_withdraw(network, key);
}
