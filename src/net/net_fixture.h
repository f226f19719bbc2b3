/*
 * For tests: a host of its own inside the test process, and sockets in other namespaces.
 */
#pragma once
#include "net/netns.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

/* A private network namespace and private BERTH_ROOT, BERTH_RUN; skips aloud without root. */
static inline void host_enter(char dir[static 64])
{
	char path[96];

	if (geteuid() || unshare(CLONE_NEWNET) < 0) {
		print_message("SKIPPED: needs root and network namespaces\n");
		skip();
	}
	snprintf(dir, 64, "/tmp/berth-net-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	setenv("BERTH_ROOT", dir, 1);
	snprintf(path, sizeof(path), "%s/run", dir);
	setenv("BERTH_RUN", path, 1);
	assert_int_equal(system("ip link set lo up"), 0);
}

static inline void host_leave(const char *dir)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

static inline struct ip_addr ip_of(const char *s)
{
	struct ip_addr ip;
	struct err e;

	assert_int_equal(ip_parse(s, &ip, &e), 0);
	return ip;
}

static inline int attach_to(int netns_fd, struct endpoint_spec *eps, size_t n, struct err *e)
{
	return endpoints_attach(&(struct attachment){netns_fd, false, eps, n}, 1, e);
}

#define assert_ok(call)                                                                            \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			fail_msg("%s: %s: %s", #call, e.what, e.why);                              \
	} while (0)

struct socket_ask {
	int type;
	struct ip_addr ip;
	uint16_t port;
	bool listen;
	int fd;
};

static inline int make_socket(void *arg)
{
	struct socket_ask *s = arg;
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(s->port), .sin6_addr = s->ip.v6};
	struct sockaddr_in v4 = {
		.sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr = s->ip.v4};
	bool is_v6 = s->ip.family == AF_INET6;
	const struct sockaddr *to = is_v6 ? (void *)&v6 : (void *)&v4;
	socklen_t n = is_v6 ? sizeof(v6) : sizeof(v4);
	struct pollfd p = {.events = POLLOUT};
	int one = 1, failed = 0;
	socklen_t room = sizeof(failed);

	s->fd = p.fd = socket(s->ip.family, s->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(s->fd >= 0);
	if (s->listen) {
		setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(s->fd, to, n) < 0)
			return -errno;
		return s->type == SOCK_STREAM ? listen(s->fd, 64) : 0;
	}
	if (connect(s->fd, to, n) < 0 && errno != EINPROGRESS)
		return -errno;
	if (s->type != SOCK_STREAM)
		return 0;
	if (poll(&p, 1, 700) != 1)
		return -ETIMEDOUT;
	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &failed, &room);
	return -failed;
}

/* Listens; the descriptor. ns -1: here. */
static inline int listen_in(int ns, int type, const char *ip, uint16_t port)
{
	struct socket_ask s = {.type = type, .ip = ip_of(ip), .port = port, .listen = true};

	assert_int_equal(ns < 0 ? make_socket(&s) : netns_call(ns, make_socket, &s), 0);
	return s.fd;
}

/* 0, or how connecting failed. */
static inline int connect_from(int ns, const char *ip, uint16_t port)
{
	struct socket_ask s = {.type = SOCK_STREAM, .ip = ip_of(ip), .port = port};
	int r = ns < 0 ? make_socket(&s) : netns_call(ns, make_socket, &s);

	close(s.fd);
	return r;
}
