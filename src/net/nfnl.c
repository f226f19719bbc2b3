#include "net/nfnl.h"
#include "base/behind.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE_ROOM = 512, ANSWER_ROOM = 32768 };

void nfnl_done(struct nfnl_batch *b)
{
	free(b->room);
	*b = (struct nfnl_batch){0};
}

static struct nlmsghdr *put_head(void *at, int type, uint16_t flags, int family, uint16_t res_id)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(at);
	struct nfgenmsg *g;

	h->nlmsg_type = (uint16_t)type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = (uint8_t)family;
	g->version = NFNETLINK_V0;
	g->res_id = htons(res_id);
	return h;
}

static struct nlmsghdr *add(struct nfnl_batch *b, int type, uint16_t flags, int family,
			    uint16_t res_id)
{
	if (b->used + MESSAGE_ROOM > b->cap) {
		b->cap = b->cap ? 2 * b->cap : 8 * MESSAGE_ROOM;
		b->room = mem_grow(b->room, b->cap);
	}
	return put_head(b->room + b->used, type, flags, family, res_id);
}

void nfnl_finish(struct nfnl_batch *b, const struct nlmsghdr *h)
{
	b->used += MNL_ALIGN(h->nlmsg_len);
	b->n++;
}

struct nlmsghdr *nfnl_change(struct nfnl_batch *b, int type, uint16_t flags, int family)
{
	if (!b->n)
		nfnl_finish(b, add(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	return add(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags, family, 0);
}

void nfnl_element(struct nfnl_batch *b, bool put, const struct nfnl_set *set, const void *key,
		  size_t n)
{
	struct nlmsghdr *h = put ? nfnl_change(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, set->family)
				 : nfnl_change(b, NFT_MSG_DELSETELEM, 0, set->family);
	struct nlattr *list, *elem, *data;

	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, set->table);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, set->set);
	list = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	elem = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
	data = mnl_attr_nest_start(h, NFTA_SET_ELEM_KEY);
	mnl_attr_put(h, NFTA_DATA_VALUE, n, key);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, elem);
	mnl_attr_nest_end(h, list);
	nfnl_finish(b, h);
}

void nfnl_drop_table(struct nfnl_batch *b, int family, const char *table)
{
	struct nlmsghdr *h = nfnl_change(b, NFT_MSG_DELTABLE, 0, family);

	mnl_attr_put_strz(h, NFTA_TABLE_NAME, table);
	nfnl_finish(b, h);
	b->drops = true;
}

static int open_socket(struct err *e)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER), one = 1;

	if (fd < 0)
		return err_set(e, errno, "cannot open a netlink socket: %s", strerror(errno));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return fd;
}

static int failed(const struct nlmsghdr *h)
{
	return h->nlmsg_type == NLMSG_ERROR
		       ? ((const struct nlmsgerr *)mnl_nlmsg_get_payload(h))->error
		       : 0;
}

/* A change is done when send() returns, and only failures are answered. */
static int first_failure(int fd)
{
	_Alignas(struct nlmsghdr) char room[4096];
	const struct nlmsghdr *h;
	int n, r = 0;

	while (!r && (n = (int)recv(fd, room, sizeof(room), MSG_DONTWAIT)) > 0) {
		h = (const struct nlmsghdr *)room;
		for (; !r && mnl_nlmsg_ok(h, n); h = mnl_nlmsg_next(h, &n))
			r = failed(h);
	}
	return r;
}

static void close_behind(const void *arg, const int *fds)
{
	(void)arg;
	close(fds[0]);
}

int nfnl_send(const struct nfnl_batch *b, struct err *e)
{
	_Alignas(struct nlmsghdr) char end[MESSAGE_ROOM];
	struct nlmsghdr *last;
	struct iovec parts[2];
	struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2};
	auto_fd int fd = -1;
	int r;

	if (!b->n)
		return 0;
	fd = open_socket(e);
	if (fd < 0)
		return fd;
	last = put_head(end, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	parts[0] = (struct iovec){b->room, b->used};
	parts[1] = (struct iovec){end, last->nlmsg_len};
	do
		r = sendmsg(fd, &m, 0) < 0 ? -errno : first_failure(fd);
	while (r == -EINTR || r == -EAGAIN);
	/* Whoever closes the last one waits until no packet can be in the rules that went. */
	if (!r && b->drops)
		(void)!behind_run(close_behind, NULL, &fd, 1);
	return r ? err_set(e, -r, "cannot change packet filter rules: %s", strerror(-r)) : 0;
}

/* Sends one question and calls fn with each answer; without NLM_F_DUMP there is one at most. */
static int ask(struct nlmsghdr *h, void (*fn)(const struct nlmsghdr *h, void *arg), void *arg,
	       struct err *e)
{
	auto_free char *room = mem_room(ANSWER_ROOM);
	const bool dump = (h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	auto_fd int fd = open_socket(e);
	int n, r = 0;

	if (fd < 0)
		return fd;
	if (send(fd, h, h->nlmsg_len, 0) < 0)
		return err_set(e, errno, "cannot ask for packet filter rules: %s", strerror(errno));
	for (;;) {
		const struct nlmsghdr *a = (const struct nlmsghdr *)room;

		n = (int)recv(fd, room, ANSWER_ROOM, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, EIO, "no answer over netlink");
		for (; mnl_nlmsg_ok(a, n); a = mnl_nlmsg_next(a, &n)) {
			r = failed(a);
			if (r < 0)
				return err_set(e, -r, "cannot list packet filter rules: %s",
					       strerror(-r));
			if (a->nlmsg_type == NLMSG_DONE)
				return 0;
			fn(a, arg);
		}
		if (!dump)
			return 0;
	}
}

/* A caller's function and what to give it. */
struct listing {
	void (*table)(int family, const char *name, void *arg);
	void (*element)(const void *key, size_t n, void *arg);
	void *arg;
};

static void on_table(const struct nlmsghdr *h, void *arg)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	const struct listing *l = arg;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, h, sizeof(*g))
	{
		if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME)
			l->table(g->nfgen_family, mnl_attr_get_str(attr), l->arg);
	}
}

int nfnl_tables(void (*fn)(int family, const char *name, void *arg), void *arg, struct err *e)
{
	_Alignas(struct nlmsghdr) char room[MESSAGE_ROOM];
	struct listing l = {.table = fn, .arg = arg};

	return ask(put_head(room, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, NLM_F_DUMP,
			    NFPROTO_UNSPEC, 0),
		   on_table, &l, e);
}

static const struct nlattr *inside(const struct nlattr *nest, int type)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
	{
		if (mnl_attr_get_type(attr) == type)
			return attr;
	}
	return NULL;
}

static void on_elements(const struct nlmsghdr *h, void *arg)
{
	const struct listing *l = arg;
	const struct nlattr *attr, *elem, *key;

	mnl_attr_for_each(attr, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested(elem, attr)
		{
			key = inside(elem, NFTA_SET_ELEM_KEY);
			key = key ? inside(key, NFTA_DATA_VALUE) : NULL;
			if (key)
				l->element(mnl_attr_get_payload(key), mnl_attr_get_payload_len(key),
					   l->arg);
		}
	}
}

int nfnl_elements(const struct nfnl_set *set, void (*fn)(const void *key, size_t n, void *arg),
		  void *arg, struct err *e)
{
	_Alignas(struct nlmsghdr) char room[MESSAGE_ROOM];
	struct listing l = {.element = fn, .arg = arg};
	struct nlmsghdr *h = put_head(room, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM,
				      NLM_F_DUMP, set->family, 0);

	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, set->table);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, set->set);
	return ask(h, on_elements, &l, e);
}

static void on_handle(const struct nlmsghdr *h, void *arg)
{
	struct nfnl_chain *out = arg;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_TABLE_HANDLE)
			out->table = be64toh(mnl_attr_get_u64(attr));
	}
}

static void on_use(const struct nlmsghdr *h, void *arg)
{
	struct nfnl_chain *out = arg;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_CHAIN_USE)
			out->rules = ntohl(mnl_attr_get_u32(attr));
	}
}

int nfnl_chain(int family, const char *table, const char *chain, struct nfnl_chain *out,
	       struct err *e)
{
	_Alignas(struct nlmsghdr) char room[MESSAGE_ROOM];
	struct nlmsghdr *h =
		put_head(room, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, 0, family, 0);
	int r;

	*out = (struct nfnl_chain){0};
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, table);
	r = ask(h, on_handle, out, e);
	if (r < 0)
		return r;
	h = put_head(room, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, 0, family, 0);
	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, chain);
	return ask(h, on_use, out, e);
}
