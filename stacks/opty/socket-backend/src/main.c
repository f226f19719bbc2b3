/* Settings and the way out. `opty-socket health` asks a running server. */
#include "opty.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* A number above zero; what is none ends the program, rather than being taken for another. */
static double number(const char *name, const char *otherwise)
{
	const char *text = setting(name, otherwise);
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || !(n > 0) || n > 1e9) {
		fprintf(stderr, "%s is \"%s\": a number above 0 is wanted\n", name, text);
		exit(1);
	}
	return n;
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

static int health(void)
{
	static const char ask[] = "GET /health HTTP/1.0\r\n\r\n";
	struct buf in = {0}, out = {0};
	int fd = net_begin("127.0.0.1", "8080", 0), over = 0;

	buf_text(&out, ask);
	for (int64_t until = clock_ms() + 4000; fd >= 0 && !over && clock_ms() < until;) {
		struct pollfd p = {.fd = fd, .events = (short)(POLLIN | (out.n ? POLLOUT : 0))};

		poll(&p, 1, 500);
		over = net_write(fd, &out);
		if (p.revents & POLLIN)
			over |= net_read(fd, &in) < 0;
	}
	return in.n > 12 && !strncmp(in.p + 8, " 200", 4) ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct server s = {.mongo = {.fd = -1}, .peers = {.hear = -1, .say = -1}};
	struct sigaction term = {.sa_handler = on_term};

	if (argc > 1 && !strcmp(argv[1], "health"))
		return health();
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &term, NULL);
	sigaction(SIGINT, &term, NULL);
	s.origins = setting("OPTY_SOCKET_CORS_ALLOWED_ORIGINS", "");
	s.max_connections = (long)number("OPTY_SOCKET_MAX_CONNECTIONS", "1000");
	s.timeout_ms = (int64_t)(number("OPTY_SOCKET_SESSION_TIMEOUT_MINUTES", "30") * 60000);
	s.now = clock_ms();
	random_id(s.id);
	loop_limit(&s);
	if (mongo_start(&s, setting("MONGO_URL", "")))
		return 1;
	peers_start(&s, setting("OPTY_REDIS_URL", ""));
	s.listener = listen_on(8080);
	if (s.listener < 0) {
		fprintf(stderr, "cannot listen on 8080: %s\n", strerror(errno));
		return 1;
	}
	printf("listening on 8080\n");
	loop_run(&s, &told_to_stop);
	printf("stopping\n");
	loop_stop(&s);
	return 0;
}
