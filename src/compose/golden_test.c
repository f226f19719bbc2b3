/*
 * tests/compose/NAME.yaml gives NAME.ok (the resolved model) or NAME.err (the exact message).
 * BERTH_GOLDEN=write writes them anew, to be read before they are committed.
 */
#include "base/file.h"
#include "compose/load.h"
#include "compose/render.h"
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *const fixed[] = {"HOME=/home/u", "SET_BY_TEST=here", NULL};

static const char *folder(struct arena *a)
{
	const char *here = __FILE__, *end = strstr(here, "src/compose/");

	assert_non_null(end);
	return realpath(arena_printf(a, "%.*stests/compose", (int)(end - here), here), NULL);
}

/* The folder's own path is not part of what is expected. */
static char *without(struct arena *a, const char *text, const char *dir)
{
	auto_buf b = {0};
	const char *hit;

	for (; (hit = strstr(text, dir)); text = hit + strlen(dir)) {
		buf_add(&b, text, (size_t)(hit - text));
		buf_str(&b, "DIR");
	}
	buf_str(&b, text);
	return buf_take(a, &b);
}

static bool answer(struct arena *a, const char *dir, const char *name, struct buf *out)
{
	struct load_options o = {.cwd = dir, .environ = fixed};
	struct render_options r = {0};
	struct project *p;
	struct err e = {0};

	*vec_push(a, &o.files) = name;
	if (!project_load(a, &o, &p, &e)) {
		vec_each(w, &p->notices)
			buf_printf(out, "# %s\n", *w);
		vec_each(w, &p->warnings)
			buf_printf(out, "# %s\n", *w);
		assert_int_equal(render_config(p, &r, out, &e), 0);
		return true;
	}
	buf_printf(out, "%s%s%s%s%s\n", e.at, *e.at ? ": " : "", e.what, *e.what ? ": " : "",
		   e.why);
	if (*e.hint)
		buf_printf(out, "hint: %s\n", e.hint);
	return false;
}

static int check(const char *dir, const char *name)
{
	const char *mode = getenv("BERTH_GOLDEN"), *path, *have;
	auto_arena a = {0};
	auto_buf out = {0};
	struct span want = {"", 0};
	struct err e = {0};
	bool ok = answer(&a, dir, name, &out);

	have = without(&a, out.p, dir);
	path = arena_printf(&a, "%s/%.*s%s", dir, (int)strlen(name) - 5, name, ok ? ".ok" : ".err");
	if (mode && !strcmp(mode, "write"))
		return file_replace(AT_FDCWD, path, have, strlen(have), 0644, FILE_FAST, &e);
	if (file_read(&a, AT_FDCWD, path, 1 << 20, &want, &e) < 0 || strcmp(want.p, have)) {
		print_error("%s:\n--- expected\n%s--- got\n%s", path, want.p, have);
		return 1;
	}
	return 0;
}

static void test_golden(void **state)
{
	auto_arena a = {0};
	auto_free const char *dir = folder(&a);
	DIR *d = opendir(dir);
	struct dirent *ent;
	int failed = 0, ran = 0;

	(void)state;
	assert_non_null(d);
	while ((ent = readdir(d))) {
		if (!text_ends(ent->d_name, ".yaml"))
			continue;
		ran++;
		failed += check(dir, ent->d_name) != 0;
	}
	closedir(d);
	assert_true(ran >= 60);
	assert_int_equal(failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
