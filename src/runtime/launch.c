/*
 * The parent's side of a start, and the order of the child's. The child is a plain fork into new
 * namespaces: it costs the pages it touches and nothing after execve.
 */
#include "runtime/launch.h"
#include "base/log.h"
#include "base/sys.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_room.h"
#include "runtime/child.h"
#include "runtime/filter.h"
#include "runtime/init.h"
#include "runtime/join.h"
#include "runtime/label.h"
#include "runtime/rights.h"
#include "runtime/state.h"
#include "runtime/userns.h"
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static int step_descriptors(struct child *c, struct err *e)
{
	const struct container_spec *s = c->spec;
	static const int nothing[3] = {-1, -1, -1};
	VEC(int) keep = {0};

	*vec_push(c->a, &keep) = c->sync;
	*vec_push(c->a, &keep) = s->gate_fd;
	*vec_push(c->a, &keep) = c->init;
	*vec_push(c->a, &keep) = c->userns;
	*vec_push(c->a, &keep) = s->net.fd;
	*vec_push(c->a, &keep) = s->ipc.fd;
	*vec_push(c->a, &keep) = s->uts.fd;
	vec_each(m, &s->mounts)
		*vec_push(c->a, &keep) = m->source_fd;
	if (setsid() < 0)
		return err_set(e, errno, "cannot lead a session: %s", strerror(errno));
	umask(0); /* modes below are meant; the program gets 022 */
	return child_descriptors(s->tty ? nothing : s->stdio, keep.v, keep.n, e);
}

static int step_namespaces(struct child *c, struct err *e)
{
	const struct container_spec *s = c->spec;
	const struct {
		const char *name;
		const struct ns_choice *choice;
		int flag;
	} all[] = {{"network", &s->net, CLONE_NEWNET},
		   {"IPC", &s->ipc, CLONE_NEWIPC},
		   {"UTS", &s->uts, CLONE_NEWUTS}};

	for (size_t i = 0; i < countof(all); i++) {
		if (all[i].choice->mode == NS_JOIN && setns(all[i].choice->fd, all[i].flag) < 0)
			return err_set(e, errno, "cannot join the %s namespace: %s", all[i].name,
				       strerror(errno));
	}
	return 0;
}

/* The cgroup must let through what `devices` asks for. */
static int make_cgroup(struct child *c, struct err *e)
{
	const struct container_spec *s = c->spec;
	struct cgroup_limits limits = s->limits;

	limits.devices.v = NULL;
	limits.devices.n = limits.devices.cap = 0;
	vec_each(d, &c->devices) {
		if (d->permissions)
			*vec_push(c->a, &limits.devices) = (struct device_rule){
				true, S_ISCHR(d->mode) ? 'c' : 'b', major(d->number),
				minor(d->number), d->permissions};
	}
	vec_each(rule, &s->limits.devices)
		*vec_push(c->a, &limits.devices) = *rule;
	return cgroup_make(s->cgroup_path, &limits, s->privileged, e);
}

/* On v1 membership is written before the new cgroup namespace, whose root it then is. */
static int step_cgroup(struct child *c, struct err *e)
{
	int r = make_cgroup(c, e);

	if (!r)
		r = cgroup_enter_v1(c->spec->cgroup_path, e);
	if (r < 0)
		return r;
	if (rights_oom(c->spec, e) < 0)
		return -e->code;
	if (c->spec->cgroup.mode == NS_NEW && unshare(CLONE_NEWCGROUP) < 0)
		return err_set(e, errno, "no cgroup namespace: %s", strerror(errno));
	return 0;
}

/* Of a network namespace that nobody has wired: loopback still works. */
static int loopback_up(struct err *e)
{
	auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		return err_set(e, errno, "cannot bring lo up: %s", strerror(errno));
	return 0;
}

static int step_identity(struct child *c, struct err *e)
{
	const struct container_spec *s = c->spec;

	if (s->net.mode == NS_NEW && loopback_up(e) < 0)
		return -e->code;
	if (s->uts.mode != NS_NEW)
		return 0;
	if (s->hostname && sethostname(s->hostname, strlen(s->hostname)) < 0)
		return err_set(e, errno, "hostname \"%s\": %s", s->hostname, strerror(errno));
	if (s->domainname && setdomainname(s->domainname, strlen(s->domainname)) < 0)
		return err_set(e, errno, "domainname \"%s\": %s", s->domainname, strerror(errno));
	return 0;
}

/* sysctl names have dots for slashes; a slash in one stands for a dot (interface names). */
static int write_sysctl(struct child *c, const char *key, const char *value, struct err *e)
{
	char *path = arena_printf(c->a, "sys/%s", key);
	auto_fd int fd = -1;
	int r;

	for (char *p = path + 4; *p; p++)
		*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	fd = sys_openat2(c->proc, path, O_WRONLY, 0,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	r = fd < 0 ? fd : sys_write_all(fd, value, strlen(value));
	return r < 0 ? err_set(e, -r, "%s = %s: %s", key, value, strerror(-r)) : 0;
}

/* Only what belongs to a namespace of the container; anything else would change the host. */
static bool is_own_sysctl(const struct container_spec *s, const char *key)
{
	static const char *const ipc[] = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
					  "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
					  "kernel.shmmni", "kernel.shm_rmid_forced"};

	if (text_starts(key, "net.") || text_starts(key, "net/"))
		return s->net.mode != NS_HOST;
	if (text_starts(key, "fs.mqueue."))
		return s->ipc.mode != NS_HOST;
	for (size_t i = 0; i < countof(ipc); i++) {
		if (!strcmp(ipc[i], key))
			return s->ipc.mode != NS_HOST;
	}
	return false;
}

/* Ping and low ports without capabilities, as docker gives them; only where the kernel's default
 * still stands: the namespace may be another container's, with wishes of its own. */
static void friendly_network(struct child *c)
{
	static const char *const rows[][3] = {
		{"net.ipv4.ping_group_range", "1\t0\n", "0 2147483647"},
		{"net.ipv4.ip_unprivileged_port_start", "1024\n", "0"}};
	char path[64], old[64];
	struct err ignored;

	for (size_t i = 0; i < countof(rows); i++) {
		auto_fd int fd = -1;
		int n;

		snprintf(path, sizeof(path), "sys/net/ipv4/%s", rows[i][0] + strlen("net.ipv4."));
		fd = sys_openat2(c->proc, path, O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
		n = fd < 0 ? fd : sys_read_full(fd, old, sizeof(old) - 1);
		old[n > 0 ? n : 0] = '\0';
		if (!strcmp(old, rows[i][1]) &&
		    write_sysctl(c, rows[i][0], rows[i][2], &ignored) < 0)
			log_err(LOG_DEBUG_, &ignored);
	}
}

static int step_sysctls(struct child *c, struct err *e)
{
	if (c->spec->net.mode != NS_HOST)
		friendly_network(c);
	vec_each(p, &c->spec->sysctls) {
		if (!is_own_sysctl(c->spec, p->key))
			return err_set(e, EPERM,
				       "sysctl %s belongs to the host, not to this container's "
				       "namespaces",
				       p->key);
		if (write_sysctl(c, p->key, p->value ? p->value : "", e) < 0)
			return -e->code;
	}
	return 0;
}

static int step_user(struct child *c, struct err *e)
{
	return users_find(c->a, c->root, c->spec->user, &c->spec->groups, &c->user, e);
}

static int step_limits(struct child *c, struct err *e)
{
	umask(022);
	return rights_limits(c->spec, e);
}

/* The directory was opened inside the root before the switch; this proves where it is now. */
static int step_cwd(struct child *c, struct err *e)
{
	char where[4096];

	if (fchdir(c->cwd) < 0)
		return err_set(e, errno, "%s: %s", c->spec->cwd, strerror(errno));
	if (!getcwd(where, sizeof(where)) || where[0] != '/')
		return err_set(e, EPERM, "%s is not inside the container", c->spec->cwd);
	return 0;
}

static int step_gate(struct child *c, struct err *e)
{
	char byte;

	if (c->spec->gate_fd >= 0 && sys_read(c->spec->gate_fd, &byte, 1) != 1)
		return err_set(e, ECANCELED, "the start was called off");
	return 0;
}

static int step_rights(struct child *c, struct err *e)
{
	const struct container_spec *s = c->spec;
	const struct rights rights = {.caps = s->privileged ? ~UINT64_C(0) : s->caps,
				      .no_new_privs = s->no_new_privs,
				      .filter = &c->filter,
				      .user = &c->user};

	sys_keyring_new_session(); /* a kernel without keyrings has nothing to hide */
	/* Whatever a step above forgot; execve closes it. */
	if (sys_close_from(3, CLOSE_RANGE_CLOEXEC) < 0)
		return err_set(e, errno, "cannot mark descriptors: %s", strerror(errno));
	if (label_take(s, c->profile, c->proc, e) < 0)
		return -e->code;
	if (c->userns >= 0 && setns(c->userns, CLONE_NEWUSER) < 0)
		return err_set(e, errno, "cannot join the user namespace: %s", strerror(errno));
	return rights_take(&rights, e);
}

static const char *const *environment(struct child *c)
{
	const struct container_spec *s = c->spec;
	struct strings env = {0};
	bool home = false, term = false;

	for (size_t i = 0; i < s->envp.n; i++) {
		if (!strcmp(s->envp.v[i], "HOME="))
			continue; /* empty is none, as runc has it */
		home |= text_starts(s->envp.v[i], "HOME=");
		term |= text_starts(s->envp.v[i], "TERM=");
		*vec_push(c->a, &env) = s->envp.v[i];
	}
	if (!home)
		*vec_push(c->a, &env) = arena_printf(c->a, "HOME=%s", c->user.home);
	if (!term && s->tty)
		*vec_push(c->a, &env) = "TERM=xterm";
	*vec_push(c->a, &env) = NULL;
	return env.v;
}

static int step_exec(struct child *c, struct err *e)
{
	const char *const *envp = environment(c);
	struct strings argv = {0};

	for (size_t i = 0; i < c->spec->argv.n; i++)
		*vec_push(c->a, &argv) = c->spec->argv.v[i];
	*vec_push(c->a, &argv) = NULL;
	if (!argv.v[0])
		return err_set(e, ENOENT, "no command");
	if (c->init >= 0 && init_split(c->init, envp, e) < 0)
		return -e->code;
	return child_exec(argv.v, envp, e);
}

/* clang-format off */
static const struct step steps[] = {
	{"take its descriptors",    step_descriptors},
	{"mount volumes",           mounts_devices},
	{"join namespaces",         step_namespaces},
	{"enter its cgroup",        step_cgroup},
	{"open its mounts",         mounts_sources},
	{"leave the host's mounts", rootfs_private},
	{"assemble its root",       rootfs_create},
	{"write its files",         mounts_data},
	{"attach its root",         rootfs_attach},
	{NULL,                      rootfs_system},
	{"name the container",      step_identity},
	{"set sysctls",             step_sysctls},
	{NULL,                      rootfs_devices},
	{NULL,                      rootfs_etc},
	{NULL,                      mounts_attach},
	{"hide host files",         rootfs_hide},
	{"find the user",           step_user},
	{"set limits",              step_limits},
	{NULL,                      rootfs_enter},
	{"enter working directory", step_cwd},
	{"allocate a terminal",     tty_child},
	{NULL,                      step_gate},
	{"give up rights",          step_rights},
};
/* clang-format on */

static _Noreturn void child_main(struct child *c)
{
	sigset_t none;
	struct err e = {0};

	/* Until execve nobody may read this copy of berth's memory or reach its /proc entries. */
	prctl(PR_SET_DUMPABLE, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	child_run(c, steps, countof(steps));
	step_exec(c, &e);
	child_fail(c, &e);
}

static uint64_t clone_flags(const struct container_spec *s)
{
	return CLONE_NEWNS | (s->pid.mode == NS_NEW ? CLONE_NEWPID : 0) |
	       (s->ipc.mode == NS_NEW ? CLONE_NEWIPC : 0) |
	       (s->uts.mode == NS_NEW ? CLONE_NEWUTS : 0) |
	       (s->net.mode == NS_NEW ? CLONE_NEWNET : 0);
}

/* Children are born in this pid namespace until it is set back; fd < 0: nothing to do. */
static int born_in(int fd, struct err *e)
{
	if (fd >= 0 && setns(fd, CLONE_NEWPID) < 0)
		return err_set(e, errno, "cannot enter the pid namespace: %s", strerror(errno));
	return 0;
}

static int launch_clone(uint64_t flags, int cgroup, bool clone_parent, int *pidfd)
{
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND |
			 (clone_parent ? CLONE_PARENT : 0) | (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uintptr_t)pidfd,
		/* With CLONE_PARENT the kernel insists on the caller's own exit signal. */
		.exit_signal = clone_parent ? 0 : SIGCHLD,
		.cgroup = cgroup >= 0 ? (unsigned)cgroup : 0,
	};

	return sys_clone3(&args, sizeof(args));
}

int launch_clone_in(int pid_ns, uint64_t flags, int cgroup, bool clone_parent, int *pidfd,
		    struct err *e)
{
	auto_fd int own = pid_ns < 0 ? -1 : sys_open(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY, 0);
	struct err ignored;
	int pid;

	if (pid_ns >= 0 && own < 0)
		return err_set(e, -own, "cannot open /proc/self/ns/pid: %s", strerror(-own));
	if (born_in(pid_ns, e) < 0)
		return -e->code;
	pid = launch_clone(flags, cgroup, clone_parent, pidfd);
	if (pid && born_in(own, &ignored) < 0)
		return err_set(e, EPERM, "cannot return to the own pid namespace");
	return pid < 0 ? err_set(e, -pid, "cannot make a process: %s", strerror(-pid)) : pid;
}

int launch_sync(int out[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out) < 0)
		return err_set(e, errno, "cannot make a socket pair: %s", strerror(errno));
	return 0;
}

static int start(const struct container_spec *s, struct child *c, struct launch *out, struct err *e)
{
	auto_fd int group = cgroup_fd(s->cgroup_path), mine = -1;
	int sync[2], pidfd = -1, pid;

	if (launch_sync(sync, e) < 0)
		return -e->code;
	mine = sync[0];
	c->sync = sync[1];
	pid = launch_clone_in(s->pid.mode == NS_JOIN ? s->pid.fd : -1, clone_flags(s), group,
			      s->clone_parent, &pidfd, e);
	if (!pid)
		child_main(c);
	close(sync[1]);
	if (pid < 0)
		return pid;
	*out = (struct launch){.pid = pid, .pidfd = pidfd, .sync_fd = take_fd(&mine), .tty_fd = -1};
	state_start_time(pid, &out->start_time);
	return 0;
}

int launch_begin(const struct container_spec *s, struct launch *out, struct err *e)
{
	auto_arena a = {0};
	struct child c = {.spec = s, .a = &a, .init = -1, .cwd = -1, .userns = -1};
	struct err ignored;
	int r = filter_choose(&a, s, &c.filter, e);

	cgroup_trees(&c.trees);
	if (!r && s->init)
		r = c.init = init_open(e);
	if (r >= 0)
		r = userns_open(s, &c.userns, e);
	if (!r)
		r = label_choose(s, &c.profile, e);
	if (!r)
		r = devices_find(&a, s, &c.devices, e);
	if (!r)
		r = cgroup_make_first(s->cgroup_path, e);
	if (!r) {
		r = start(s, &c, out, e);
		if (r < 0 && cgroup_remove(s->cgroup_path, &ignored) < 0)
			log_err(LOG_WARN_, &ignored);
	}
	close_at(&c.init);
	close_at(&c.userns);
	if (r < 0 && launch_exit_code(e) != 125)
		e->code = EINVAL;
	return r < 0 ? -e->code : 0;
}

/* The file was there and could be read as executable: what remains is told by the number alone. */
static int join_explain(struct join_failed *f, struct err *e)
{
	f->path[sizeof(f->path) - 1] = '\0';
	if (f->code == ENOENT)
		return err_set(e, ENOENT,
			       "%s: it, or the interpreter that it asks for, does not exist",
			       f->path);
	return child_explain(f->path, f->code, e);
}

int launch_finish(struct launch *l, struct err *e)
{
	union {
		struct err err;
		struct join_failed failed;
	} said;
	int fds[1];
	size_t n = 1;
	ssize_t got;

	for (;; n = 1) {
		got = sys_recv_fds(l->sync_fd, &said, sizeof(said), fds, &n);
		if (got == -EAGAIN)
			return -EAGAIN;
		if (got < 0)
			return err_set(e, (int)-got, "cannot hear from the container's process: %s",
				       strerror((int)-got));
		if (n)
			l->tty_fd = fds[0];
		if (!got)
			return 0;
		if (got == sizeof(said.err) && said.err.code > 0) {
			*e = said.err;
			return -e->code;
		}
		if (got == sizeof(said.failed))
			return join_explain(&said.failed, e);
	}
}

int launch_wait(struct launch *l, struct err *e)
{
	int flags = fcntl(l->sync_fd, F_GETFL);

	if (flags < 0 || fcntl(l->sync_fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return err_set(e, errno, "cannot wait for the container: %s", strerror(errno));
	return launch_finish(l, e);
}

int launch_exit_code(const struct err *e)
{
	switch (e->code) {
	case ENOENT:
		return 127;
	case EACCES:
	case ENOEXEC:
		return 126;
	default:
		return 125;
	}
}

int launch_cleanup_paths(const char *dir, const char *cgroup_path, struct err *e)
{
	/* The root is mounted in the container's own mount namespace and goes with it. What is here
	 * is for a namespace that somebody else holds open: the directory itself is never a mount.
	 */
	if (dir && umount2(dir, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL &&
	    errno != ENOENT)
		return err_set(e, errno, "cannot unmount %s: %s", dir, strerror(errno));
	return cgroup_path ? cgroup_remove(cgroup_path, e) : 0;
}

int launch_cleanup(const struct container_spec *s, struct err *e)
{
	return launch_cleanup_paths(s->dir, s->cgroup_path, e);
}
