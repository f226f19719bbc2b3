/* Buffers, sockets, time. */
#include "opty.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (b->n + n + 1 > b->cap) {
		b->cap = (b->n + n + 1) * 2;
		b->p = realloc(b->p, b->cap);
		if (!b->p)
			abort();
	}
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = 0;
}

void buf_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *format, ...)
{
	char *text;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		abort();
	buf_add(b, text, (size_t)n);
	free(text);
}

void buf_take(struct buf *b, size_t n)
{
	b->n -= n;
	if (b->p)
		memmove(b->p, b->p + n, b->n + 1);
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){0};
}

int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void random_id(char out[ID_CHARS + 1])
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char bytes[ID_CHARS];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		abort();
	for (int i = 0; i < ID_CHARS; i++)
		out[i] = letters[bytes[i] % 64];
	out[ID_CHARS] = 0;
}

int net_begin(const char *host, const char *port, unsigned attempt)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all, *a;
	unsigned count = 0;
	int fd;

	if (getaddrinfo(host, port, &hints, &all)) {
		errno = EHOSTUNREACH;
		return -1;
	}
	for (a = all; a; a = a->ai_next)
		count++;
	a = all;
	for (attempt %= count; attempt; attempt--)
		a = a->ai_next;
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS) {
		int why = errno;

		close(fd);
		errno = why;
		fd = -1;
	}
	freeaddrinfo(all);
	return fd;
}

int net_read(int fd, struct buf *b)
{
	char chunk[65536];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n > 0) {
		buf_add(b, chunk, (size_t)n);
		return 1;
	}
	if (!n)
		errno = 0;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

int net_write(int fd, struct buf *b)
{
	ssize_t n = b->n ? send(fd, b->p, b->n, MSG_NOSIGNAL) : 0;

	if (n > 0)
		buf_take(b, (size_t)n);
	return n < 0 && errno != EAGAIN && errno != EINTR ? -1 : 0;
}
