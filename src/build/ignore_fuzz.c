/*
 * Any bytes as an ignore file: its patterns against a few paths, walked and whole. The two are
 * alike but for exceptions: "*.go" and "!a" show a/b.go to who asks at once and not to who walks
 * down from a, in Moby's patternmatcher too.
 */
#include "build/ignore.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {"a", "a/b", "a/b/c.go", "node_modules/x/y.js", "\xc3\xa9/[x]"};

static bool by_steps(struct arena *a, const struct ignore *ig, const char *path)
{
	char *parent = NULL;
	bool ignored = false;

	for (size_t i = 1; path[i - 1]; i++) {
		char *own;

		if (path[i] && path[i] != '/')
			continue;
		own = arena_alloc(a, ig->patterns.n + 1);
		ignored = ignore_step(ig, arena_strndup(a, path, i), parent, own);
		parent = own;
	}
	return ignored;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena a = {};
	struct strings lines = {};
	struct ignore ig;
	struct err e;

	if (size > 16384)
		return 0;
	ignore_lines(&a, (struct span){(const char *)data, size}, &lines);
	if (ignore_make(&a, &lines, &ig, &e) < 0)
		return 0;
	for (size_t i = 0; i < countof(paths); i++)
		if (by_steps(&a, &ig, paths[i]) != ignore_match(&a, &ig, paths[i]) &&
		    !ig.has_exceptions)
			abort();
	return 0;
}
