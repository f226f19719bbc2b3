/*
 * The supervisor's own world: what its modules share. One process per project, one loop; every
 * struct here is owned by the supervisor and changed only by its callbacks.
 */
#pragma once
#include "base/json.h"
#include "base/loop.h"
#include "base/worker.h"
#include "compose/project.h"
#include "image/image.h"
#include "net/network.h"
#include "net/publish.h"
#include "runtime/launch.h"
#include "supervise/control.h"
#include "supervise/daemon.h"
#include "supervise/life.h"
#include "supervise/status.h"

struct resolver;
struct instance;

struct net { /* a network of the project, made or found */
	struct net *next;
	const char *key, *name;
	const char *host_ip; /* where ports are published that name no address; NULL: everywhere */
	bool quiet_ip6;      /* see struct network_status */
	struct net_spec spec;
	struct arena arena;
};

struct reservation { /* a host port held for a service */
	struct reservation *next;
	char *service, *protocol, *host_ip, *published;
	int64_t target, number /* of the replica it is for; 0: all */;
	uint16_t port;
	int fd;
};

struct secret_bytes { /* of a secret or config whose source is an environment variable or text */
	struct secret_bytes *next;
	char *key; /* "secret:name" or "config:name" */
	void *p;
	size_t n;
};

/* A process run in a container to its end: a probe or a hook. */
struct task {
	struct instance *of;
	struct launch launch;
	struct watch sync, exited, output;
	struct timer deadline;
	struct buf text; /* capped */
	int out;
	bool running, timed_out, started;
	bool stuck;       /* killed, and not gone: done() was told, and is not again at its end */
	int64_t start_ns; /* wall */
	char sub[16];     /* its cgroup below the container's */
	void (*done)(struct task *t, int code);
};

struct health {
	struct task task;
	struct timer next;
	bool on; /* probes are wanted */
	int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns, retries;
	struct strings test;
	int64_t began_mono_ns, healthy_mono_ns;
};

struct log_stream {
	int fd, spool; /* pipe, and the file its bytes are moved to first */
	struct watch in;
	uint64_t spooled, freed; /* bytes in the spool, and of these given back at its front */
};
struct logs {
	struct log_stream s[2]; /* stdout, stderr */
	int log, tty;
	struct log_mark *mark; /* mapped file: what of the spools is in the log */
	int64_t max_size, max_files;
	int64_t serial; /* the number that json.log gets when it is rotated */
	bool off, compress, more_to_compress;
	struct log_sender *sender;
	struct buf attributes; /* of every line: ,"attrs":{...} */
	struct watch tty_in, compressed;
};

struct instance {
	struct supervisor *of;
	struct instance *next;
	struct arena arena; /* of st */
	struct status st;
	uint64_t written;          /* hash of the state file's text */
	bool unsaved, unwritten;   /* put off; tried in vain */
	struct arena own;          /* of a one-off's service */
	const struct service *svc; /* NULL: not in the file */
	enum life_state life;
	struct launch launch;
	struct watch sync, exited;
	struct timer timer, good; /* grace or back-off; run of ten seconds */
	struct later gone, quit;
	struct health health;
	struct logs logs;
	struct task hook;
	struct {
		struct pairs todo; /* volume, target */
		struct worker worker;
		int tube; /* its error */
	} fill;
	const struct hooks *hooks; /* in progress */
	size_t hook_at;
	void (*hooks_done)(struct instance *i, int code);
	int netns, stdin_fd;
	bool detached; /* run --detach */
	bool pre_runs; /* its pre_start hooks are being run */
	size_t pre_at;
	bool held;             /* its restart is due, but what it depends on is not back */
	bool draining;         /* no new connections: about to stop, or not let in yet */
	bool healing;          /* its last end was ours, because it was unhealthy */
	struct conn *attached; /* reads its terminal in our place */
	bool wired, removing, again /* after a reboot */, was_running /* before it */, hooks_ok;
	int asked;
	unsigned kills;        /* of the stop under way that did not end it */
	unsigned starts, ends; /* counted, so that a waiting step notices */
	int64_t backoff_ns, grace_ns /* -1: the service's */, began_ns /* mono */;
	int64_t launched_ns; /* wall: its first words may come before it counts as started */
	int64_t heal_backoff_ns, heal_window_ns;
	int stdio[3];          /* of a one-off in the foreground; -1 */
	struct err why;        /* of the last failed start */
	struct conn *follower; /* run: who waits for the end */
	unsigned short rows, cols;
};

struct supervisor {
	const char *name, *root_dir, *run_dir, *boot_id;
	struct loop *loop;
	struct arena arena;
	struct arena defs[2]; /* of the project: two, so that a reload can compare */
	int def;
	struct project *project;
	struct instance *instances;
	struct net *nets;
	struct reservation *ports;
	struct secret_bytes *secrets;
	struct resolver *resolver;
	struct job *jobs;
	struct conn *conns;
	struct watch listener, guardian_watch;
	int guardian, exits, journal;
	uint64_t exits_read;
	struct later kick, rules, saving;
	struct publish_seen published;
	bool unruled; /* a network was found since the rules were made */
	struct timer rules_limit;
	bool rules_due;
	struct timer prune; /* of guard entries and ports, a while after a container went */
	struct arena gone;
	struct port_numbers gone_ports;
	bool stuck; /* one of their namespaces may stay for minutes */
	struct timer lonely;
	struct timer unwritten; /* states are tried again */
	bool ending, leaving, forget, left;
	bool torn;         /* a container's state could not be read */
	int64_t loaded_ns; /* mtime of the definition that is in use */
	const struct handover *handover;
	json_t *timeline; /* spans of the last up */
	struct {
		struct worker worker;
		int code; /* the errno of one that could not */
		unsigned serial;
	} remains;
};

/* daemon.c */
int supervisor_load(struct supervisor *s, struct err *e) must_check; /* project.json, again */
/* The supervisor's own of what the guardian kept for the one before; -1. */
int supervisor_take(struct supervisor *s, const char *of, const char *what);
void supervisor_keep(struct supervisor *s, const char *of, const char *what, int fd);
void supervisor_drop(struct supervisor *s, const char *of, const char *what);
void supervisor_kick(struct supervisor *s); /* look at the waiting steps again */
/* Where nothing is left to look after and only `last` is connected: clears everything and ends. */
void supervisor_leave(struct supervisor *s, const struct conn *last);
/* Not in the next five seconds; then a container that takes its project with it does so. */
void supervisor_linger(struct supervisor *s);

/* instance.c */
struct instance *instance_find(struct supervisor *s, const char *name);
/* What runs, or is to run: entrypoint and command. */
void instance_note_command(struct instance *i, const struct strings *argv);
int instance_create(struct supervisor *s, const struct service *svc, int64_t number,
		    const char *name, const struct status *before, struct instance **out,
		    struct err *e) must_check;
int instance_adopt(struct supervisor *s, const char *name, struct err *e) must_check;
void instance_resume_health(struct instance *i);
void instance_wait_on(struct instance *i); /* for its next restart, after an adoption */
/* Its successors have taken over: no new connections, gone at st.retired_ns (wall). */
void instance_retire(struct instance *i);
void instance_event(struct instance *i, enum life_event ev);
void instance_ended(struct instance *i, int status, int64_t at_ns); /* its process */
/* Frees what its last process held: mounts, cgroup, terminal. Repeatable. */
void instance_clean_up(struct instance *i);
int instance_remove(struct instance *i, bool again, bool volumes, struct err *e) must_check;
int instance_write(struct instance *i, struct err *e) must_check; /* its state */
void instance_save(struct instance *i);
void instance_save_later(struct instance *i);                /* before the loop waits */
void instances_saved(struct supervisor *s);                  /* now, where it was put off */
void instance_changed(struct instance *i, const char *what); /* save, tell, look again */
bool instance_is_up(const struct instance *i);
bool instance_is_ready(const struct instance *i);
/* Names and ports lead to it: when it is ready; with --compat, as with docker, while it runs. */
bool instance_serves(const struct instance *i);
void instance_kill(struct instance *i, int signal);
int instance_gone(struct later *later); /* removes one that removes itself */
void instance_empty_cgroup(struct instance *i);
int instance_hooks(struct instance *i, const struct hooks *h,
		   void (*done)(struct instance *i, int code));

void instance_filled(struct instance *i, struct err *e);

/* fill.c: new volumes with what the image has there, beside the loop */
void fill_later(struct instance *i, const char *volume, const char *target);
int fill_begin(struct instance *i, struct err *e) must_check; /* instance_filled() tells its end */

/* remains.c: what is removed is out of sight at once; the rest of it may take a while */
int remains_remove(struct supervisor *s, const char *path, struct err *e) must_check;
char *remains_place(struct arena *a, struct supervisor *s); /* a fresh name for what goes */
void remains_resume(struct supervisor *s);
bool remains_left(const struct supervisor *s);

/* hold.c: a restart waits for what the service depends on */
bool hold_back(struct instance *i);
void hold_release(struct supervisor *s); /* something has changed */

/* launcher.c: from a service to a running process */
/* LAUNCHER_FILL: its volumes come first, which is for fill_begin(). */
enum { LAUNCHER_FILL = 1 };
int launcher_start(struct instance *i, struct err *e) must_check;

/* A service for one container alone, to be changed: it stays when the file is loaded anew. */
int supervisor_copy_service(struct supervisor *s, struct arena *own, const char *name,
			    struct service **out, struct err *e) must_check;

/* netowner.c: whose network namespace a container is in; `mode` is service:X or container:X */
struct instance *netowner_find(const struct instance *i, const char *mode);
/* The state of container `name` of another project; false: there is no such. */
bool netowner_foreign(struct arena *a, const struct supervisor *s, const char *name,
		      struct status *out);
/* Who shares a network namespace has its owner's name too, as docker has it. */
void netowner_name(struct arena *a, const struct instance *i, const char **host,
		   const char **domain);
const char *netowner_host_name(struct arena *a);

/* spec.c */
struct container_spec;
int spec_make(struct arena *a, struct instance *i, const struct image *image,
	      struct container_spec *out, struct err *e) must_check;
/* 1 and the ids of the project's own where the service asks for them; 0: the host's. */
int spec_ids(const struct instance *i, struct id_map *out, struct err *e) must_check;
int spec_signal(const char *name); /* "SIGTERM", "TERM", "15"; 0: unknown */
/* Entrypoint and command, as the file and the image say together; none where neither does. */
void spec_command(struct arena *a, const struct service *svc, const struct image *image,
		  struct strings *out);
const char *spec_image_ref(struct arena *a, const struct supervisor *s, const struct service *svc);
/* The same, or the id that a rollback has gone back to. */
const char *spec_image_wanted(struct arena *a, const struct supervisor *s,
			      const struct service *svc);

/* resources.c: the labels of a network or a volume, docker compose's own among them. */
struct pairs resource_labels(struct arena *a, const struct supervisor *s, const struct pairs *own,
			     const char *kind, const char *key);
/* Whether a container of another project has it, by what the states on the disk say. */
bool resource_of_others(const struct supervisor *s,
			bool (*has)(const struct status *st, const char *name), const char *name);

/* mounts.c */
/*
 * secrets.c: what a top-level secret or config holds now, wherever it comes from; `sent` are those
 * that came by request, since the environment of the client is not saved.
 */
int secrets_content(struct arena *a, const struct project *p, const struct secret_bytes *sent,
		    const struct file_source *src, const char *kind, struct span *out,
		    struct err *e) must_check;
/* "kind:name=HASH ...", keyed hashes of what the service's secrets and configs hold now; NULL: it
 * has none. */
int secrets_digest(struct arena *a, const struct project *p, const struct secret_bytes *sent,
		   const struct service *svc, char **out, struct err *e) must_check;
int secrets_note(struct instance *i, struct err *e) must_check; /* into st.contents */
int mounts_make(struct arena *a, struct instance *i, const struct image *image,
		struct container_spec *out, struct err *e) must_check;

/* nets.c */
int nets_make(struct supervisor *s, const struct network *n, struct err *e) must_check;
int nets_remove(struct supervisor *s, const struct network *n, bool *absent,
		struct err *e) must_check;
int nets_find(struct supervisor *s, const char *key, struct net **out, struct err *e) must_check;
int nets_find_named(struct supervisor *s, const char *name, struct net **out,
		    struct err *e) must_check; /* in the file or not */
void nets_forget(struct supervisor *s);
/* One of each family that the network has; NULL: any. */
int nets_link_local(struct arena *a, const struct strings *words, struct endpoint_spec *out,
		    struct err *e) must_check;
int nets_take_addresses(const struct net *n, const char *owner, const char *fixed4,
			const char *fixed6, struct endpoint_spec *out, struct err *e) must_check;
const char *nets_mac(struct arena *a, const uint8_t mac[6]); /* "02:42:0a:00:00:02" */
int nets_parse_mac(const char *s, uint8_t out[6]);
/* Its DNS server, for the networks that it is on now. */
int nets_serve(struct instance *i, struct err *e) must_check;

/* boot.c */
void boot_found(struct instance *i, enum status_state was);
void boot_look(struct instance *i, bool other_boot);
void boot_bring_back(struct supervisor *s);
void boot_shut_down(struct supervisor *s);

/* connect.c */
void connect_request(struct conn *c, const json_t *req);
void disconnect_request(struct conn *c, const json_t *req);

/* The network namespace of an instance, wired: i->netns. */
int nets_wire(struct instance *i, struct err *e) must_check;
/* Those that need it, together; what fails here is left to nets_wire(). Reorders v. */
void nets_wire_all(struct instance **v, size_t n);
char *nets_place(struct instance *i);          /* the file that pins its namespace */
bool nets_has_own(const struct instance *i);   /* not the host's, not another container's */
bool nets_is_shared(const struct instance *i); /* others are in its network namespace */
/* It shared a namespace: those whose owners were removed before go with the last who shared. */
void nets_drop_orphans(const struct instance *i);
/* Where one would stay, ports go now: nobody is here a second later. */
void nets_prune_stuck(struct supervisor *s);
void nets_unwire(struct instance *i, bool keep_addresses);
void nets_announce(struct instance *i); /* names, according to its state */
void nets_withdraw(struct instance *i);
struct resolver_record;
void nets_ports(struct arena *a, const struct service *svc, struct resolver_record *rec);

/* vips.c: the stable addresses of services with endpoint_mode: vip */
void vips_announce(struct instance *i); /* after each change of one of its replicas */
void vips_release(struct instance *i);  /* where it is the last one */
bool vips_wanted(const struct instance *i);
struct net_rules;
void vips_rules(struct arena *a, struct supervisor *s, struct net_rules *out);

/* ports.c */
int ports_reserve(struct instance *i, struct err *e) must_check;
void ports_expose(struct instance *i, const struct image *image); /* shown, published nowhere */
void ports_release(struct instance *i);
void ports_apply_later(struct supervisor *s);
void ports_apply_now(struct supervisor *s);
/* Once for all that start at this time: when the last of them has, after a second at the latest. */
void ports_apply_together(struct supervisor *s);
void ports_apply_due(struct supervisor *s); /* now, where that was put off */

/* health.c */
void health_start(struct instance *i, const struct image_health *image);
void health_stop(struct instance *i);
bool health_wanted(const struct instance *i);

/* task.c */
int task_run(struct task *t, struct instance *i, const struct argv *command, const struct hook *h,
	     int64_t timeout_ns, const char *sub, void (*done)(struct task *t, int code),
	     struct err *e) must_check;
void task_kill(struct task *t);

/* logs.c */
int logs_prepare(struct instance *i, int stdio[3], struct err *e) must_check;
int logs_attach(struct instance *i, bool adopted, struct err *e) must_check;
void logs_drain(struct instance *i);
void logs_tty_to(struct instance *i, struct conn *c); /* NULL: the terminal is ours to read again */
void logs_detach(struct instance *i, bool forget);

/* pipes.c */
int pipe_make(struct instance *i, const char *what, int *out, struct err *e) must_check;
int pipe_adopt(struct instance *i, const char *what, uint64_t id, int *out,
	       struct err *e) must_check;
int pipe_open(int fd, int flags); /* another description of it, for reading and writing */
uint64_t pipe_id(int fd);

/* events.c */
void events_open(struct supervisor *s);
void events_write(struct supervisor *s, const char *type, const char *action,
		  const struct instance *i, json_t *more);
void events_killed(const struct instance *i, int signal);
void events_subscribe(struct conn *c, const json_t *services);

/* volumes.c */
int volumes_remove(struct supervisor *s, const char *name,
		   struct err *e) must_check; /* absent is fine */
/* Containers of other projects have it mounted. */
bool volumes_used_by_others(const struct supervisor *s, const char *name);
int volumes_names(struct arena *a, struct strings *out, struct err *e) must_check;
