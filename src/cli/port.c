/* port: where a container's port is published. */
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/target.h"
#include <errno.h>
#include <string.h>

struct port_opts {
	const char *protocol;
	int index;
};

static const char *host_ip(const struct status_port *p)
{
	return p->host_ip && *p->host_ip ? p->host_ip : "0.0.0.0";
}

static void print_place(const struct status_port *p)
{
	printf(strchr(host_ip(p), ':') ? "[%s]:%lld\n" : "%s:%lld\n", host_ip(p),
	       (long long)p->host_port);
}

/* "80" or "80/udp"; the protocol after the slash wins over --protocol. */
static int read_port(struct cli *c, const char *word, uint64_t *port, const char **protocol,
		     struct err *e)
{
	struct span rest = span_of(word), head;

	if (span_cut(&rest, '/', &head))
		*protocol = rest.p;
	if (text_to_u64(span_dup(&c->arena, head), port) < 0 || !*port || *port > 65535)
		return err_set(e, EINVAL, "\"%s\" is not a port", word);
	return 0;
}

static bool is_protocol(const struct status_port *p, const char *protocol)
{
	return !strcmp(p->protocol && *p->protocol ? p->protocol : "tcp", protocol);
}

static bool is_exposed(const struct status *s, uint64_t port, const char *protocol)
{
	vec_each(p, &s->ports) {
		if ((uint64_t)p->port == port && is_protocol(p, protocol))
			return true;
	}
	return false;
}

static int print_all(const struct status *s)
{
	vec_each(p, &s->ports) {
		if (!p->host_port)
			continue;
		printf("%lld/%s -> ", (long long)p->port,
		       p->protocol && *p->protocol ? p->protocol : "tcp");
		print_place(p);
	}
	return 0;
}

static int port_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct port_opts *o = opts;
	const char *protocol = o->protocol;
	struct status s;
	uint64_t port;
	bool found = false;

	if (target_one(c, argv[0], o->index, &s, e) < 0)
		return -e->code;
	if (argc == 1)
		return print_all(&s);
	if (read_port(c, argv[1], &port, &protocol, e) < 0)
		return -e->code;
	vec_each(p, &s.ports) {
		if ((uint64_t)p->port != port || !p->host_port || !is_protocol(p, protocol))
			continue;
		print_place(p);
		found = true;
		if (c->world != WORLD_DOCKER)
			break;
	}
	/* docker compose has a place for what is exposed only: none. */
	if (!found && c->world != WORLD_DOCKER && is_exposed(&s, port, protocol))
		found = puts(":0") >= 0;
	if (!found)
		return err_set(e, ENOENT, "no port %d/%s for container %s", (int)port, protocol,
			       s.name);
	return 0;
}

static const struct port_opts port_defaults = {.protocol = "tcp", .index = 0};

/* clang-format off */
static const struct opt port_opts[] = {
	{0, "index",    OPT_INT,  offsetof(struct port_opts, index),    "N",       "which replica, where there are several"},
	{0, "protocol", OPT_WORD, offsetof(struct port_opts, protocol), "tcp|udp|sctp", "of the port"},
	{0},
};
/* clang-format on */

const struct command port_command = {
	.name = "port",
	.args = "SERVICE [PORT[/PROTOCOL]]",
	.brief = "Show where a port of a container is published.",
	.opts = port_opts,
	.size = sizeof(struct port_opts),
	.defaults = &port_defaults,
	.min = 1,
	.max = 2,
	.group = GROUP_LOOK,
	.run = port_run,
};
