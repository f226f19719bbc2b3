/*
 * Figures of the network, in a namespace of its own: endpoints wired a second, and questions a
 * second that the resolver answers to one client (window of 32), with their latency.
 *   unshare -n build/net_bench
 */
#include "base/when.h"
#include "net/netns.h"
#include "net/resolver.h"
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { ENDPOINTS = 50, QUESTIONS = 200000, WINDOW = 32 };
#define ID "aaaabbbbccccdddd"

static void check(int r, const struct err *e)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", e->what, e->why);
	exit(1);
}

static struct ip_addr ip_of(const char *s)
{
	struct ip_addr ip;
	struct err e = {0};

	check(ip_parse(s, &ip, &e), &e);
	return ip;
}

static int wire_all(const struct net_spec *net, const char *dir)
{
	char pin[96], text[32];
	int64_t start = when_mono_ns(), made = 0;
	struct err e = {0};
	int ns = -1;

	for (int i = 0; i < ENDPOINTS; i++) {
		struct endpoint_spec ep = {.net = net, .route4 = true};
		int64_t before = when_mono_ns();

		close_at(&ns);
		snprintf(pin, sizeof(pin), "%s/ns%d", dir, i);
		check(netns_make(pin, NULL, &ns, &e), &e);
		made += when_mono_ns() - before;
		snprintf(text, sizeof(text), "10.77.1.%d/24", i + 2);
		ep.ip4 = ip_of(text);
		check(endpoints_attach(ns, &ep, 1, &e), &e);
	}
	printf("%d endpoints: %.2f ms each, %.2f of it for the namespace\n", ENDPOINTS,
	       (double)(when_mono_ns() - start) / 1e6 / ENDPOINTS, (double)made / 1e6 / ENDPOINTS);
	return ns;
}

static int connect_dns(void *arg)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	at.sin_addr.s_addr = inet_addr("127.0.0.11");
	return connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? -1 : fd;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void ask_all(int fd)
{
	static const char question[] = "\0\0\1\0\0\1\0\0\0\0\0\0\3web\0\0\1\0\1";
	static int64_t sent[QUESTIONS], took[QUESTIONS];
	char in[512], ask[sizeof(question) - 1];
	int out = 0, done = 0;
	int64_t start = when_mono_ns();

	memcpy(ask, question, sizeof(ask));
	while (done < QUESTIONS) {
		struct pollfd p = {fd, POLLIN, 0};

		for (; out < QUESTIONS && out - done < WINDOW; out++) {
			memcpy(ask, &(uint16_t){(uint16_t)out}, 2);
			sent[out] = when_mono_ns();
			(void)!send(fd, ask, sizeof(ask), 0);
		}
		if (poll(&p, 1, 1000) != 1)
			break;
		while (recv(fd, in, sizeof(in), MSG_DONTWAIT) > 0) {
			took[done] = when_mono_ns() - sent[done];
			done++;
		}
	}
	qsort(took, (size_t)done, sizeof(took[0]), compare);
	printf("%d answers: %.0f a second, median %.0f us, p99 %.0f us\n", done,
	       done / ((double)(when_mono_ns() - start) / 1e9), (double)took[done / 2] / 1e3,
	       (double)took[done * 99 / 100] / 1e3);
}

static void serve(int ns)
{
	struct resolver_client client = {.key = "bench-1"};
	struct resolver_record rec = {.network = ID, .key = "bench-1", .ready = true};
	struct arena a = {0};
	struct resolver *r;
	struct err e = {0};
	struct loop *l;
	pid_t asker;

	check(loop_new(&l, &e), &e);
	check(resolver_new(l, &r, &e), &e);
	*vec_push(&a, &client.networks) = ID;
	*vec_push(&a, &rec.names) = "web";
	rec.ip4 = ip_of("10.77.1.2");
	resolver_set(r, &rec);
	check(resolver_serve(r, ns, &client, &e), &e);
	asker = fork();
	if (!asker) {
		ask_all(netns_call(ns, connect_dns, NULL));
		fflush(stdout);
		_exit(0);
	}
	while (waitpid(asker, NULL, WNOHANG) == 0)
		check(loop_turn(l, 10 * NS_PER_MSEC, &e), &e);
	resolver_free(r);
	arena_free(&a);
}

int main(void)
{
	struct net_spec net = {.id = ID, .name = "bench"};
	char dir[] = "/tmp/berth-bench-XXXXXX", command[128];
	struct err e = {0};
	int ns;

	if (!mkdtemp(dir))
		return 1;
	setenv("BERTH_ROOT", dir, 1);
	setenv("BERTH_RUN", dir, 1);
	net.subnet4 = ip_of("10.77.1.0/24");
	net.gateway4 = ip_of("10.77.1.1/24");
	check(network_up(&net, &e), &e);
	ns = wire_all(&net, dir);
	serve(ns);
	for (int i = 0; i < ENDPOINTS; i++) {
		snprintf(command, sizeof(command), "%s/ns%d", dir, i);
		check(netns_remove(command, &e), &e);
	}
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}
