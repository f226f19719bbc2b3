/* Joining containers, limits, user namespaces, and what is remembered of them. */
#include "runtime/box_fixture.h"
#include "runtime/cgroup_room.h"

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

/* A killed group that cannot be removed yet: for a group in it, or what is still dying. */
static void joins_beside_the_dying(void **state)
{
	struct exec_spec probe = {.sub_cgroup = "probe"};
	struct running r;
	char *group, *below;
	int status;

	running_start(&r);
	group = arena_printf(&r.b->a, "%s/probe", r.b->s.cgroup_path);
	below = arena_printf(&r.b->a, "%s/rest", group);
	assert_int_equal(cgroup_make_sub(group, &r.b->e), 0);
	assert_int_equal(cgroup_make_sub(below, &r.b->e), 0);
	assert_int_equal(cgroup_kill(group, &r.b->e), 0);
	if (run_inside(&r, &probe, "echo alive; cat /proc/self/cgroup", &status))
		fail_msg("%s: %s", r.b->e.what, r.b->e.why);
	assert_int_equal(status, 0);
	assert_non_null(strstr(r.b->out, "alive\n"));
	assert_non_null(strstr(r.b->out, "/probe\n"));
	assert_int_equal(cgroup_remove(group, &r.b->e), 0);
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

static void zombies_are_told(void **state)
{
	siginfo_t info;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_true(state_is_zombie(pid));
	assert_int_equal(state_parent(pid), getpid());
	assert_false(state_is_zombie(getpid()));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(state_is_zombie(pid));
	assert_int_equal(state_parent(pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zombies_are_told),
		cmocka_unit_test(joins_a_container),
		cmocka_unit_test(joins_beside_the_dying),
		cmocka_unit_test(refuses_to_join),
		cmocka_unit_test(maps_ids),
		cmocka_unit_test(limits_bite),
		cmocka_unit_test(privileged_has_the_devices),
		cmocka_unit_test(remembers),
	};

	return box_possible() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
