/* Rows of build, deploy, develop, and of everything at the top of a file beside services. */
#include "compose/service.h"
#include "compose/short.h"
#include <stddef.h>

static const char *const orders[] = {"start-first", "stop-first", NULL};
static const char *const actions[] = {"rebuild",      "sync",      "restart",
				      "sync+restart", "sync+exec", NULL};

#define B(f) TO(struct build, f)
#define W(f) TO(struct watch_rule, f)
#define N(f) TO(struct network, f)
#define V(f) TO(struct volume, f)
#define F(f) TO(struct file_source, f)
#define I(f) TO(struct ipam_pool, f)

/* clang-format off */
static const struct attr build_secret_attrs[] = {
	{"source", A_STR,  TO(struct build_secret, source), "name under the top-level key"},
	{"target", A_STR,  TO(struct build_secret, target), "id in the Dockerfile"},
	{"uid",    A_STR,  TO(struct build_secret, uid),    "owner of the file"},
	{"gid",    A_STR,  TO(struct build_secret, gid),    "group of the file"},
	{"mode",   A_MODE, TO(struct build_secret, mode),   "permissions of the file", .flags = F_KEEP},
	{0},
};
static const struct attr build_secret_row = {"secret", A_MAP, .kinds = KS | KM, .sub = build_secret_attrs,
	.size = sizeof(struct build_secret), .expand = short_file_ref, .decode = decode_build_secret};

const struct attr build_attrs[] = {
	{"context",             A_STR,   B(context), "directory or URL to build from", .dflt = "."},
	{"dockerfile",          A_STR,   B(dockerfile), "file with the instructions", .dflt = "Dockerfile"},
	{"dockerfile_inline",   A_STR,   B(dockerfile_inline), "the instructions themselves"},
	{"entitlements",        A_STRS,  B(entitlements), "further rights of the build"},
	{"args",                A_PAIRS, B(args), "values of ARG", .flags = F_NULLS | F_EQUALS},
	{"provenance",          A_STR,   0, "attestations are not made", .kinds = KS | KB, .flags = F_INERT},
	{"sbom",                A_STR,   0, "attestations are not made", .kinds = KS | KB, .flags = F_INERT},
	{"ssh",                 A_STRS,  B(ssh), "agents or keys for RUN", .kinds = KQ | KM, .expand = short_ssh, .settle = short_ssh_list, .decode = decode_external},
	{"labels",              A_PAIRS, B(labels), "labels of the image", .flags = F_EQUALS},
	{"cache_from",          A_STRS,  B(cache_from), "caches to read, as type=registry,ref=NAME"},
	{"cache_to",            A_STRS,  B(cache_to), "caches to write, as type=local,dest=DIRECTORY"},
	{"no_cache",            A_BOOL,  B(no_cache), "run every step again"},
	{"no_cache_filter",     A_STRS,  B(no_cache_filter), "stages to run again", .kinds = KS | KQ, .flags = F_SPLIT_ONE},
	{"additional_contexts", A_PAIRS, B(additional_contexts), "further named contexts", .flags = F_EQUALS, .expand = short_equals},
	{"pull",                A_BOOL,  B(pull), "look for newer base images"},
	{"extra_hosts",         A_PAIRS, B(extra_hosts), "lines of /etc/hosts", .flags = F_EQUALS, .entries = KS | KQ, .settle = short_hosts, .key = short_text_key, .decode = decode_external},
	{"isolation",           A_STR,   0, "it is for Windows", .flags = F_INERT},
	{"network",             A_STR,   B(network), "network of RUN"},
	{"target",              A_STR,   B(target), "stage to build"},
	{"secrets",             A_LIST,  B(secrets), "secrets for RUN", .item = &build_secret_row},
	{"shm_size",            A_BYTES, B(shm_size), "size of /dev/shm", .kinds = KS | KI},
	{"tags",                A_STRS,  B(tags), "further names of the image", .flags = F_DEDUPE},
	{"ulimits",             A_NAMED, B(ulimits), "limits of RUN", .item = &ulimit_row},
	{"platforms",           A_STRS,  B(platforms), "platforms to build for"},
	{"privileged",          A_BOOL,  B(privileged), "RUN with all rights"},
	{0},
};

static const struct attr watch_attrs[] = {
	{"path",         A_STR,  W(path), "file or directory to watch", .flags = F_REQUIRED | F_KEEP},
	{"action",       A_STR,  W(action), "what to do", .words = actions, .flags = F_REQUIRED | F_KEEP},
	{"target",       A_STR,  W(target), "where it goes in the container"},
	{"exec",         A_MAP,  W(exec), "command to run after a sync", .sub = hook_attrs, .decode = decode_hook, .flags = F_KEEP | F_JSON},
	{"include",      A_STRS, W(include), "only these", .kinds = KS | KQ, .flags = F_SPLIT_ONE | F_UNIQUE},
	{"ignore",       A_STRS, W(ignore), "all but these", .kinds = KS | KQ, .flags = F_SPLIT_ONE | F_UNIQUE},
	{"initial_sync", A_BOOL, W(initial_sync), "copy everything at the start", .kinds = KB},
	{0},
};
static const struct attr watch_row = {"watch", A_MAP, .sub = watch_attrs, .size = sizeof(struct watch_rule), .decode = decode_watch};
const struct attr develop_attrs[] = {
	{"watch", A_LIST, TO(struct service, watch), "rules", .item = &watch_row},
	{0},
};

static const struct attr update_attrs[] = {
	{"parallelism",       A_INT,      0, "replicas at a time", .max = INT64_MAX, .flags = F_KEEP},
	{"delay",             A_DURATION, 0, "pause between two groups"},
	{"failure_action",    A_STR,      0, "continue, pause or rollback"},
	{"monitor",           A_DURATION, 0, "time to watch each group"},
	{"max_failure_ratio", A_FLOAT,    0, "share of failures that is tolerated"},
	{"order",             A_STR,      0, "start-first or stop-first", .words = orders, .dflt = "stop-first"},
	{0},
};
static const struct attr generic_spec_attrs[] = {
	{"kind",  A_STR, 0, "name of the resource", .flags = F_KEEP | F_ZERO},
	{"value", A_INT, 0, "how much of it", .kinds = KI | KF | KS, .flags = F_KEEP | F_ZERO},
	{0},
};
static const struct attr generic_attrs[] = {
	{"discrete_resource_spec", A_MAP, 0, "a resource that is counted", .sub = generic_spec_attrs, .flags = F_KEEP},
	{0},
};
static const struct attr generic_row = {"resource", A_MAP, .sub = generic_attrs};
static const struct attr reserved_device_attrs[] = {
	{"capabilities", A_STRS,  0, "what the device must be able to do", .flags = F_UNIQUE | F_REQUIRED},
	{"driver",       A_STR,   0, "driver of the device"},
	{"count",        A_INT,   0, "how many, or all", .expand = short_count},
	{"device_ids",   A_STRS,  0, "which ones", .flags = F_UNIQUE},
	{"options",      A_PAIRS, 0, "options of the driver"},
	{0},
};
static const struct attr reserved_device_row = {"device", A_MAP, .sub = reserved_device_attrs, .expand = short_device_request};
static const struct attr limit_attrs[] = {
	{"cpus",   A_FLOAT, 0, "processors"},
	{"memory", A_BYTES, 0, "memory", .kinds = KS},
	{"pids",   A_INT,   0, "processes"},
	{0},
};
static const struct attr reservation_attrs[] = {
	{"cpus",              A_FLOAT, 0, "processors"},
	{"memory",            A_BYTES, 0, "memory", .kinds = KS},
	{"devices",           A_LIST,  0, "devices are not handed in", .item = &reserved_device_row, .flags = F_INERT},
	{"generic_resources", A_LIST,  0, "it is for Swarm", .item = &generic_row, .flags = F_INERT},
	{0},
};
static const struct attr resources_attrs[] = {
	{"limits",       A_MAP, 0, "what it may use at most", .sub = limit_attrs, .flags = F_KEEP},
	{"reservations", A_MAP, 0, "what is kept for it", .sub = reservation_attrs, .flags = F_KEEP},
	{0},
};
static const struct attr restart_attrs[] = {
	{"condition",    A_STR,      0, "none, on-failure or any", .dflt = "any"},
	{"delay",        A_DURATION, 0, "pause before a restart", .flags = F_KEEP},
	{"max_attempts", A_INT,      0, "restarts before giving up", .max = INT64_MAX, .flags = F_KEEP},
	{"window",       A_DURATION, 0, "time it must run to count as started", .flags = F_KEEP},
	{0},
};
static const struct attr preference_attrs[] = {
	{"spread", A_STR, 0, "label to spread over"},
	{0},
};
static const struct attr preference_row = {"preference", A_MAP, .sub = preference_attrs};
static const struct attr placement_attrs[] = {
	{"constraints",           A_STRS, 0, "there is one node", .flags = F_INERT},
	{"preferences",           A_LIST, 0, "there is one node", .item = &preference_row, .flags = F_INERT},
	{"max_replicas_per_node", A_INT,  0, "there is one node", .kinds = KI | KF | KS, .max = INT64_MAX, .flags = F_INERT},
	{0},
};
const struct attr deploy_attrs[] = {
	{"mode",            A_STR,   0, "replicated or global", .dflt = "replicated"},
	{"replicas",        A_INT,   0, "how many replicas", .flags = F_KEEP, .dflt = "1"},
	{"labels",          A_PAIRS, 0, "labels of the service", .flags = F_EQUALS},
	{"update_config",   A_MAP,   0, "how a change is rolled out", .sub = update_attrs, .flags = F_KEEP},
	{"rollback_config", A_MAP,   0, "how a failed change is rolled back", .sub = update_attrs, .flags = F_KEEP},
	{"resources",       A_MAP,   0, "limits and reservations", .sub = resources_attrs, .flags = F_JSON},
	{"restart_policy",  A_MAP,   0, "what to do when it exits", .sub = restart_attrs, .flags = F_KEEP},
	{"placement",       A_MAP,   0, "where to run", .sub = placement_attrs, .flags = F_JSON},
	{"endpoint_mode",   A_STR,   0, "the name is one stable address (vip) or those of all replicas (dnsrr)", .dflt = "dnsrr"},
	{0},
};

static const struct attr pool_attrs[] = {
	{"subnet",        A_STR,   I(subnet), "addresses, as 10.5.0.0/24"},
	{"gateway",       A_STR,   I(gateway), "address of the bridge"},
	{"ip_range",      A_STR,   I(ip_range), "part of the subnet that containers get"},
	{"aux_addresses", A_PAIRS, I(aux_addresses), "addresses that others have", .kinds = KM, .entries = KS},
	{0},
};
static const struct attr pool_row = {"pool", A_MAP, .sub = pool_attrs, .size = sizeof(struct ipam_pool)};
static const struct attr ipam_attrs[] = {
	{"driver",  A_STR,   0, "address manager; there is one", .dflt = "default"},
	{"config",  A_LIST,  N(pools), "address pools", .item = &pool_row, .key = short_subnet_key, .flags = F_ENTRIES},
	{"options", A_PAIRS, 0, "there is one address manager", .entries = KS, .kinds = KM, .flags = F_INERT | F_HIDDEN},
	{0},
};
static const struct attr network_attrs[] = {
	{"name",        A_STR,   N(name), "name on the host"},
	{"driver",      A_STR,   N(driver), "bridge, macvlan, ipvlan, host or none", .dflt = "bridge"},
	{"driver_opts", A_PAIRS, N(driver_opts), "options of the driver", .kinds = KM, .entries = KS | KI | KF},
	{"ipam",        A_MAP,   1, "addresses", .sub = ipam_attrs, .flags = F_JSON},
	{"external",    A_BOOL,  N(external), "it exists already", .kinds = KB | KS | KM},
	{"internal",    A_BOOL,  N(internal), "no way out"},
	{"attachable",  A_BOOL,  N(attachable), "every network is: network connect, networks of other projects"},
	{"labels",      A_PAIRS, N(labels), "labels of the network", .flags = F_EQUALS},
	{"enable_ipv4", A_BOOL,  N(enable_ipv4), "give out IPv4 addresses", .flags = F_KEEP, .dflt = "true"},
	{"enable_ipv6", A_BOOL,  N(enable_ipv6), "give out IPv6 addresses", .flags = F_KEEP},
	{0},
};
static const struct attr network_row = {"network", A_MAP, .kinds = KM | KN, .sub = network_attrs, .size = sizeof(struct network),
	.expand = short_external, .decode = decode_network, .flags = F_SOLID};

static const struct attr volume_attrs[] = {
	{"name",        A_STR,   V(name), "name on the host"},
	{"driver",      A_STR,   V(driver), "local", .dflt = "local"},
	{"driver_opts", A_PAIRS, V(driver_opts), "type, o and device of mount(8)", .kinds = KM, .entries = KS | KI | KF},
	{"external",    A_BOOL,  V(external), "it exists already", .kinds = KB | KS | KM},
	{"labels",      A_PAIRS, V(labels), "labels of the volume", .flags = F_EQUALS | F_TWICE},
	{0},
};
static const struct attr volume_row = {"volume", A_MAP, .kinds = KM | KN, .sub = volume_attrs, .size = sizeof(struct volume),
	.expand = short_external, .decode = decode_volume, .flags = F_SOLID};

static const struct attr secret_attrs[] = {
	{"name",            A_STR,   F(name), "name in the store"},
	{"file",            A_STR,   F(file), "file that holds it"},
	{"environment",     A_STR,   F(environment), "variable that holds it"},
	{"external",        A_BOOL,  F(external), "berth's store has it", .kinds = KB | KS | KM},
	{"labels",          A_PAIRS, F(labels), "labels", .flags = F_EQUALS | F_TWICE},
	{"driver",          A_STR,   0, "there are no secret drivers", .flags = F_INERT},
	{"driver_opts",     A_PAIRS, 0, "there are no secret drivers", .kinds = KM, .flags = F_INERT, .entries = KS | KI},
	{"template_driver", A_STR,   0, "there are no template drivers", .flags = F_INERT},
	{0},
};
static const struct attr secret_row = {"secret", A_MAP, .sub = secret_attrs, .size = sizeof(struct file_source),
	.expand = short_external, .decode = decode_file_source};

static const struct attr config_attrs[] = {
	{"name",            A_STR,   F(name), "name in the store"},
	{"file",            A_STR,   F(file), "file that holds it"},
	{"environment",     A_STR,   F(environment), "variable that holds it"},
	{"content",         A_STR,   F(content), "the text itself"},
	{"external",        A_BOOL,  F(external), "berth's store has it", .kinds = KB | KS | KM},
	{"labels",          A_PAIRS, F(labels), "labels", .flags = F_EQUALS | F_TWICE},
	{"template_driver", A_STR,   0, "there are no template drivers", .flags = F_INERT},
	{0},
};
static const struct attr config_row = {"config", A_MAP, .sub = config_attrs, .size = sizeof(struct file_source),
	.expand = short_external, .decode = decode_file_source};

static const struct attr model_attrs[] = {
	{"name",          A_STR,  0, "name of the model"},
	{"model",         A_STR,  0, "image of the model", .flags = F_REQUIRED},
	{"context_size",  A_INT,  0, "tokens it keeps", .kinds = KI},
	{"runtime_flags", A_STRS, 0, "options of the runner"},
	{0},
};
static const struct attr model_row = {"model", A_MAP, .sub = model_attrs};

static const struct attr include_attrs[] = {
	{"path",              A_STRS, 0, "files to include", .kinds = KS | KQ, .flags = F_SPLIT_ONE},
	{"project_directory", A_STR,  0, "directory of their relative paths"},
	{"env_file",          A_STRS, 0, "files with their variables", .kinds = KS | KQ, .flags = F_SPLIT_ONE},
	{0},
};
static const struct attr include_row = {"include", A_MAP, .kinds = KS | KM | KN, .sub = include_attrs, .expand = short_include};

#define PR(f) TO(struct project, f)
static const struct attr compose_attrs[] = {
	{"version",  A_STR,   0, "it is obsolete; remove it"},
	{"name",     A_STR,   PR(name), "name of the project"},
	{"include",  A_LIST,  0, "other projects to take in", .kinds = KQ | KN, .item = &include_row},
	{"services", A_NAMED, PR(services), "what to run", .item = &service_row, .flags = F_KEEP | F_JSON | F_NAMES},
	{"networks", A_NAMED, PR(networks), "networks", .item = &network_row},
	{"volumes",  A_NAMED, PR(volumes), "volumes", .item = &volume_row, .flags = F_NAMES},
	{"secrets",  A_NAMED, PR(secrets), "secrets", .item = &secret_row, .flags = F_NAMES},
	{"configs",  A_NAMED, PR(configs), "configs", .item = &config_row, .flags = F_NAMES},
	{"models",   A_NAMED, 0, "no model runner is started", .item = &model_row, .flags = F_INERT | F_YAML},
	{0},
};
const struct attr compose_row = {"compose file", A_MAP, .sub = compose_attrs};
/* clang-format on */
