/*
 * The options of docker's `run` and `create`: each is an attribute of a compose service, or says
 * why it is refused. One table; the options, their help and where they go come from it.
 */
#pragma once
#include "base/json.h"
#include "cli/cli.h"
#include "cli/command.h"

/* clang-format off */
/*     letter, field, name, attribute ("a.b": inside), value, help */
#define DOCKER_TEXTS(X) \
	X('w', workdir,        "workdir",        "working_dir",    "DIR",    "start in this directory") \
	X('u', user,           "user",           "user",           "USER",   "as this user, or user:group") \
	X(0,   restart,        "restart",        "restart",        "POLICY", "no, always, on-failure[:N], unless-stopped") \
	X('h', hostname,       "hostname",       "hostname",       "NAME",   "host name inside") \
	X(0,   domainname,     "domainname",     "domainname",     "NAME",   "domain name inside") \
	X('m', memory,         "memory",         "mem_limit",      "BYTES",  "memory limit") \
	X(0,   reservation,    "memory-reservation", "mem_reservation", "BYTES", "memory that is kept for it") \
	X(0,   swap,           "memory-swap",    "memswap_limit",  "BYTES",  "memory and swap together; -1 is no limit") \
	X(0,   swappiness,     "memory-swappiness", "mem_swappiness", "N",   "how readily it is swapped out, 0 to 100") \
	X(0,   cpus,           "cpus",           "cpus",           "N",      "processors") \
	X('c', cpu_shares,     "cpu-shares",     "cpu_shares",     "N",      "relative weight of processor time") \
	X(0,   cpu_period,     "cpu-period",     "cpu_period",     "US",     "period of the processor quota") \
	X(0,   cpu_quota,      "cpu-quota",      "cpu_quota",      "US",     "processor time in a period") \
	X(0,   cpu_rt_period,  "cpu-rt-period",  "cpu_rt_period",  "US",     "real-time period") \
	X(0,   cpu_rt_runtime, "cpu-rt-runtime", "cpu_rt_runtime", "US",     "real-time processor time") \
	X(0,   cpuset,         "cpuset-cpus",    "cpuset",         "LIST",   "which processors, such as 0-3,5") \
	X(0,   blkio_weight,   "blkio-weight",   "blkio_config.weight", "N", "relative weight of disk access") \
	X(0,   pids,           "pids-limit",     "pids_limit",     "N",      "number of processes; -1 is no limit") \
	X(0,   shm_size,       "shm-size",       "shm_size",       "BYTES",  "size of /dev/shm") \
	X(0,   oom_score,      "oom-score-adj",  "oom_score_adj",  "N",      "who is killed first when memory is short") \
	X(0,   cgroup_parent,  "cgroup-parent",  "cgroup_parent",  "GROUP",  "control group above its own") \
	X(0,   cgroupns,       "cgroupns",       "cgroup",         "host|private", "control group namespace") \
	X(0,   ipc,            "ipc",            "ipc",            "MODE",   "host, private, shareable, none, container:NAME") \
	X(0,   pid,            "pid",            "pid",            "MODE",   "host or container:NAME") \
	X(0,   uts,            "uts",            "uts",            "MODE",   "host") \
	X(0,   userns,         "userns",         "userns_mode",    "MODE",   "host or auto") \
	X(0,   stop_signal,    "stop-signal",    "stop_signal",    "SIGNAL", "what stops it") \
	X(0,   platform,       "platform",       "platform",       "OS/ARCH", "of the image") \
	X(0,   log_driver,     "log-driver",     "logging.driver", "DRIVER", "where its lines go") \
	X(0,   health_interval, "health-interval", "healthcheck.interval", "TIME", "between two checks") \
	X(0,   health_timeout, "health-timeout", "healthcheck.timeout", "TIME", "longest a check may take") \
	X(0,   health_retries, "health-retries", "healthcheck.retries", "N", "failures in a row until unhealthy") \
	X(0,   health_start,   "health-start-period", "healthcheck.start_period", "TIME", "failures do not count so long") \
	X(0,   health_start_interval, "health-start-interval", "healthcheck.start_interval", "TIME", "between checks until then")

#define DOCKER_LISTS(X) \
	X('e', env,            "env",            "environment",    "K=V",    "a variable; K alone passes ours on") \
	X('v', volumes,        "volume",         "volumes",        "SOURCE:TARGET", "a mount") \
	X('p', publish,        "publish",        "ports",          "HOST:PORT", "publish a port") \
	X(0,   expose,         "expose",         "expose",         "PORT",   "a port that others on the network use") \
	X('l', labels,         "label",          "labels",         "K=V",    "a label") \
	X(0,   label_files,    "label-file",     "label_file",     "PATH",   "labels, one K=V a line") \
	X(0,   cap_add,        "cap-add",        "cap_add",        "CAP",    "a further capability") \
	X(0,   cap_drop,       "cap-drop",       "cap_drop",       "CAP",    "one capability less") \
	X(0,   security_opt,   "security-opt",   "security_opt",   "OPTION", "no-new-privileges, seccomp=..., ...") \
	X(0,   tmpfs,          "tmpfs",          "tmpfs",          "DIR",    "a directory in memory") \
	X(0,   devices,        "device",         "devices",        "PATH",   "a device of the host") \
	X(0,   device_rules,   "device-cgroup-rule", "device_cgroup_rules", "RULE", "devices it may make and use") \
	X(0,   dns,            "dns",            "dns",            "IP",     "a DNS server") \
	X(0,   dns_option,     "dns-option",     "dns_opt",        "OPTION", "an option of resolv.conf") \
	X(0,   dns_search,     "dns-search",     "dns_search",     "DOMAIN", "a search domain") \
	X(0,   hosts,          "add-host",       "extra_hosts",    "NAME:IP", "a line of /etc/hosts") \
	X(0,   group_add,      "group-add",      "group_add",      "GROUP",  "a further group") \
	X(0,   sysctls,        "sysctl",         "sysctls",        "K=V",    "a kernel parameter of its namespaces")

/* K=V becomes a member of a mapping. */
#define DOCKER_PAIRS(X) \
	X(0,   log_opts,       "log-opt",        "logging.options", "K=V",   "an option of the log driver") \
	X(0,   storage_opts,   "storage-opt",    "storage_opt",    "K=V",    "size=N: what it may write") \
	X(0,   annotations,    "annotation",     "annotations",    "K=V",    "an OCI annotation; nothing reads it")

#define DOCKER_FLAGS(X) \
	X('i', interactive,    "interactive",    "stdin_open",     NULL,     "pass standard input on") \
	X('t', tty,            "tty",            "tty",            NULL,     "with a terminal") \
	X(0,   privileged,     "privileged",     "privileged",     NULL,     "all rights") \
	X(0,   read_only,      "read-only",      "read_only",      NULL,     "a root that cannot be written") \
	X(0,   init,           "init",           "init",           NULL,     "a first process that reaps") \
	X(0,   no_health,      "no-healthcheck", "healthcheck.disable", NULL, "not even the image's check") \
	X(0,   no_oom_kill,    "oom-kill-disable", "oom_kill_disable", NULL, "never kill it for memory")

/* What docker has and berth refuses: why. */
#define DOCKER_REFUSED(X) \
	X(attach,        "attach",            "the output is always shown; with -d it is in berth logs") \
	X(cpuset_mems,   "cpuset-mems",       "memory nodes cannot be chosen; --cpuset-cpus chooses processors") \
	X(cpu_count,     "cpu-count",         "it is for Windows; --cpus limits processors") \
	X(cpu_percent,   "cpu-percent",       "it is for Windows; --cpus limits processors") \
	X(credential,    "credential-spec",   "it is for Windows") \
	X(gpus,          "gpus",              "graphics processors are not handed in; --device gives a device") \
	X(io_bandwidth,  "io-maxbandwidth",   "it is for Windows; --device-read-bps and --device-write-bps limit a disk") \
	X(io_iops,       "io-maxiops",        "it is for Windows; --device-read-iops and --device-write-iops limit a disk") \
	X(isolation,     "isolation",         "it is for Windows") \
	X(kernel_memory, "kernel-memory",     "Linux has no such limit any more; --memory counts the kernel's too") \
	X(publish_all,   "publish-all",       "name the ports: -p 80 publishes one at a free port of the host") \
	X(runtime,       "runtime",           "berth has one runtime, its own") \
	X(api_socket,    "use-api-socket",    "there is no engine whose socket could be handed in") \
	X(volume_driver, "volume-driver",     "there are local volumes only") \
	X(links,         "link",              "put both on one network (berth network create): names are found there") \
	X(volumes_from,  "volumes-from",      "name the volumes: -v NAME:DIR in both containers")
/* clang-format on */

#define DOCKER_FIELD_TEXT(l, field, ...) const char *field;
#define DOCKER_FIELD_LIST(l, field, ...) struct strings field;
#define DOCKER_FIELD_FLAG(l, field, ...) bool field;
#define DOCKER_FIELD_NO(field, ...)      struct strings field;

struct docker_run {
	DOCKER_TEXTS(DOCKER_FIELD_TEXT)
	DOCKER_LISTS(DOCKER_FIELD_LIST)
	DOCKER_PAIRS(DOCKER_FIELD_LIST)
	DOCKER_FLAGS(DOCKER_FIELD_FLAG)
	DOCKER_REFUSED(DOCKER_FIELD_NO)
	bool detach, rm, quiet, sig_proxy, no_trust;
	const char *name, *entrypoint, *network, *pull, *health_cmd, *cidfile, *detach_keys;
	const char *ip, *ip6, *mac;
	struct strings env_files, ulimits, mounts, aliases, link_local;
	struct strings read_bps, write_bps, read_iops, write_iops, weight_device;
	int stop_timeout;
};

extern const struct opt docker_run_opts[], docker_create_opts[];
extern const struct docker_run docker_run_defaults;

/* The service and the rest of the file that these options mean. argv: image, command... */
int docker_service(struct cli *c, struct docker_run *o, int argc, char **argv, json_t *service,
		   json_t *top, struct err *e) must_check;
