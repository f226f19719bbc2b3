#include "net/rtnl.h"
#include "base/behind.h"
#include "base/mem.h"
#include "base/sys.h"
#include "net/netns.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { ANSWER_ROOM = 32768 };

static int open_protocol(int protocol, int *out)
{
	auto_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	int one = 1;

	if (fd < 0)
		return -errno;
	/* Answers without the request's body: they stay small however large the batch is. */
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	*out = take_fd(&fd);
	return 0;
}

static int open_socket(void *arg)
{
	return open_protocol(NETLINK_ROUTE, arg);
}

static int make_room(struct rtnl *r, int ret, struct err *e)
{
	if (ret < 0)
		return err_set(e, -ret, "cannot open a netlink socket: %s", strerror(-ret));
	r->batch = mem_room(RTNL_BATCH);
	r->notes = mem_array(RTNL_MESSAGES, sizeof(*r->notes));
	return 0;
}

int rtnl_open(struct rtnl *r, int netns_fd, struct err *e)
{
	*r = (struct rtnl){.fd = -1, .seq = 1};
	return make_room(
		r, netns_fd < 0 ? open_socket(&r->fd) : netns_call(netns_fd, open_socket, &r->fd),
		e);
}

int rtnl_open_flows(struct rtnl *r, struct err *e)
{
	*r = (struct rtnl){.fd = -1, .seq = 1};
	return make_room(r, open_protocol(NETLINK_NETFILTER, &r->fd), e);
}

void rtnl_done(struct rtnl *r)
{
	close_at(&r->fd);
	free(r->batch);
	free(r->notes);
	*r = (struct rtnl){.fd = -1};
}

static void finish(struct rtnl *r)
{
	if (r->now)
		r->used += MNL_ALIGN(r->now->nlmsg_len);
}

void *rtnl_add(struct rtnl *r, uint16_t type, uint16_t flags, size_t head_size,
	       struct rtnl_note note)
{
	finish(r);
	/* Callers ask rtnl_full() between units of work; a unit is far below the reserve. */
	if (r->used + 4096 > RTNL_BATCH || r->n == RTNL_MESSAGES)
		abort();
	r->now = mnl_nlmsg_put_header(r->batch + r->used);
	r->now->nlmsg_type = type;
	r->now->nlmsg_flags = NLM_F_REQUEST | flags;
	r->now->nlmsg_seq = r->seq + (uint32_t)r->n;
	r->notes[r->n++] = note;
	return mnl_nlmsg_put_extra_header(r->now, head_size);
}

bool rtnl_full(const struct rtnl *r)
{
	return r->used > RTNL_BATCH / 2 || r->n > RTNL_MESSAGES / 2;
}

static const char *kernel_says(const struct nlmsghdr *h)
{
	const struct nlattr *attr;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	/* With NETLINK_CAP_ACK only the header of the request is repeated. */
	mnl_attr_for_each(attr, h, sizeof(struct nlmsgerr))
	{
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			return mnl_attr_get_str(attr);
	}
	return NULL;
}

/* One answer; 0 or the failure, kept in *e when it is the first. */
static int judge(struct rtnl *r, const struct nlmsghdr *h, int so_far, struct err *e)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(h);
	size_t i = h->nlmsg_seq - r->seq;
	const char *says = kernel_says(h);

	if (h->nlmsg_type != NLMSG_ERROR || i >= r->n || !answer->error || so_far)
		return so_far;
	if (-answer->error == r->notes[i].tolerate)
		return 0;
	return err_set(e, -answer->error, "cannot %s: %s%s%s%s", r->notes[i].what,
		       strerror(-answer->error), says ? " (" : "", says ? says : "",
		       says ? ")" : "");
}

/* Up to that of the last message, which alone is answered in any case. */
static int read_answers(struct rtnl *r, struct err *e)
{
	auto_free char *room = mem_room(ANSWER_ROOM);
	const uint32_t last = r->seq + (uint32_t)r->n - 1;
	const struct nlmsghdr *h;
	bool over = false;
	int failed = 0, n;

	while (!over) {
		n = (int)recv(r->fd, room, ANSWER_ROOM, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno, "no answer over netlink: %s", strerror(errno));
		h = (const struct nlmsghdr *)room;
		for (; mnl_nlmsg_ok(h, n); h = mnl_nlmsg_next(h, &n)) {
			failed = judge(r, h, failed, e);
			over |= h->nlmsg_seq == last;
		}
	}
	return failed;
}

static int send_all(const struct rtnl *r, int fd)
{
	return send(fd, r->batch, r->used, 0) < 0 ? -errno : 0;
}

static int answered(struct rtnl *r, int sent, struct err *e)
{
	int ret = sent < 0 ? err_set(e, -sent, "cannot send over netlink: %s", strerror(-sent))
			   : read_answers(r, e);

	r->seq += (uint32_t)r->n;
	r->used = r->n = 0;
	r->now = NULL;
	return ret;
}

int rtnl_send(struct rtnl *r, struct err *e)
{
	finish(r);
	if (!r->n)
		return 0;
	r->now->nlmsg_flags |= NLM_F_ACK;
	return answered(r, send_all(r, r->fd), e);
}

static void send_behind(const void *arg, const int *fds)
{
	(void)send_all(arg, fds[0]);
}

/* An answer has come, or whoever sent has ended without one. */
static bool has_answer(int netlink, int sender)
{
	struct pollfd fds[] = {{.fd = netlink, .events = POLLIN}, {.fd = sender}};

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	return fds[0].revents & POLLIN;
}

int rtnl_send_removal(struct rtnl *r, struct err *e)
{
	int ends[2], ret;

	finish(r);
	if (!r->n)
		return 0;
	r->now->nlmsg_flags |= NLM_F_ACK | NLM_F_ECHO;
	ret = sys_pipe(ends, 0);
	if (!ret) {
		ret = behind_run(send_behind, r, (const int[]){r->fd, ends[1]}, 2);
		close(ends[1]);
		if (!ret && !has_answer(r->fd, ends[0]))
			ret = -EPIPE;
		close(ends[0]);
	}
	return answered(r, ret ? send_all(r, r->fd) : 0, e);
}

/* 1: more to come, 0: done. */
static int read_dump(struct rtnl *r, char *room, int n,
		     int (*fn)(const struct nlmsghdr *h, void *arg), void *arg)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)room;
	int ret;

	for (; mnl_nlmsg_ok(h, n); h = mnl_nlmsg_next(h, &n)) {
		if (h->nlmsg_seq != r->seq)
			continue;
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(h))->error;
		ret = fn(h, arg);
		if (ret < 0)
			return ret;
	}
	return 1;
}

int rtnl_dump(struct rtnl *r, uint16_t type, const void *head, size_t head_size,
	      int (*fn)(const struct nlmsghdr *h, void *arg), void *arg, struct err *e)
{
	auto_free char *room = mem_room(ANSWER_ROOM);
	struct nlmsghdr *h;
	int ret = 1, n;

	h = mnl_nlmsg_put_header(room);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++r->seq;
	memcpy(mnl_nlmsg_put_extra_header(h, head_size), head, head_size);
	if (send(r->fd, h, h->nlmsg_len, 0) < 0)
		return err_set(e, errno, "cannot send over netlink: %s", strerror(errno));
	while (ret > 0) {
		n = (int)recv(r->fd, room, ANSWER_ROOM, 0);
		if (n < 0 && errno == EINTR)
			continue;
		ret = n < 0 ? -errno : read_dump(r, room, n, fn, arg);
	}
	r->seq++;
	if (ret < 0)
		return err_set(e, -ret, "cannot list over netlink: %s", strerror(-ret));
	return 0;
}
