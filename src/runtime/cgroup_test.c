/* Root only: groups on whatever hierarchies this machine has. */
#include "base/sys.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_room.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char name[64];

static pid_t spawn_in(void (*work)(void))
{
	int gate[2];
	struct err e;
	pid_t pid;

	assert_int_equal(sys_pipe(gate, 0), 0);
	pid = fork();
	if (!pid) {
		char c;

		close(gate[1]);
		if (read(gate[0], &c, 1) < 0)
			_exit(1);
		work();
		_exit(0);
	}
	if (cgroup_enter(name, pid, &e))
		fail_msg("%s", e.why);
	close(gate[0]);
	close(gate[1]);
	return pid;
}

static void rest(void)
{
	for (;;)
		pause();
}

static void hog(void)
{
	char *p = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(p, 1, 64 << 20);
}

static void lists_freezes_and_kills(void **state)
{
	struct cgroup_limits l = {.swappiness = -1, .memory = 20 << 20};
	struct cgroup_stats s;
	auto_arena a = {0};
	struct err e;
	pid_t pid, *pids;
	size_t n;
	int status;

	if (cgroup_make(name, &l, false, &e))
		fail_msg("%s", e.why);
	pid = spawn_in(rest);
	assert_int_equal(cgroup_pids(&a, name, &pids, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], pid);
	assert_int_equal(cgroup_stats(name, &s, &e), 0);
	assert_int_equal(s.memory_limit, 20 << 20);
	assert_int_equal(s.pids, 1);
	assert_int_equal(s.pids_limit, 2048);
	assert_int_equal(cgroup_remove(name, &e), -EBUSY);
	assert_int_equal(cgroup_freeze(name, true, &e), 0);
	assert_int_equal(cgroup_kill(name, &e), 0); /* frozen or not */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(cgroup_remove(name, &e), 0);
	assert_int_equal(cgroup_remove(name, &e), 0); /* repeatable */
	assert_int_equal(cgroup_stats(name, &s, &e), -ENOENT);
}

static void counts_oom_kills(void **state)
{
	struct cgroup_limits l = {
		.swappiness = -1, .memory = 16 << 20, .memory_swap = 16 << 20, .pids = -1};
	struct cgroup_stats s;
	struct err e;
	int status;
	pid_t pid;

	assert_int_equal(cgroup_make(name, &l, false, &e), 0);
	pid = spawn_in(hog);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(cgroup_stats(name, &s, &e), 0);
	assert_int_equal(s.oom_kills, 1);
	assert_int_equal(s.pids_limit, 0);
	assert_int_equal(cgroup_remove(name, &e), 0);
}

static void open_devices(void)
{
	static const struct {
		mode_t type;
		unsigned major, minor;
		int want;
	} rows[] = {{S_IFCHR, 1, 3, 0},
		    {S_IFCHR, 1, 1, EPERM},
		    {S_IFCHR, 1, 5, 0},
		    {S_IFBLK, 7, 0, EPERM}};
	char path[96];

	for (size_t i = 0; i < countof(rows); i++) {
		snprintf(path, sizeof(path), "/tmp/berth-cgroup-test-%d-%zu", getpid(), i);
		if (mknod(path, rows[i].type | 0600, makedev(rows[i].major, rows[i].minor)) < 0)
			_exit(100);
		int fd = open(path, O_RDONLY | O_CLOEXEC), code = fd < 0 ? errno : 0;

		unlink(path);
		if (code != rows[i].want)
			_exit((int)i + 1);
	}
}

/* The BPF program of v2, on the v2 tree of a hybrid machine too. */
static void guards_devices_by_program(void **state)
{
	struct cgroup_limits l = {.swappiness = -1};
	struct cgroup_trees all, only = {.layout = CGROUP_V2, .n = 1};
	struct device_rule zero = {false, 'c', 1, 5, "r"};
	const struct cgroup_tree *v2;
	char group[48], path[192], text[16];
	struct err e;
	int status;
	pid_t pid;

	snprintf(group, sizeof(group), "berth-cgroup-test-%d", getpid());
	cgroup_trees(&all);
	v2 = cgroup_tree(&all, "");
	if (!v2) {
		print_message("SKIP: no cgroup v2 tree here\n");
		return;
	}
	only.v[0] = *v2;
	for (int denied = 0; denied < 2; denied++) {
		int gate[2];

		snprintf(path, sizeof(path), "%s/%s", v2->dir, group);
		assert_int_equal(mkdir(path, 0755), 0);
		l.devices.v = &zero;
		l.devices.n = (size_t)denied;
		if (cgroup_devices(&only, group, &l, false, &e))
			fail_msg("%s", e.why);
		assert_int_equal(sys_pipe(gate, 0), 0);
		pid = fork();
		if (!pid) {
			close(gate[1]);
			if (read(gate[0], text, 1) < 0)
				_exit(99);
			open_devices();
			_exit(0);
		}
		snprintf(text, sizeof(text), "%d", pid);
		assert_int_equal(cgroup_write(v2, group, "cgroup.procs", text), 0);
		close(gate[0]);
		close(gate[1]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(rmdir(path), 0);
		assert_int_equal(WEXITSTATUS(status), denied ? 3 : 0); /* row of /dev/zero */
	}
}

/* Another project's end may take the group above away, and a third make it anew: empty, in v1. */
static void fills_an_empty_parent(void **state)
{
	struct cgroup_trees trees;
	const struct cgroup_tree *t;
	char full[PATH_MAX], child[128], text[256];
	struct err e;

	(void)state;
	cgroup_trees(&trees);
	t = cgroup_tree(&trees, "cpuset");
	if (!t)
		return; /* v2: children have what the parent has */
	snprintf(full, sizeof(full), "%s/%s", t->dir, name);
	assert_true(!cgroup_make(name, &(struct cgroup_limits){0}, false, &e) && !rmdir(full) &&
		    !mkdir(full, 0755));
	assert_int_equal(cgroup_read(t, name, "cpuset.cpus", text, sizeof(text)), 1);
	snprintf(child, sizeof(child), "%s/child", name);
	if (cgroup_make(child, &(struct cgroup_limits){0}, false, &e) < 0)
		fail_msg("%s", e.why);
	assert_true(cgroup_read(t, child, "cpuset.cpus", text, sizeof(text)) > 1);
	assert_true(cgroup_read(t, child, "cpuset.mems", text, sizeof(text)) > 1);
	assert_int_equal(cgroup_remove(child, &e), 0);
	assert_int_equal(cgroup_remove(name, &e), 0);
}

static void refuses_names(void **state)
{
	static const char *const bad[] = {"", "/x", "a/../b", "a//b"};
	struct cgroup_limits l = {.swappiness = -1};
	struct err e;

	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(cgroup_make(bad[i], &l, false, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_freezes_and_kills),
		cmocka_unit_test(counts_oom_kills),
		cmocka_unit_test(guards_devices_by_program),
		cmocka_unit_test(fills_an_empty_parent),
		cmocka_unit_test(refuses_names),
	};

	if (geteuid()) {
		print_message("SKIP: cgroup_test needs root\n");
		return 0;
	}
	snprintf(name, sizeof(name), "berth/test-cgroup-%d", getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
