/*
 * Everything that the kernel must be told about one container, as plain values: the runtime never
 * heard of a service. Filled by supervise/instance, build/run and cli; lives in the caller's arena
 * until launch returns. All paths are host paths unless the comment says "inside".
 */
#pragma once
#include "base/nsholder.h"
#include "base/text.h"
#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum ns_mode { NS_NEW, NS_HOST, NS_JOIN };
struct ns_choice {
	enum ns_mode mode;
	int fd; /* NS_JOIN: a namespace descriptor, the caller's */
};

enum bind_kind { MNT_BIND, MNT_TMPFS, MNT_DATA, MNT_OVERLAY_IMAGE, MNT_DEVICE };
struct mount_spec {
	enum bind_kind kind;
	const char *source; /* MNT_BIND: host path (or source_fd); MNT_DEVICE: "10.0.0.1:/data" */
	const char *type, *options; /* MNT_DEVICE: what mount(8) takes as -t and -o */
	int source_fd;              /* -1, or an O_PATH descriptor that wins over source */
	const char *subpath;        /* resolved inside source, may not leave it */
	const char *target;         /* inside; resolved in the root, never followed out of it */
	bool read_only, recursive_ro, no_recursive, no_dev, no_suid, no_exec;
	const char *propagation; /* "rprivate" where NULL */
	int64_t size;            /* MNT_TMPFS: bytes, 0 = kernel default */
	mode_t mode;             /* MNT_TMPFS, MNT_DATA */
	uid_t uid;               /* MNT_TMPFS, MNT_DATA */
	gid_t gid;
	struct span data;         /* MNT_DATA: the content of a file on a private tmpfs (secrets) */
	struct strings layers;    /* MNT_OVERLAY_IMAGE: directories, topmost first */
	const char *upper, *work; /* MNT_OVERLAY_IMAGE: NULL, or writes go there */
};

struct device_spec {
	const char *source, *target;
	const char *permissions; /* "rwm" */
};
struct device_rule { /* cgroup device access: type 'a', 'b', 'c'; -1 = any number */
	bool allow;
	char type;
	int64_t major, minor;
	const char *permissions;
};

struct rlimit_spec {
	int resource; /* RLIMIT_* */
	uint64_t soft, hard;
};

struct io_limit {
	int64_t major, minor, value;
};
struct cgroup_limits {
	int64_t memory, memory_low, memory_swap; /* bytes; 0 none; swap (total) -1 unlimited */
	int64_t pids;                            /* 0: default 2048; -1 unlimited */
	int64_t cpu_quota_us, cpu_period_us, cpu_shares, cpu_rt_period_us, cpu_rt_runtime_us;
	const char *cpuset, *cpuset_mems;
	int64_t swappiness; /* -1: leave */
	bool oom_kill_disable;
	int64_t io_weight;
	VEC(struct io_limit) io_weight_device;
	VEC(struct io_limit) io_read_bps;
	VEC(struct io_limit) io_write_bps;
	VEC(struct io_limit) io_read_iops;
	VEC(struct io_limit) io_write_iops;
	VEC(struct device_rule) devices; /* after the default rules */
};

struct container_spec {
	const char *id;   /* 64 hex digits */
	const char *name; /* for messages */
	const char *dir;  /* this container's directory below BERTH_RUN or BERTH_ROOT, made by the
			     caller */

	/* root file system: an overlay of layers, or a plain directory */
	struct strings layers; /* lower directories, topmost first */
	const char *upper, *work;
	const char *root_dir; /* instead of layers */
	bool read_only_root;

	/* the process */
	struct strings argv, envp; /* argv[0] looked up in the container's PATH, inside */
	const char *cwd;           /* inside; made where missing */
	const char *user;          /* "name|uid[:group|gid]", resolved inside; NULL: root */
	struct strings groups;     /* supplementary, names or ids */
	int stdio[3];              /* the caller's descriptors; with a tty: ignored */
	bool tty, init;
	unsigned short rows, cols; /* of the tty; 0: leave */

	/* identity */
	const char *hostname, *domainname;

	/* rights */
	uint64_t caps; /* bit per CAP_*: bounding, and effective/permitted for uid 0 */
	bool no_new_privs, privileged;
	bool seccomp_unconfined;
	const char *seccomp_file; /* NULL: the built-in profile */
	const char *apparmor;     /* NULL: berth-default where the kernel has AppArmor */
	const char *selinux_label;
	bool systempaths_unconfined;
	struct strings masked, readonly; /* extra, inside */
	struct strings unmasked;         /* left as they are of those that berth hides */

	/* namespaces */
	struct ns_choice net, pid, ipc, uts, cgroup, userns;
	VEC(struct id_map) uid_map;
	VEC(struct id_map) gid_map;

	/* file system extras */
	VEC(struct mount_spec) mounts; /* in order, after /proc /sys /dev */
	VEC(struct device_spec) devices;
	int64_t shm_size;                                     /* 0: 64 MiB */
	const char *hosts_file, *hostname_file, *resolv_file; /* bound onto /etc/...; NULL: not */

	/* resources */
	const char *cgroup_path; /* below the hierarchy roots, e.g. "berth/<project>/<id>" */
	struct cgroup_limits limits;
	VEC(struct rlimit_spec) rlimits;
	struct pairs sysctls;
	int oom_score_adj;
	bool oom_score_adj_given;

	bool unmarked; /* no /.dockerenv: a step of a build, whose root becomes an image */

	/* A descriptor that the child reads one byte from before execve; -1: start at once. */
	int gate_fd;
	/* Become a child of the caller's parent (the guardian), which then reaps it. */
	bool clone_parent;
};

/* What a container does not see, and what it cannot change, of /proc and /sys; NULL ends them. */
extern const char *const spec_masked[], *const spec_readonly[];
