/* network ls|inspect|create|rm|prune|connect|disconnect: networks of every project, and those of
 * none. */
#include "base/when.h"
#include "cli/networks.h"
#include "net/ip.h"
#include "supervise/networks.h"
#include <errno.h>
#include <string.h>

#define O(field) offsetof(struct network_opts, field)

/* --subnet, --gateway, --ip-range: each goes to the pool whose subnet holds it. */
static struct status_pool *pool_of(struct network_status *n, const char *word, struct err *e)
{
	struct ip_addr ip, subnet;
	struct status_pool *found = NULL;

	if (ip_parse(word, &ip, e) < 0)
		return NULL;
	vec_each(p, &n->pools) {
		if (!ip_parse(p->subnet, &subnet, e) && ip_in(&ip, &subnet))
			found = p;
	}
	if (!found) {
		err_set(e, EINVAL, "%s is in none of the subnets", word);
		err_hint(e, "give the subnet too, with --subnet");
	}
	return found;
}

static int read_pools(struct cli *c, const struct network_opts *o, struct network_status *n,
		      struct err *e)
{
	struct status_pool *p;

	vec_each(s, &o->subnets)
		*vec_push(&c->arena, &n->pools) = (struct status_pool){.subnet = *s};
	vec_each(g, &o->gateways) {
		p = pool_of(n, *g, e);
		if (!p)
			return -e->code;
		p->gateway = *g;
	}
	vec_each(r, &o->ranges) {
		p = pool_of(n, *r, e);
		if (!p)
			return -e->code;
		p->range = *r;
	}
	vec_each(x, &o->reserved) {
		struct span rest = span_of(*x), key;

		if (!span_cut(&rest, '=', &key))
			return err_set(e, EINVAL, "--aux-address is NAME=IP, not \"%s\"", *x);
		p = pool_of(n, rest.p, e);
		if (!p)
			return -e->code;
		*vec_push(&c->arena, &p->reserved) =
			(struct pair){span_dup(&c->arena, key), rest.p};
	}
	return 0;
}

static void read_pairs(struct cli *c, const struct strings *words, struct pairs *out)
{
	vec_each(w, words) {
		struct span rest = span_of(*w), key;
		bool valued = span_cut(&rest, '=', &key);

		*vec_push(&c->arena, out) =
			(struct pair){span_dup(&c->arena, key), valued ? rest.p : ""};
	}
}

/* The rule of docker's names; they become parts of paths. */
static int check_name(const char *s, struct err *e)
{
	static const char first[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char rest[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	if (*s && strchr(first, *s) && !s[strspn(s, rest)] && strlen(s) < 128)
		return 0;
	err_set(e, EINVAL, "\"%s\" cannot name a network", s);
	return err_hint(e,
			"letters, digits, \"_\", \".\" and \"-\", the first a letter or a digit");
}

static int create_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct network_opts *o = opts;
	struct network_status n = {.name = argv[0],
				   .driver = o->driver ? o->driver : "bridge",
				   .internal = o->internal,
				   .attachable = o->attachable,
				   .created_ns = when_wall_ns()},
			      old = {0};
	struct networks_wish wish = {!o->no_ipv4, o->ipv6, !o->no_ipv6};
	struct err ignored;

	if (check_name(argv[0], e) < 0)
		return -e->code;
	if (networks_is_builtin(&n))
		return err_set(e, EPERM, "network %s is predefined, and cannot be made", argv[0]);
	if (!status_network_read(&c->arena, argv[0], &old, &ignored) && old.id)
		return err_set(e, EEXIST, "network with name %s already exists", argv[0]);
	n.id = networks_id(&c->arena, argv[0]);
	read_pairs(c, &o->labels, &n.labels);
	read_pairs(c, &o->options, &n.options);
	if (read_pools(c, o, &n, e) < 0 || networks_make(&c->arena, &n, &wish, e) < 0)
		return err_wrap(e, "create network %s", argv[0]);
	puts(n.id);
	return 0;
}

static int first_user(void *arg, const struct status *s, const struct status_net *n)
{
	*(const char **)arg = s->name;
	return 1;
}

static int user_of(struct cli *c, const struct network_status *n, const char **out, struct err *e)
{
	*out = NULL;
	return networks_each_user(c, n->name, first_user, out, e);
}

static int rm_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct network_opts *o = opts;
	struct network_status n;
	const char *user;
	int r;

	for (int i = 0; i < argc; i++) {
		r = networks_find(c, argv[i], &n, e);
		if (r == -ENOENT && o->force)
			continue;
		if (r >= 0 && networks_is_builtin(&n))
			return err_set(e, EPERM, "network %s is predefined, and cannot be removed",
				       n.name);
		if (r < 0 || user_of(c, &n, &user, e) < 0)
			return -e->code;
		if (user)
			return err_set(e, EBUSY, "network %s is in use by container %s", n.name,
				       user);
		if (networks_remove(&n, e) < 0)
			return -e->code;
		puts(argv[i]);
	}
	return 0;
}

static bool is_prunable(const struct network_status *n, const struct strings *filters)
{
	const char *v;

	vec_each(f, filters) {
		if (networks_filter_is(*f, "label", &v) && !networks_has_label(&n->labels, v))
			return false;
		if (networks_filter_is(*f, "label!", &v) && networks_has_label(&n->labels, v))
			return false;
	}
	return true;
}

static int prune_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct network_opts *o = opts;
	struct network_statuses all = {0};
	bool said = false;
	const char *user, *v;

	vec_each(f, &o->filters) {
		if (!networks_filter_is(*f, "label", &v) && !networks_filter_is(*f, "label!", &v))
			return err_set(e, EINVAL, "--filter knows label and label!, not \"%s\"",
				       *f);
	}
	if (!o->force && !cli_confirm(c, "Remove all networks that no container uses?"))
		return 0;
	if (status_networks(&c->arena, &all, e) < 0)
		return -e->code;
	vec_each(n, &all) {
		if (user_of(c, n, &user, e) < 0)
			return -e->code;
		if (user || !is_prunable(n, &o->filters))
			continue;
		if (networks_remove(n, e) < 0)
			return -e->code;
		if (!said)
			puts("Deleted Networks:");
		said = true;
		puts(n->name);
	}
	return 0;
}

/* clang-format off */
static const struct opt ls_opts[] = {
	{'f', "filter",   OPT_LIST, O(filters),  "KEY=VALUE", "only those: name, id, driver, label, scope, type"},
	{'q', "quiet",    OPT_FLAG, O(quiet),    NULL,        "ids only"},
	{0,   "no-trunc", OPT_FLAG, O(no_trunc), NULL,        "whole ids"},
	{0,   "format",   OPT_STR,  O(format),   "FORMAT",    "table, json, or a Go template"},
	{0},
};
static const struct opt inspect_opts[] = {
	{'f', "format",  OPT_STR,  O(format), "FORMAT", "json, or a Go template"},
	{'v', "verbose", OPT_FLAG, O(quiet),  NULL,     NULL},
	{0},
};
static const struct opt create_opts[] = {
	{'d', "driver",     OPT_STR,  O(driver),     "NAME",      "bridge (default), macvlan or ipvlan"},
	{0,   "subnet",     OPT_LIST, O(subnets),    "CIDR",      "its addresses, of either family; may be repeated"},
	{0,   "gateway",    OPT_LIST, O(gateways),   "IP",        "the host's address in the subnet; default: the first"},
	{0,   "ip-range",   OPT_LIST, O(ranges),     "CIDR",      "the part of the subnet that containers get"},
	{0,   "aux-address", OPT_LIST, O(reserved),  "NAME=IP",   "an address that something else has"},
	{0,   "internal",   OPT_FLAG, O(internal),   NULL,        "no way outside"},
	{0,   "attachable", OPT_FLAG, O(attachable), NULL,        "accepted for docker's sake; all are"},
	{0,   "ipv6",       OPT_FLAG, O(ipv6),       NULL,        "IPv6 addresses too"},
	{0,   "label",      OPT_LIST, O(labels),     "KEY=VALUE", "metadata"},
	{'o', "opt",        OPT_LIST, O(options),    "KEY=VALUE", "of the driver: parent, com.docker.network.driver.mtu, ..."},
	{0},
};
static const struct opt rm_opts[] = {
	{'f', "force", OPT_FLAG, O(force), NULL, "no error where it is not there"},
	{0},
};
static const struct opt prune_opts[] = {
	{'f', "force",  OPT_FLAG, O(force),   NULL,        "do not ask"},
	{0,   "filter", OPT_LIST, O(filters), "KEY=VALUE", "only those: label, label!"},
	{0},
};
static const struct opt connect_opts[] = {
	{0, "alias",      OPT_LIST, O(aliases), "NAME",       "another name of the container on this network"},
	{0, "driver-opt", OPT_LIST, O(options), "KEY=VALUE",  "com.docker.network.endpoint.ifname: the interface's name inside; .sysctls: of the interface"},
	{0, "gw-priority", OPT_INT, O(gw_priority), "N",         "the way out is here where N is the highest; default 0"},
	{0, "ip",         OPT_STR,  O(ip4),     "IP",         "its IPv4 address"},
	{0, "ip6",        OPT_STR,  O(ip6),     "IP",         "its IPv6 address"},
	{0, "link-local-ip", OPT_LIST, O(link_local), "IP",     "a link-local address there"},
	{0, "link",       OPT_LIST, O(links),   "NAME:ALIAS", "a name that this container alone has for another"},
	{0},
};
static const struct opt disconnect_opts[] = {
	{'f', "force", OPT_FLAG, O(force), NULL, NULL},
	{0},
};

#define SUB(verb, words, text, least, most, what, changes) \
	static const struct command network_##verb##_command = { \
		.name = #verb, .args = words, .brief = text, .opts = verb##_opts, \
		.size = sizeof(struct network_opts), .min = least, .max = most, .run = what, .unplanned = changes}
SUB(ls, "", "List networks.", 0, 0, networks_ls, false);
SUB(inspect, "NETWORK...", "Show networks in full.", 1, -1, networks_inspect, false);
SUB(create, "NETWORK", "Make a network that projects can name as external.", 1, 1, create_run, true);
SUB(rm, "NETWORK...", "Remove networks that no container uses.", 1, -1, rm_run, true);
SUB(prune, "", "Remove all networks that no container uses.", 0, 0, prune_run, true);
SUB(connect, "NETWORK CONTAINER", "Join a running container to a network.", 2, 2, networks_connect, true);
SUB(disconnect, "NETWORK CONTAINER", "Take a running container off a network.", 2, 2, networks_disconnect, true);
/* clang-format on */

static const struct command *const network_sub[] = {
	&network_ls_command,         &network_inspect_command,
	&network_create_command,     &network_rm_command,
	&network_prune_command,      &network_connect_command,
	&network_disconnect_command, NULL};

const struct command network_command = {
	.name = "network",
	.brief = "Look at networks, make and remove them.",
	.sub = network_sub,
	.max = -1,
	.group = GROUP_RESOURCE,
};
