/*
 * A further process in a running container. It is cloned straight into the container's pid
 * namespace, closes what it inherited, and enters the rest by one setns(2) on a pidfd; from then
 * on there is no host path it could name. Everything it looks up inside goes through
 * runtime/inside.
 */
#include "runtime/exec.h"
#include "base/sys.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_room.h"
#include "runtime/child.h"
#include "runtime/filter.h"
#include "runtime/inside.h"
#include "runtime/state.h"
#include "runtime/tty.h"
#include "runtime/userns.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

struct exec {
	struct child c; /* first: steps take a struct child */
	const struct exec_spec *s;
	struct container_spec of; /* from the state file */
	int target;               /* pidfd */
	const char *cgroup;       /* the container's, or the sub group in the tree that names all */
};

static struct exec *exec_of(struct child *c)
{
	return (struct exec *)c;
}

static int step_descriptors(struct child *c, struct err *e)
{
	static const int nothing[3] = {-1, -1, -1};
	const int keep[] = {c->sync, exec_of(c)->target};

	if (setsid() < 0)
		return err_set(e, errno, "cannot lead a session: %s", strerror(errno));
	umask(022);
	return child_descriptors(exec_of(c)->s->tty ? nothing : exec_of(c)->s->stdio, keep,
				 countof(keep), e);
}

static int step_cgroup(struct child *c, struct err *e)
{
	return cgroup_enter_v1(exec_of(c)->of.cgroup_path, e);
}

static int step_limits(struct child *c, struct err *e)
{
	return rights_limits(&exec_of(c)->of, e);
}

static int step_join(struct child *c, struct err *e)
{
	const int all = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

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

	return users_find(c->a, c->root, user, x->s->user && *x->s->user ? NULL : &x->of.groups,
			  &c->user, e);
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
	char note = 't';
	int r;

	if (!s->tty)
		return 0;
	c->pts = inside_open(c->root, "/dev/pts", O_DIRECTORY);
	if (c->pts < 0 || fstatfs(c->pts, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(e, ENODEV, "/dev/pts in the container is not a devpts");
	r = tty_open(c->pts, s->rows, s->cols, &t, e);
	r = r < 0 ? r : tty_take(&t, userns_uid(c->spec, c->user.uid), e);
	if (r < 0)
		return r;
	r = sys_send_fds(c->sync, &note, 1, &t.master, 1);
	close(t.master);
	close(t.slave);
	return r < 0 ? err_set(e, -r, "cannot hand it out: %s", strerror(-r)) : 0;
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
		/* Another user has another home, unless the image's or the file's environment says.
		 */
		put_env(a, &env, *entry);
	}
	if (x->s->tty)
		put_env(a, &env, "TERM=xterm");
	vec_each(entry, &x->s->env)
		put_env(a, &env, *entry);
	*vec_push(a, &env) = NULL;
	return (const char *const *)env.v;
}

static _Noreturn void child_main(struct exec *x)
{
	struct strings argv = {0};
	sigset_t none;
	struct err e = {0};

	prctl(PR_SET_DUMPABLE, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	child_run(&x->c, steps, countof(steps));
	vec_each(word, &x->s->argv)
		*vec_push(x->c.a, &argv) = *word;
	*vec_push(x->c.a, &argv) = NULL;
	if (child_exec((const char *const *)argv.v, environment(x), &e) < 0)
		child_fail(&x->c, &e);
	_exit(125);
}

static int start(struct exec *x, struct launch *out, struct err *e)
{
	auto_fd int group = cgroup_fd(x->cgroup), mine = -1;
	int sync[2], pidfd = -1, pid;

	if (launch_sync(sync, e) < 0)
		return -e->code;
	mine = sync[0];
	x->c.sync = sync[1];
	pid = launch_clone_in(x->target, 0, group, x->s->clone_parent, &pidfd, e);
	if (!pid)
		child_main(x);
	close(sync[1]);
	if (pid < 0)
		return pid;
	*out = (struct launch){.pid = pid, .pidfd = pidfd, .sync_fd = take_fd(&mine), .tty_fd = -1};
	state_start_time(pid, &out->start_time);
	return 0;
}

static int prepare(struct exec *x, struct err *e)
{
	const struct exec_spec *s = x->s;
	pid_t pid;
	uint64_t t;

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
		if (cgroup_make_sub(x->cgroup, e) < 0)
			return -e->code;
	}
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
	if (r < 0 && launch_exit_code(e) != 125)
		e->code = EINVAL;
	return r < 0 ? -e->code : 0;
}
