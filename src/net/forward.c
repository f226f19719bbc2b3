#include "net/forward.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/when.h"
#include "net/cache.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { IN_FLIGHT = 1024, ROUNDS = 2, SERVERS = 8 };
#define TRY_NS (1500 * NS_PER_MSEC)

/* A question on its way. */
struct query {
	struct watch watch;
	struct timer timer;
	struct forwarder *of;
	struct query *next;
	struct ip_addr servers[SERVERS];
	size_t n_servers, tries;
	uint8_t ask[2 + DNS_ASK_MAX]; /* two bytes of length before it, for TCP */
	size_t ask_n, ask_end;
	uint16_t id, asker_id;
	bool tcp, over;
	uint8_t *in; /* TCP: what came so far */
	size_t in_n, out_n;
	void (*done)(void *arg, uint8_t *p, size_t n);
	void *arg;
	char key[DNS_NAME + 16 + SERVERS * 16];
	size_t key_n;
};

struct forwarder {
	struct loop *loop;
	struct cache *cache;
	struct query *queries;
	struct later bury; /* frees what is over, after the callbacks */
	bool closing;
	size_t n;
	struct ip_addr host[SERVERS]; /* from /etc/resolv.conf */
	size_t n_host;
	struct timespec read_at; /* its modification time */
	int64_t looked_ns;
};

struct forwarder *forwarder_new(struct loop *l)
{
	struct forwarder *f = mem_new(sizeof(*f));

	f->loop = l;
	f->cache = cache_new();
	return f;
}

static void close_socket(struct query *q)
{
	if (!q->watch.loop)
		return;
	loop_unwatch(&q->watch);
	close(q->watch.fd);
}

static void end(struct query *q)
{
	close_socket(q);
	loop_timer_drop(&q->timer);
	q->over = true;
}

static void bury_all(struct forwarder *f)
{
	struct query **at = &f->queries, *q;

	while ((q = *at)) {
		if (!q->over) {
			at = &q->next;
			continue;
		}
		*at = q->next;
		free(q->in);
		free(q);
		f->n--;
	}
}

static void release(struct forwarder *f)
{
	cache_free(f->cache);
	free(f);
}

static int on_bury(struct later *later)
{
	struct forwarder *f = container_of(later, struct forwarder, bury);

	bury_all(f);
	if (f->closing)
		release(f);
	return 0;
}

void forwarder_free(struct forwarder *f)
{
	if (!f)
		return;
	for (struct query *q = f->queries; q; q = q->next)
		end(q);
	bury_all(f);
	f->closing = true;
	if (!f->bury.queued)
		release(f);
}

/* No server could say: the question itself, as an answer with SERVFAIL. */
static size_t no_answer(const struct query *q, uint8_t *p)
{
	memcpy(p, q->ask + 2, q->ask_end);
	p[2] |= 0x80;
	p[3] = 0x80 | DNS_SERVFAIL;
	memset(p + 6, 0, 6);
	return q->ask_end;
}

static void finish(struct query *q, uint8_t *p, size_t n)
{
	uint8_t failed[DNS_ASK_MAX];

	if (!n)
		n = no_answer(q, p = failed);
	end(q);
	loop_later(q->of->loop, &q->of->bury, on_bury);
	p[0] = (uint8_t)(q->asker_id >> 8);
	p[1] = (uint8_t)q->asker_id;
	q->done(q->arg, p, n);
}

void forward_cancel(struct forwarder *f, const void *arg)
{
	for (struct query *q = f->queries; q; q = q->next) {
		if (q->over || q->arg != arg)
			continue;
		end(q);
		loop_later(f->loop, &f->bury, on_bury);
	}
}

static void try_next(struct query *q);

/* An answer came; true where it ends the query. */
static bool judge(struct query *q, uint8_t *p, size_t n)
{
	struct dns_reply reply;

	/* Anyone may send to the port: what does not fit is not the answer, wait on. */
	if (!dns_check(p, n, q->ask + 2, q->ask_end, &reply) || reply.id != q->id)
		return false;
	if ((reply.code == DNS_SERVFAIL || reply.code == DNS_REFUSED) && q->tries < q->n_servers) {
		try_next(q);
		return true;
	}
	if (!q->tcp)
		cache_put(q->of->cache, (struct span){q->key, q->key_n}, p, n, reply.ttl);
	finish(q, p, n);
	return true;
}

static int on_datagram(struct watch *w, uint32_t events)
{
	struct query *q = container_of(w, struct query, watch);
	uint8_t p[4096];
	ssize_t n;

	do {
		n = recv(w->fd, p, sizeof(p), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno != EINTR) {
			try_next(q); /* refused: nobody is there */
			return 0;
		}
	} while (n < 0 || !judge(q, p, (size_t)n));
	return 0;
}

/* 1: the whole message is in q->in, 0: not yet, or -errno. */
static int read_stream(struct query *q, int fd)
{
	size_t want;
	ssize_t n;

	if (!q->in)
		q->in = mem_room(2 + DNS_TCP_MAX);
	for (;;) {
		want = q->in_n < 2 ? 2 : 2 + ((size_t)q->in[0] << 8 | q->in[1]);
		if (q->in_n == want && want > 2)
			return 1;
		n = recv(fd, q->in + q->in_n, want - q->in_n, MSG_DONTWAIT);
		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -ECONNRESET;
		q->in_n += (size_t)n;
		if (q->in_n == 2 && !q->in[0] && !q->in[1])
			return -EPROTO;
	}
}

static int on_stream(struct watch *w, uint32_t events)
{
	struct query *q = container_of(w, struct query, watch);
	size_t all = q->ask_n + 2;
	ssize_t n = 0;
	int r = 0;

	if (events & EPOLLOUT && q->out_n < all) {
		n = send(w->fd, q->ask + q->out_n, all - q->out_n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			q->out_n += (size_t)n;
		if (q->out_n == all)
			loop_change(w, EPOLLIN);
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		r = -errno;
	else if (events & ~(uint32_t)EPOLLOUT)
		r = read_stream(q, w->fd);
	if (r < 0 || (r > 0 && !judge(q, q->in + 2, q->in_n - 2)))
		try_next(q);
	return 0;
}

static int on_timeout(struct timer *t)
{
	try_next(container_of(t, struct query, timer));
	return 0;
}

static int open_to(struct query *q, const struct ip_addr *server)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(53)};
	bool is_v4 = server->family == AF_INET;
	int type = q->tcp ? SOCK_STREAM : SOCK_DGRAM;
	auto_fd int fd = socket(server->family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return -errno;
	v4.sin_addr = server->v4;
	v6.sin6_addr = server->v6;
	r = is_v4 ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
		  : connect(fd, (struct sockaddr *)&v6, sizeof(v6));
	if (r < 0 && errno != EINPROGRESS)
		return -errno;
	if (!q->tcp && send(fd, q->ask + 2, q->ask_n, 0) < 0)
		return -errno;
	r = loop_watch(q->of->loop, &q->watch, fd, q->tcp ? EPOLLIN | EPOLLOUT : EPOLLIN,
		       q->tcp ? on_stream : on_datagram);
	if (!r)
		take_fd(&fd);
	return r;
}

static void try_next(struct query *q)
{
	close_socket(q);
	q->in_n = q->out_n = 0;
	while (q->tries < ROUNDS * q->n_servers) {
		if (open_to(q, &q->servers[q->tries++ % q->n_servers]) < 0)
			continue;
		loop_timer_in(q->of->loop, &q->timer, TRY_NS, on_timeout);
		return;
	}
	finish(q, NULL, 0);
}

static void read_nameserver(struct forwarder *f, const char *line)
{
	struct ip_addr ip;
	struct err none;
	char word[64];
	size_t n;

	if (!text_starts(line, "nameserver") || f->n_host == SERVERS)
		return;
	line += strlen("nameserver");
	line += strspn(line, " \t");
	n = strcspn(line, " \t\r%#;");
	if (!n || n >= sizeof(word))
		return;
	memcpy(word, line, n);
	word[n] = '\0';
	if (!ip_parse(word, &ip, &none))
		f->host[f->n_host++] = ip;
}

/* /etc/resolv.conf changes under a running host (VPN, DHCP): looked at once a second. */
static void refresh_host(struct forwarder *f)
{
	auto_arena a = {0};
	struct span text, line;
	struct err none;
	struct stat st;

	if (f->looked_ns && when_mono_ns() - f->looked_ns < NS_PER_SEC)
		return;
	f->looked_ns = when_mono_ns();
	if (stat("/etc/resolv.conf", &st) < 0 ||
	    (f->read_at.tv_sec == st.st_mtim.tv_sec && f->read_at.tv_nsec == st.st_mtim.tv_nsec))
		return;
	if (file_read(&a, AT_FDCWD, "/etc/resolv.conf", 65536, &text, &none) < 0)
		return;
	f->read_at = st.st_mtim;
	f->n_host = 0;
	while (text.n) {
		span_cut(&text, '\n', &line);
		read_nameserver(f, span_dup(&a, span_trim(line)));
	}
}

static void choose_servers(struct query *q, const struct strings *upstreams)
{
	struct forwarder *f = q->of;
	struct err none;

	for (size_t i = 0; i < upstreams->n && q->n_servers < SERVERS; i++) {
		if (!ip_parse(upstreams->v[i], &q->servers[q->n_servers], &none))
			q->n_servers++;
	}
	if (upstreams->n)
		return;
	refresh_host(f);
	memcpy(q->servers, f->host, sizeof(f->host));
	q->n_servers = f->n_host;
}

/* Whom is asked what: answers of one set of servers are not given for another. */
static void make_key(struct query *q, const struct forward_ask *ask)
{
	const struct dns_question *question = ask->question;
	size_t n = question->end - 12;

	for (size_t i = 0; i < n; i++)
		q->key[i] = (char)tolower(ask->packet[12 + i]);
	q->key[n++] = (char)(question->edns | question->dnssec_ok << 1);
	for (size_t i = 0; i < q->n_servers; i++) {
		memcpy(q->key + n, &q->servers[i].v6, 16);
		n += 16;
	}
	q->key_n = n;
}

static bool from_cache(struct query *q)
{
	uint8_t p[4096];
	size_t n = cache_get(q->of->cache, (struct span){q->key, q->key_n}, p, sizeof(p));

	if (n)
		finish(q, p, n);
	return n;
}

void forward(struct forwarder *f, const struct forward_ask *ask)
{
	struct query *q;

	if (f->n >= IN_FLIGHT) {
		ask->done(ask->arg, NULL, 0);
		return;
	}
	q = mem_new(sizeof(*q));
	if (getrandom(&q->id, sizeof(q->id), 0) != sizeof(q->id))
		abort();
	q->of = f;
	q->next = f->queries;
	f->queries = q;
	f->n++;
	q->tcp = ask->tcp;
	q->asker_id = ask->question->id;
	q->done = ask->done;
	q->arg = ask->arg;
	q->ask_end = ask->question->end;
	q->ask_n = dns_ask(q->ask + 2, ask->packet, ask->question, q->id);
	q->ask[0] = (uint8_t)(q->ask_n >> 8);
	q->ask[1] = (uint8_t)q->ask_n;
	choose_servers(q, ask->upstreams);
	make_key(q, ask);
	if (q->tcp || !from_cache(q))
		try_next(q);
}
