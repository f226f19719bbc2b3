#include "cli/docker_opts.h"
#include "base/vec.h"
#include "cli/words.h"
#include <errno.h>
#include <string.h>

enum goes { AS_TEXT, AS_LIST, AS_PAIRS, AS_FLAG, REFUSED };

/* clang-format off */
#define D(field) offsetof(struct docker_run, field)
#define ROW_TEXT(l, field, name, key, value, help) {name, key, AS_TEXT, D(field), value},
#define ROW_LIST(l, field, name, key, ...)  {name, key, AS_LIST, D(field)},
#define ROW_PAIRS(l, field, name, key, ...) {name, key, AS_PAIRS, D(field)},
#define ROW_FLAG(l, field, name, key, ...)  {name, key, AS_FLAG, D(field)},
#define ROW_NO(field, name, why)            {name, why, REFUSED, D(field)},

static const struct row {
	const char *name, *key; /* REFUSED: key is the reason */
	enum goes how;
	size_t off;
	const char *value;
} rows[] = {
	DOCKER_TEXTS(ROW_TEXT) DOCKER_LISTS(ROW_LIST) DOCKER_PAIRS(ROW_PAIRS) DOCKER_FLAGS(ROW_FLAG)
	DOCKER_REFUSED(ROW_NO)
};

#define OPTION_TEXT(l, field, name, key, value, help) {l, name, OPT_STR, D(field), value, help},
#define OPTION_LIST(l, field, name, key, value, help) {l, name, OPT_LIST, D(field), value, help},
#define OPTION_FLAG(l, field, name, key, value, help) {l, name, OPT_FLAG, D(field), value, help},
#define OPTION_NO(field, name, why)                   {0, name, OPT_LIST, D(field), "...", NULL},

#define BOTH \
	{0,   "name",         OPT_STR,  D(name),         "NAME",    "name of the container"}, \
	{0,   "rm",           OPT_FLAG, D(rm),           NULL,      "remove it when it has ended"}, \
	{0,   "entrypoint",   OPT_STR,  D(entrypoint),   "COMMAND", "instead of the image's"}, \
	{0,   "env-file",     OPT_LIST, D(env_files),    "PATH",    "variables, one K=V a line"}, \
	{0,   "mount",        OPT_LIST, D(mounts),       "K=V,...", "type=bind|volume|tmpfs,source=,target=,readonly"}, \
	{0,   "network",      OPT_STR,  D(network),      "NETWORK", "none, host, container:NAME, or a network that exists"}, \
	{0,   "net",          OPT_STR,  D(network),      "NETWORK", NULL}, \
	{0,   "network-alias", OPT_LIST, D(aliases),     "NAME",    "a further name on that network"}, \
	{0,   "net-alias",    OPT_LIST, D(aliases),      "NAME",    NULL}, \
	{0,   "ip",           OPT_STR,  D(ip),           "IP",      "its IPv4 address on that network"}, \
	{0,   "ip6",          OPT_STR,  D(ip6),          "IP",      "its IPv6 address on that network"}, \
	{0,   "link-local-ip", OPT_LIST, D(link_local),  "IP",      "a link-local address on that network"}, \
	{0,   "mac-address",  OPT_STR,  D(mac),          "MAC",     "its hardware address"}, \
	{0,   "ulimit",       OPT_LIST, D(ulimits),      "NAME=SOFT[:HARD]", "a limit of its processes"}, \
	{0,   "device-read-bps",   OPT_LIST, D(read_bps),   "PATH:BYTES", "bytes read each second"}, \
	{0,   "device-write-bps",  OPT_LIST, D(write_bps),  "PATH:BYTES", "bytes written each second"}, \
	{0,   "device-read-iops",  OPT_LIST, D(read_iops),  "PATH:N",  "reads each second"}, \
	{0,   "device-write-iops", OPT_LIST, D(write_iops), "PATH:N",  "writes each second"}, \
	{0,   "blkio-weight-device", OPT_LIST, D(weight_device), "PATH:N", "weight of one disk"}, \
	{0,   "health-cmd",   OPT_STR,  D(health_cmd),   "COMMAND", "how to tell that it works"}, \
	{0,   "stop-timeout", OPT_INT,  D(stop_timeout), "SECONDS", "then it is killed"}, \
	{0,   "pull",         OPT_WORD, D(pull),         "always|missing|never", "when to pull the image"}, \
	{0,   "cidfile",      OPT_STR,  D(cidfile),      "PATH",    "write its id there"}, \
	{'q', "quiet",        OPT_FLAG, D(quiet),        NULL,      "pull without a word"}, \
	{0,   "disable-content-trust", OPT_FLAG, D(no_trust), NULL, NULL}, \
	DOCKER_TEXTS(OPTION_TEXT) DOCKER_LISTS(OPTION_LIST) DOCKER_PAIRS(OPTION_LIST) \
	DOCKER_FLAGS(OPTION_FLAG) DOCKER_REFUSED(OPTION_NO)

const struct opt docker_run_opts[] = {
	{'d', "detach",       OPT_FLAG, D(detach),       NULL,      "print the container's id and return"},
	{0,   "detach-keys",  OPT_STR,  D(detach_keys),  "KEYS",    "what leaves the container running"},
	{0,   "sig-proxy",    OPT_FLAG, D(sig_proxy),    NULL,      "pass signals on (default true)"},
	BOTH
	{0},
};
const struct opt docker_create_opts[] = {
	BOTH
	{0},
};
/* clang-format on */

const struct docker_run docker_run_defaults = {.stop_timeout = -1, .sig_proxy = true};

/* "a.b": into the mapping a, which is made. */
static void put(json_t *service, const char *key, json_t *value)
{
	const char *dot = strchr(key, '.');
	auto_arena a = {0};
	json_t *below;
	char *outer;

	if (!dot) {
		json_object_set_new(service, key, value);
		return;
	}
	outer = arena_strndup(&a, key, (size_t)(dot - key));
	below = json_object_get(service, outer);
	if (!below) {
		below = json_object();
		json_object_set_new(service, outer, below);
	}
	json_object_set_new(below, dot + 1, value);
}

/* A number is one: not every attribute takes it as a text. */
static json_t *scalar(const char *text)
{
	const char *digits = text + (*text == '-');

	return *digits && !digits[strspn(digits, "0123456789")] && strlen(digits) < 18
		       ? json_integer(atoll(text))
		       : json_string(text);
}

static json_t *mapping_of(const struct strings *words)
{
	json_t *map = json_object();
	auto_arena a = {0};

	vec_each(w, words) {
		size_t n = strcspn(*w, "=");

		json_object_set_new(map, arena_strndup(&a, *w, n),
				    json_string((*w)[n] ? *w + n + 1 : ""));
	}
	return map;
}

static int put_rows(const struct docker_run *o, json_t *service, struct err *e)
{
	for (size_t i = 0; i < countof(rows); i++) {
		const void *at = (const char *)o + rows[i].off;
		const struct strings *list = at;
		const char *text = rows[i].how == AS_TEXT ? *(const char *const *)at : NULL;

		if (text)
			put(service, rows[i].key,
			    !strcmp(rows[i].value, "N") || !strcmp(rows[i].value, "US")
				    ? scalar(text)
				    : json_string(text));
		else if (rows[i].how == AS_LIST && list->n)
			put(service, rows[i].key, json_words(list));
		else if (rows[i].how == AS_PAIRS && list->n)
			put(service, rows[i].key, mapping_of(list));
		else if (rows[i].how == AS_FLAG && *(const bool *)at)
			put(service, rows[i].key, json_true());
		else if (rows[i].how == REFUSED && list->n)
			return err_hint(
				(err_set(e, ENOTSUP, "--%s is not supported", rows[i].name), e),
				"%s", rows[i].key);
	}
	return 0;
}

/* PATH:NUMBER, the number behind the last colon. */
static int put_rates(json_t *service, const char *key, const struct strings *words,
		     const char *member, struct err *e)
{
	json_t *list = json_array();
	auto_arena a = {0};

	vec_each(w, words) {
		const char *colon = strrchr(*w, ':');

		if (!colon) {
			json_decref(list);
			return err_set(e, EINVAL, "\"%s\" is no PATH:NUMBER", *w);
		}
		json_array_append_new(list, json_pack("{s:s, s:o}", "path",
						      arena_strndup(&a, *w, (size_t)(colon - *w)),
						      member, scalar(colon + 1)));
	}
	if (words->n)
		put(service, key, list);
	else
		json_decref(list);
	return 0;
}

static int put_disks(const struct docker_run *o, json_t *service, struct err *e)
{
	const struct {
		const char *key, *member;
		const struct strings *words;
	} disks[] = {{"blkio_config.device_read_bps", "rate", &o->read_bps},
		     {"blkio_config.device_write_bps", "rate", &o->write_bps},
		     {"blkio_config.device_read_iops", "rate", &o->read_iops},
		     {"blkio_config.device_write_iops", "rate", &o->write_iops},
		     {"blkio_config.weight_device", "weight", &o->weight_device}};
	int r = 0;

	for (size_t i = 0; i < countof(disks) && !r; i++)
		r = put_rates(service, disks[i].key, disks[i].words, disks[i].member, e);
	return r;
}

static int put_ulimits(const struct docker_run *o, json_t *service, struct err *e)
{
	auto_arena a = {0};

	vec_each(w, &o->ulimits) {
		const char *eq = strchr(*w, '='), *colon = eq ? strchr(eq, ':') : NULL;
		char *name;

		if (!eq || eq == *w || !eq[1])
			return err_set(e, EINVAL, "\"%s\" is no NAME=SOFT[:HARD]", *w);
		name = arena_printf(&a, "ulimits.%.*s", (int)(eq - *w), *w);
		if (!colon)
			put(service, name, scalar(eq + 1));
		else
			put(service, name,
			    json_pack("{s:o, s:o}", "soft",
				      scalar(arena_strndup(&a, eq + 1, (size_t)(colon - eq - 1))),
				      "hard", scalar(colon + 1)));
	}
	return 0;
}

/* One word of --mount, "K=V" or "K". */
static int put_mount_word(struct arena *a, json_t *mount, const char *word, struct err *e)
{
	static const struct {
		const char *word, *key;
	} known[] = {{"type", "type"},
		     {"source", "source"},
		     {"src", "source"},
		     {"target", "target"},
		     {"destination", "target"},
		     {"dst", "target"},
		     {"readonly", "read_only"},
		     {"ro", "read_only"},
		     {"bind-propagation", "bind.propagation"},
		     {"volume-nocopy", "volume.nocopy"},
		     {"volume-subpath", "volume.subpath"},
		     {"tmpfs-size", "tmpfs.size"},
		     {"tmpfs-mode", "tmpfs.mode"},
		     {"consistency", "consistency"}};
	size_t n = strcspn(word, "=");
	const char *name = arena_strndup(a, word, n), *value = word[n] ? word + n + 1 : "true";

	for (size_t i = 0; i < countof(known); i++) {
		if (strcmp(known[i].word, name))
			continue;
		put(mount, known[i].key,
		    !strcmp(value, "true") || !strcmp(value, "1")    ? json_true()
		    : !strcmp(value, "false") || !strcmp(value, "0") ? json_false()
								     : json_string(value));
		return 0;
	}
	return err_set(e, EINVAL, "--mount: \"%s\" is not known", name);
}

static int put_mounts(struct cli *c, const struct docker_run *o, json_t *service, struct err *e)
{
	json_t *list = json_object_get(service, "volumes");
	int r = 0;

	if (o->mounts.n && !list) {
		list = json_array();
		json_object_set_new(service, "volumes", list);
	}
	vec_each(m, &o->mounts) {
		struct span rest = span_of(*m), word;
		json_t *mount = json_object();

		json_array_append_new(list, mount);
		while (!r && rest.n) {
			(void)span_cut(&rest, ',', &word);
			r = put_mount_word(&c->arena, mount, span_dup(&c->arena, word), e);
		}
		if (!r && !json_object_get(mount, "type"))
			json_object_set_new(mount, "type", json_string("volume"));
	}
	return r;
}

/* Named volumes are the machine's, as docker's are: not "PROJECT_NAME". */
static void name_volumes(const json_t *service, json_t *top)
{
	json_t *each, *volumes = json_object();
	size_t k;
	auto_arena a = {0};

	json_array_foreach(json_object_get(service, "volumes"), k, each)
	{
		const char *text = json_string_value(each), *source = NULL;

		if (text && strchr(text, ':'))
			source = arena_strndup(&a, text, strcspn(text, ":"));
		else if (json_is_object(each) &&
			 !strcmp(json_string_or(each, "type", ""), "volume"))
			source = json_string_or(each, "source", NULL);
		if (source && *source && !strchr("/.~", *source))
			json_object_set_new(volumes, source, json_pack("{s:s}", "name", source));
	}
	if (json_object_size(volumes))
		json_object_set(top, "volumes", volumes);
	json_decref(volumes);
}

static json_t *endpoint_of(const struct docker_run *o)
{
	json_t *end = json_object();

	if (o->ip)
		json_object_set_new(end, "ipv4_address", json_string(o->ip));
	if (o->ip6)
		json_object_set_new(end, "ipv6_address", json_string(o->ip6));
	if (o->mac)
		json_object_set_new(end, "mac_address", json_string(o->mac));
	if (o->aliases.n)
		json_object_set_new(end, "aliases", json_words(&o->aliases));
	if (o->link_local.n)
		json_object_set_new(end, "link_local_ips", json_words(&o->link_local));
	return end;
}

/* none, host and container:x are modes; any other name is a network that exists. */
static int put_network(const struct docker_run *o, json_t *service, json_t *top, struct err *e)
{
	const char *n = o->network;
	bool own = !n || !strcmp(n, "bridge") || !strcmp(n, "default");
	bool mode =
		!own && (!strcmp(n, "none") || !strcmp(n, "host") || text_starts(n, "container:"));
	auto_json *end = endpoint_of(o);

	if (mode && json_object_size(end))
		return err_set(e, EINVAL,
			       "addresses and aliases need a network; with --network %s "
			       "there is none",
			       n);
	if (mode) {
		json_object_set_new(service, "network_mode", json_string(n));
		return 0;
	}
	if (own && (o->ip || o->ip6))
		return err_hint((err_set(e, EINVAL, "--ip needs a network with a subnet"), e),
				"berth network create --subnet ..., then --network NAME");
	json_object_set_new(service, "networks", json_pack("{s:O}", own ? "default" : n, end));
	if (!own)
		json_object_set_new(top, "networks", json_pack("{s:{s:b}}", n, "external", 1));
	return 0;
}

static int read_env_files(struct cli *c, struct docker_run *o, struct err *e)
{
	struct strings env = {0};
	int r = 0;

	vec_each(f, &o->env_files)
		r = r < 0 ? r : words_env_file(&c->arena, *f, &env, e);
	vec_each(w, &o->env)
		*vec_push(&c->arena, &env) = *w;
	o->env = env;
	return r;
}

int docker_service(struct cli *c, struct docker_run *o, int argc, char **argv, json_t *service,
		   json_t *top, struct err *e)
{
	struct strings command = {(const char **)argv + 1, (size_t)argc - 1, 0};
	int r = read_env_files(c, o, e);

	vec_each(v, &o->volumes)
		*v = words_volume(&c->arena, *v);
	if (!r)
		r = put_rows(o, service, e);
	if (!r)
		r = put_disks(o, service, e);
	if (!r)
		r = put_ulimits(o, service, e);
	if (!r)
		r = put_mounts(c, o, service, e);
	if (!r)
		r = put_network(o, service, top, e);
	if (r < 0)
		return r;
	name_volumes(service, top);
	if (command.n)
		put(service, "command", json_words(&command));
	if (o->entrypoint)
		put(service, "entrypoint", json_pack("[s]", o->entrypoint));
	if (o->pull)
		put(service, "pull_policy", json_string(o->pull));
	if (o->health_cmd)
		put(service, "healthcheck.test", json_pack("[s,s]", "CMD-SHELL", o->health_cmd));
	if (o->stop_timeout >= 0)
		put(service, "stop_grace_period",
		    json_string(arena_printf(&c->arena, "%ds", o->stop_timeout)));
	return 0;
}
