/*
 * A project as berth runs it: every attribute decided, nothing left to look up.
 * Made by the decode walk of compose/schema from a merged tree; lives in the arena of the load.
 *
 * Conventions: durations are nanoseconds, sizes bytes; -1 means "not given" where zero is a value;
 * strings are NULL where not given; lists are empty. `at` fields are "file:line:col" of the
 * definition, for messages. Paths are absolute.
 * Source: Compose Specification, chapter named at each struct.
 */
#pragma once
#include "base/text.h"
#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>

struct node;

/* A command line: NULL list = not given (the image decides); empty = explicitly cleared. */
struct argv {
	bool given;
	struct strings words;
};

struct hook { /* post_start, pre_stop, pre_start, sync+exec */
	struct argv command;
	const char *user, *working_dir, *image;
	bool privileged, per_replica;
	struct pairs environment;
};
struct hooks {
	struct hook *v;
	size_t n, cap;
};

struct healthcheck {
	bool given, disable;
	struct strings test; /* "CMD"|"CMD-SHELL"|"NONE" first; empty: the image's */
	int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns; /* -1: not given */
	int64_t retries;                                                     /* -1: not given */
};

enum depend_on { DEPEND_STARTED, DEPEND_HEALTHY, DEPEND_COMPLETED };
struct dependency {
	const char *service;
	enum depend_on condition;
	bool restart, required;
};

struct port {
	const char *name, *host_ip, *published /* "", "8080" or "8080-8090" */, *protocol;
	const char *app_protocol, *mode; /* mode: "ingress" or "host" */
	int64_t target;
	const char *at;
};

enum mount_type { MOUNT_VOLUME, MOUNT_BIND, MOUNT_TMPFS, MOUNT_IMAGE };
struct mount {
	enum mount_type type;
	const char *source, *target, *at;
	bool read_only;
	const char *propagation; /* bind: rprivate ... */
	bool create_host_path;   /* bind */
	const char *recursive, *selinux, *consistency;
	bool nocopy;         /* volume */
	const char *subpath; /* volume, image */
	struct pairs labels;
	int64_t tmpfs_size, tmpfs_mode; /* -1: not given */
};

struct file_ref { /* a service's use of a secret or a config */
	const char *source, *target, *uid, *gid, *at;
	int64_t mode; /* -1: not given */
};

struct endpoint { /* services.x.networks.n */
	const char *network;
	struct strings aliases, link_local_ips;
	const char *ipv4_address, *ipv6_address, *mac_address, *interface_name;
	int64_t priority, gw_priority;
	struct pairs driver_opts;
};

struct ulimit {
	const char *name;
	int64_t soft, hard;
};
struct device {
	const char *source, *target, *permissions;
};
struct throttle { /* blkio_config.*: rate or weight of a device */
	const char *path;
	int64_t rate;
};
struct throttles {
	struct throttle *v;
	size_t n, cap;
};
struct blkio {
	int64_t weight; /* 0: not given */
	struct throttles weight_device, read_bps, read_iops, write_bps, write_iops;
};

enum restart { RESTART_NO, RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_UNLESS_STOPPED };
struct restart_policy { /* `restart`, or deploy.restart_policy where that is given */
	enum restart when;
	int64_t max_attempts;        /* 0: for ever */
	int64_t delay_ns, window_ns; /* -1: not given */
};

struct update_config {
	bool given;
	int64_t parallelism, delay_ns, monitor_ns;
	double max_failure_ratio;
	const char *failure_action; /* continue, rollback, pause; NULL: not given */
	const char *order;          /* start-first, stop-first; NULL: not given */
};

struct limits {         /* one resolved set, from deploy.resources or the top-level twins */
	double cpus;    /* 0: none */
	int64_t memory; /* 0: none */
	int64_t memory_reservation, memory_swap; /* 0: not given; swap -1: unlimited */
	int64_t pids;                            /* 0: default; -1: unlimited */
	int64_t cpu_shares, cpu_period_us, cpu_quota_us, cpu_rt_period_us, cpu_rt_runtime_us;
	const char *cpuset;
	int64_t swappiness; /* -1: not given */
	bool oom_kill_disable;
	struct blkio blkio;
};

struct watch_rule {
	const char *path, *action, *target;
	struct strings ignore, include;
	struct hook exec;
	bool initial_sync;
};

struct build_secret {
	const char *source, *target, *uid, *gid;
	int64_t mode;
};
struct build {
	bool given;
	const char *context, *dockerfile, *dockerfile_inline, *target, *network, *at;
	struct pairs args; /* value NULL: from the project environment, already dropped if unset */
	struct pairs labels, additional_contexts, ssh, extra_hosts;
	struct strings cache_from, cache_to, tags, platforms, entitlements, no_cache_filter;
	VEC(struct build_secret) secrets;
	VEC(struct ulimit) ulimits;
	bool no_cache, pull, privileged;
	int64_t shm_size;
};

struct heal { /* x-berth.heal; on by default with a health check and restart other than no */
	bool enabled, leave;
	int64_t backoff_min_ns, backoff_max_ns, within_ns, max;
};

struct service {
	const char *name, *at;
	const char *image, *container_name, *hostname, *domainname, *platform;
	const char *pull_policy, *user, *working_dir, *runtime;
	struct build build;
	struct argv command, entrypoint;
	struct pairs environment; /* resolved: env_file, pass-through; value NULL: removed */
	struct pairs labels, annotations, sysctls, storage_opt, extra_hosts;
	struct strings group_add, cap_add, cap_drop, security_opt, device_cgroup_rules, profiles;
	struct strings dns, dns_opt, dns_search, expose, links, external_links, volumes_from, tmpfs;
	VEC(struct dependency) depends_on;
	VEC(struct port) ports;
	VEC(struct mount) volumes;
	VEC(struct endpoint) networks; /* connection order: highest priority first, then by name */
	VEC(struct file_ref) secrets;
	VEC(struct file_ref) configs;
	VEC(struct ulimit) ulimits;
	VEC(struct device) devices;
	VEC(struct watch_rule) watch;
	const char *network_mode; /* NULL: networks; none, host, service:x, container:x */
	const char *pid, *ipc, *uts, *cgroup, *cgroup_parent, *userns_mode, *mac_address;
	struct healthcheck healthcheck;
	struct restart_policy restart;
	struct heal heal;
	bool sticky; /* x-berth.balance: a client keeps its replica */
	struct hooks pre_start, post_start, pre_stop;
	const char *stop_signal;
	int64_t stop_grace_ns; /* 10 s by default */
	const char *log_driver;
	struct pairs log_options;
	struct limits limits;
	int64_t shm_size, oom_score_adj, replicas;
	struct update_config update, rollback;
	const char *endpoint_mode; /* vip, dnsrr, or NULL: as dnsrr, which is what docker compose
				      does */
	bool init, init_given, tty, stdin_open, privileged, read_only, attach;
	struct node *x_berth; /* NULL or the extension's tree */
	char hash[65];        /* of everything whose change needs a new container (docs/plan.md) */
};

struct ipam_pool {
	const char *subnet, *ip_range, *gateway;
	struct pairs aux_addresses;
};
struct network { /* top-level networks.n */
	const char *key, *name, *driver, *at;
	bool external, internal, attachable, enable_ipv4, enable_ipv6, enable_ipv6_given;
	struct pairs driver_opts, labels;
	VEC(struct ipam_pool) pools;
};
struct volume {
	const char *key, *name, *driver, *at;
	bool external;
	struct pairs driver_opts, labels;
};
struct file_source { /* top-level secrets.s and configs.c */
	const char *key, *name, *file, *environment, *content, *at;
	bool external;
	struct pairs labels;
};

struct variable_use { /* a value that asked for a variable */
	const char *name, *op, *word, *value, *at;
};

struct project {
	const char *name, *dir; /* dir: working directory of the project, absolute */
	struct strings files;   /* compose files, absolute */
	struct strings env_files;
	struct pairs environment; /* what interpolation saw: process environment over .env */
	struct node *env;         /* the same, each knowing the file it came from */
	VEC(struct variable_use) uses;
	VEC(struct service) services;
	VEC(struct network) networks;
	VEC(struct volume) volumes;
	VEC(struct file_source) secrets;
	VEC(struct file_source) configs;
	struct strings disabled;     /* services that no active profile enables */
	struct node *tree;           /* the resolved model, as `config` prints it */
	struct node *model;          /* with no_interpolate instead: merged, values undecided */
	struct strings all_profiles; /* every profile that a service names */
	struct node *x_berth;
	bool compat;       /* nothing that docker compose would not do */
	struct pairs pins; /* service to image id: what a rollback went back to */
	/*
	 * "file:line:col: text". Notices are what docker compose says too, whatever the command;
	 * warnings are of berth and for those who bring the file to effect.
	 */
	struct strings notices, warnings;
	/*
	 * What `config` shows as docker compose does, but nothing can run: "file:line:col: text".
	 * Whoever is about to run the project asks project_runnable().
	 */
	struct strings refusals;
};

struct err;
int project_runnable(const struct project *p, struct err *e);

struct service *project_service(const struct project *p, const char *name); /* NULL: none */
/* Between the parts of names that are made here. */
static inline char project_separator(const struct project *p)
{
	return p->compat ? '_' : '-';
}
struct network *project_network(const struct project *p, const char *key);
struct volume *project_volume(const struct project *p, const char *key);
struct file_source *project_secret(const struct project *p, const char *key);
struct file_source *project_config(const struct project *p, const char *key);
