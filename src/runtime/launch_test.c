/* What a container may see and do, and how its start fails. */
#include "runtime/box_fixture.h"

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
	*vec_push(&b->a, &b->s.envp) = "HOME="; /* empty is none */
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
	/* init names itself when the command may be running already */
	struct box *b = box_new("echo $$; until grep berth-init /proc/1/comm; do sleep 0.01; done; "
				"(sleep 0.05 & ) ; (exit 3); sleep 0.2; ls /proc >/list; grep -c "
				"'^[0-9]*$' /list; exit 5");

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
	};

	return box_possible() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
