/* Filters are tried on real processes: each row forks, loads the filter and makes one call. */
#include "base/file.h"
#include "base/sys.h"
#include "runtime/filter.h"
#include "runtime/rights.h"
#include "runtime/seccomp_rules.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

struct probe {
	const char *name;
	long nr, a, b;
	int want; /* errno of the filter, or -1: the call reaches the kernel */
};

/* The filter's own errors are told from the kernel's by arguments that the kernel answers
 * otherwise. */
static int try_call(const struct filter *f, const struct probe *p)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (sys_seccomp(f->code, f->n) < 0)
			_exit(255);
		_exit(syscall(p->nr, p->a, p->b, -1, -1, -1, -1) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void check(const struct filter *f, const struct probe *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int got = try_call(f, &rows[i]);

		if (rows[i].want >= 0 ? got != rows[i].want
				      : got == EPERM || got == ENOSYS || got == 255)
			fail_msg("%s answers %d (%s)", rows[i].name, got, strerror(got));
	}
}

static void refuses_as_docker(void **state)
{
	/* clang-format off */
	static const struct probe rows[] = {
		{"clone3", SYS_clone3, 0, 0, ENOSYS},
		{"clone NEWUSER", SYS_clone, 0x10000000, 0, EPERM},
		{"clone NEWNS", SYS_clone, 0x20000, 0, EPERM},
		{"unshare", SYS_unshare, 0x10000000, 0, EPERM},
		{"mount", SYS_mount, 0, 0, EPERM}, {"umount2", SYS_umount2, 0, 0, EPERM},
		{"setns", SYS_setns, -1, 0, EPERM}, {"pivot_root", SYS_pivot_root, 0, 0, EPERM},
		{"bpf", SYS_bpf, -1, 0, EPERM}, {"keyctl", SYS_keyctl, 0, 0, EPERM},
		{"add_key", SYS_add_key, 0, 0, EPERM}, {"userfaultfd", SYS_userfaultfd, 0, 0, EPERM},
		{"io_uring_setup", 425, 0, 0, EPERM}, {"perf_event_open", SYS_perf_event_open, 0, 0, EPERM},
		{"open_by_handle_at", SYS_open_by_handle_at, -1, 0, EPERM}, {"kexec_load", SYS_kexec_load, 0, 0, EPERM},
		{"reboot", SYS_reboot, 0, 0, EPERM}, {"fsopen", SYS_fsopen, 0, 0, EPERM},
		{"socket ALG", SYS_socket, 38, 5, EPERM}, {"socket VSOCK", SYS_socket, 40, 1, EPERM},
		{"socket ALG, high bits", SYS_socket, 0x100000026, 5, EPERM},
		{"socket INET", SYS_socket, 2, 1, -1}, {"socket UNIX", SYS_socket, 1, 1, -1},
		{"personality 0x40000", SYS_personality, 0x40000, 0, EPERM},
		{"personality query", SYS_personality, 0xffffffff, 0, 0},
		{"beyond", 9999, 0, 0, ENOSYS}, {"beyond by one", 467, 0, 0, ENOSYS}, {"-1", -1, 0, 0, ENOSYS},
		{"cachestat", 451, -1, 0, EBADF}, {"lsm_get_self_attr", 459, 0, 0, EPERM},
		{"chroot", SYS_chroot, 0, 0, -1}, {"ptrace", SYS_ptrace, 99, -1, -1}, {"getpid", SYS_getpid, 0, 0, -1},
		{"mbind", SYS_mbind, 0, 0, EPERM}, {"settimeofday", SYS_settimeofday, 0, 0, EPERM},
	};
	/* clang-format on */
	struct container_spec s = {.caps = rights_default()};
	auto_arena a = {0};
	struct filter f;
	struct err e;

	assert_int_equal(filter_choose(&a, &s, &f, &e), 0);
	check(&f, rows, countof(rows));
}

static void capabilities_unlock(void **state)
{
	static const struct probe rows[] = {
		{"mount", SYS_mount, 0, 0, -1},
		{"clone3", SYS_clone3, 0, 0, -1},
		{"chroot", SYS_chroot, 0, 0, EPERM},
		{"unshare", SYS_unshare, -1, 0, -1},
	};
	struct container_spec s = {.caps = 1 << CAP_SYS_ADMIN};
	auto_arena a = {0};
	struct filter first, second;
	struct err e;
	char root[] = "/tmp/berth-seccomp-test-XXXXXX";

	assert_non_null(mkdtemp(root));
	setenv("BERTH_ROOT", root, 1);
	if (filter_choose(&a, &s, &first, &e))
		fail_msg("%s: %s", e.what, e.why);
	check(&first, rows, countof(rows));
	assert_int_equal(filter_choose(&a, &s, &second, &e), 0); /* from the cache */
	assert_int_equal(first.n, second.n);
	assert_memory_equal(first.code, second.code, first.n * sizeof(struct sock_filter));
	assert_int_equal(file_remove_tree(AT_FDCWD, root, &e), 0);
}

static void reads_profiles(void **state)
{
	static const char json[] =
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
		"{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":7},"
		"{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,"
		"\"value\":77,"
		"\"op\":\"SCMP_CMP_EQ\"},{\"index\":0,\"value\":78,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"getuid\"],\"action\":\"SCMP_ACT_ERRNO\",\"includes\":{\"caps\":["
		"\"CAP_BPF\"]}},"
		"{\"names\":[\"nosuchcall\"],\"action\":\"SCMP_ACT_ERRNO\"}]}";
	static const struct probe rows[] = {
		{"getppid", SYS_getppid, 0, 0, 7}, {"dup 77", SYS_dup, 77, 0, EPERM},
		{"dup 78", SYS_dup, 78, 0, EPERM}, {"dup 79", SYS_dup, 79, 0, EBADF},
		{"getuid", SYS_getuid, 0, 0, -1},
	};
	auto_arena a = {0};
	struct seccomp_rules rules;
	struct filter f;
	struct err e;

	assert_int_equal(seccomp_profile_rules(&a, span_of(json), 0, &rules, &e), 0);
	assert_int_equal(seccomp_compile(&a, &rules, &f, &e), 0);
	check(&f, rows, countof(rows));
	assert_int_equal(
		seccomp_profile_rules(&a, span_of("{\"defaultAction\":\"MAYBE\"}"), 0, &rules, &e),
		-EINVAL);
	assert_string_equal(e.why, "unknown action \"MAYBE\"");
	assert_true(seccomp_profile_rules(&a, span_of("["), 0, &rules, &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_as_docker),
		cmocka_unit_test(capabilities_unlock),
		cmocka_unit_test(reads_profiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
