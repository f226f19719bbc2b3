#include "net/questions.h"
#include "net/netns.h"
#include "net/nft.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { TCP_BACKLOG = 128 };

static int open_socket(int type, uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	auto_fd int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	if (fd < 0)
		return -errno;
	inet_pton(AF_INET, "127.0.0.11", &at.sin_addr);
	/* The supervisor may come back while old connections linger. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	if (type == SOCK_STREAM && listen(fd, TCP_BACKLOG) < 0)
		return -errno;
	return take_fd(&fd);
}

static int open_sockets(void *arg)
{
	struct questions *s = arg;

	s->udp = open_socket(SOCK_DGRAM, s->port);
	s->tcp = s->udp < 0 ? -1 : open_socket(SOCK_STREAM, s->port);
	return s->udp < 0 ? s->udp : s->tcp < 0 ? s->tcp : 0;
}

/* Questions go to port 53 all the same, by a rule inside. */
static int lead_questions(int netns_fd, const struct questions *s, struct err *e)
{
	auto_arena a = {0};
	auto_buf b = {0};

	buf_str(&b, "table ip berth-dns\ndelete table ip berth-dns\ntable ip berth-dns {\n"
		    "\tchain lead {\n\t\ttype nat hook output priority -100; policy accept;\n");
	for (int tcp = 0; tcp < 2; tcp++) {
		struct sockaddr_in at = {0};
		socklen_t n = sizeof(at);

		(void)getsockname(tcp ? s->tcp : s->udp, (struct sockaddr *)&at, &n);
		buf_printf(&b, "\t\tip daddr 127.0.0.11 %s dport 53 dnat to 127.0.0.11:%u\n",
			   tcp ? "tcp" : "udp", ntohs(at.sin_port));
	}
	buf_str(&b, "\t}\n}\n");
	return nft_run_in(&(struct nft_job){netns_fd, buf_take(&a, &b)}, 1, e);
}

int questions_open(int netns_fd, bool leaves_53, struct questions *out, struct err *e)
{
	struct questions s = {-1, -1, leaves_53 ? 0 : 53};
	int r = netns_call(netns_fd, open_sockets, &s);

	if (r < 0)
		err_set(e, -r, "127.0.0.11: %s", strerror(-r));
	else if (leaves_53)
		r = lead_questions(netns_fd, &s, e);
	if (r < 0) {
		close_at(&s.udp);
		close_at(&s.tcp);
		return r;
	}
	*out = s;
	return 0;
}
