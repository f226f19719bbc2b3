/* inspect: one container in docker's shape, with --format. */
#include "base/hash.h"
#include "base/vec.h"
#include "base/when.h"
#include "cli/cli.h"
#include "cli/container_json.h"
#include "cli/rows.h"
#include "cli/target.h"
#include "cli/template.h"
#include "image/store.h"
#include "supervise/networks.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

struct inspect {
	const char *format, *type;
};

static json_t *moment(int64_t ns)
{
	char text[40];

	return json_string(ns ? when_rfc3339(ns, text) : "0001-01-01T00:00:00Z");
}

static json_t *text_or_empty(const char *s)
{
	return json_string(s ? s : "");
}

static json_t *health_json(const struct status *s)
{
	json_t *log = json_array();

	vec_each(p, &s->probes)
		json_array_append_new(log, json_pack("{s:o, s:o, s:I, s:o}", "Start",
						     moment(p->start_ns), "End", moment(p->end_ns),
						     "ExitCode", (json_int_t)p->exit_code, "Output",
						     text_or_empty(p->output)));
	return json_pack("{s:s, s:I, s:o}", "Status", status_health_name(s->health),
			 "FailingStreak", (json_int_t)s->failing_streak, "Log", log);
}

static json_t *state_json(const struct status *s)
{
	bool paused = s->state == STATE_PAUSED;
	json_t *j = json_pack(
		"{s:s, s:b, s:b, s:b, s:b, s:b, s:I, s:I, s:o, s:o, s:o}", "Status", rows_state(s),
		"Running", s->state == STATE_RUNNING || s->state == STATE_STOPPING || paused,
		"Paused", paused, "Restarting", s->state == STATE_RESTARTING, "OOMKilled",
		s->oom_killed, "Dead", s->state == STATE_DEAD, "Pid", (json_int_t)s->pid,
		"ExitCode", (json_int_t)s->exit_code, "Error", text_or_empty(s->error), "StartedAt",
		moment(s->started_ns), "FinishedAt", moment(s->finished_ns));

	if (s->health != HEALTH_NONE)
		json_object_set_new(j, "Health", health_json(s));
	return j;
}

static json_t *ports_json(const struct status *s)
{
	json_t *out = json_object();
	auto_arena a = {0};

	vec_each(p, &s->ports) {
		char *key = arena_printf(&a, "%lld/%s", (long long)p->port,
					 p->protocol ? p->protocol : "tcp");
		json_t *list = json_object_get(out, key);

		if (!json_is_array(list)) {
			json_object_set_new(out, key, p->host_port ? json_array() : json_null());
			list = json_object_get(out, key);
		}
		if (p->host_port)
			json_array_append_new(
				list, json_pack("{s:s, s:s}", "HostIp",
						p->host_ip && *p->host_ip ? p->host_ip : "0.0.0.0",
						"HostPort",
						arena_printf(&a, "%lld", (long long)p->host_port)));
	}
	return out;
}

/* The length in "10.1.0.0/24". */
static json_int_t prefix_of(const char *subnet)
{
	const char *slash = subnet ? strchr(subnet, '/') : NULL;
	uint64_t n;

	return slash && !text_to_u64(slash + 1, &n) ? (json_int_t)n : 0;
}

/* Names by which others on the network find it, in docker's order. */
static json_t *aliases_json(const struct status *s, const struct status_net *n)
{
	json_t *out = json_array();

	json_array_append_new(out, json_string(s->name));
	if (!s->one_off)
		json_array_append_new(out, json_string(s->service));
	vec_each(x, &n->aliases)
		json_array_append_new(out, json_string(*x));
	return out;
}

static json_t *dns_names(const struct status *s, const struct status_net *n)
{
	json_t *out = aliases_json(s, n);

	if (s->id)
		json_array_append_new(out, json_stringn(s->id, 12));
	return out;
}

/* docker has an id for each endpoint; here the two ids that make one up give it. */
static json_t *endpoint_id(const struct status *s, const struct status_net *n)
{
	auto_arena a = {0};
	char hex[HASH_HEX];
	const char *both = arena_printf(&a, "%s %s", s->id ? s->id : "", n->id ? n->id : "");

	hash_sha256(both, strlen(both), hex);
	return json_string(hex);
}

/* What the file says of it beside its name. */
static void add_wishes(json_t *j, const struct origin *o, const struct status_net *n)
{
	static const struct endpoint none;
	const struct endpoint *ep = &none;
	json_t *fixed = json_object();

	for (size_t k = 0; o->svc && n->key && k < o->svc->networks.n; k++) {
		if (!strcmp(o->svc->networks.v[k].network, n->key))
			ep = &o->svc->networks.v[k];
	}
	if (ep->ipv4_address)
		json_object_set_new(fixed, "IPv4Address", json_string(ep->ipv4_address));
	if (ep->ipv6_address)
		json_object_set_new(fixed, "IPv6Address", json_string(ep->ipv6_address));
	if (ep->link_local_ips.n)
		json_object_set_new(fixed, "LinkLocalIPs", json_words(&ep->link_local_ips));
	json_object_set_new(j, "IPAMConfig", fixed);
	json_object_set_new(j, "DriverOpts", json_pairs(&ep->driver_opts));
	json_object_set_new(j, "Links", n->links.n ? json_words(&n->links) : json_null());
	json_object_set_new(j, "GwPriority", json_integer(n->gw_priority));
}

static json_t *endpoint_json(const struct origin *o, const struct status *s,
			     const struct status_net *n)
{
	struct network_status net = {0};
	auto_arena a = {0};
	struct err ignored;
	const char *subnet6;
	json_t *j;

	if (status_network_read(&a, n->name, &net, &ignored) < 0)
		net = (struct network_status){0};
	subnet6 = n->ip6 ? networks_subnet(&net, AF_INET6) : NULL;
	j = json_pack("{s:o, s:o, s:o, s:I, s:o, s:o, s:I, s:o, s:o, s:o, s:o}", "NetworkID",
		      text_or_empty(n->id), "EndpointID", endpoint_id(s, n), "IPAddress",
		      text_or_empty(n->ip4), "IPPrefixLen",
		      n->ip4 ? prefix_of(networks_subnet(&net, AF_INET)) : 0, "Gateway",
		      text_or_empty(n->gateway), "GlobalIPv6Address", text_or_empty(n->ip6),
		      "GlobalIPv6PrefixLen", prefix_of(subnet6), "IPv6Gateway",
		      text_or_empty(subnet6 ? networks_gateway(&net, AF_INET6) : NULL),
		      "MacAddress", text_or_empty(n->mac), "Aliases", aliases_json(s, n),
		      "DNSNames", dns_names(s, n));
	add_wishes(j, o, n);
	return j;
}

static json_t *networks_json(const struct origin *o, const struct status *s)
{
	json_t *all = json_object();

	vec_each(n, &s->networks)
		json_object_set_new(all, n->name, endpoint_json(o, s, n));
	return json_pack("{s:o, s:o, s:o}", "SandboxKey", text_or_empty(s->netns), "Ports",
			 ports_json(s), "Networks", all);
}

/* As the file has it; one that says nothing where it does not have it. */
static const struct mount *mount_of(const struct origin *o, const struct status_mount *m)
{
	static const struct mount none;

	for (size_t k = 0; o->svc && k < o->svc->volumes.n; k++) {
		if (m->target && !strcmp(o->svc->volumes.v[k].target, m->target))
			return &o->svc->volumes.v[k];
	}
	return &none;
}

static json_t *mounts_json(struct origin *o, const struct status *s)
{
	json_t *out = json_array();

	vec_each(m, &s->mounts) {
		const struct mount *x = mount_of(o, m);
		bool bind = m->type && !strcmp(m->type, "bind");
		const char *mode =
			arena_printf(&o->a, "%s%s%s", m->read_only ? "ro" : "rw",
				     x->selinux ? "," : "", x->selinux ? x->selinux : "");

		json_array_append_new(
			out, json_pack("{s:o, s:o, s:o, s:o, s:s, s:s, s:b, s:s}", "Type",
				       text_or_empty(m->type), "Name", text_or_empty(m->name),
				       "Source", text_or_empty(m->source), "Destination",
				       text_or_empty(m->target), "Driver", m->name ? "local" : "",
				       "Mode", mode, "RW", !m->read_only, "Propagation",
				       x->propagation ? x->propagation
				       : bind         ? "rprivate"
						      : ""));
	}
	return out;
}

static json_t *container_json(const struct status *made)
{
	auto_origin o = {0};
	auto_arena a = {0};
	struct strings args = {0};
	struct status copy = *made, *s = &copy;

	origin_find(&o, s);
	origin_foretell(&o, s);
	if (s->command.n)
		args = (struct strings){s->command.v + 1, s->command.n - 1, 0};
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:I, s:s, s:o, s:o, s:o, s:o}",
			 "Id", text_or_empty(s->id), "Created", moment(s->created_ns), "Path",
			 text_or_empty(s->command.n ? s->command.v[0] : NULL), "Args",
			 json_words(&args), "State", state_json(s), "Image",
			 text_or_empty(s->image_id), "LogPath",
			 json_string(s->log_dir ? arena_printf(&a, "%s/json.log", s->log_dir) : ""),
			 "Name", arena_printf(&a, "/%s", s->name), "RestartCount",
			 (json_int_t)s->restarts, "Platform", "linux", "Mounts", mounts_json(&o, s),
			 "Config", container_config_json(&o, s), "HostConfig",
			 container_host_json(&o, s), "NetworkSettings", networks_json(&o, s));
}

/* The image's document, with what docker adds around it. */
static int image_json(struct cli *c, const char *ref, json_t **out, struct err *e)
{
	struct image *image;
	json_t *config;
	int r = store_image(&c->arena, ref, &image, e);

	if (r)
		return r;
	r = json_read(image->config_json.p, image->config_json.n, &config, e);
	if (r < 0)
		return r;
	*out = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "Id", text_or_empty(image->id), "RepoTags",
		json_words(&image->names), "RepoDigests", json_words(&image->digests),
		"Architecture", text_or_empty(image->architecture), "Os", text_or_empty(image->os),
		"Size", (json_int_t)image->size, "Config",
		json_incref(json_object_get(config, "config") ? json_object_get(config, "config")
							      : json_null()));
	json_decref(config);
	return 0;
}

static int inspect_word(struct cli *c, const struct inspect *o, char *word, json_t *out,
			struct err *e)
{
	struct targets ts;
	struct err none;
	json_t *j = NULL;
	int r = -ENOENT;

	if (!o->type || !strcmp(o->type, "container"))
		r = target_find(c, 1, &word, &ts, e);
	if (r >= 0) {
		vec_each(t, &ts)
			vec_each(s, &t->containers)
				json_array_append_new(out, container_json(s));
		if (ts.n && ts.v[0].containers.n)
			return 0;
	}
	if (!o->type || !strcmp(o->type, "image")) {
		r = image_json(c, word, &j, &none);
		if (!r) {
			json_array_append_new(out, j);
			return 0;
		}
	}
	return err_set(e, ENOENT, "no such container, service or image: %s", word);
}

static int print_formatted(const struct inspect *o, json_t *all, struct err *e)
{
	auto_arena a = {0};
	char *text = template_unescape(&a, o->format);
	json_t *one;
	size_t i;

	json_array_foreach(all, i, one)
	{
		auto_buf b = {0};
		int r = template_print(&b, text, one, e);

		if (r < 0)
			return r;
		printf("%s\n", b.p ? b.p : "");
	}
	return 0;
}

static int inspect_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct inspect *o = opts;
	auto_json *all = json_array();
	int r = 0;

	for (int i = 0; i < argc && r >= 0; i++)
		r = inspect_word(c, o, argv[i], all, e);
	if (r < 0)
		return r;
	if (o->format && strcmp(o->format, "json"))
		return print_formatted(o, all, e);
	json_dumpf(all, stdout, o->format ? JSON_COMPACT : JSON_INDENT(4));
	putchar('\n');
	return 0;
}

/* clang-format off */
static const struct opt inspect_opts[] = {
	{'f', "format", OPT_STR,  offsetof(struct inspect, format), "FORMAT",          "json, or a template such as '{{.State.Status}}'"},
	{0,   "type",   OPT_WORD, offsetof(struct inspect, type),   "container|image", "of what"},
	{0},
};
/* clang-format on */

const struct command inspect_command = {
	.name = "inspect",
	.args = "NAME...",
	.brief = "Show everything about containers or images, as JSON",
	.opts = inspect_opts,
	.size = sizeof(struct inspect),
	.min = 1,
	.max = -1,
	.run = inspect_run,
	.group = GROUP_LOOK,
};
