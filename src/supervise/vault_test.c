#include "base/file.h"
#include "supervise/vault.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct span sesame = {"open\0sesame", 11};

static int fresh_root(void **state)
{
	static char dir[] = "/tmp/vault-test.XXXXXX";

	*state = mkdtemp(strcpy(dir, "/tmp/vault-test.XXXXXX"));
	return setenv("BERTH_ROOT", dir, 1);
}

static int drop_root(void **state)
{
	struct err e;

	return file_remove_tree(AT_FDCWD, *state, &e);
}

static void put(const char *name, struct span content)
{
	auto_arena a = {0};
	struct err e;
	char *id;

	assert_int_equal(vault_put(&a, name, content, NULL, false, &id, &e), 0);
	assert_int_equal(strlen(id), 25);
}

static void comes_back(void **state)
{
	auto_arena a = {0};
	struct span out;
	struct err e;

	(void)state;
	put("db", sesame);
	assert_int_equal(vault_get(&a, "db", &out, &e), 0);
	assert_int_equal(out.n, sesame.n);
	assert_memory_equal(out.p, sesame.p, out.n);
}

static void is_not_on_disk(void **state)
{
	auto_arena a = {0};
	struct span file;
	struct err e;

	put("db", sesame);
	assert_int_equal(file_read(&a, AT_FDCWD, arena_printf(&a, "%s/secrets/db", (char *)*state),
				   4096, &file, &e),
			 0);
	assert_null(memmem(file.p, file.n, "sesame", 6));
}

/* One bit anywhere, or a file under another's name: nothing comes out. */
static void changed_files_stay_shut(void **state)
{
	auto_arena a = {0};
	char *path = arena_printf(&a, "%s/secrets/db", (char *)*state);
	struct span file, out;
	struct err e;

	put("db", sesame);
	assert_int_equal(file_read(&a, AT_FDCWD, path, 4096, &file, &e), 0);
	for (size_t i = 0; i < file.n; i++) {
		char *copy = arena_alloc(&a, file.n);

		memcpy(copy, file.p, file.n);
		copy[i] ^= 1;
		assert_int_equal(file_replace(AT_FDCWD, path, copy, file.n, 0600, FILE_FAST, &e),
				 0);
		assert_true(vault_get(&a, "db", &out, &e) < 0);
	}
	assert_int_equal(rename(path, arena_printf(&a, "%s/secrets/other", (char *)*state)), 0);
	assert_true(vault_get(&a, "other", &out, &e) < 0);
}

static void another_key_opens_nothing(void **state)
{
	auto_arena a = {0};
	struct span out;
	struct err e;

	put("db", sesame);
	assert_int_equal(unlink(arena_printf(&a, "%s/keys/secrets", (char *)*state)), 0);
	assert_int_equal(vault_get(&a, "db", &out, &e), -EBADMSG);
	assert_non_null(strstr(e.why, "the key is another"));
}

static void names_and_sizes(void **state)
{
	static const char *const bad[] = {"", ".", "..", "a/b", "../x", "-x", "a b"};
	static char big[VAULT_MAX + 1];
	auto_arena a = {0};
	struct span out;
	struct err e;
	char *id;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(vault_put(&a, bad[i], sesame, NULL, true, &id, &e), -EINVAL);
		assert_int_equal(vault_get(&a, bad[i], &out, &e), -EINVAL);
	}
	assert_int_equal(
		vault_put(&a, "big", (struct span){big, sizeof(big)}, NULL, false, &id, &e),
		-EFBIG);
}

static void lists_replaces_removes(void **state)
{
	auto_arena a = {0};
	struct vault_entries all;
	struct span out;
	struct err e;
	char *id;

	(void)state;
	put("b", sesame);
	put("a", span_of(""));
	assert_int_equal(vault_put(&a, "b", span_of("x"), NULL, false, &id, &e), -EEXIST);
	assert_int_equal(vault_put(&a, "b", span_of("x"), NULL, true, &id, &e), 0);
	assert_int_equal(vault_get(&a, "b", &out, &e), 0);
	assert_true(span_is(out, "x"));
	assert_int_equal(vault_list(&a, &all, &e), 0);
	assert_int_equal(all.n, 2);
	assert_string_equal(all.v[0].name, "a");
	assert_int_equal(vault_remove("a", &e), 0);
	assert_int_equal(vault_remove("a", &e), -ENOENT);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fresh_root, drop_root)
	const struct CMUnitTest tests[] = {T(comes_back),
					   T(is_not_on_disk),
					   T(changed_files_stay_shut),
					   T(another_key_opens_nothing),
					   T(names_and_sizes),
					   T(lists_replaces_removes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
