#include "supervise/control.h"
#include "base/mem.h"
#include "base/sys.h"
#include "supervise/conn.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_REQUEST = 32 << 20, MAX_BACKLOG = 16 << 20 };

pid_t conn_pid(const struct conn *c)
{
	return c->pid;
}

static int bury(struct later *later)
{
	struct conn *c = container_of(later, struct conn, bury);

	for (size_t k = 0; k < c->n_fds; k++)
		close(c->fds[k]);
	close(c->fd);
	buf_done(&c->in);
	buf_done(&c->out);
	json_decref(c->services);
	json_decref(c->waiting);
	free(c);
	return 0;
}

static void hang_up(struct conn *c)
{
	struct conn **at = &c->of->conns;

	if (c->dead)
		return;
	c->dead = true;
	c->subscribed = false;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	loop_unwatch(&c->watch);
	jobs_forget(c->of, c);
	loop_later(c->of->loop, &c->bury, bury);
	supervisor_kick(c->of);
}

static void flush(struct conn *c)
{
	ssize_t n;

	while (c->out.n) {
		n = send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			hang_up(c);
			return;
		}
		if (n < 0)
			break;
		memmove(c->out.p, c->out.p + n, c->out.n - (size_t)n);
		c->out.n -= (size_t)n;
	}
	/* A reader that does not read: it may come again. */
	if (c->out.n > MAX_BACKLOG) {
		hang_up(c);
		return;
	}
	loop_change(&c->watch, c->out.n ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void conn_send(struct conn *c, json_t *msg)
{
	char *text;

	if (!c || c->dead) {
		json_decref(msg);
		return;
	}
	text = json_dumps(msg, JSON_COMPACT);
	json_decref(msg);
	if (!text)
		return;
	buf_str(&c->out, text);
	buf_char(&c->out, '\n');
	free(text);
	flush(c);
}

void conn_send_fds(struct conn *c, json_t *msg, const int *fds, size_t n)
{
	char *text;
	size_t len;
	int r;

	if (!c || c->dead) {
		json_decref(msg);
		return;
	}
	json_object_set_new(msg, "fds", json_integer((json_int_t)n));
	text = json_dumps(msg, JSON_COMPACT);
	json_decref(msg);
	if (!text)
		return;
	len = strlen(text);
	text[len] = '\n';
	/* Few bytes and nothing queued before them: they fit into the socket. */
	r = c->out.n ? -EAGAIN : sys_send_fds(c->fd, text, len + 1, fds, n);
	free(text);
	if (r < 0)
		hang_up(c);
}

/* With both ends of this pair beside it: who asked can wait until no file of theirs is open. */
static void send_last(struct conn *c, json_t *msg)
{
	auto_fd int self = sys_pidfd_open(getpid());
	auto_fd int guardian = sys_pidfd_open(getppid());

	json_object_set_new(msg, "left", json_true());
	if (self >= 0 && guardian >= 0 && !c->out.n)
		conn_send_fds(c, msg, (int[]){self, guardian}, 2);
	else
		conn_send(c, msg);
}

void conn_done(struct conn *c, int code, const struct err *error)
{
	json_t *m, *j;

	if (!c || c->dead)
		return;
	instances_saved(c->of); /* the command reads the files next */
	m = json_object();
	json_object_set_new(m, "done", json_true());
	json_object_set_new(m, "code", json_integer(code));
	if (error && error->code) {
		j = json_object();
		json_object_set_new(j, "code", json_integer(error->code));
		json_object_set_new(j, "what", json_string(error->what));
		json_object_set_new(j, "why", json_string(error->why));
		json_object_set_new(j, "at", json_string(error->at));
		json_object_set_new(j, "hint", json_string(error->hint));
		json_object_set_new(m, "error", j);
	}
	if (c->of->left)
		send_last(c, m);
	else
		conn_send(c, m);
}

static void take_request(struct conn *c, const char *line, size_t len)
{
	auto_json *req = NULL;
	struct err e = {0};
	size_t n;

	if (json_read(line, len, &req, &e) < 0) {
		conn_done(c, 1, &e);
		return;
	}
	n = (size_t)json_int_or(req, "fds", 0);
	if (n > c->n_fds)
		n = c->n_fds;
	request_handle(c, req, c->fds, n);
	for (size_t k = 0; k < n; k++) {
		if (c->fds[k] >= 0)
			close(c->fds[k]);
	}
	memmove(c->fds, c->fds + n, (c->n_fds - n) * sizeof(int));
	c->n_fds -= n;
}

static void take_lines(struct conn *c)
{
	char *end;

	while (!c->dead && c->in.n && (end = memchr(c->in.p, '\n', c->in.n))) {
		size_t len = (size_t)(end - c->in.p);

		take_request(c, c->in.p, len);
		memmove(c->in.p, c->in.p + len + 1, c->in.n - len - 1);
		c->in.n -= len + 1;
	}
}

static int on_conn(struct watch *w, uint32_t events)
{
	struct conn *c = container_of(w, struct conn, watch);
	char chunk[16384];
	size_t n_fds = CONN_FDS - c->n_fds;
	ssize_t n;

	if (events & EPOLLOUT)
		flush(c);
	if (c->dead || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return 0;
	n = sys_recv_fds(c->fd, chunk, sizeof(chunk), c->fds + c->n_fds, &n_fds);
	if (n == -EAGAIN)
		return 0;
	if (n <= 0 || c->in.n + (size_t)n > MAX_REQUEST) {
		hang_up(c);
		return 0;
	}
	c->n_fds += n_fds;
	buf_add(&c->in, chunk, (size_t)n);
	take_lines(c);
	return 0;
}

static int on_listen(struct watch *w, uint32_t events)
{
	struct supervisor *s = container_of(w, struct supervisor, listener);
	struct ucred cred = {0};
	socklen_t len = sizeof(cred);
	struct conn *c;
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return 0;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	c = mem_new(sizeof(*c));
	c->of = s;
	c->fd = fd;
	c->pid = cred.pid;
	c->uid = cred.uid;
	c->next = s->conns;
	s->conns = c;
	if (loop_watch(s->loop, &c->watch, fd, EPOLLIN, on_conn) < 0)
		hang_up(c);
	return 0;
}

int control_open(struct supervisor *s, int listen_fd, struct err *e)
{
	int r = loop_watch(s->loop, &s->listener, listen_fd, EPOLLIN, on_listen);

	return r < 0 ? err_set(e, -r, "control socket: %s", strerror(-r)) : 0;
}
