/* Root only: real containers on a busybox root made below /tmp; says so aloud where it skips. */
#include "base/file.h"
#include "base/sys.h"
#include "runtime/cgroup.h"
#include "runtime/exec.h"
#include "runtime/launch.h"
#include "runtime/rights.h"
#include "runtime/state.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

struct box {
	struct arena a;
	struct container_spec s;
	char top[64], dir[96], out_name[96];
	char out[16384];
	struct err e;
	int status;
};

static int counter;

static void make_root(struct box *b)
{
	char path[256], command[512];
	struct err e;

	snprintf(b->top, sizeof(b->top), "/tmp/berth-launch-test-%d-%d", getpid(), counter++);
	snprintf(path, sizeof(path), "%s/lower/bin", b->top);
	assert_int_equal(file_mkdirs(path, 0755, &e), 0);
	for (const char *const *d =
		     (const char *const[]){"upper", "work", "dir", "lower/etc", NULL};
	     *d; d++) {
		snprintf(path, sizeof(path), "%s/%s", b->top, *d);
		mkdir(path, 0755);
	}
	snprintf(command, sizeof(command),
		 "cp /bin/busybox %s/lower/bin/busybox && "
		 "for c in sh cat id ls wc touch grep mount head stat mkdir env sleep test pwd "
		 "hostname "
		 "readlink tty kill uniq; do ln -s busybox %s/lower/bin/$c; done && "
		 "echo 'app:x:1000:1000::/home/app:/bin/sh' >%s/lower/etc/passwd",
		 b->top, b->top, b->top);
	assert_int_equal(system(command), 0);
}

static struct box *box_new(const char *command)
{
	struct box *b = calloc(1, sizeof(*b));
	struct container_spec *s = &b->s;

	make_root(b);
	s->id = arena_printf(&b->a, "test%d%d", getpid(), counter);
	s->name = "test";
	s->dir = arena_printf(&b->a, "%s/dir", b->top);
	*vec_push(&b->a, &s->layers) = arena_printf(&b->a, "%s/lower", b->top);
	s->upper = arena_printf(&b->a, "%s/upper", b->top);
	s->work = arena_printf(&b->a, "%s/work", b->top);
	*vec_push(&b->a, &s->argv) = "sh";
	*vec_push(&b->a, &s->argv) = "-c";
	*vec_push(&b->a, &s->argv) = command;
	*vec_push(&b->a, &s->envp) = "PATH=/bin";
	s->hostname = "inside";
	s->caps = rights_default();
	s->cgroup_path = arena_printf(&b->a, "berth-test/%s", s->id);
	s->limits.swappiness = -1;
	s->gate_fd = -1;
	s->net.fd = s->ipc.fd = s->uts.fd = s->pid.fd = s->cgroup.fd = s->userns.fd = -1;
	s->userns.mode = NS_HOST;
	s->stdio[0] = -1;
	return b;
}

/* Runs to the end; the launch's result, with output in b->out and the wait status in b->status. */
static int box_run(struct box *b)
{
	struct launch l;
	int pipe_fds[2], r;
	ssize_t n;
	size_t got = 0;

	assert_int_equal(sys_pipe(pipe_fds, 0), 0);
	b->s.stdio[1] = b->s.stdio[2] = pipe_fds[1];
	memset(&b->e, 0, sizeof(b->e));
	r = launch_begin(&b->s, &l, &b->e);
	close(pipe_fds[1]);
	if (!r) {
		r = launch_wait(&l, &b->e);
		while ((n = sys_read(pipe_fds[0], b->out + got, sizeof(b->out) - 1 - got)) > 0)
			got += (size_t)n;
		b->out[got] = '\0';
		assert_int_equal(sys_pidfd_wait(l.pidfd, 0, &b->status), 0);
		close(l.pidfd);
		close(l.sync_fd);
	}
	close(pipe_fds[0]);
	return r;
}

static void box_free(struct box *b)
{
	struct err e;

	assert_int_equal(launch_cleanup(&b->s, &e), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, b->top, &e), 0);
	arena_free(&b->a);
	free(b);
}

static void expect(const char *command, const char *output)
{
	struct box *b = box_new(command);

	if (box_run(b))
		fail_msg("%s: %s: %s", command, b->e.what, b->e.why);
	if (strcmp(b->out, output))
		fail_msg("%s\nprints   %s\nexpected %s", command, b->out, output);
	box_free(b);
}

static void runs(void **state)
{
	expect("echo hello; pwd; id -u; hostname; umask", "hello\n/\n0\ninside\n0022\n");
	expect("echo $$; ls /proc >/list; grep -c '^[0-9]*$' /list", "1\n2\n");
	expect("env", "SHLVL=1\nHOME=/\nPATH=/bin\nPWD=/\n");
}

static void keeps_dockers_rights(void **state)
{
	expect("grep -E 'Cap|NoNew|Seccomp' /proc/self/status",
	       "CapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\n"
	       "CapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:"
	       "\t2\nSeccomp_filters:\t1\n");
}

static void leaves_no_descriptor(void **state)
{
	int leak = open("/etc/passwd", O_RDONLY); /* deliberately without O_CLOEXEC */

	expect("cd /proc/self/fd; echo *", "0 1 2 3\n"); /* 3: the directory that the shell reads */
	close(leak);
}

static void hides_the_host(void **state)
{
	expect("wc -c </proc/interrupts; wc -c </proc/keys; ls -A /proc/acpi /sys/firmware | grep "
	       "-v :",
	       "0\n0\n\n");
	expect("touch /proc/sys/kernel/domainname 2>&1; touch /sys/x 2>&1; touch /sys/fs/cgroup/x "
	       "2>&1",
	       "touch: /proc/sys/kernel/domainname: Read-only file system\n"
	       "touch: /sys/x: Read-only file system\ntouch: /sys/fs/cgroup/x: Read-only file "
	       "system\n");
	expect("cat /proc/self/cgroup | grep -v ':/$' | grep -v systemd", "");
	expect("stat -c '%a %n' /dev/null /dev/tty", "666 /dev/null\n666 /dev/tty\n");
	expect("ls /dev",
	       "fd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\n"
	       "urandom\nzero\n");
}

static void gives_exit_codes(void **state)
{
	static const struct {
		const char *argv0;
		int code;
		const char *why;
	} rows[] = {
		{"nosuch", 127, "\"nosuch\": executable file not found in PATH (/bin)"},
		{"/etc/passwd", 126, "/etc/passwd: Permission denied"},
		{"/etc", 126, "/etc is a directory"},
		{"/nosuch/x", 127, "/nosuch/x: No such file or directory"},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct box *b = box_new("");

		b->s.argv.v[0] = rows[i].argv0;
		assert_true(box_run(b) < 0);
		assert_string_equal(b->e.why, rows[i].why);
		assert_int_equal(launch_exit_code(&b->e), rows[i].code);
		assert_int_equal(WEXITSTATUS(b->status), rows[i].code);
		box_free(b);
	}
}

static void names_the_failing_step(void **state)
{
	struct box *b = box_new("true");

	*vec_push(&b->a, &b->s.mounts) = (struct mount_spec){
		.kind = MNT_BIND, .source = "/nosuch/dir", .source_fd = -1, .target = "/data"};
	assert_true(box_run(b) < 0);
	assert_string_equal(b->e.what, "open its mounts: mount for /data");
	assert_string_equal(b->e.why, "source /nosuch/dir: No such file or directory");
	assert_int_equal(launch_exit_code(&b->e), 125);
	box_free(b);
}

static void mounts(void **state)
{
	struct box *b = box_new("cat /data/f /run/secrets/s; stat -c '%u %a' /run/secrets/s; "
				"touch /ro/x /t/x 2>&1; grep -c ' /t ' /proc/self/mountinfo; touch "
				"/y 2>&1; ls /work");
	struct err e;
	char path[128];

	snprintf(path, sizeof(path), "%s/host", b->top);
	assert_int_equal(file_mkdirs(path, 0755, &e), 0);
	snprintf(path, sizeof(path), "%s/host/f", b->top);
	assert_int_equal(file_replace(AT_FDCWD, path, "data\n", 5, 0644, FILE_FAST, &e), 0);
	const char *host = arena_printf(&b->a, "%s/host", b->top);

	*vec_push(&b->a, &b->s.mounts) = (struct mount_spec){
		.kind = MNT_BIND, .source = host, .source_fd = -1, .target = "/data"};
	*vec_push(&b->a, &b->s.mounts) = (struct mount_spec){.kind = MNT_BIND,
							     .source = host,
							     .source_fd = -1,
							     .target = "/ro",
							     .read_only = true};
	*vec_push(&b->a, &b->s.mounts) = (struct mount_spec){.kind = MNT_TMPFS,
							     .target = "/t",
							     .mode = 01777,
							     .no_dev = true,
							     .no_exec = true,
							     .no_suid = true};
	*vec_push(&b->a, &b->s.mounts) = (struct mount_spec){.kind = MNT_DATA,
							     .target = "/run/secrets/s",
							     .mode = 0400,
							     .uid = 7,
							     .data = span_of("sesame\n"),
							     .read_only = true};
	b->s.read_only_root = true;
	b->s.cwd = "/work/deep";
	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->out, "data\nsesame\n7 400\ntouch: /ro/x: Read-only file system\n1\n"
				    "touch: /y: Read-only file system\ndeep\n");
	box_free(b);
}

static void refuses_proc_as_target(void **state)
{
	static const char *const targets[] = {"/proc", "/proc/self", "/proc/sys/kernel",
					      "/",     "/x/../proc", "/link"};

	for (size_t i = 0; i < countof(targets); i++) {
		struct box *b = box_new("true");
		char path[128];

		snprintf(path, sizeof(path), "%s/lower/link", b->top);
		assert_int_equal(symlink("/proc/1", path), 0);
		*vec_push(&b->a, &b->s.mounts) =
			(struct mount_spec){.kind = MNT_TMPFS, .target = targets[i]};
		if (!box_run(b))
			fail_msg("a mount onto %s is let through", targets[i]);
		box_free(b);
	}
}

/* An image whose directories are links to a host directory must not get anything written there. */
static void survives_hostile_images(void **state)
{
	static const char *const names[] = {"proc", "sys", "dev", "etc/hosts", "work", "run"};
	struct err e;

	for (size_t i = 0; i < countof(names); i++) {
		struct box *b =
			box_new("grep -c ' proc ' /proc/self/mountinfo >/dev/null && echo sane");
		const char *canary = arena_printf(&b->a, "%s/canary", b->top);
		char path[160];

		assert_int_equal(file_mkdirs(canary, 0755, &e), 0);
		snprintf(path, sizeof(path), "%s/lower/%s", b->top, names[i]);
		assert_int_equal(symlink(canary, path), 0);
		snprintf(path, sizeof(path), "%s/dir/hosts", b->top);
		assert_int_equal(file_replace(AT_FDCWD, path, "x\n", 2, 0644, FILE_FAST, &e), 0);
		b->s.hosts_file = arena_printf(&b->a, "%s", path);
		b->s.cwd = "/work/a";
		*vec_push(&b->a, &b->s.mounts) = (struct mount_spec){.kind = MNT_DATA,
								     .target = "/run/secrets/s",
								     .data = span_of("x"),
								     .mode = 0400};
		assert_int_equal(box_run(b), 0);
		assert_string_equal(b->out, "sane\n");
		assert_int_equal(rmdir(canary), 0); /* still empty */
		box_free(b);
	}
}

static void refuses_descriptors_as_cwd(void **state)
{
	for (int i = 3; i < 20; i++) {
		struct box *b = box_new("pwd");

		b->s.cwd = arena_printf(&b->a, "/proc/self/fd/%d", i);
		if (!box_run(b))
			fail_msg("%s is accepted: %s", b->s.cwd, b->out);
		box_free(b);
	}
}

static void becomes_a_user(void **state)
{
	struct box *b = box_new("id -u; id -g; echo $HOME; grep CapEff /proc/self/status");

	b->s.user = "app";
	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->out, "1000\n1000\n/home/app\nCapEff:\t0000000000000000\n");
	box_free(b);
}

static void waits_at_the_gate(void **state)
{
	struct box *b = box_new("true");
	int gate[2];

	assert_int_equal(sys_pipe(gate, 0), 0);
	b->s.gate_fd = gate[0];
	close(gate[1]);
	assert_int_equal(box_run(b), -ECANCELED);
	close(gate[0]);
	box_free(b);
}

static void allocates_a_terminal(void **state)
{
	struct box *b = box_new("tty; stat -c %t:%T /dev/console; test -t 2 && echo yes");
	struct launch l;
	char text[256] = "";
	size_t got = 0;
	ssize_t n;

	b->s.tty = true;
	b->s.rows = 33;
	b->s.cols = 77;
	assert_int_equal(launch_begin(&b->s, &l, &b->e), 0);
	if (launch_wait(&l, &b->e))
		fail_msg("%s: %s", b->e.what, b->e.why);
	assert_true(l.tty_fd >= 0);
	while ((n = sys_read(l.tty_fd, text + got, sizeof(text) - 1 - got)) > 0)
		got += (size_t)n;
	assert_string_equal(text, "/dev/pts/0\r\n88:0\r\nyes\r\n");
	assert_int_equal(sys_pidfd_wait(l.pidfd, 0, &b->status), 0);
	close(l.tty_fd);
	close(l.pidfd);
	close(l.sync_fd);
	box_free(b);
}

static void reaps_as_init(void **state)
{
	struct box *b = box_new("echo $$; cat /proc/1/comm; (sleep 0.05 & ) ; (exit 3); sleep 0.2; "
				"ls /proc >/list; grep -c '^[0-9]*$' /list; exit 5");

	b->s.init = true;
	if (box_run(b))
		fail_msg("%s: %s", b->e.what, b->e.why);
	assert_string_equal(b->out, "2\nberth-init\n3\n"); /* init, sh, ls: the orphan is reaped */
	assert_int_equal(WEXITSTATUS(b->status), 5);
	box_free(b);
	b = box_new("kill -9 $$");
	b->s.init = true;
	assert_int_equal(box_run(b), 0);
	assert_int_equal(WEXITSTATUS(b->status), 137);
	box_free(b);
	b = box_new("");
	b->s.init = true;
	b->s.argv.v[0] = "nosuch";
	assert_int_equal(box_run(b), -ENOENT);
	assert_int_equal(WEXITSTATUS(b->status), 127);
	box_free(b);
}

static void init_passes_signals(void **state)
{
	struct box *b =
		box_new("trap 'echo got; exit 9' TERM; echo ready; while :; do sleep 0.01; done");
	struct launch l;
	int fds[2];

	assert_int_equal(sys_pipe(fds, 0), 0);
	b->s.init = true;
	b->s.stdio[1] = b->s.stdio[2] = fds[1];
	assert_int_equal(launch_begin(&b->s, &l, &b->e), 0);
	assert_int_equal(launch_wait(&l, &b->e), 0);
	close(fds[1]);
	assert_int_equal(sys_read(fds[0], b->out, 6), 6);
	assert_int_equal(sys_pidfd_signal(l.pidfd, SIGTERM), 0);
	assert_int_equal(sys_read(fds[0], b->out, 4), 4);
	assert_memory_equal(b->out, "got\n", 4);
	assert_int_equal(sys_pidfd_wait(l.pidfd, 0, &b->status), 0);
	assert_int_equal(WEXITSTATUS(b->status), 9);
	close(fds[0]);
	close(l.pidfd);
	close(l.sync_fd);
	box_free(b);
}

/* A running container, and one command after another in it. */
struct running {
	struct box *b;
	struct launch l;
	char state[128];
};

static void running_start(struct running *r)
{
	r->b = box_new("while :; do sleep 60; done");
	*vec_push(&r->b->a, &r->b->s.envp) = "COLOR=blue";
	r->b->s.cwd = "/work";
	assert_int_equal(launch_begin(&r->b->s, &r->l, &r->b->e), 0);
	if (launch_wait(&r->l, &r->b->e))
		fail_msg("%s: %s", r->b->e.what, r->b->e.why);
	snprintf(r->state, sizeof(r->state), "%s/state", r->b->top);
	assert_int_equal(state_write(r->state, &r->b->s, r->l.pid, r->l.start_time, &r->b->e), 0);
}

static void running_stop(struct running *r)
{
	assert_int_equal(cgroup_kill(r->b->s.cgroup_path, &r->b->e), 0);
	assert_int_equal(sys_pidfd_wait(r->l.pidfd, 0, &r->b->status), 0);
	assert_int_equal(WTERMSIG(r->b->status), SIGKILL);
	close(r->l.pidfd);
	close(r->l.sync_fd);
	box_free(r->b);
}

static int run_inside(struct running *r, struct exec_spec *s, const char *command, int *status)
{
	struct box *b = r->b;
	struct launch l;
	int fds[2], result;
	size_t got = 0;
	ssize_t n;

	assert_int_equal(sys_pipe(fds, 0), 0);
	s->target = r->l.pid;
	s->start_time = r->l.start_time;
	s->state_file = r->state;
	s->stdio[0] = -1;
	s->stdio[1] = s->stdio[2] = fds[1];
	if (!s->argv.n) {
		*vec_push(&b->a, &s->argv) = "sh";
		*vec_push(&b->a, &s->argv) = "-c";
		*vec_push(&b->a, &s->argv) = command;
	}
	result = exec_begin(s, &l, &b->e);
	close(fds[1]);
	if (!result) {
		result = launch_wait(&l, &b->e);
		n = 0;
		while ((n = sys_read(s->tty && !result ? l.tty_fd : fds[0], b->out + got,
				     sizeof(b->out) - 1 - got)) > 0)
			got += (size_t)n;
		b->out[got] = '\0';
		assert_int_equal(sys_pidfd_wait(l.pidfd, 0, status), 0);
		close_at(&l.tty_fd);
		close(l.pidfd);
		close(l.sync_fd);
	}
	close(fds[0]);
	return result;
}

static void joins_a_container(void **state)
{
	static const struct {
		struct exec_spec s;
		const char *command, *output;
	} rows[] = {
		{{0},
		 "pwd; id -u; hostname; echo $COLOR $HOME; ls /proc/1/exe >/dev/null && echo one",
		 "/work\n0\ninside\nblue /\none\n"},
		{{.user = "app", .cwd = "/etc"},
		 "pwd; id -u; id -g; grep CapEff /proc/self/status",
		 "/etc\n1000\n1000\nCapEff:\t0000000000000000\n"},
		{{0},
		 "grep -E 'CapBnd|CapEff|CapInh|Seccomp:' /proc/self/status",
		 "CapInh:\t0000000000000000\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\n"
		 "Seccomp:\t2\n"},
		{{0}, "cd /proc/self/fd; echo *", "0 1 2 3\n"},
		{{0},
		 "readlink /proc/self/ns/cgroup >/tmp.c; readlink /proc/1/ns/cgroup | cat - /tmp.c "
		 "| "
		 "uniq | wc -l; grep -v ':/$' /proc/self/cgroup | grep -v systemd | "
		 "wc -l",
		 "1\n0\n"},
		{{.tty = true},
		 "tty; test -t 0 && echo yes; (: </dev/tty) && echo control",
		 "/dev/pts/0\r\nyes\r\ncontrol\r\n"},
		{{.sub_cgroup = "probe"}, "echo sub", "sub\n"},
	};
	struct running r;
	int status;

	running_start(&r);
	for (size_t i = 0; i < countof(rows); i++) {
		struct exec_spec s = rows[i].s;

		if (run_inside(&r, &s, rows[i].command, &status))
			fail_msg("%s: %s: %s", rows[i].command, r.b->e.what, r.b->e.why);
		assert_string_equal(r.b->out, rows[i].output);
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	running_stop(&r);
}

static void refuses_to_join(void **state)
{
	static const struct {
		struct exec_spec s;
		int code;
		const char *why;
	} rows[] = {
		{{.cwd = "/nosuch"}, 125, "working directory /nosuch: No such file or directory"},
		{{.cwd = "/proc/self/fd/3"},
		 125,
		 "working directory /proc/self/fd/3: No such file or directory"},
		{{.user = "1:"}, 125, "user \"1:\" is not of the form name|uid[:group|gid]"},
		{{.user = "nosuch"}, 125, "no user \"nosuch\" in the container's /etc/passwd"},
	};
	struct exec_spec missing = {0};
	struct running r;
	int status;

	running_start(&r);
	for (size_t i = 0; i < countof(rows); i++) {
		struct exec_spec s = rows[i].s;

		assert_true(run_inside(&r, &s, "true", &status) < 0);
		assert_string_equal(r.b->e.why, rows[i].why);
		assert_int_equal(launch_exit_code(&r.b->e), rows[i].code);
	}
	*vec_push(&r.b->a, &missing.argv) = "nosuch";
	assert_int_equal(run_inside(&r, &missing, NULL, &status), -ENOENT);
	assert_int_equal(WEXITSTATUS(status), 127);
	running_stop(&r);
}

static void maps_ids(void **state)
{
	struct exec_spec inside = {.user = "app"};
	struct running r = {.b = box_new("id -u; cat /proc/self/uid_map; stat -c %u /bin/busybox "
					 "/work /data/f /run/s "
					 "/dev/null /t /etc/passwd; touch /made /data/made && stat "
					 "-c %u /made /data/made; "
					 "grep CapEff /proc/self/status; mount -t tmpfs x /t 2>&1; "
					 "while :; do sleep 9; done")};
	struct box *b = r.b;
	struct stat st;
	struct err e;
	char path[128];
	int fds[2], status;
	size_t got = 0;

	snprintf(path, sizeof(path), "%s/host/f", b->top);
	assert_int_equal(mkdir(arena_printf(&b->a, "%s/host", b->top), 0755), 0);
	assert_int_equal(file_replace(AT_FDCWD, path, "x", 1, 0644, FILE_FAST, &e), 0);
	assert_int_equal(chown(path, 7, 7), 0);
	*vec_push(&b->a, &b->s.uid_map) = (struct id_map){0, 300000, 65536};
	*vec_push(&b->a, &b->s.gid_map) = (struct id_map){0, 300000, 65536};
	b->s.userns.mode = NS_NEW;
	b->s.cwd = "/work";
	*vec_push(&b->a, &b->s.mounts) =
		(struct mount_spec){.kind = MNT_BIND,
				    .source_fd = -1,
				    .source = arena_printf(&b->a, "%s/host", b->top),
				    .target = "/data"};
	*vec_push(&b->a, &b->s.mounts) =
		(struct mount_spec){.kind = MNT_TMPFS, .target = "/t", .uid = 9};
	*vec_push(&b->a, &b->s.mounts) =
		(struct mount_spec){.kind = MNT_DATA, .target = "/run/s", .uid = 8, .mode = 0400};
	assert_int_equal(sys_pipe(fds, 0), 0);
	b->s.stdio[1] = b->s.stdio[2] = fds[1];
	assert_int_equal(launch_begin(&b->s, &r.l, &b->e), 0);
	if (launch_wait(&r.l, &b->e))
		fail_msg("%s: %s", b->e.what, b->e.why);
	while (!strstr(b->out, "mount:"))
		got += (size_t)sys_read(fds[0], b->out + got, sizeof(b->out) - 1 - got);
	assert_string_equal(
		b->out, "0\n         0     300000      65536\n0\n0\n7\n8\n0\n9\n0\n0\n0\n"
			"CapEff:\t00000000a80425fb\nmount: permission denied (are you root?)\n");
	snprintf(path, sizeof(path), "%s/host/made", b->top);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0); /* on disk as without user namespace */
	snprintf(path, sizeof(path), "/proc/%d", r.l.pid);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 300000);
	snprintf(r.state, sizeof(r.state), "%s/state", b->top);
	assert_int_equal(state_write(r.state, &b->s, r.l.pid, r.l.start_time, &b->e), 0);
	if (run_inside(&r, &inside, "id -u; head -1 /proc/self/uid_map", &status))
		fail_msg("%s: %s", b->e.what, b->e.why);
	assert_string_equal(b->out, "1000\n         0     300000      65536\n");
	close(fds[0]);
	close(fds[1]);
	running_stop(&r);
}

static void limits_bite(void **state)
{
	struct box *b = box_new("grep open /proc/self/limits; cat /sys/fs/cgroup/pids/pids.max "
				"/sys/fs/cgroup/memory/memory.limit_in_bytes");

	if (cgroup_layout() == CGROUP_V2) {
		print_message("SKIP: v1 file names, and this machine has v2\n");
		box_free(b);
		return;
	}
	*vec_push(&b->a, &b->s.rlimits) = (struct rlimit_spec){RLIMIT_NOFILE, 100, 200};
	b->s.limits.memory = 32 << 20;
	assert_int_equal(box_run(b), 0);
	assert_string_equal(
		b->out,
		"Max open files            100                  200                  files     \n"
		"2048\n33554432\n");
	box_free(b);
}

static void privileged_has_the_devices(void **state)
{
	struct box *b =
		box_new("readlink /dev/ptmx; grep -c Seccomp:.0 /proc/self/status; mkdir /m && "
			"mount -t tmpfs x /m && echo mounted");

	b->s.privileged = true;
	if (box_run(b))
		fail_msg("%s: %s", b->e.what, b->e.why);
	assert_string_equal(b->out, "pts/ptmx\n1\nmounted\n");
	box_free(b);
}

static void remembers(void **state)
{
	auto_arena a = {0};
	struct container_spec s;
	struct box *b = box_new("true");
	char path[128];
	pid_t pid;
	uint64_t t, mine;
	int fd;

	b->s.no_new_privs = true;
	b->s.user = "app";
	*vec_push(&b->a, &b->s.rlimits) = (struct rlimit_spec){RLIMIT_NOFILE, 100, ~UINT64_C(0)};
	snprintf(path, sizeof(path), "%s/state.json", b->top);
	assert_int_equal(state_start_time(getpid(), &mine), 0);
	assert_int_equal(state_write(path, &b->s, getpid(), mine, &b->e), 0);
	assert_int_equal(state_read(&a, path, &s, &pid, &t, &b->e), 0);
	assert_int_equal(pid, getpid());
	assert_int_equal(t, mine);
	assert_true(s.caps == b->s.caps && s.no_new_privs && !s.privileged);
	assert_string_equal(s.user, "app");
	assert_string_equal(s.envp.v[0], "PATH=/bin");
	assert_string_equal(s.cgroup_path, b->s.cgroup_path);
	assert_true(s.rlimits.v[0].hard == ~UINT64_C(0));
	fd = state_adopt(pid, t);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(state_adopt(pid, t + 1), -ESRCH);
	assert_int_equal(file_remove_tree(AT_FDCWD, b->top, &b->e), 0);
	arena_free(&b->a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs),
		cmocka_unit_test(keeps_dockers_rights),
		cmocka_unit_test(leaves_no_descriptor),
		cmocka_unit_test(hides_the_host),
		cmocka_unit_test(gives_exit_codes),
		cmocka_unit_test(names_the_failing_step),
		cmocka_unit_test(mounts),
		cmocka_unit_test(refuses_proc_as_target),
		cmocka_unit_test(survives_hostile_images),
		cmocka_unit_test(refuses_descriptors_as_cwd),
		cmocka_unit_test(becomes_a_user),
		cmocka_unit_test(waits_at_the_gate),
		cmocka_unit_test(allocates_a_terminal),
		cmocka_unit_test(reaps_as_init),
		cmocka_unit_test(init_passes_signals),
		cmocka_unit_test(joins_a_container),
		cmocka_unit_test(refuses_to_join),
		cmocka_unit_test(maps_ids),
		cmocka_unit_test(limits_bite),
		cmocka_unit_test(privileged_has_the_devices),
		cmocka_unit_test(remembers),
	};

	if (geteuid() || access("/bin/busybox", X_OK)) {
		print_message("SKIP: launch_test needs root and /bin/busybox\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
