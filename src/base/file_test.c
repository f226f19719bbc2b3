#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static int setup(void **state)
{
	snprintf(root, sizeof(root), "/tmp/berth-file-test-XXXXXX");
	return mkdtemp(root) && !chdir(root) ? 0 : -1;
}

static int teardown(void **state)
{
	struct err e;

	return file_remove_tree(AT_FDCWD, root, &e);
}

static void replaces_whole(void **state)
{
	auto_arena a = {0};
	struct span got;
	struct err e;
	struct stat st;

	assert_int_equal(file_replace(AT_FDCWD, "f", "one", 3, 0640, FILE_FAST, &e), 0);
	assert_int_equal(file_replace(AT_FDCWD, "f", "two!", 4, 0600, FILE_DURABLE, &e), 0);
	assert_int_equal(file_read(&a, AT_FDCWD, "f", 4, &got, &e), 0);
	assert_true(span_is(got, "two!"));
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_read(&a, AT_FDCWD, "f", 3, &got, &e), -EFBIG);
	assert_int_equal(file_read(&a, AT_FDCWD, ".", 3, &got, &e), -EISDIR);
}

/* berth --env-file <(command) */
static void waits_for_a_pipe(void **state)
{
	auto_arena a = {0};
	struct span got;
	struct err e;
	char name[32];
	int tube[2];

	assert_int_equal(pipe(tube), 0);
	if (!fork()) {
		close(tube[0]);
		usleep(20000); /* in most runs it is read before; it must do either way */
		_exit(write(tube[1], "late", 4) != 4);
	}
	close(tube[1]);
	snprintf(name, sizeof(name), "/dev/fd/%d", tube[0]);
	assert_int_equal(file_read(&a, AT_FDCWD, name, 9, &got, &e), 0);
	assert_true(span_is(got, "late"));
	close(tube[0]);
}

static void lock_is_exclusive(void **state)
{
	auto_fd int held = -1;
	struct err e;
	int again = -1;

	assert_int_equal(file_lock(AT_FDCWD, "lock", FILE_LOCK_WAIT, &held, &e), 0);
	assert_int_equal(file_lock(AT_FDCWD, "lock", FILE_LOCK_TRY, &again, &e), -EWOULDBLOCK);
	close(take_fd(&held));
	assert_int_equal(file_lock(AT_FDCWD, "lock", FILE_LOCK_TRY, &again, &e), 0);
	close(again);
}

static void removal_follows_no_link(void **state)
{
	struct err e;

	assert_int_equal(file_mkdirs("keep/deep", 0755, &e), 0);
	assert_int_equal(file_mkdirs("gone/a/b", 0755, &e), 0);
	assert_int_equal(symlink("../../keep", "gone/a/link"), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, "gone", &e), 0);
	assert_int_equal(access("gone", F_OK), -1);
	assert_int_equal(access("keep/deep", F_OK), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, "gone", &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_whole),
		cmocka_unit_test(waits_for_a_pipe),
		cmocka_unit_test(lock_is_exclusive),
		cmocka_unit_test(removal_follows_no_link),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
