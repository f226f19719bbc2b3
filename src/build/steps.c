#include "build/steps.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/when.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { ENTRY_LIMIT = 256 };

void key_done(struct key *k)
{
	buf_done(&k->text);
}

/* Written by hand: a build of many files writes some fields for each, and printf would be a fifth.
 */
static void put_number(struct buf *b, uint64_t n)
{
	char digits[20], *at = digits + sizeof(digits);

	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	buf_add(b, at, (size_t)(digits + sizeof(digits) - at));
}

void key_text(struct key *k, const char *label, const char *value)
{
	size_t n = value ? strlen(value) : 0;

	buf_str(&k->text, label);
	buf_char(&k->text, value ? ' ' : '-');
	if (value) {
		put_number(&k->text, n);
		buf_char(&k->text, ':');
		buf_add(&k->text, value, n);
	}
	buf_char(&k->text, ';');
}

void key_list(struct key *k, const char *label, const struct strings *list)
{
	buf_printf(&k->text, "%s[%zu]", label, list->n);
	for (size_t i = 0; i < list->n; i++)
		key_text(k, "", list->v[i]);
}

void key_number(struct key *k, const char *label, int64_t value)
{
	buf_str(&k->text, label);
	buf_char(&k->text, '=');
	if (value < 0)
		buf_char(&k->text, '-');
	put_number(&k->text, value < 0 ? -(uint64_t)value : (uint64_t)value);
	buf_char(&k->text, ';');
}

/* The first byte is raised when a step begins to mean something else. */
char *key_hex(const struct key *k, char hex[static HASH_HEX])
{
	auto_buf all = {0};

	buf_str(&all, "1;");
	buf_add(&all, k->text.p ? k->text.p : "", k->text.n);
	return hash_sha256(all.p, all.n, hex);
}

/* Two levels, so that no directory grows without bound. */
static int place(struct arena *a, const char *key, char **out, struct err *e)
{
	char *dir;
	int r = paths_make(a, paths_root(), arena_printf(a, "build/steps/%.2s", key), &dir, e);

	if (r == 0)
		*out = arena_printf(a, "%s/%s", dir, key + 2);
	return r;
}

int steps_find(struct arena *a, const char *key, struct known_step *out, struct err *e)
{
	const char *path = arena_printf(a, "%s/build/steps/%.2s/%s", paths_root(), key, key + 2);
	struct span s, id, created;

	if (file_read(a, AT_FDCWD, path, ENTRY_LIMIT, &s, e) < 0 || !span_cut(&s, ' ', &id) ||
	    !span_cut(&s, '\n', &created))
		return STEPS_ABSENT;
	utimensat(AT_FDCWD, path, NULL, 0);
	*out = (struct known_step){span_dup(a, id), span_dup(a, created)};
	return 0;
}

int steps_note(const char *key, const struct known_step *s, struct err *e)
{
	auto_arena a = {};
	char *path, *text = arena_printf(&a, "%s %s\n", s->diff_id, s->created);
	int r = place(&a, key, &path, e);

	return r < 0 ? r : file_replace(AT_FDCWD, path, text, strlen(text), 0600, FILE_FAST, e);
}

static void prune_dir(const char *dir, int64_t before_ns, struct steps_pruned *out)
{
	DIR *d = opendir(dir);
	struct dirent *ent;
	struct stat st;

	while (d && (ent = readdir(d))) {
		if (*ent->d_name == '.' ||
		    fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!S_ISREG(st.st_mode) ||
		    st.st_mtim.tv_sec * NS_PER_SEC + st.st_mtim.tv_nsec > before_ns)
			continue;
		if (unlinkat(dirfd(d), ent->d_name, 0) == 0) {
			out->entries++;
			out->bytes += st.st_size;
		}
	}
	if (d)
		closedir(d);
}

int steps_prune(struct arena *a, bool all, int64_t older_ns, struct steps_pruned *out,
		struct err *e)
{
	int64_t before = when_wall_ns() - older_ns;

	*out = (struct steps_pruned){};
	for (int i = 0; i < 256; i++)
		prune_dir(arena_printf(a, "%s/build/steps/%02x", paths_root(), (unsigned)i), before,
			  out);
	prune_dir(arena_printf(a, "%s/build/contexts", paths_root()), before, out);
	if (!all || older_ns)
		return 0;
	return file_remove_tree(AT_FDCWD, arena_printf(a, "%s/build/mounts", paths_root()), e);
}
