/*
 * What the network commands share: their options, finding a network, and who is on it.
 */
#pragma once
#include "cli/cli.h"
#include "supervise/status.h"

struct network_opts {
	bool quiet, no_trunc, internal, attachable, ipv6, no_ipv6, no_ipv4, force;
	const char *format, *driver, *ip4, *ip6;
	struct strings filters, aliases, links, labels, subnets, gateways, ranges, reserved,
		options, link_local;
	int gw_priority;
};

/* True for "key=..."; *value is what follows. */
bool networks_filter_is(const char *filter, const char *key, const char **value);
bool networks_has_label(const struct pairs *labels, const char *want); /* "key" or "key=value" */
/* 1 it fits, 0 not, or an error. */
int networks_fit(const struct network_status *n, const struct strings *filters,
		 struct err *e) must_check;
/* bridge, host and none, which docker has on every host: here they are words, and nothing to make.
 */
enum { NETWORKS_BUILTIN = 3 };
extern const struct network_status networks_builtin[NETWORKS_BUILTIN];
bool networks_is_builtin(const struct network_status *n);
/* By name, or by the beginning of the id where only one fits. */
int networks_find(struct cli *c, const char *word, struct network_status *out,
		  struct err *e) must_check;

typedef int (*networks_user_fn)(void *arg, const struct status *s, const struct status_net *n);
/* Every endpoint on the network, of all projects; fn returns 0 to see the next. */
int networks_each_user(struct cli *c, const char *name, networks_user_fn fn, void *arg,
		       struct err *e) must_check;

int networks_ls(struct cli *c, void *opts, int argc, char **argv, struct err *e);
int networks_inspect(struct cli *c, void *opts, int argc, char **argv, struct err *e);
int networks_connect(struct cli *c, void *opts, int argc, char **argv, struct err *e);
int networks_disconnect(struct cli *c, void *opts, int argc, char **argv, struct err *e);
