/*
 * What is known of a container, as it lies on disk: $BERTH_ROOT/projects/<p>/containers/<name>/
 * state.json, and health.json below BERTH_RUN. Written by the supervisor before each action, read
 * by every command directly, so that ps and logs work while no supervisor lives.
 */
#pragma once
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum status_state {
	STATE_CREATED,
	STATE_STARTING,
	STATE_RUNNING,
	STATE_PAUSED,
	STATE_STOPPING,
	STATE_RESTARTING, /* waits for its back-off */
	STATE_EXITED,
	STATE_DEAD /* could not be removed, or never started */
};
const char *status_name(enum status_state s); /* docker's words: created, running, ... */

enum status_health { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };
const char *status_health_name(enum status_health h); /* "", starting, healthy, unhealthy */

struct status_port { /* docker's Publishers */
	const char *host_ip, *protocol;
	int64_t host_port /* 0: not published */, port;
};
struct status_net {
	const char *name, *key, *id, *ip4, *ip6, *gateway, *mac, *interface;
	struct strings aliases;
	struct strings links; /* "name:alias", of one joined by hand */
	int64_t gw_priority;
};
struct status_volume { /* of this container alone: anonymous ones */
	const char *name, *target;
};
struct status_mount {
	const char *type, *source, *target, *name;
	bool read_only;
};
struct status_probe {
	int64_t start_ns, end_ns; /* wall */
	int64_t exit_code;        /* -1: timed out */
	const char *output;
};

struct status {
	const char *project, *name, *id, *service, *hash, *contents, *image, *image_id, *one_off;
	int64_t number;
	enum status_state state;
	int64_t exit_code;
	bool oom_killed, auto_remove, tty, stdin_open;
	bool takes_project; /* which was made for it alone: when it is removed, that goes too */
	bool manual_stop;   /* a person stopped it: unless-stopped stays down at boot */
	bool interrupted;   /* the host went down under it: it comes back with the host */
	const char *error;  /* why it did not start, or NULL */
	int64_t created_ns, started_ns, finished_ns; /* wall; 0: never */
	int64_t pid;
	uint64_t start_time;
	int64_t first_id; /* of its user namespace, what id 0 inside is outside; 0: the host's */
	const char *boot_id;
	int64_t restarts, attempts /* since the last good run */, next_restart_ns; /* wall */
	int64_t pause_ns; /* of the restart that is due: what is left of it can be no more */
	int64_t heals;
	bool gave_up;
	int64_t retired_ns; /* wall: replaced, gone then; 0: no */
	enum status_health health;
	int64_t failing_streak, health_since_ns;
	VEC(struct status_probe) probes; /* the last five, oldest first */
	VEC(struct status_port) ports;
	VEC(struct status_net) networks;
	VEC(struct status_volume) volumes;
	VEC(struct status_mount) mounts;
	struct pairs labels;
	struct strings command; /* what runs: entrypoint and command */
	const char *cgroup;
	const char *dir;     /* BERTH_ROOT/projects/P/containers/NAME: upper, work, hosts, ... */
	const char *run_dir; /* BERTH_RUN/projects/P/c/NAME: fifos, runtime.json */
	const char *log_dir; /* BERTH_ROOT/projects/P/logs/NAME */
	const char *runtime_file; /* of runtime/state: for exec */
	const char *netns;        /* pin of its network namespace, or NULL */
	const char *log_driver;
	const char *net_mode; /* "host" or "none", or NULL */
};
struct statuses {
	struct status *v;
	size_t n, cap;
};

/* All containers of a project, by service and number, one-offs last. Those whose process is gone
 * while no supervisor lives to say so are shown as exited. */
int status_read(struct arena *a, const char *project, struct statuses *out,
		struct err *e) must_check;
int status_read_one(struct arena *a, const char *project, const char *name, struct status *out,
		    struct err *e) must_check;
int status_projects(struct arena *a, struct strings *out, struct err *e) must_check;
/* True with its pid where the project's supervisor answers for it. */
bool status_supervised(const char *project, pid_t *pid);

/* "Up 3 minutes (healthy)", "Exited (1) 2 hours ago", "Restarting in 4s (attempt 3)": as docker. */
char *status_text(struct arena *a, const struct status *s);

json_t *status_to_json(const struct status *s, bool with_probes);
int status_from_json(struct arena *a, const json_t *j, struct status *out,
		     struct err *e) must_check;
/* *written: hash of what lies there, kept between calls; the same again is not written. */
int status_write(const struct status *s, uint64_t *written, struct err *e) must_check;
void status_read_health(struct arena *a, struct status *s); /* health.json, where it is */
int status_write_health(const struct status *s, struct err *e) must_check;

/* Paths of a project. */
char *status_project_dir(struct arena *a, const char *project);     /* below BERTH_ROOT */
char *status_project_run_dir(struct arena *a, const char *project); /* below BERTH_RUN */
char *status_project_file(struct arena *a, const char *project);    /* the saved definition */
char *status_control_path(struct arena *a, const char *project);

/* Networks that berth has made: BERTH_ROOT/networks/<name>.json. */
struct status_pool {
	const char *subnet, *gateway, *range; /* range NULL: all of the subnet */
	struct pairs reserved;                /* docker's auxiliary addresses */
};
struct network_status {
	const char *name, *id, *project, *key, *driver, *hash;
	bool internal, attachable;
	bool quiet_ip6; /* IPv6 came without being asked for: names do not resolve to it */
	int64_t created_ns;
	struct pairs options, labels;
	VEC(struct status_pool) pools;
};
struct network_statuses {
	struct network_status *v;
	size_t n, cap;
};
int status_networks(struct arena *a, struct network_statuses *out, struct err *e) must_check;
int status_network_write(const struct network_status *n, struct err *e) must_check;
int status_network_read(struct arena *a, const char *name, struct network_status *out,
			struct err *e) must_check;
