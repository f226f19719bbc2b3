#include "supervise/idrange.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/paths.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SUBID_MAX = 1 << 20, SLOTS = (IDRANGE_LAST - IDRANGE_FIRST) / IDRANGE_COUNT + 1 };

/* Does a line "name:first:count" of /etc/subuid or subgid touch the range? */
static bool line_touches(struct span line, uint64_t first)
{
	struct span name, from, count = line;
	uint64_t start, n;
	auto_arena a = {0};

	if (!span_cut(&count, ':', &name) || !span_cut(&count, ':', &from) ||
	    text_to_u64(span_dup(&a, from), &start) || text_to_u64(span_dup(&a, count), &n))
		return false;
	return start < first + IDRANGE_COUNT && first < start + n;
}

static bool is_delegated(const char *path, uint32_t first)
{
	auto_arena a = {0};
	struct span text, line;
	struct err e = {0};

	if (file_read(&a, AT_FDCWD, path, SUBID_MAX, &text, &e) < 0)
		return false;
	while (text.n) {
		span_cut(&text, '\n', &line);
		if (line_touches(line, first))
			return true;
	}
	return false;
}

/* 1: the range is the project's, now or since long; 0: another's; -errno. */
static int take(int dir, uint32_t first, const char *project)
{
	char name[16], owner[256];
	ssize_t n;

	snprintf(name, sizeof(name), "%u", first);
	if (symlinkat(project, dir, name) == 0)
		return 1;
	if (errno != EEXIST)
		return -errno;
	n = readlinkat(dir, name, owner, sizeof(owner) - 1);
	if (n < 0)
		return -errno;
	owner[n] = '\0';
	return !strcmp(owner, project);
}

int idrange_of(const char *project, uint32_t *first, struct err *e)
{
	const uint64_t start = hash_quick(project, strlen(project));
	auto_arena a = {0};
	auto_fd int fd = -1;
	char *dir;
	int r = 0;

	if (paths_make(&a, paths_root(), "ids", &dir, e) < 0)
		return -e->code;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "%s: %s", dir, strerror(errno));
	for (uint64_t i = 0; i < SLOTS && !r; i++) {
		*first = IDRANGE_FIRST + (uint32_t)((start + i) % SLOTS) * IDRANGE_COUNT;
		if (!is_delegated("/etc/subuid", *first) && !is_delegated("/etc/subgid", *first))
			r = take(fd, *first, project);
	}
	if (r < 0)
		return err_set(e, -r, "%s/%u: %s", dir, *first, strerror(-r));
	return r ? 0
		 : err_set(e, ENOSPC,
			   "all %d ranges of ids are taken; remove links of projects that are gone "
			   "from %s",
			   SLOTS, dir);
}
