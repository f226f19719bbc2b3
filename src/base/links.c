#include "base/links.h"
#include <stdint.h>
#include <string.h>

static struct link_name *place_of(const struct links *l, dev_t dev, ino_t ino)
{
	/* Inode numbers are small and close together: Fibonacci hashing spreads them. */
	uint64_t h = ((uint64_t)ino ^ (uint64_t)dev << 32) * 11400714819323198485u;
	size_t i = (size_t)(h >> 32) & (l->cap - 1);

	while (l->v[i].name && (l->v[i].ino != ino || l->v[i].dev != dev))
		i = (i + 1) & (l->cap - 1);
	return &l->v[i];
}

/* At most half full. */
static void grow(struct arena *a, struct links *l)
{
	struct links wider = {.cap = l->cap ? 2 * l->cap : 64, .n = l->n};

	if (l->n * 2 < l->cap)
		return;
	wider.v = arena_alloc(a, wider.cap * sizeof(*wider.v));
	for (size_t i = 0; i < l->cap; i++)
		if (l->v[i].name)
			*place_of(&wider, l->v[i].dev, l->v[i].ino) = l->v[i];
	*l = wider;
}

const char *links_seen(struct arena *a, struct links *l, const struct stat *st, const char *name)
{
	struct link_name *at;

	grow(a, l);
	at = place_of(l, st->st_dev, st->st_ino);
	if (at->name)
		return at->name;
	*at = (struct link_name){st->st_dev, st->st_ino, arena_strndup(a, name, strlen(name))};
	l->n++;
	return NULL;
}
