/*
 * A further process in a running container. It is cloned straight into the container's pid
 * namespace, closes what it inherited, and enters the rest by one setns(2) on a pidfd; from then
 * on there is no host path it could name. Everything it looks up inside goes through
 * runtime/inside.
 */
#include "runtime/exec.h"
#include "base/log.h"
#include "base/sys.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_room.h"
#include "runtime/child.h"
#include "runtime/filter.h"
#include "runtime/init.h"
#include "runtime/inside.h"
#include "runtime/join.h"
#include "runtime/label.h"
#include "runtime/state.h"
#include "runtime/tty.h"
#include "runtime/userns.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

struct exec {
	struct child c; /* first: steps take a struct child */
	const struct exec_spec *s;
	struct container_spec of; /* from the state file */
	int target;               /* pidfd */
	const char *cgroup;       /* the container's, or the sub group in the tree that names all */
	bool enters;              /* that group by itself, instead of being born in it */
};

static struct exec *exec_of(struct child *c)
{
	return (struct exec *)c;
}

static int step_descriptors(struct child *c, struct err *e)
{
	static const int nothing[3] = {-1, -1, -1};
	const int keep[] = {c->sync, c->init, exec_of(c)->target};

	umask(022);
	return child_descriptors(exec_of(c)->s->tty ? nothing : exec_of(c)->s->stdio, keep,
				 countof(keep), e);
}

static int step_cgroup(struct child *c, struct err *e)
{
	const struct exec *x = exec_of(c);
	int r = cgroup_enter_v1(x->of.cgroup_path, e);

	if (r || !x->enters)
		return r;
	return cgroup_layout() == CGROUP_V1 ? cgroup_enter_v1(x->cgroup, e)
					    : cgroup_enter(x->cgroup, getpid(), e);
}

static int step_limits(struct child *c, struct err *e)
{
	/* Still the host's procfs: no mount of the container's is in sight. */
	auto_fd int proc = sys_open(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
	int r = rights_oom(&exec_of(c)->of, e);

	r = r < 0 ? r : label_take(&exec_of(c)->of, c->profile, proc, e);
	return r < 0 ? r : rights_limits(&exec_of(c)->of, e);
}

static int step_join(struct child *c, struct err *e)
{
	/* The pid namespace is for the child of this process only: see exec_main.c. */
	const int all = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP |
			CLONE_NEWPID;

	if (setns(exec_of(c)->target, all) < 0)
		return err_set(e, errno, "cannot join its namespaces: %s", strerror(errno));
	c->root = sys_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	return c->root < 0 ? err_set(e, -c->root, "cannot open its root: %s", strerror(-c->root))
			   : 0;
}

static int step_user(struct child *c, struct err *e)
{
	const struct exec *x = exec_of(c);
	const char *user = x->s->user && *x->s->user ? x->s->user : x->of.user;

	return users_find(c->a, c->root, user, &x->of.groups, &c->user, e);
}

static int step_cwd(struct child *c, struct err *e)
{
	const struct exec *x = exec_of(c);
	const char *cwd = x->s->cwd ? x->s->cwd : x->of.cwd ? x->of.cwd : "/";
	auto_fd int fd = inside_open(c->root, cwd, O_DIRECTORY);
	char where[4096];

	if (fd < 0 || fchdir(fd) < 0)
		return err_set(e, EINVAL, "working directory %s: %s", cwd,
			       strerror(fd < 0 ? -fd : errno));
	if (!getcwd(where, sizeof(where)) || where[0] != '/')
		return err_set(e, EPERM, "working directory %s is not inside the container", cwd);
	return 0;
}

static int step_tty(struct child *c, struct err *e)
{
	const struct exec_spec *s = exec_of(c)->s;
	struct statfs fs;
	struct tty t;
	int r;

	if (!s->tty)
		return 0;
	c->pts = inside_open(c->root, "/dev/pts", O_DIRECTORY);
	if (c->pts < 0 || fstatfs(c->pts, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(e, ENODEV, "/dev/pts in the container is not a devpts");
	r = tty_open(c->pts, s->rows, s->cols, &t, e);
	r = r < 0 ? r : tty_place(&t, userns_uid(c->spec, c->user.uid), e);
	return r < 0 ? r : tty_hand(&t, c->sync, e);
}

static int step_rights(struct child *c, struct err *e)
{
	const struct exec *x = exec_of(c);
	bool all = x->s->privileged || x->of.privileged;
	const struct rights rights = {.caps = all ? ~UINT64_C(0) : x->of.caps,
				      .no_new_privs = x->of.no_new_privs,
				      .filter = &c->filter,
				      .user = &c->user};

	sys_keyring_new_session();
	if (sys_close_from(3, CLOSE_RANGE_CLOEXEC) < 0)
		return err_set(e, errno, "cannot mark descriptors: %s", strerror(errno));
	if (userns_wanted(&x->of) && setns(x->target, CLONE_NEWUSER) < 0)
		return err_set(e, errno, "cannot join the user namespace: %s", strerror(errno));
	return rights_take(&rights, e);
}

/* clang-format off */
static const struct step steps[] = {
	{"take its descriptors",    step_descriptors},
	{"enter the cgroup",        step_cgroup},
	{"set limits",              step_limits},
	{"join the container",      step_join},
	{"find the user",           step_user},
	{NULL,                      step_cwd},
	{"allocate a terminal",     step_tty},
	{"give up rights",          step_rights},
};
/* clang-format on */

/* The name of "NAME=value" decides; later ones win. */
static void put_env(struct arena *a, struct strings *env, const char *entry)
{
	size_t name = strcspn(entry, "=") + 1;

	vec_each(old, env) {
		if (!strncmp(*old, entry, name)) {
			*old = entry;
			return;
		}
	}
	*vec_push(a, env) = entry;
}

static const char *const *environment(struct exec *x)
{
	struct arena *a = x->c.a;
	struct strings env = {0};

	*vec_push(a, &env) = arena_printf(a, "HOME=%s", x->c.user.home);
	vec_each(entry, &x->of.envp) {
		/* Another user has another home, unless the image's or the file's environment says
		 * so; an empty one says nothing. */
		if (strcmp(*entry, "HOME="))
			put_env(a, &env, *entry);
	}
	if (x->s->tty)
		put_env(a, &env, "TERM=xterm");
	vec_each(entry, &x->s->env)
		put_env(a, &env, *entry);
	*vec_push(a, &env) = NULL;
	return (const char *const *)env.v;
}

/* Becomes the program of exec_main.c, which has only the command's words in its memory. */
static int become_joiner(struct exec *x, struct err *e)
{
	char path[PATH_MAX];
	const char *const *env = environment(x);
	struct strings argv = {0};
	int r;

	if (child_find(x->s->argv.v[0], env, path, e) < 0)
		return -e->code;
	*vec_push(x->c.a, &argv) = "berth-exec";
	*vec_push(x->c.a, &argv) = arena_printf(x->c.a, "%d%s", x->c.sync, x->s->tty ? "t" : "");
	*vec_push(x->c.a, &argv) = path;
	vec_each(word, &x->s->argv)
		*vec_push(x->c.a, &argv) = *word;
	*vec_push(x->c.a, &argv) = NULL;
	if (fcntl(x->c.sync, F_SETFD, 0) < 0)
		return err_set(e, EBADF, "the sync socket is gone");
	r = sys_execveat(x->c.init, "", (char *const *)(uintptr_t)argv.v,
			 (char *const *)(uintptr_t)env, AT_EMPTY_PATH);
	return err_set(e, EPERM, "cannot hand over: %s", strerror(-r));
}

static _Noreturn void child_main(struct exec *x)
{
	sigset_t none;
	struct err e = {0};

	prctl(PR_SET_DUMPABLE, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	child_run(&x->c, steps, countof(steps));
	if (become_joiner(x, &e) < 0)
		child_fail(&x->c, &e);
	_exit(125);
}

/* What came on the sync socket before the process was known, to be heard by launch_finish(). */
struct heard {
	char bytes[sizeof(struct err)];
	ssize_t n;
	int pid; /* 0: not yet */
};

static int hear(int sync, struct heard *h, struct launch *out, struct err *e)
{
	struct join_born born;
	char bytes[sizeof(struct err)];
	int fd = -1;
	size_t n_fds = 1;
	ssize_t n = sys_recv_fds(sync, bytes, sizeof(bytes), &fd, &n_fds);

	if (n < 0)
		return err_set(e, (int)-n, "cannot hear from the joining process: %s",
			       strerror((int)-n));
	if (n_fds) {
		out->tty_fd = fd;
	} else if (n == sizeof(born)) {
		memcpy(&born, bytes, sizeof(born));
		h->pid = born.pid;
	} else {
		memcpy(h->bytes, bytes, (size_t)n);
		h->n = n;
	}
	return 0;
}

/* Until the joiner has said who was born, or why nobody will be. */
static int await(int sync, const struct launch *joiner, struct heard *h, struct launch *out,
		 struct err *e)
{
	struct pollfd fds[] = {{sync, POLLIN, 0}, {joiner->pidfd, POLLIN, 0}};

	while (!h->pid && !(h->n == sizeof(struct err))) {
		if (poll(fds, countof(fds), -1) < 0 && errno != EINTR)
			return err_set(e, errno, "cannot wait for the joining process: %s",
				       strerror(errno));
		if (fds[0].revents & POLLIN && hear(sync, h, out, e) < 0)
			return -e->code;
		if (!(fds[0].revents & POLLIN) && fds[1].revents)
			return err_set(e, EIO, "the joining process was killed");
	}
	return h->pid < 0 ? err_set(e, -h->pid, "cannot make a process: %s", strerror(-h->pid)) : 0;
}

/* Not ours to reap where the guardian is its parent. */
static void reap_joiner(const struct exec *x, struct launch *joiner)
{
	int status;

	if (joiner->pidfd >= 0 && !x->s->clone_parent &&
	    sys_pidfd_wait(joiner->pidfd, 0, &status) < 0)
		log_warn("the joining process %d could not be reaped", joiner->pid);
	close_at(&joiner->pidfd);
}

/* The one that was born; it is ended where it cannot be held: unreaped it would hold up the end of
 * the container. */
static int hold(const struct exec *x, int r, int pid, struct launch *out, struct err *e)
{
	out->pid = pid;
	if (!r)
		out->pidfd = sys_pidfd_open(pid);
	if (!r && out->pidfd < 0)
		r = err_set(e, -out->pidfd, "cannot hold process %d: %s", pid,
			    strerror(-out->pidfd));
	if (r < 0 && !x->s->clone_parent && !kill(pid, SIGKILL))
		(void)waitpid(pid, NULL, 0);
	return r;
}

/* *out becomes the process in the container; where there is none, the joiner that failed. */
static int adopt(struct exec *x, int sync[2], struct launch *joiner, struct launch *out,
		 struct err *e)
{
	struct heard h = {0};
	int r = await(sync[0], joiner, &h, out, e);

	if (!r && h.n && send(sync[1], h.bytes, (size_t)h.n, MSG_NOSIGNAL) < 0)
		r = err_set(e, errno, "cannot pass the failure on: %s", strerror(errno));
	if (!r && h.pid <= 0) {
		out->pid = joiner->pid;
		out->pidfd = take_fd(&joiner->pidfd);
		return 0;
	}
	reap_joiner(x, joiner); /* its descriptor may be the last that there is */
	return h.pid > 0 ? hold(x, r, h.pid, out, e) : r;
}

static int start(struct exec *x, struct launch *out, struct err *e)
{
	auto_fd int group = x->enters ? -1 : cgroup_fd(x->cgroup);
	struct launch joiner = {.pidfd = -1};
	int sync[2], r;

	if (launch_sync(sync, e) < 0)
		return -e->code;
	x->c.sync = sync[1];
	joiner.pid = launch_clone_in(-1, 0, group, x->s->clone_parent, &joiner.pidfd, e);
	if (!joiner.pid)
		child_main(x);
	*out = (struct launch){.pidfd = -1, .sync_fd = sync[0], .tty_fd = -1};
	r = joiner.pid < 0 ? joiner.pid : adopt(x, sync, &joiner, out, e);
	close(sync[1]);
	if (r < 0)
		close(sync[0]);
	else
		state_start_time(out->pid, &out->start_time);
	return r;
}

static int prepare(struct exec *x, struct err *e)
{
	const struct exec_spec *s = x->s;
	pid_t pid;
	uint64_t t;
	int r;

	if (!s->argv.n)
		return err_set(e, EINVAL, "no command");
	if (state_read(x->c.a, s->state_file, &x->of, &pid, &t, e) < 0)
		return -e->code;
	x->target = state_adopt(s->target, s->start_time);
	if (x->target < 0)
		return err_set(e, ESRCH, "the container is not running");
	x->cgroup = x->of.cgroup_path;
	if (s->sub_cgroup) {
		x->cgroup = arena_printf(x->c.a, "%s/%s", x->of.cgroup_path, s->sub_cgroup);
		r = cgroup_make_sub(x->cgroup, e);
		if (r < 0)
			return r;
		x->enters = r == CGROUP_OLD;
	}
	if (label_choose(&x->of, &x->c.profile, e) < 0)
		return -e->code;
	x->c.init = init_open_joiner(e);
	if (x->c.init < 0)
		return -e->code;
	return filter_choose(x->c.a, &x->of, &x->c.filter, e);
}

int exec_begin(const struct exec_spec *s, struct launch *out, struct err *e)
{
	auto_arena a = {0};
	struct exec x = {.s = s, .c = {.a = &a, .init = -1, .userns = -1}, .target = -1};
	int r = prepare(&x, e);

	x.c.spec = &x.of;
	if (!r)
		r = start(&x, out, e);
	close_at(&x.target);
	close_at(&x.c.init);
	if (r < 0 && launch_exit_code(e) != 125)
		e->code = EINVAL;
	return r < 0 ? -e->code : 0;
}
