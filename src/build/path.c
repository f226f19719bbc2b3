#include "build/path.h"
#include <string.h>

static void drop_last(struct buf *b, size_t floor)
{
	while (b->n > floor && b->p[b->n - 1] != '/')
		b->n--;
	if (b->n > floor && b->n > 1)
		b->n--;
}

static bool last_is_up(const struct buf *b)
{
	return b->n >= 2 && !memcmp(b->p + b->n - 2, "..", 2) &&
	       (b->n == 2 || b->p[b->n - 3] == '/');
}

char *path_clean(struct arena *a, const char *p)
{
	auto_buf b = {};
	bool rooted = *p == '/';

	if (rooted)
		buf_char(&b, '/');
	while (*p) {
		size_t n = strcspn(p, "/");

		if (n == 2 && !memcmp(p, "..", 2) && b.n > rooted && !last_is_up(&b)) {
			drop_last(&b, rooted);
		} else if (n == 2 && !memcmp(p, "..", 2) && rooted) {
			b.n = 1;
		} else if (n && !(n == 1 && *p == '.')) {
			if (b.n > rooted)
				buf_char(&b, '/');
			buf_add(&b, p, n);
		}
		p += n;
		p += strspn(p, "/");
	}
	if (!b.n)
		buf_char(&b, '.');
	return buf_take(a, &b);
}

char *path_join(struct arena *a, const char *base, const char *p)
{
	if (*p == '/')
		return path_clean(a, p);
	return path_clean(a, arena_printf(a, "%s/%s", base, p));
}

const char *path_last(const char *p)
{
	const char *slash = strrchr(p, '/');

	return slash ? slash + 1 : p;
}

char *path_dir(struct arena *a, const char *p)
{
	const char *slash = strrchr(p, '/');

	return path_clean(a, slash ? arena_strndup(a, p, (size_t)(slash + 1 - p)) : "");
}
