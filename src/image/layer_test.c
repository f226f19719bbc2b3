/* A tree packed, unpacked by the worker, and packed again is the same tar; the store keeps it. */
#include "base/file.h"
#include "base/sys.h"
#include "base/tree.h"
#include "image/layer.h"
#include "image/store.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static int setup(void **state)
{
	struct err e;

	/* On disk: tmpfs keeps no user attributes. */
	snprintf(root, sizeof(root), "/var/tmp/berth-layer-test-XXXXXX");
	if (!mkdtemp(root) || chdir(root))
		return -1;
	setenv("BERTH_ROOT", root, 1);
	if (geteuid()) {
		print_message("skipped: needs root to make devices and trusted attributes\n");
		exit(77);
	}
	return file_mkdirs("made/d/opaque", 0755, &e);
}

static int teardown(void **state)
{
	int r;

	/* The process that settles the image may still write below the root. */
	do
		usleep(200000);
	while ((r = tree_remove(AT_FDCWD, root)) == -ENOTEMPTY);
	return r;
}

static void make_tree(void)
{
	char name[180];
	struct err e;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memcpy(name, "made/", 5);
	assert_int_equal(file_replace(AT_FDCWD, "made/f", "data", 4, 04711, FILE_FAST, &e), 0);
	assert_int_equal(chown("made/f", 70000, 3000000), 0);
	assert_int_equal(chmod("made/f", 04711), 0);
	assert_int_equal(file_replace(AT_FDCWD, name, "long", 4, 0600, FILE_FAST, &e), 0);
	assert_int_equal(link("made/f", "made/d/same"), 0);
	assert_int_equal(symlink("../../..", "made/d/l"), 0);
	assert_int_equal(mknod("made/null", S_IFCHR | 0666, makedev(1, 3)), 0);
	assert_int_equal(mknod("made/hidden", S_IFCHR, 0), 0);
	assert_int_equal(setxattr("made/d/opaque", "trusted.overlay.opaque", "y", 1, 0), 0);
	assert_int_equal(setxattr("made/f", "user.kept", "a\0b", 3, 0), 0);
}

static void comes_back_the_same(void **state)
{
	static const struct unpack_options how = {.whiteouts = true, .keep_owner = true};
	auto_fd int tar = sys_memfd("tar", 0);
	char first[72], second[72], value[8];
	struct stat st, other;
	int64_t size, bytes;
	struct err e;

	make_tree();
	assert_int_equal(pack_layer("made", tar, NULL, first, &size, &e), 0);
	assert_int_equal(lseek(tar, 0, SEEK_END), size);
	lseek(tar, 0, SEEK_SET);
	assert_int_equal(mkdir("again", 0755), 0);
	assert_int_equal(layer_unpack_fd(tar, "again", &how, &bytes, &e), 0);
	assert_int_equal(bytes, 8);
	assert_int_equal(pack_layer("again", -1, NULL, second, &size, &e), 0);
	assert_string_equal(first, second);
	assert_int_equal(lstat("again/hidden", &st), 0);
	assert_true(S_ISCHR(st.st_mode) && !st.st_rdev);
	assert_int_equal(getxattr("again/d/opaque", "trusted.overlay.opaque", value, 8), 1);
	assert_int_equal(getxattr("again/f", "user.kept", value, 8), 3);
	assert_int_equal(lstat("again/f", &st), 0);
	assert_int_equal(lstat("again/d/same", &other), 0);
	assert_int_equal(st.st_ino, other.st_ino);
	assert_int_equal(st.st_mode & 07777, 04711);
	assert_int_equal(st.st_gid, 3000000);
}

/* What is refused at four million in earnest. */
static void entries_are_counted(void **state)
{
	struct unpack_options how = {.keep_owner = true};
	auto_fd int tar = sys_memfd("tar", 0);
	struct err e = {0};
	char id[72];
	int64_t size;
	int r = 0;

	assert_int_equal(pack_layer("made", tar, NULL, id, &size, &e), 0);
	assert_int_equal(mkdir("counted", 0755), 0);
	for (how.entries_limit = 1; how.entries_limit < 100; how.entries_limit++) {
		lseek(tar, 0, SEEK_SET);
		r = layer_unpack_fd(tar, "counted", &how, NULL, &e);
		if (!r)
			break;
		assert_int_equal(r, -EFBIG);
		assert_non_null(strstr(e.why, "more than"));
	}
	assert_int_equal(r, 0);
	assert_true(how.entries_limit > 3); /* and exactly as many as there are */
}

static void without_whiteouts_names_are_names(void **state)
{
	static const struct unpack_options how = {.uid = 5, .gid = 6};
	auto_fd int tar = sys_memfd("tar", 0);
	char id[72];
	struct stat st;
	int64_t size;
	struct err e;

	assert_int_equal(pack_layer("again", tar, NULL, id, &size, &e), 0);
	lseek(tar, 0, SEEK_SET);
	assert_int_equal(mkdir("plain", 0755), 0);
	assert_int_equal(layer_unpack_fd(tar, "plain", &how, NULL, &e), 0);
	assert_int_equal(stat("plain/.wh.hidden", &st), 0);
	assert_int_equal(stat("plain/f", &st), 0);
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(st.st_gid, 6);
}

static void times_are_held_down(void **state)
{
	const struct pack_options until = {.mtime_max_s = 1000000};
	char one[72], two[72];
	int64_t size;
	struct err e;

	assert_int_equal(pack_layer("plain", -1, &until, one, &size, &e), 0);
	assert_int_equal(utimensat(AT_FDCWD, "plain/f", NULL, 0), 0);
	assert_int_equal(pack_layer("plain", -1, &until, two, &size, &e), 0);
	assert_string_equal(one, two);
}

static void adopted_layer_makes_an_image(void **state)
{
	auto_arena a = {0};
	struct strings said = {0};
	struct image *img;
	struct layer l, found;
	char *scratch, *tree, *config;
	struct err e;

	assert_int_equal(layer_scratch(&a, &scratch, &e), 0);
	tree = arena_printf(&a, "%s/t", scratch);
	assert_int_equal(tree_copy(AT_FDCWD, "plain", AT_FDCWD, tree, NULL, &e), 0);
	assert_int_equal(layer_adopt(&a, tree, NULL, LAYER_IMAGE, &l, &e), 0);
	assert_int_equal(access(tree, F_OK), -1);
	assert_int_equal(layer_find(&a, l.diff_id, &found, &e), 0);
	config = arena_printf(&a,
			      "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":"
			      "\"layers\",\"diff_ids\":[\"%s\"]}}",
			      l.diff_id);
	assert_int_equal(store_add(&a, span_of(config), "x/y:1", &img, &e), 0);
	assert_int_equal(store_image(&a, "x/y:1", &img, &e), 0);
	assert_string_equal(img->layers.v[0], l.dir);
	assert_int_equal(store_image(&a, arena_printf(&a, "%.12s", img->id + 7), &img, &e), 0);
	assert_int_equal(store_image(&a, "x/y:2", &img, &e), IMAGE_ABSENT);

	assert_int_equal(store_pin(img->id, "web-1", &e), 0);
	assert_int_equal(store_remove(&a, "x/y:1", false, &said, &e), -EBUSY);
	assert_non_null(strstr(e.why, "web-1"));
	assert_int_equal(store_unpin(img->id, "web-1", &e), 0);
	assert_int_equal(store_pin(img->id, "../x", &e), -EINVAL);
	assert_int_equal(store_remove(&a, "x/y:1", false, &said, &e), 0);
	assert_int_equal(store_image(&a, img->id, &img, &e), IMAGE_ABSENT);
}

static void refuses_an_image_without_its_layers(void **state)
{
	static const char config[] =
		"{\"rootfs\":{\"diff_ids\":[\"sha256:"
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"]}}";
	auto_arena a = {0};
	struct image *img;
	struct err e;

	assert_int_equal(store_add(&a, span_of(config), NULL, &img, &e), -ENOENT);
	assert_int_equal(store_add(&a, span_of("{}"), "a@sha256:x", &img, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_the_same),
		cmocka_unit_test(without_whiteouts_names_are_names),
		cmocka_unit_test(entries_are_counted),
		cmocka_unit_test(times_are_held_down),
		cmocka_unit_test(adopted_layer_makes_an_image),
		cmocka_unit_test(refuses_an_image_without_its_layers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
