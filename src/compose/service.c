/* Rows are in the order in which docker compose prints them: `config --hash` depends on it. */
#include "compose/service.h"
#include "compose/short.h"
#include <stddef.h>

static const char *const conditions[] = {"service_started", "service_healthy",
					 "service_completed_successfully", NULL};
static const char *const mount_types[] = {"bind",  "volume", "tmpfs", "cluster",
					  "npipe", "image",  NULL};
static const char *const recursive_words[] = {"enabled", "disabled", "writable", "readonly", NULL};
static const char *const selinux_words[] = {"z", "Z", NULL};
static const char *const cgroup_words[] = {"host", "private", NULL};

#define S(f)         TO(struct service, f)
#define P(f)         TO(struct port, f)
#define M(f)         TO(struct mount, f)
#define E(f)         TO(struct endpoint, f)
#define H(f)         TO(struct healthcheck, f)
#define R(f)         TO(struct file_ref, f)
#define HK(f)        TO(struct hook, f)
#define L(f)         TO(struct limits, f)
#define IN_LIMITS(f) TO(struct service, limits.f)

/* clang-format off */
const struct attr hook_attrs[] = {
	{"command",     A_WORDS, HK(command),     "command to run", .flags = F_KEEP | F_JSON | F_REQUIRED, .settle = short_words, .decode = decode_argv},
	{"image",       A_STR,   HK(image),       "image to run it in (pre_start); the service's by default"},
	{"user",        A_STR,   HK(user),        "user to run it as"},
	{"privileged",  A_BOOL,  HK(privileged),  "run it with all rights"},
	{"working_dir", A_STR,   HK(working_dir), "directory to run it in"},
	{"environment", A_PAIRS, HK(environment), "variables of it", .flags = F_NULLS | F_EQUALS},
	{"per_replica", A_BOOL,  HK(per_replica), "run it before every replica (pre_start)"},
	{0},
};
static const struct attr hook_row = {"hook", A_MAP, .sub = hook_attrs, .size = sizeof(struct hook), .decode = decode_hook};

static const struct attr ulimit_attrs[] = {
	{"soft", A_INT, TO(struct ulimit, soft), "soft limit", .flags = F_REQUIRED},
	{"hard", A_INT, TO(struct ulimit, hard), "hard limit", .flags = F_REQUIRED},
	{0},
};
const struct attr ulimit_row = {"ulimit", A_MAP, .kinds = KM | KI | KS, .sub = ulimit_attrs, .size = sizeof(struct ulimit),
	.flags = F_REPLACE, .expand = short_ulimit, .settle = short_ulimit_pair, .decode = decode_ulimit};

static const struct attr device_request_attrs[] = {
	{"capabilities", A_STRS,  0, "what the device must be able to do", .flags = F_UNIQUE},
	{"driver",       A_STR,   0, "driver of the device"},
	{"count",        A_INT,   0, "how many, or all", .expand = short_count},
	{"device_ids",   A_STRS,  0, "which ones", .flags = F_UNIQUE},
	{"options",      A_PAIRS, 0, "options of the driver"},
	{0},
};
static const struct attr device_request_row = {"device", A_MAP, .sub = device_request_attrs, .expand = short_device_request};

static const struct attr file_ref_attrs[] = {
	{"source", A_STR,  R(source), "name under the top-level key"},
	{"target", A_STR,  R(target), "file name in the container"},
	{"uid",    A_STR,  R(uid),    "owner of the file", .dflt = "0"},
	{"gid",    A_STR,  R(gid),    "group of the file", .dflt = "0"},
	{"mode",   A_MODE, R(mode),   "permissions of the file", .dflt = "0444", .flags = F_KEEP},
	{0},
};
static const struct attr config_ref_row = {"config", A_MAP, .kinds = KS | KM, .sub = file_ref_attrs,
	.size = sizeof(struct file_ref), .expand = short_file_ref, .decode = decode_file_ref};
static const struct attr secret_ref_row = {"secret", A_MAP, .kinds = KS | KM, .sub = file_ref_attrs,
	.size = sizeof(struct file_ref), .expand = short_secret_ref, .decode = decode_file_ref};

static const struct attr rate_attrs[] = {
	{"path", A_STR,   TO(struct throttle, path), "device node", .flags = F_KEEP | F_TITLE | F_ZERO},
	{"rate", A_BYTES, TO(struct throttle, rate), "bytes or operations each second", .flags = F_KEEP | F_TITLE | F_ZERO},
	{0},
};
static const struct attr weight_attrs[] = {
	{"path",   A_STR, TO(struct throttle, path), "device node", .flags = F_KEEP | F_TITLE | F_ZERO},
	{"weight", A_INT, TO(struct throttle, rate), "relative weight", .flags = F_KEEP | F_TITLE | F_ZERO, .min = 0, .max = 1000},
	{0},
};
static const struct attr rate_row = {"device", A_MAP, .sub = rate_attrs, .size = sizeof(struct throttle)};
static const struct attr weight_row = {"device", A_MAP, .sub = weight_attrs, .size = sizeof(struct throttle)};

static const struct attr blkio_attrs[] = {
	{"weight",            A_INT,  TO(struct blkio, weight),        "relative weight of disk access", .min = 0, .max = 1000, .dflt = "500"},
	{"weight_device",     A_LIST, TO(struct blkio, weight_device), "weight by device", .item = &weight_row},
	{"device_read_bps",   A_LIST, TO(struct blkio, read_bps),      "read bytes each second, by device", .item = &rate_row},
	{"device_read_iops",  A_LIST, TO(struct blkio, read_iops),     "reads each second, by device", .item = &rate_row},
	{"device_write_bps",  A_LIST, TO(struct blkio, write_bps),     "written bytes each second, by device", .item = &rate_row},
	{"device_write_iops", A_LIST, TO(struct blkio, write_iops),    "writes each second, by device", .item = &rate_row},
	{0},
};

static const struct attr dependency_attrs[] = {
	{"condition", A_STR,  TO(struct dependency, condition), "what to wait for", .words = conditions, .flags = F_REQUIRED, .decode = decode_condition},
	{"restart",   A_BOOL, TO(struct dependency, restart),   "restart with the dependency"},
	{"required",  A_BOOL, TO(struct dependency, required),  "fail where the dependency cannot start", .kinds = KB, .flags = F_KEEP, .dflt = "true"},
	{0},
};
static const struct attr dependency_row = {"dependency", A_MAP, .sub = dependency_attrs, .size = sizeof(struct dependency), .decode = decode_dependency};

static const struct attr env_file_attrs[] = {
	{"path",     A_STR,  0, "file to read", .flags = F_REQUIRED | F_LOCAL_PATH},
	{"required", A_BOOL, 0, "fail where it is missing", .flags = F_KEEP, .dflt = "true"},
	{"format",   A_STR,  0, "\"raw\": lines as they stand"},
	{0},
};
static const struct attr env_file_row = {"env_file", A_MAP, .kinds = KS | KM, .sub = env_file_attrs, .settle = short_env_path};

static const struct attr port_attrs[] = {
	{"name",         A_STR, P(name),         "name for people"},
	{"mode",         A_STR, P(mode),         "host or ingress", .dflt = "ingress"},
	{"host_ip",      A_STR, P(host_ip),      "address on the host"},
	{"target",       A_INT, P(target),       "port in the container", .min = 0, .max = 65535, .flags = F_REQUIRED},
	{"published",    A_STR, P(published),    "port or range on the host", .kinds = KS | KI},
	{"protocol",     A_STR, P(protocol),     "tcp, udp or sctp", .dflt = "tcp"},
	{"app_protocol", A_STR, P(app_protocol), "what is spoken there"},
	{0},
};
static const struct attr port_row = {"port", A_MAP, .kinds = KS | KI | KF | KM, .sub = port_attrs, .size = sizeof(struct port),
	.expand = short_port_map, .decode = decode_port};

static const struct attr bind_attrs[] = {
	{"selinux",          A_STR,  M(selinux),          "relabel: z shared, Z private", .words = selinux_words},
	{"propagation",      A_STR,  M(propagation),      "how later mounts spread", .dflt = "rprivate"},
	{"create_host_path", A_BOOL, M(create_host_path), "make the directory where it is missing", .flags = F_KEEP, .dflt = "true"},
	{"recursive",        A_STR,  M(recursive),        "whether mounts below come along", .words = recursive_words},
	{0},
};
static const struct attr volume_opt_attrs[] = {
	{"labels",  A_PAIRS, M(labels),  "labels of an anonymous volume"},
	{"nocopy",  A_BOOL,  M(nocopy),  "do not fill it from the image"},
	{"subpath", A_STR,   M(subpath), "directory inside the volume"},
	{0},
};
static const struct attr tmpfs_attrs[] = {
	{"size", A_BYTES, M(tmpfs_size), "largest size", .max = INT64_MAX},
	{"mode", A_INT,   M(tmpfs_mode), "permissions", .kinds = KI | KF | KS, .expand = short_mode, .dflt = "01777"},
	{0},
};
static const struct attr image_opt_attrs[] = {
	{"subpath", A_STR, M(subpath), "directory inside the image"},
	{0},
};
static const struct attr mount_attrs[] = {
	{"type",        A_STR,  M(type),        "bind, volume, tmpfs or image", .words = mount_types, .flags = F_REQUIRED, .decode = decode_mount_type},
	{"source",      A_STR,  M(source),      "path, volume name or image"},
	{"target",      A_STR,  M(target),      "path in the container"},
	{"read_only",   A_BOOL, M(read_only),   "mount it read-only"},
	{"consistency", A_STR,  M(consistency), "it is a wish to Docker Desktop", .flags = F_INERT},
	{"bind",        A_MAP,  1, "options of a bind mount", .sub = bind_attrs, .flags = F_KEEP},
	{"volume",      A_MAP,  1, "options of a volume", .sub = volume_opt_attrs, .flags = F_KEEP},
	{"tmpfs",       A_MAP,  1, "options of a tmpfs", .sub = tmpfs_attrs, .flags = F_KEEP},
	{"image",       A_MAP,  1, "options of an image mount", .sub = image_opt_attrs, .flags = F_KEEP},
	{0},
};
static const struct attr mount_row = {"volume", A_MAP, .kinds = KS | KM, .sub = mount_attrs, .size = sizeof(struct mount),
	.expand = short_volume, .decode = decode_mount};

static const struct attr endpoint_attrs[] = {
	{"aliases",        A_STRS,  E(aliases),        "further names on this network", .flags = F_UNIQUE | F_DEDUPE},
	{"driver_opts",    A_PAIRS, E(driver_opts),    "options of the network driver", .kinds = KM, .entries = KS | KI | KF},
	{"gw_priority",    A_INT,   E(gw_priority),    "the highest has the default route", .kinds = KI | KF},
	{"interface_name", A_STR,   E(interface_name), "name of the interface"},
	{"ipv4_address",   A_STR,   E(ipv4_address),   "fixed IPv4 address"},
	{"ipv6_address",   A_STR,   E(ipv6_address),   "fixed IPv6 address"},
	{"link_local_ips", A_STRS,  E(link_local_ips), "link-local addresses", .flags = F_UNIQUE | F_DEDUPE},
	{"mac_address",    A_STR,   E(mac_address),    "hardware address"},
	{"priority",       A_INT,   E(priority),       "the highest is connected first", .kinds = KI | KF},
	{0},
};
static const struct attr endpoint_row = {"network", A_MAP, .kinds = KM | KN, .sub = endpoint_attrs,
	.size = sizeof(struct endpoint), .decode = decode_endpoint};

static const struct attr health_attrs[] = {
	{"test",           A_WORDS,    H(test),              "command that must succeed", .kinds = KS | KQ, .settle = short_test, .flags = F_REPLACE},
	{"timeout",        A_DURATION, H(timeout_ns),        "longest a test may take", .dflt = "30s", .flags = F_KEEP},
	{"interval",       A_DURATION, H(interval_ns),       "time between two tests", .dflt = "30s", .flags = F_KEEP},
	{"retries",        A_INT,      H(retries),           "failures in a row until unhealthy", .max = INT64_MAX, .dflt = "3", .kinds = KI | KF | KS, .flags = F_KEEP},
	{"start_period",   A_DURATION, H(start_period_ns),   "failures do not count so long", .dflt = "one interval; 0s with --compatibility", .flags = F_KEEP},
	{"start_interval", A_DURATION, H(start_interval_ns), "time between tests until healthy", .dflt = "1s, or the interval if shorter; 5s with --compatibility", .flags = F_KEEP},
	{"disable",        A_BOOL,     H(disable),           "no test, also not the image's"},
	{0},
};

static const struct attr logging_attrs[] = {
	{"driver",  A_STR,   0, "where the output goes", .dflt = "json-file"},
	{"options", A_PAIRS, 0, "options of the driver", .kinds = KM, .entries = KS | KI | KF | KN},
	{0},
};
static const struct attr credential_attrs[] = {
	{"config",   A_STR, 0, "name of a config"},
	{"file",     A_STR, 0, "file"},
	{"registry", A_STR, 0, "Windows registry"},
	{0},
};
static const struct attr provider_attrs[] = {
	{"type",    A_STR, 0, "program that provides it", .flags = F_REQUIRED},
	{"options", A_PAIRS, 0, "options of the program", .kinds = KM, .entries = KS | KI | KF | KB | KQ, .settle = short_options},
	{0},
};
static const struct attr model_ref_attrs[] = {
	{"endpoint_var", A_STR, 0, "variable that gets the address"},
	{"model_var",    A_STR, 0, "variable that gets the model's name"},
	{0},
};
static const struct attr model_ref_row = {"model", A_MAP, .kinds = KM | KN, .sub = model_ref_attrs};
static const struct attr extends_attrs[] = {
	{"service", A_STR, 0, "service to take from", .flags = F_REQUIRED},
	{"file",    A_STR, 0, "file that has it"},
	{0},
};
static const struct attr device_attrs[] = {
	{"source",      A_STR, TO(struct device, source),      "device node of the host", .flags = F_REQUIRED},
	{"target",      A_STR, TO(struct device, target),      "device node in the container", .flags = F_REQUIRED},
	{"permissions", A_STR, TO(struct device, permissions), "r, w, m", .dflt = "rwm"},
	{0},
};
static const struct attr device_row = {"device", A_MAP, .kinds = KS | KM, .sub = device_attrs,
	.size = sizeof(struct device), .expand = short_device};

static const struct attr service_attrs[] = {
	{"profiles",            A_STRS,  S(profiles), "run only where one of them is active", .flags = F_DEDUPE | F_UNIQUE},
	{"annotations",         A_PAIRS, S(annotations), "nothing reads OCI annotations", .flags = F_INERT | F_EQUALS},
	{"attach",              A_BOOL,  S(attach), "show its output during up", .flags = F_KEEP, .dflt = "true"},
	{"build",               A_MAP,   S(build), "how to build the image", .kinds = KS | KM, .sub = build_attrs, .expand = short_build, .decode = decode_build},
	{"develop",             A_MAP,   1, "what watch and up --watch do when files change", .kinds = KM | KN, .sub = develop_attrs, .flags = F_KEEP},
	{"blkio_config",        A_MAP,   IN_LIMITS(blkio), "disk bandwidth", .sub = blkio_attrs, .flags = F_KEEP},
	{"cap_add",             A_STRS,  S(cap_add), "capabilities to add", .flags = F_UNIQUE | F_DEDUPE},
	{"cap_drop",            A_STRS,  S(cap_drop), "capabilities to drop", .flags = F_UNIQUE | F_DEDUPE},
	{"cgroup_parent",       A_STR,   S(cgroup_parent), "control group above the container's; a slice by systemd's names"},
	{"cgroup",              A_STR,   S(cgroup), "control group namespace", .words = cgroup_words},
	{"cpu_count",           A_INT,   0, "it is for Windows", .max = INT64_MAX, .flags = F_INERT},
	{"cpu_percent",         A_INT,   0, "it is for Windows", .max = 100, .flags = F_INERT},
	{"cpu_period",          A_MICROS, IN_LIMITS(cpu_period_us), "period of the processor quota", .dflt = "100000"},
	{"cpu_quota",           A_MICROS, IN_LIMITS(cpu_quota_us), "processor time in a period"},
	{"cpu_rt_period",       A_MICROS, IN_LIMITS(cpu_rt_period_us), "real-time period"},
	{"cpu_rt_runtime",      A_MICROS, IN_LIMITS(cpu_rt_runtime_us), "real-time processor time"},
	{"cpus",                A_FLOAT, IN_LIMITS(cpus), "processors it may use"},
	{"cpuset",              A_STR,   IN_LIMITS(cpuset), "which processors"},
	{"cpu_shares",          A_INT,   IN_LIMITS(cpu_shares), "relative weight of processor time", .kinds = KI | KF | KS, .dflt = "1024"},
	{"command",             A_WORDS, S(command), "what to run instead of the image's command", .flags = F_KEEP | F_JSON | F_REPLACE, .settle = short_words, .decode = decode_argv},
	{"configs",             A_LIST,  S(configs), "configs to mount", .item = &config_ref_row, .key = short_config_key},
	{"container_name",      A_STR,   S(container_name), "name of the container", .expand = short_container_name},
	{"credential_spec",     A_MAP,   0, "it is for Windows", .sub = credential_attrs, .flags = F_INERT | F_KEEP},
	{"depends_on",          A_NAMED, S(depends_on), "services to start before", .kinds = KQ | KM, .item = &dependency_row, .flags = F_NAMES, .expand = short_depends_on},
	{"deploy",              A_MAP,   0, "replicas, limits, restarts", .kinds = KM | KN, .sub = deploy_attrs, .flags = F_KEEP},
	{"device_cgroup_rules", A_STRS,  S(device_cgroup_rules), "devices it may make and use", .flags = F_UNIQUE},
	{"devices",             A_LIST,  S(devices), "devices to hand in", .item = &device_row, .key = short_mount_key},
	{"dns",                 A_STRS,  S(dns), "name servers", .kinds = KS | KQ, .expand = short_filled, .flags = F_SPLIT_ONE | F_DEDUPE},
	{"dns_opt",             A_STRS,  S(dns_opt), "options of resolv.conf", .flags = F_UNIQUE | F_DEDUPE},
	{"dns_search",          A_STRS,  S(dns_search), "search domains", .kinds = KS | KQ, .flags = F_LATE | F_SPLIT_ONE | F_DEDUPE},
	{"domainname",          A_STR,   S(domainname), "NIS domain"},
	{"entrypoint",          A_WORDS, S(entrypoint), "program to run instead of the image's", .flags = F_KEEP | F_JSON | F_REPLACE, .settle = short_words, .decode = decode_argv},
	{"provider",            A_MAP,   0, "no provider program is run; start it yourself", .sub = provider_attrs, .flags = F_INERT | F_KEEP},
	{"environment",         A_PAIRS, S(environment), "variables of the process", .flags = F_NULLS | F_EQUALS},
	{"env_file",            A_LIST,  0, "files with variables", .kinds = KS | KQ, .item = &env_file_row, .expand = short_env_files, .key = short_path_key},
	{"expose",              A_STRS,  S(expose), "ports that others on the network use", .key = short_text_key, .flags = F_UNIQUE, .entries = KS | KI},
	{"extends",             A_MAP,   0, "service to take from", .kinds = KS | KM, .sub = extends_attrs, .expand = short_extends, .flags = F_REPLACE},
	{"external_links",      A_STRS,  S(external_links), "containers of other projects, on a shared network, by another name", .flags = F_UNIQUE},
	{"extra_hosts",         A_PAIRS, S(extra_hosts), "lines of /etc/hosts", .flags = F_EQUALS, .entries = KS | KQ, .settle = short_hosts, .key = short_text_key, .decode = decode_external},
	{"group_add",           A_STRS,  S(group_add), "further groups of the process", .flags = F_UNIQUE, .entries = KS | KI},
	{"gpus",                A_LIST,  0, "graphics processors are not handed in", .kinds = KS | KQ, .item = &device_request_row, .expand = short_gpus, .flags = F_INERT},
	{"hostname",            A_STR,   S(hostname), "host name in the container"},
	{"healthcheck",         A_MAP,   S(healthcheck), "how to tell that it works", .sub = health_attrs, .decode = decode_health, .flags = F_KEEP},
	{"image",               A_STR,   S(image), "image to run"},
	{"init",                A_BOOL,  S(init), "run a small init as process 1", .flags = F_KEEP},
	{"ipc",                 A_STR,   S(ipc), "IPC namespace"},
	{"isolation",           A_STR,   0, "it is for Windows", .flags = F_INERT},
	{"labels",              A_PAIRS, S(labels), "labels of the container", .flags = F_EQUALS},
	{"label_file",          A_STRS,  0, "files with labels", .kinds = KS | KQ, .flags = F_SPLIT_ONE},
	{"links",               A_STRS,  S(links), "services to reach by another name", .flags = F_UNIQUE | F_DEDUPE},
	{"logging",             A_MAP,   0, "where the output goes", .sub = logging_attrs, .flags = F_KEEP},
	{"mem_limit",           A_BYTES, IN_LIMITS(memory), "memory it may use"},
	{"mem_reservation",     A_BYTES, IN_LIMITS(memory_reservation), "memory that is kept for it", .kinds = KS | KI},
	{"memswap_limit",       A_BYTES, IN_LIMITS(memory_swap), "memory and swap together; -1 for no limit"},
	{"mem_swappiness",      A_BYTES, IN_LIMITS(swappiness), "how readily it is swapped out", .kinds = KS | KI},
	{"mac_address",         A_STR,   S(mac_address), "hardware address"},
	{"models",              A_NAMED, 0, "no model runner is started", .kinds = KQ | KM, .item = &model_ref_row, .expand = short_name_map, .flags = F_INERT},
	{"network_mode",        A_STR,   S(network_mode), "none, host, service:NAME or container:NAME"},
	{"networks",            A_NAMED, S(networks), "networks to join", .kinds = KQ | KM, .item = &endpoint_row, .expand = short_name_map, .flags = F_KEEP | F_NAMES},
	{"oom_kill_disable",    A_BOOL,  IN_LIMITS(oom_kill_disable), "never kill it for memory"},
	{"oom_score_adj",       A_INT,   S(oom_score_adj), "who is killed first when memory is short", .min = -1000, .max = 1000},
	{"pid",                 A_STR,   S(pid), "process namespace", .kinds = KS | KN},
	{"pids_limit",          A_INT,   IN_LIMITS(pids), "processes it may have; -1 for no limit", .kinds = KI | KF | KS},
	{"platform",            A_STR,   S(platform), "operating system and processor"},
	{"ports",               A_LIST,  S(ports), "ports to publish", .item = &port_row, .expand = short_ports, .key = short_port_key},
	{"privileged",          A_BOOL,  S(privileged), "all rights of the host's root"},
	{"pull_policy",         A_STR,   S(pull_policy), "when to pull the image", .expand = short_pull_policy, .dflt = "missing"},
	{"pull_refresh_after",  A_STR,   0, "write pull_policy: every_1h instead", .flags = F_INERT | F_HIDDEN},
	{"read_only",           A_BOOL,  S(read_only), "mount the root file system read-only"},
	{"restart",             A_STR,   0, "what to do when it exits", .dflt = "no"},
	{"runtime",             A_STR,   S(runtime), "there is one runtime", .flags = F_INERT},
	{"scale",               A_INT,   0, "how many replicas", .flags = F_KEEP, .dflt = "1"},
	{"secrets",             A_LIST,  S(secrets), "secrets to mount", .item = &secret_ref_row, .key = short_secret_key},
	{"security_opt",        A_STRS,  S(security_opt), "seccomp, labels, new privileges", .flags = F_UNIQUE},
	{"shm_size",            A_BYTES, S(shm_size), "size of /dev/shm", .dflt = "64m"},
	{"stdin_open",          A_BOOL,  S(stdin_open), "keep standard input open"},
	{"stop_grace_period",   A_DURATION, S(stop_grace_ns), "time between the stop signal and KILL", .dflt = "10s", .flags = F_KEEP},
	{"stop_signal",         A_STR,   S(stop_signal), "signal that asks it to stop", .dflt = "SIGTERM"},
	{"storage_opt",         A_PAIRS, S(storage_opt), "size: what it may write to its root, where the file system has project quotas", .kinds = KM, .entries = KS | KI | KN},
	{"sysctls",             A_PAIRS, S(sysctls), "kernel parameters of its namespaces", .flags = F_EQUALS},
	{"tmpfs",               A_STRS,  S(tmpfs), "file systems in memory", .kinds = KS | KQ, .flags = F_LATE | F_SPLIT_ONE | F_DEDUPE},
	{"tty",                 A_BOOL,  S(tty), "give it a terminal"},
	{"ulimits",             A_NAMED, S(ulimits), "limits of the process", .item = &ulimit_row},
	{"use_api_socket",      A_BOOL,  0, "there is no engine socket to hand in", .kinds = KB | KS, .flags = F_INERT},
	{"user",                A_STR,   S(user), "user to run as"},
	{"userns_mode",         A_STR,   S(userns_mode), "ids of the project's own (auto) or the host's"},
	{"uts",                 A_STR,   S(uts), "host name namespace"},
	{"volumes",             A_LIST,  S(volumes), "what to mount", .item = &mount_row, .key = short_mount_key},
	{"volumes_from",        A_STRS,  S(volumes_from), "mount what another service mounts", .flags = F_UNIQUE},
	{"working_dir",         A_STR,   S(working_dir), "directory to start in"},
	{"pre_start",           A_LIST,  S(pre_start), "commands to run before it starts", .item = &hook_row},
	{"post_start",          A_LIST,  S(post_start), "commands to run in it once it runs", .item = &hook_row},
	{"pre_stop",            A_LIST,  S(pre_stop), "commands to run in it before it stops", .item = &hook_row},
	{0},
};
_Static_assert(countof(service_attrs) <= ROWS_MAX, "schema.h has the size");
const struct attr service_row = {"service", A_MAP, .kinds = KM | KN, .sub = service_attrs, .size = sizeof(struct service), .decode = decode_service, .flags = F_FILLED};
/* clang-format on */
