/*
 * What network figures are made of; libc only, so that it runs where the peers are too.
 *   load serve PORT              takes what `push` and `ask` bring
 *   load push HOST PORT SECONDS  one stream: megabytes a second
 *   load ask HOST PORT N         connections one after another, a byte each way: median and p99, us
 *   load dns NAME N              questions to 127.0.0.11, 32 under way: a second, and p99, us
 */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 128 * 1024, WINDOW = 32, ASKS = 1000000 };

static int64_t sent[ASKS], took[ASKS];

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double took_us(int n, int percent)
{
	return (double)took[(int64_t)n * percent / 100] / 1e3;
}

static int reach(const char *host, const char *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (inet_pton(AF_INET, host, &at.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die("connect");
	return fd;
}

static void take(int fd)
{
	static char room[CHUNK];
	char first;

	if (recv(fd, &first, 1, 0) == 1 && first == 'p') {
		while (recv(fd, room, sizeof(room), 0) > 0)
			;
	}
	(void)!send(fd, "x", 1, MSG_NOSIGNAL);
	close(fd);
}

static __attribute__((noreturn)) int serve(char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[0]))};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 128) < 0)
		die("listen");
	for (;;)
		take(accept(fd, NULL, NULL));
}

static int push(char **argv)
{
	static char room[CHUNK];
	int fd = reach(argv[0], argv[1]);
	int64_t start = now_ns(), end = start + (int64_t)(atof(argv[2]) * 1e9), bytes = 0;

	(void)!send(fd, "p", 1, 0);
	while (now_ns() < end) {
		ssize_t n = send(fd, room, sizeof(room), 0);

		if (n < 0)
			die("send");
		bytes += n;
	}
	shutdown(fd, SHUT_WR);
	(void)!recv(fd, room, 1, 0);
	printf("%.0f\n", (double)bytes / 1e6 / ((double)(now_ns() - start) / 1e9));
	return 0;
}

static int ask(char **argv)
{
	int n = atoi(argv[2]);

	for (int i = 0; i < n && i < ASKS; i++) {
		int64_t start = now_ns();
		int fd = reach(argv[0], argv[1]);
		char answer;

		if (send(fd, "e", 1, 0) != 1 || recv(fd, &answer, 1, 0) != 1)
			die("answer");
		took[i] = now_ns() - start;
		close(fd);
	}
	qsort(took, (size_t)n, sizeof(took[0]), compare);
	printf("%.0f %.0f\n", took_us(n, 50), took_us(n, 99));
	return 0;
}

static size_t make_question(const char *name, unsigned char *p)
{
	size_t n = strlen(name);

	memcpy(p, "\0\0\1\0\0\1\0\0\0\0\0\0", 12);
	p[12] = (unsigned char)n;
	memcpy(p + 13, name, n);
	memcpy(p + 13 + n, "\0\0\1\0\1", 5);
	return n + 18;
}

/* Answers may come in any order; one that is lost ends the run after a second. */
static int dns(char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
	int n = atoi(argv[1]), fd = socket(AF_INET, SOCK_DGRAM, 0), out = 0, done = 0;
	unsigned char p[300], in[600];
	size_t len = make_question(argv[0], p);
	int64_t start = now_ns();

	inet_pton(AF_INET, "127.0.0.11", &at.sin_addr);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die("connect");
	while (done < n) {
		struct pollfd wait = {fd, POLLIN, 0};

		for (; out < n && out - done < WINDOW; out++) {
			memcpy(p, &(uint16_t){(uint16_t)(out % 65536)}, 2);
			sent[out % 65536] = now_ns();
			(void)!send(fd, p, len, 0);
		}
		if (poll(&wait, 1, 1000) != 1)
			break;
		while (recv(fd, in, sizeof(in), MSG_DONTWAIT) >= 12) {
			uint16_t id;

			memcpy(&id, in, 2);
			took[done++] = now_ns() - sent[id];
		}
	}
	if (done < n)
		fprintf(stderr, "%d answers were lost\n", n - done);
	qsort(took, (size_t)done, sizeof(took[0]), compare);
	printf("%.0f %.0f\n", done / ((double)(now_ns() - start) / 1e9), took_us(done, 99));
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args, (*run)(char **argv);
	} modes[] = {{"serve", 1, serve}, {"push", 3, push}, {"ask", 3, ask}, {"dns", 2, dns}};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!strcmp(argv[1], modes[i].name) && argc == modes[i].args + 2)
			return modes[i].run(argv + 2);
	}
	fprintf(stderr, "usage: see the head of tests/bench/load.c\n");
	return 2;
}
