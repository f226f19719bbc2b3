/* network ls|inspect|create|rm|prune|connect|disconnect: networks of every project, and those of
 * none. */
#include "base/hash.h"
#include "base/paths.h"
#include "base/when.h"
#include "cli/networks.h"
#include "net/ipam.h"
#include <errno.h>
#include <string.h>

#define O(field) offsetof(struct network_opts, field)

static const char *option(const struct network_opts *o, const char *key)
{
	const char *v = NULL;

	vec_each(x, &o->options) {
		if (networks_filter_is(*x, key, &v))
			return v;
	}
	return NULL;
}

static bool option_is(const struct network_opts *o, const char *key, const char *value)
{
	const char *v = option(o, key);

	return v && !strcmp(v, value);
}

static int read_options(const struct network_opts *o, struct network_status *n, struct err *e)
{
	const char *mtu = option(o, "com.docker.network.driver.mtu");
	uint64_t number;

	n->driver = o->driver ? o->driver : "bridge";
	if (strcmp(n->driver, "bridge") && strcmp(n->driver, "macvlan") &&
	    strcmp(n->driver, "ipvlan")) {
		err_set(e, EINVAL, "driver \"%s\" is not known here", n->driver);
		return err_hint(e, "bridge, macvlan and ipvlan are");
	}
	n->internal = o->internal;
	n->attachable = o->attachable;
	n->bridge = option(o, "com.docker.network.bridge.name");
	n->parent = option(o, "parent");
	n->no_icc = option_is(o, "com.docker.network.bridge.enable_icc", "false");
	n->no_masquerade = option_is(o, "com.docker.network.bridge.enable_ip_masquerade", "false");
	if (mtu && (text_to_u64(mtu, &number) < 0 || number < 68 || number > 65535))
		return err_set(e, EINVAL, "\"%s\" is no MTU: 68 to 65535", mtu);
	n->mtu = mtu ? (int64_t)number : 0;
	return 0;
}

/* --subnet, --gateway of that family; family 0 in *out where none is given. */
static int given(const struct strings *words, int family, struct ip_addr *out, struct err *e)
{
	struct ip_addr ip;

	*out = (struct ip_addr){0};
	vec_each(w, words) {
		if (ip_parse(*w, &ip, e) < 0)
			return -e->code;
		if (ip.family == family)
			*out = ip;
	}
	return 0;
}

static int take_pool(struct cli *c, const struct network_opts *o, struct network_status *n,
		     struct net_spec *spec, int family, struct err *e)
{
	struct ip_addr subnet, gateway, wanted;
	char text[64];

	if (given(&o->subnets, family, &wanted, e) < 0 ||
	    given(&o->gateways, family, &gateway, e) < 0)
		return -e->code;
	if (ipam_subnet_take(n->id, n->name, wanted.family ? &wanted : NULL, family, &subnet, e) <
		    0 ||
	    ipam_addr_take(n->id, "gateway", gateway.family ? &gateway : NULL, NULL, family,
			   &gateway, e) < 0)
		return -e->code;
	if (family == AF_INET) {
		spec->subnet4 = subnet;
		spec->gateway4 = gateway;
		n->subnet4 = arena_printf(&c->arena, "%s", ip_print(&subnet, true, text));
		n->gateway4 = arena_printf(&c->arena, "%s", ip_print(&gateway, false, text));
	} else {
		spec->subnet6 = subnet;
		spec->gateway6 = gateway;
		n->subnet6 = arena_printf(&c->arena, "%s", ip_print(&subnet, true, text));
		n->gateway6 = arena_printf(&c->arena, "%s", ip_print(&gateway, false, text));
	}
	return 0;
}

static int make(struct cli *c, const struct network_opts *o, struct network_status *n,
		struct err *e)
{
	struct net_spec spec = {.id = n->id,
				.name = n->name,
				.bridge = n->bridge,
				.parent = n->parent,
				.internal = n->internal,
				.no_icc = n->no_icc,
				.no_masquerade = n->no_masquerade,
				.mtu = (int)n->mtu};
	struct ip_addr v6;
	int r = given(&o->subnets, AF_INET6, &v6, e);

	if (!strcmp(n->driver, "macvlan"))
		spec.driver = NET_MACVLAN;
	else if (!strcmp(n->driver, "ipvlan"))
		spec.driver = NET_IPVLAN;
	if (!r && !o->no_ipv4)
		r = take_pool(c, o, n, &spec, AF_INET, e);
	if (!r && (o->ipv6 || v6.family))
		r = take_pool(c, o, n, &spec, AF_INET6, e);
	if (!r)
		r = network_up(&spec, e);
	return r ? r : status_network_write(n, e);
}

static void read_labels(struct cli *c, const struct strings *words, struct pairs *out)
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

/* As the supervisor derives it, so that a file may declare this network external. */
static const char *id_of(struct arena *a, const char *name)
{
	char *text = arena_printf(a, "berth network %s", name), hex[HASH_HEX];

	return arena_printf(a, "%s", hash_sha256(text, strlen(text), hex));
}

static int create_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct network_opts *o = opts;
	struct network_status n = {.name = argv[0], .created_ns = when_wall_ns()}, old = {0};
	struct err ignored;

	if (check_name(argv[0], e) < 0 || read_options(o, &n, e) < 0)
		return -e->code;
	if (!status_network_read(&c->arena, argv[0], &old, &ignored) && old.id)
		return err_set(e, EEXIST, "network with name %s already exists", argv[0]);
	n.id = id_of(&c->arena, argv[0]);
	read_labels(c, &o->labels, &n.labels);
	if (make(c, o, &n, e) < 0) {
		/* Nothing half-made stays; the first error is the one to tell. */
		(void)!network_down(
			&(struct net_spec){.id = n.id, .name = n.name, .bridge = n.bridge},
			&ignored);
		(void)!ipam_subnet_free(n.id, &ignored);
		return err_wrap(e, "create network %s", argv[0]);
	}
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

static int take_away(struct cli *c, const struct network_status *n, struct err *e)
{
	struct net_spec spec = {
		.id = n->id, .name = n->name, .bridge = n->bridge, .parent = n->parent};

	if (n->driver && strcmp(n->driver, "bridge"))
		spec.driver = NET_MACVLAN; /* either kind: nothing of it is on the host */
	if (network_down(&spec, e) < 0 || ipam_subnet_free(n->id, e) < 0)
		return -e->code;
	unlink(arena_printf(&c->arena, "%s/networks/%s.json", paths_root(), n->name));
	return 0;
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
		if (r < 0 || user_of(c, &n, &user, e) < 0)
			return -e->code;
		if (user)
			return err_set(e, EBUSY, "network %s is in use by container %s", n.name,
				       user);
		if (take_away(c, &n, e) < 0)
			return err_wrap(e, "remove network %s", n.name);
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
		if (take_away(c, n, e) < 0)
			return err_wrap(e, "remove network %s", n->name);
		if (!said)
			puts("Deleted Networks:");
		said = true;
		puts(n->name);
	}
	return 0;
}

/* clang-format off */
static const struct opt ls_opts[] = {
	{'f', "filter",   OPT_LIST, O(filters),  "KEY=VALUE", "only those: name, id, driver, label, scope"},
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
	{0,   "subnet",     OPT_LIST, O(subnets),    "CIDR",      "its addresses; one IPv4, one IPv6"},
	{0,   "gateway",    OPT_LIST, O(gateways),   "IP",        "the host's address in the subnet; default: the first"},
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
	{0, "alias", OPT_LIST, O(aliases), "NAME", "another name of the container on this network"},
	{0, "ip",    OPT_STR,  O(ip4),     "IP",   "its IPv4 address"},
	{0, "ip6",   OPT_STR,  O(ip6),     "IP",   "its IPv6 address"},
	{0},
};
static const struct opt disconnect_opts[] = {
	{'f', "force", OPT_FLAG, O(force), NULL, NULL},
	{0},
};

#define SUB(verb, words, text, least, most, what) \
	static const struct command network_##verb##_command = { \
		.name = #verb, .args = words, .brief = text, .opts = verb##_opts, \
		.size = sizeof(struct network_opts), .min = least, .max = most, .run = what}
SUB(ls, "", "List networks.", 0, 0, networks_ls);
SUB(inspect, "NETWORK...", "Show networks in full.", 1, -1, networks_inspect);
SUB(create, "NETWORK", "Make a network that projects can name as external.", 1, 1, create_run);
SUB(rm, "NETWORK...", "Remove networks that no container uses.", 1, -1, rm_run);
SUB(prune, "", "Remove all networks that no container uses.", 0, 0, prune_run);
SUB(connect, "NETWORK CONTAINER", "Join a running container to a network.", 2, 2, networks_connect);
SUB(disconnect, "NETWORK CONTAINER", "Take a running container off a network.", 2, 2, networks_disconnect);
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
