#include "base/file.h"
#include "base/sys.h"
#include "base/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static int setup(void **state)
{
	snprintf(root, sizeof(root), "/tmp/berth-tree-test-XXXXXX");
	return mkdtemp(root) && !chdir(root) ? 0 : -1;
}

static int teardown(void **state)
{
	return tree_remove(AT_FDCWD, root);
}

static int cwd(void)
{
	return sys_open(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY, 0);
}

static void stays_inside(void **state)
{
	char name[256];
	auto_fd int in = -1;

	assert_int_equal(mkdir("jail", 0755), 0);
	assert_int_equal(mkdir("outside", 0755), 0);
	assert_int_equal(symlink("/outside", "jail/abs"), 0);
	assert_int_equal(symlink("../../outside", "jail/up"), 0);
	in = sys_open(AT_FDCWD, "jail", O_RDONLY | O_DIRECTORY, 0);
	assert_int_equal(tree_parent(in, "abs/x", 0, name), -ENOENT);
	assert_int_equal(tree_parent(in, "up/x", 0, name), -ENOENT);
	assert_int_equal(symlink("loop", "jail/loop"), 0);
	assert_int_equal(tree_mkdirs(in, "loop/x", 0755), -ELOOP);
	assert_int_equal(tree_parent(in, "a/..", 0755, name), -EINVAL);
	assert_int_equal(tree_parent(in, "/", 0755, name), -EINVAL);
	close(tree_mkdirs(in, "/../../new/er", 0711));
	assert_int_equal(access("jail/new/er", F_OK), 0);
	assert_int_equal(access("new", F_OK), -1);
	close(tree_mkdirs(in, "abs/made", 0755));
	assert_int_equal(access("jail/outside/made", F_OK), 0);
	assert_int_equal(access("outside/made", F_OK), -1);
}

static void nest(const char *top, int depth)
{
	auto_fd int at = -1;

	assert_int_equal(mkdir(top, 0755), 0);
	at = sys_open(AT_FDCWD, top, O_RDONLY | O_DIRECTORY, 0);
	for (int i = 0; i < depth; i++) {
		int next;

		assert_int_equal(mkdirat(at, "d", 0755), 0);
		assert_int_equal(mkdirat(at, ".berth-deep-1", 0755), 0);
		next = sys_open(at, "d", O_RDONLY | O_DIRECTORY, 0);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	close(sys_open(at, "file", O_CREAT | O_WRONLY, 0600));
}

static void depth_costs_nothing(void **state)
{
	struct rlimit was, few;

	nest("deep", 3000);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = (struct rlimit){64, was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(tree_remove(AT_FDCWD, "deep"), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(access("deep", F_OK), -1);
}

static void removes_some(void **state)
{
	size_t left, rounds = 0;
	int r;

	nest("some", 50);
	do {
		left = 60;
		r = tree_remove_some(AT_FDCWD, "some", &left);
		rounds++;
	} while (r == -EAGAIN && rounds < 1000);
	assert_int_equal(r, 0);
	assert_true(rounds >= 2);
	assert_int_equal(access("some", F_OK), -1);
	left = 5;
	assert_int_equal(tree_remove_some(AT_FDCWD, "some", &left), 0);
}

static void parent_is_made(void **state)
{
	char name[256];
	auto_fd int in = cwd();
	auto_fd int parent = tree_parent(in, "m/n/o/", 0751, name);
	struct stat st;

	assert_true(parent >= 0);
	assert_string_equal(name, "o");
	assert_int_equal(stat("m/n", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0751);
}

static void copies_all_kinds(void **state)
{
	auto_fd int in = cwd();
	struct stat a, b;
	struct err e;

	assert_int_equal(file_mkdirs("src/d", 0750, &e), 0);
	assert_int_equal(file_replace(AT_FDCWD, "src/f", "data", 4, 04755, FILE_FAST, &e), 0);
	assert_int_equal(link("src/f", "src/d/same"), 0);
	assert_int_equal(symlink("/nowhere", "src/l"), 0);
	assert_int_equal(mkfifo("src/p", 0640), 0);
	assert_int_equal(tree_copy(in, "src", in, "dst", NULL, &e), 0);
	assert_int_equal(stat("dst/f", &a), 0);
	assert_int_equal(stat("dst/d/same", &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(a.st_mode & 07777, 04755);
	assert_int_equal(lstat("dst/l", &a), 0);
	assert_true(S_ISLNK(a.st_mode));
	assert_int_equal(lstat("dst/p", &a), 0);
	assert_true(S_ISFIFO(a.st_mode));
	/* Again, over what is there. */
	assert_int_equal(tree_copy(in, "src", in, "dst", NULL, &e), 0);
	assert_int_equal(stat("dst/d", &a), 0);
	assert_int_equal(a.st_mode & 07777, 0750);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stays_inside),        cmocka_unit_test(parent_is_made),
		cmocka_unit_test(depth_costs_nothing), cmocka_unit_test(removes_some),
		cmocka_unit_test(copies_all_kinds),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
