/*
 * Route netlink in batches: messages are built into one buffer and sent in one go. The kernel goes
 * on after a message that failed; failures are answered, and the last message always is. A dump
 * reader for the rest.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

struct rtnl_note {
	const char *what; /* for the error: "make bridge br-1234" */
	int tolerate;     /* an errno that is no failure, or 0 */
};

struct rtnl {
	int fd;
	uint32_t seq; /* of the first message in the batch */
	char *batch;  /* fixed room, so that message pointers stay good */
	size_t used;
	struct nlmsghdr *now; /* the message being built, the last of the batch */
	struct rtnl_note *notes;
	size_t n;
};

/* Room for the interfaces of 64 containers; the kernel takes at most 200 KiB at once. */
enum { RTNL_BATCH = 128 * 1024, RTNL_MESSAGES = 512 };

/* A socket in the namespace behind netns_fd, or in the caller's own where that is -1. */
int rtnl_open(struct rtnl *r, int netns_fd, struct err *e) must_check;
/* The same to connection tracking, in the caller's namespace. */
int rtnl_open_flows(struct rtnl *r, struct err *e) must_check;
void rtnl_done(struct rtnl *r);
#define auto_rtnl __attribute__((cleanup(rtnl_done))) struct rtnl

/* Starts a message; attributes go to r->now with mnl_attr_put*(). `what` must live until sent. */
void *rtnl_add(struct rtnl *r, uint16_t type, uint16_t flags, size_t head_size,
	       struct rtnl_note note);
/* True where a caller with much to say should send now. */
bool rtnl_full(const struct rtnl *r);
/* Sends the batch and waits until it is done; the first failure that was not tolerated. */
int rtnl_send(struct rtnl *r, struct err *e) must_check;
/*
 * The same for a batch whose last message removes an interface: returns when the kernel tells that
 * it is gone (Linux 6.2; before that, when all is done). That nobody looks at it any more takes the
 * kernel ten times longer, which a process of its own waits for.
 */
int rtnl_send_removal(struct rtnl *r, struct err *e) must_check;

/* Calls fn for every message of a dump; fn returns 0 or -errno. head: the request's header. */
int rtnl_dump(struct rtnl *r, uint16_t type, const void *head, size_t head_size,
	      int (*fn)(const struct nlmsghdr *h, void *arg), void *arg, struct err *e) must_check;
