#include "base/file.h"
#include "base/sys.h"
#include "base/tree.h"
#include "image/volume.h"
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
	struct err e;

	snprintf(root, sizeof(root), "/var/tmp/berth-volume-test-XXXXXX");
	if (!mkdtemp(root) || chdir(root))
		return -1;
	setenv("BERTH_ROOT", root, 1);
	return file_mkdirs("layer/data/sub", 0750, &e) ||
	       file_replace(AT_FDCWD, "layer/data/f", "x", 1, 0640, FILE_FAST, &e) ||
	       symlink("data", "layer/link");
}

static int teardown(void **state)
{
	return tree_remove(AT_FDCWD, root);
}

static void ensured_once(void **state)
{
	auto_arena a = {0};
	struct pair label = {"k", "v"};
	struct pairs labels = {&label, 1, 1};
	struct store_volume v, again;
	struct store_volumes all;
	struct err e;

	assert_int_equal(volume_find(&a, "one", &v, &e), VOLUME_ABSENT);
	assert_int_equal(volume_ensure(&a, "one", &labels, NULL, &v, &e), 0);
	assert_int_equal(volume_ensure(&a, "one", NULL, NULL, &again, &e), 0);
	assert_string_equal(pairs_get(&again.labels, "k"), "v");
	assert_int_equal(volume_list(&a, &all, &e), 0);
	assert_int_equal(all.n, 1);
	assert_int_equal(volume_remove("one", NULL, &e), 0);
	assert_int_equal(volume_remove("one", NULL, &e), -ENOENT);
}

static void seeded_once_through_links(void **state)
{
	auto_arena a = {0};
	const char *dir = arena_printf(&a, "%s/layer", root);
	struct strings layers = {&dir, 1, 1};
	struct store_volume v;
	struct stat st;
	struct err e;

	assert_int_equal(volume_ensure(&a, "seed", NULL, NULL, &v, &e), 0);
	assert_int_equal(volume_seed(&v, &layers, "/link", 0, &e), 0);
	assert_int_equal(stat(arena_printf(&a, "%s/f", v.path), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(stat(v.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(unlink(arena_printf(&a, "%s/f", v.path)), 0);
	assert_int_equal(rmdir(arena_printf(&a, "%s/sub", v.path)), 0);
	assert_int_equal(volume_seed(&v, &layers, "/data", 0, &e), 0);
	assert_int_equal(access(arena_printf(&a, "%s/f", v.path), F_OK), -1);
	assert_int_equal(volume_ensure(&a, "none", NULL, NULL, &v, &e), 0);
	assert_int_equal(volume_seed(&v, &layers, "/absent/../../..", 0, &e), 0);
}

static void half_filled_is_filled(void **state)
{
	auto_arena a = {0};
	const char *dir = arena_printf(&a, "%s/layer", root);
	struct strings layers = {&dir, 1, 1};
	struct store_volume v;
	struct err e;

	assert_int_equal(volume_ensure(&a, "half", NULL, NULL, &v, &e), 0);
	assert_int_equal(volume_seed(&v, &layers, "/data", 1, &e), VOLUME_LARGE);
	close(sys_open(AT_FDCWD, arena_printf(&a, "%s/f", v.path), O_CREAT | O_WRONLY, 0600));
	assert_int_equal(volume_seed(&v, &layers, "/data", 0, &e), 0);
	assert_int_equal(access(arena_printf(&a, "%s/sub", v.path), F_OK), 0);
	assert_int_equal(unlink(arena_printf(&a, "%s/f", v.path)), 0);
	assert_int_equal(volume_seed(&v, &layers, "/data", 1, &e), 0);
	assert_int_equal(access(arena_printf(&a, "%s/f", v.path), F_OK), -1);
}

static void refuses_names(void **state)
{
	static const char *const bad[] = {"", ".", "..", "a/b", "-x", "a b", "a\n", "\xc3\xa4"};
	auto_arena a = {0};
	struct store_volume v;
	struct err e;

	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(volume_ensure(&a, bad[i], NULL, NULL, &v, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ensured_once),
		cmocka_unit_test(seeded_once_through_links),
		cmocka_unit_test(half_filled_is_filled),
		cmocka_unit_test(refuses_names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
