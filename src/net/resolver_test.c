#include "base/when.h"
#include "net/dns.h"
#include "net/ip.h"
#include "net/net_fixture.h"
#include "net/resolver.h"
#include <fcntl.h>

#define NET_A "aaaabbbbccccdddd"
#define NET_B "bbbbccccddddeeee"

/* A host, one container on network A (and a resolver for it), and an upstream that can be asked. */
struct stage {
	char dir[64], pin[96];
	int ns, asker;
	struct loop *loop;
	struct resolver *resolver;
	struct resolver_client client;
	struct arena arena;
	struct watch upstream;
	int asked; /* how often the upstream was */
	int ttl, code;
};

/* Answers every A question with 198.51.100.7. */
static int on_upstream(struct watch *w, uint32_t events)
{
	struct stage *s = container_of(w, struct stage, upstream);
	struct ip_addr ip = ip_of("198.51.100.7");
	uint8_t in[600], out[600];
	struct sockaddr_in from;
	socklen_t room = sizeof(from);
	ssize_t n = recvfrom(w->fd, in, sizeof(in), MSG_DONTWAIT, (struct sockaddr *)&from, &room);
	struct dns_question q;
	struct dns_writer writer;

	assert_int_equal(dns_read(in, (size_t)n, &q), 0);
	s->asked++;
	dns_begin(&writer, out, sizeof(out), in, &q, (enum dns_code)s->code);
	if (!s->code && q.type == DNS_A)
		dns_put_ip(&writer, &ip, (uint32_t)s->ttl);
	n = (ssize_t)dns_finish(&writer, &q);
	assert_int_equal(sendto(w->fd, out, (size_t)n, 0, (struct sockaddr *)&from, room), n);
	return 0;
}

static int make_asker(void *arg)
{
	struct socket_ask s = {.type = SOCK_DGRAM, .ip = ip_of("127.0.0.11"), .port = 53};

	assert_int_equal(make_socket(&s), 0);
	*(int *)arg = s.fd;
	return 0;
}

static void set_stage(struct stage *s)
{
	struct err e;

	*s = (struct stage){.ttl = 60};
	host_enter(s->dir);
	snprintf(s->pin, sizeof(s->pin), "%s/ns", s->dir);
	assert_ok(netns_make(s->pin, NULL, &s->ns, &e));
	assert_ok(attach_to(s->ns, NULL, 0, &e));
	assert_ok(loop_new(&s->loop, &e));
	assert_ok(resolver_new(s->loop, &s->resolver, &e));
	s->client.key = "web-1";
	*vec_push(&s->arena, &s->client.networks) = NET_A;
	*vec_push(&s->arena, &s->client.upstreams) = "127.0.0.1";
	assert_ok(resolver_serve(s->resolver, s->ns, &s->client, &e));
	assert_int_equal(netns_call(s->ns, make_asker, &s->asker), 0);
	int up = listen_in(-1, SOCK_DGRAM, "127.0.0.1", 53);

	assert_int_equal(loop_watch(s->loop, &s->upstream, up, EPOLLIN, on_upstream), 0);
}

static void clear_stage(struct stage *s)
{
	struct err e;

	resolver_free(s->resolver);
	assert_ok(loop_turn(s->loop, 0, &e));
	loop_unwatch(&s->upstream);
	close(s->upstream.fd);
	loop_free(s->loop);
	close(s->ns);
	close(s->asker);
	assert_ok(netns_remove(s->pin, &e));
	arena_free(&s->arena);
	host_leave(s->dir);
}

static void set_record(struct stage *s, const char *network, const char *key, const char *name,
		       const char *ip4, bool ready)
{
	auto_arena a = {0};
	struct resolver_record rec = {
		.network = network, .key = key, .ready = ready, .ip4 = ip_of(ip4)};

	rec.ptr_name = arena_printf(&a, "%s.demo_%s", key, strcmp(network, NET_A) ? "b" : "a");
	*vec_push(&a, &rec.names) = name;
	*vec_push(&a, &rec.names) = key;
	struct resolver_port *p = vec_push(&a, &rec.ports);

	p->port = 8000;
	p->protocol = "tcp";
	resolver_set(s->resolver, &rec);
}

static size_t make_question(uint8_t *out, const char *name, uint16_t type)
{
	size_t n = 12;

	memcpy(out, "\x77\x01\x01\0\0\1\0\0\0\0\0\0", 12);
	while (*name) {
		size_t label = strcspn(name, ".");

		out[n++] = (uint8_t)label;
		memcpy(out + n, name, label);
		n += label;
		name += label + (name[label] == '.');
	}
	out[n++] = 0;
	out[n++] = (uint8_t)(type >> 8);
	out[n++] = (uint8_t)type;
	out[n++] = 0;
	out[n++] = 1;
	return n;
}

/* The length of the answer; turns the loop until it is there, at most 30 s. */
static size_t receive(struct stage *s, int fd, uint8_t *out, size_t room)
{
	int64_t until = when_mono_ns() + 30 * NS_PER_SEC;
	struct err e;
	ssize_t n;

	while ((n = recv(fd, out, room, MSG_DONTWAIT)) < 0 && when_mono_ns() < until)
		assert_ok(loop_turn(s->loop, 100 * NS_PER_MSEC, &e));
	return n < 0 ? 0 : (size_t)n;
}

static char *text_of(const uint8_t *p, size_t n, size_t at, char *out)
{
	struct ip_addr ip = {.family = AF_INET};
	size_t used = 0;
	char text[64];

	snprintf(out, 256, "%s", n && p[3] & 15 ? "code " : "");
	if (p[3] & 15)
		snprintf(out, 256, "code %d", p[3] & 15);
	for (int i = 0; i < p[7]; i++) {
		size_t size = (size_t)(p[at + 10] << 8 | p[at + 11]);

		if (p[at + 3] == DNS_A)
			memcpy(&ip.v4, p + at + 12, 4);
		used += (size_t)snprintf(out + used, 256 - used, "%s%s", i ? " " : "",
					 p[at + 3] == DNS_A ? ip_print(&ip, false, text) : "");
		if (p[at + 3] == DNS_SRV)
			used += (size_t)snprintf(out + used, 256 - used, "%d %s",
						 p[at + 16] << 8 | p[at + 17],
						 (const char *)p + at + 19);
		if (p[at + 3] == DNS_PTR)
			used += (size_t)snprintf(out + used, 256 - used, "%s",
						 (const char *)p + at + 13);
		at += 12 + size;
	}
	return out;
}

static void put(struct stage *s, const char *name, uint16_t type)
{
	uint8_t in[600];
	size_t n = make_question(in, name, type);

	assert_int_equal(send(s->asker, in, n, 0), n);
}

/* The answer to what was put. */
static char *hear(struct stage *s, const char *name, uint16_t type)
{
	static char text[256];
	uint8_t in[600], out[2000];
	size_t n = make_question(in, name, type), got;

	got = receive(s, s->asker, out, sizeof(out));
	if (!got)
		return strcpy(text, "silence");
	assert_memory_equal(out, in, 2);
	return text_of(out, got, n, text);
}

static char *ask(struct stage *s, const char *name, uint16_t type)
{
	put(s, name, type);
	return hear(s, name, type);
}

static void names_are_answered(void **state)
{
	struct stage s;

	set_stage(&s);
	set_record(&s, NET_A, "demo-db-1", "db", "10.1.0.5", true);
	set_record(&s, NET_B, "demo-secret-1", "secret", "10.2.0.5", true);
	assert_string_equal(ask(&s, "db", DNS_A), "10.1.0.5");
	assert_string_equal(ask(&s, "DB", DNS_A), "10.1.0.5");
	assert_string_equal(ask(&s, "db.demo_a", DNS_A), "10.1.0.5");
	assert_string_equal(ask(&s, "demo-db-1", DNS_A), "10.1.0.5");
	assert_string_equal(ask(&s, "db", DNS_AAAA), "");
	assert_string_equal(ask(&s, "db", 15), "");
	assert_string_equal(ask(&s, "5.0.1.10.in-addr.arpa", DNS_PTR), "demo-db-1\x06"
								       "demo_a");
	assert_int_equal(s.asked, 0);
	/* Of a network that is not one's own nothing is known. */
	assert_string_equal(ask(&s, "secret", DNS_A), "198.51.100.7");
	assert_int_equal(s.asked, 1);
	resolver_drop(s.resolver, NET_A, "demo-db-1");
	assert_string_equal(ask(&s, "db", DNS_A), "198.51.100.7");
	clear_stage(&s);
}

static void services_are_found(void **state)
{
	struct stage s;

	set_stage(&s);
	set_record(&s, NET_A, "web-1", "web", "10.1.0.5", true);
	assert_string_equal(ask(&s, "web", DNS_SRV), "8000 web-1\x06"
						     "demo_a");
	assert_string_equal(ask(&s, "_8000._tcp.web", DNS_SRV), "8000 web-1\x06"
								"demo_a");
	assert_string_equal(ask(&s, "_8001._tcp.web", DNS_SRV), "");
	assert_string_equal(ask(&s, "_8000._udp.web", DNS_SRV), "");
	clear_stage(&s);
}

static void the_ready_take_turns(void **state)
{
	struct stage s;

	set_stage(&s);
	set_record(&s, NET_A, "web-1", "web", "10.1.0.1", true);
	set_record(&s, NET_A, "web-2", "web", "10.1.0.2", true);
	set_record(&s, NET_A, "web-3", "web", "10.1.0.3", false);
	char *first = strdup(ask(&s, "web", DNS_A));

	assert_string_not_equal(first, ask(&s, "web", DNS_A));
	assert_string_equal(first, ask(&s, "web", DNS_A));
	free(first);
	set_record(&s, NET_A, "web-1", "web", "10.1.0.1", false);
	assert_string_equal(ask(&s, "web", DNS_A), "10.1.0.2");
	set_record(&s, NET_A, "web-2", "web", "10.1.0.2", false);
	assert_int_equal(strlen(ask(&s, "web", DNS_A)), strlen("10.1.0.1 10.1.0.2 10.1.0.3"));
	clear_stage(&s);
}

static void answers_of_others_are_kept(void **state)
{
	struct stage s;

	set_stage(&s);
	for (int i = 0; i < 3; i++)
		assert_string_equal(ask(&s, "example.com", DNS_A), "198.51.100.7");
	assert_int_equal(s.asked, 1);
	s.ttl = 0;
	for (int i = 0; i < 3; i++)
		assert_string_equal(ask(&s, "example.org", DNS_A), "198.51.100.7");
	assert_int_equal(s.asked, 4);
	s.code = DNS_NXDOMAIN;
	assert_string_equal(ask(&s, "nothing.org", DNS_A), "code 3");
	clear_stage(&s);
}

static void the_next_server_is_asked(void **state)
{
	struct stage s;
	struct err e;

	set_stage(&s);
	s.client.upstreams.n = 0;
	*vec_push(&s.arena, &s.client.upstreams) = "127.0.0.9"; /* refuses */
	*vec_push(&s.arena, &s.client.upstreams) = "127.0.0.1";
	assert_ok(resolver_serve(s.resolver, s.ns, &s.client, &e));
	assert_string_equal(ask(&s, "example.com", DNS_A), "198.51.100.7");
	s.client.upstreams.n = 1;
	assert_ok(resolver_serve(s.resolver, s.ns, &s.client, &e));
	assert_string_equal(ask(&s, "example.com", DNS_A), "code 2");
	clear_stage(&s);
}

static void internal_networks_ask_nobody(void **state)
{
	struct stage s;
	struct err e;

	set_stage(&s);
	s.client.internal_only = true;
	assert_ok(resolver_serve(s.resolver, s.ns, &s.client, &e));
	assert_string_equal(ask(&s, "example.com", DNS_A), "code 3");
	assert_string_equal(ask(&s, "1.2.0.192.in-addr.arpa", DNS_PTR), "code 3");
	assert_int_equal(s.asked, 0);
	clear_stage(&s);
}

static int open_tcp(void *arg)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = inet_addr("127.0.0.11");
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	*(int *)arg = fd;
	return 0;
}

static void idle_connections_keep_nobody_out(void **state)
{
	uint8_t in[600], out[2000];
	int idle[300], fd;
	struct stage s;
	struct err e;
	char text[256];

	set_stage(&s);
	set_record(&s, NET_A, "demo-db-1", "db", "10.1.0.5", true);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(netns_call(s.ns, open_tcp, &idle[i]), 0);
		assert_ok(loop_turn(s.loop, 0, &e));
		assert_ok(loop_turn(s.loop, 0, &e));
	}
	assert_string_equal(ask(&s, "db", DNS_A), "10.1.0.5");
	assert_int_equal(netns_call(s.ns, open_tcp, &fd), 0);
	size_t n = make_question(in + 2, "db", DNS_A);

	in[0] = 0;
	in[1] = (uint8_t)n;
	/* Twice, in three odd pieces. */
	memcpy(in + n + 2, in, n + 2);
	assert_int_equal(send(fd, in, 1, 0), 1);
	assert_ok(loop_turn(s.loop, 10 * NS_PER_MSEC, &e));
	assert_int_equal(send(fd, in + 1, n + 4, 0), n + 4);
	assert_ok(loop_turn(s.loop, 10 * NS_PER_MSEC, &e));
	assert_int_equal(send(fd, in + n + 5, n - 1, 0), n - 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(receive(&s, fd, out, 2), 2);
		assert_int_equal(receive(&s, fd, out + 2, (size_t)(out[0] << 8 | out[1])), out[1]);
		assert_string_equal(text_of(out + 2, out[1], n, text), "10.1.0.5");
	}
	close(fd);
	for (int i = 0; i < 300; i++)
		close(idle[i]);
	clear_stage(&s);
}

static void another_project_is_seen(void **state)
{
	struct resolver *other;
	struct stage s;
	struct err e;

	set_stage(&s);
	assert_ok(resolver_new(s.loop, &other, &e));
	struct resolver *own = s.resolver;

	/* The question is first in the loop, and yet finds what was there before it is read. */
	put(&s, "api", DNS_A);
	s.resolver = other;
	set_record(&s, NET_A, "other-api-1", "api", "10.1.0.9", true);
	set_record(&s, NET_B, "other-far-1", "far", "10.2.0.9", true);
	s.resolver = own;
	assert_string_equal(hear(&s, "api", DNS_A), "10.1.0.9");
	assert_string_equal(ask(&s, "far", DNS_A), "198.51.100.7");
	resolver_drop(other, NET_A, "other-api-1");
	assert_string_equal(ask(&s, "api", DNS_A), "198.51.100.7");
	/* What was there before counts as well, and one's own is not forgotten. */
	set_record(&s, NET_A, "demo-db-1", "db", "10.1.0.5", true);
	resolver_drop(s.resolver, NET_A, "demo-db-1");
	set_record(&s, NET_A, "demo-db-1", "db", "10.1.0.6", true);
	assert_string_equal(ask(&s, "db", DNS_A), "10.1.0.6");
	resolver_drop(s.resolver, NET_A, "demo-db-1");
	s.resolver = other;
	set_record(&s, NET_A, "other-api-1", "api", "10.1.0.9", true);
	s.resolver = own;
	assert_string_equal(ask(&s, "api", DNS_A), "10.1.0.9");
	resolver_free(other);
	clear_stage(&s);
}

static void garbage_hurts_nobody(void **state)
{
	static const char *const rows[] = {"", "x", "\x12\x34\x01",
					   "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"};
	struct stage s;
	uint8_t p[80];
	struct err e;
	unsigned seed = 7;

	set_stage(&s);
	set_record(&s, NET_A, "demo-db-1", "db", "10.1.0.5", true);
	for (size_t i = 0; i < countof(rows); i++)
		assert_int_equal(send(s.asker, rows[i], strlen(rows[i]), 0), strlen(rows[i]));
	for (int i = 0; i < 3000; i++) {
		size_t n = make_question(p, "db.demo_a", DNS_A);

		for (int k = 0; k < 3; k++)
			p[(size_t)rand_r(&seed) % n] = (uint8_t)rand_r(&seed);
		send(s.asker, p, n, MSG_DONTWAIT);
		assert_ok(loop_turn(s.loop, 0, &e));
	}
	while (recv(s.asker, p, sizeof(p), MSG_DONTWAIT) > 0)
		;
	for (int i = 0; i < 50; i++)
		assert_ok(loop_turn(s.loop, 0, &e));
	while (recv(s.asker, p, sizeof(p), MSG_DONTWAIT) > 0)
		;
	assert_string_equal(ask(&s, "db", DNS_A), "10.1.0.5");
	clear_stage(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_answered),
		cmocka_unit_test(services_are_found),
		cmocka_unit_test(the_ready_take_turns),
		cmocka_unit_test(answers_of_others_are_kept),
		cmocka_unit_test(the_next_server_is_asked),
		cmocka_unit_test(internal_networks_ask_nobody),
		cmocka_unit_test(idle_connections_keep_nobody_out),
		cmocka_unit_test(another_project_is_seen),
		cmocka_unit_test(garbage_hurts_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
