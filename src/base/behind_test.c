#include "base/behind.h"
#include "base/sys.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void list_open(const void *arg, const int *fds)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *entry;

	dprintf(fds[1], "%s:", (const char *)arg);
	while ((entry = readdir(d))) {
		int fd = entry->d_name[0] == '.' ? -1 : atoi(entry->d_name);

		if (fd >= 0 && fd != dirfd(d))
			dprintf(fds[1], " %s",
				fd == fds[0]   ? "first"
				: fd == fds[1] ? "second"
					       : entry->d_name);
	}
}

static void has_what_it_was_given(void **state)
{
	char said[256] = "", word[] = "hello";
	int ends[2], other = open("/dev/null", O_RDONLY);

	assert_int_equal(sys_pipe(ends, 0), 0);
	assert_int_equal(behind_run(list_open, word, (const int[]){other, ends[1]}, 2), 0);
	word[0] = 'j';
	close(ends[1]); /* or the read below would have no end */
	assert_int_equal(sys_read_full(ends[0], said, sizeof(said) - 1),
			 strlen("hello: first second"));
	assert_string_equal(said, "hello: first second");
	close(ends[0]);
	close(other);
}

static void is_nobodys_child(void **state)
{
	int ends[2];

	assert_int_equal(sys_pipe(ends, 0), 0);
	assert_int_equal(behind_run(list_open, "", (const int[]){ends[0], ends[1]}, 2), 0);
	assert_int_equal(waitpid(-1, NULL, __WALL), -1);
	assert_int_equal(errno, ECHILD);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_what_it_was_given),
		cmocka_unit_test(is_nobodys_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
