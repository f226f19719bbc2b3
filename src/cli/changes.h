/*
 * What changes in directories of the host: inotify over trees, gathered until it is quiet. Paths
 * that do not exist yet are waited for in the nearest directory above. Links are not followed.
 */
#pragma once
#include "base/err.h"
#include "base/text.h"

struct changes;

struct changes_options {
	const struct strings *paths; /* absolute, without links; files or directories */
	bool (*skips)(void *arg, const char *dir); /* NULL, or: nothing in there matters */
	void *arg;
};

int changes_new(struct changes **out, const struct changes_options *o, struct err *e) must_check;
void changes_free(struct changes *c);
/*
 * Waits for changes and then for quiet (or two seconds). *out: absolute paths, each once, in the
 * arena; what is not there any more is gone. *lost: more happened than the kernel could tell.
 */
int changes_wait(struct changes *c, struct arena *a, struct strings *out, bool *lost,
		 struct err *e) must_check;

static inline void changes_free_at(struct changes **c)
{
	changes_free(*c);
}
#define auto_changes __attribute__((cleanup(changes_free_at))) struct changes
