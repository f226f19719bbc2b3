/* network ls and inspect. */
#include "base/when.h"
#include "cli/networks.h"
#include "cli/table.h"
#include "cli/template.h"
#include "supervise/networks.h"
#include <stdlib.h>
#include <string.h>

static json_t *row_of(struct arena *a, const struct network_status *n, bool no_trunc)
{
	auto_buf labels = {0};
	char when[40];

	vec_each(l, &n->labels)
		buf_printf(&labels, "%s%s=%s", labels.n ? "," : "", l->key,
			   l->value ? l->value : "");
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "CreatedAt",
			 when_rfc3339(n->created_ns, when), "Driver",
			 n->driver ? n->driver : "bridge", "ID",
			 no_trunc ? n->id : arena_strndup(a, n->id, 12), "IPv4",
			 networks_subnet(n, AF_INET) ? "true" : "false", "IPv6",
			 networks_subnet(n, AF_INET6) ? "true" : "false", "Internal",
			 n->internal ? "true" : "false", "Labels", labels.n ? labels.p : "", "Name",
			 n->name, "Scope", "local");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct network_status *)a)->name,
		      ((const struct network_status *)b)->name);
}

int networks_ls(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const struct column columns[] = {{"NETWORK ID", "ID"},
						{"NAME", "Name"},
						{"DRIVER", "Driver"},
						{"SCOPE", "Scope"},
						{0}};
	const struct network_opts *o = opts;
	struct network_statuses all = {0};
	auto_json *rows = json_array();
	int r = status_networks(&c->arena, &all, e), fit;

	for (size_t i = 0; i < NETWORKS_BUILTIN; i++)
		*vec_push(&c->arena, &all) = networks_builtin[i];
	qsort(all.v, all.n, sizeof(*all.v), by_name);
	vec_each(n, &all) {
		fit = r < 0 ? r : networks_fit(n, &o->filters, e);
		if (fit < 0)
			return fit;
		if (fit && o->quiet)
			printf("%.*s\n", o->no_trunc ? 64 : 12, n->id);
		else if (fit)
			json_array_append_new(rows, row_of(&c->arena, n, o->no_trunc));
	}
	if (r < 0 || o->quiet)
		return r;
	return table_print(stdout, o->format, columns, rows, TABLE_LINES, e);
}

static json_t *text_or_empty(const char *s)
{
	return json_string(s ? s : "");
}

/* "10.1.0.2" as docker shows it: with the length of the subnet's prefix. */
static json_t *with_prefix(const char *ip, const char *subnet)
{
	auto_arena a = {0};
	const char *slash = subnet ? strchr(subnet, '/') : NULL;

	return json_string(ip && slash ? arena_printf(&a, "%s%s", ip, slash) : "");
}

struct member_list {
	json_t *all;
	const struct network_status *network;
};

static int add_member(void *arg, const struct status *s, const struct status_net *n)
{
	struct member_list *list = arg;

	if (s->state == STATE_RUNNING || s->state == STATE_PAUSED)
		json_object_set_new(
			list->all, s->id,
			json_pack("{s:s, s:s, s:o, s:o, s:o}", "Name", s->name, "EndpointID", s->id,
				  "MacAddress", text_or_empty(n->mac), "IPv4Address",
				  with_prefix(n->ip4, networks_subnet(list->network, AF_INET)),
				  "IPv6Address",
				  with_prefix(n->ip6, networks_subnet(list->network, AF_INET6))));
	return 0;
}

static json_t *pools_json(const struct network_status *n)
{
	json_t *out = json_array();

	vec_each(p, &n->pools) {
		json_t *pool = json_pack("{s:s}", "Subnet", p->subnet);

		if (p->range)
			json_object_set_new(pool, "IPRange", json_string(p->range));
		json_object_set_new(pool, "Gateway", text_or_empty(p->gateway));
		if (p->reserved.n)
			json_object_set_new(pool, "AuxiliaryAddresses", json_pairs(&p->reserved));
		json_array_append_new(out, pool);
	}
	return out;
}

static int describe(struct cli *c, const struct network_status *n, json_t **out, struct err *e)
{
	struct member_list members = {json_object(), n};
	char when[40];
	int r = networks_each_user(c, n->name, add_member, &members, e);

	if (r < 0) {
		json_decref(members.all);
		return r;
	}
	*out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:{s:s, s:o, s:o}, s:b, s:b, s:b, "
			 "s:{s:s}, s:b, "
			 "s:o, s:o, s:o}",
			 "Name", n->name, "Id", n->id, "Created", when_rfc3339(n->created_ns, when),
			 "Scope", "local", "Driver", n->driver ? n->driver : "bridge", "EnableIPv4",
			 networks_subnet(n, AF_INET) != NULL, "EnableIPv6",
			 networks_subnet(n, AF_INET6) != NULL, "IPAM", "Driver", "default",
			 "Options", json_object(), "Config", pools_json(n), "Internal", n->internal,
			 "Attachable", n->attachable, "Ingress", false, "ConfigFrom", "Network", "",
			 "ConfigOnly", false, "Containers", members.all, "Options",
			 json_pairs(&n->options), "Labels", json_pairs(&n->labels));
	return 0;
}

static int print_as(json_t *all, const char *format, struct err *e)
{
	auto_buf b = {0};
	json_t *item;
	size_t i;

	if (!format || !strcmp(format, "json")) {
		json_dumpf(all, stdout, JSON_INDENT(4));
		putchar('\n');
		return 0;
	}
	json_array_foreach(all, i, item)
	{
		if (template_print(&b, format, item, e) < 0)
			return -e->code;
		buf_char(&b, '\n');
	}
	fputs(b.p, stdout);
	return 0;
}

int networks_inspect(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct network_opts *o = opts;
	auto_json *all = json_array();
	struct network_status n;
	json_t *one;

	for (int i = 0; i < argc; i++) {
		if (networks_find(c, argv[i], &n, e) < 0 || describe(c, &n, &one, e) < 0)
			return -e->code;
		json_array_append_new(all, one);
	}
	return print_as(all, o->format, e);
}
