#include "base/mountfd.h"
#include "base/sys.h"
#include "base/vec.h"
#include <fcntl.h>
#include <string.h>

/* The kernel explains itself as lines "e overlay: upper fs missing" in the context's log. */
static int explain(int fs, const char *type, int r, struct err *e)
{
	char line[256];
	ssize_t n = sys_read(fs, line, sizeof(line) - 1);

	if (n <= 2)
		return err_set(e, -r, "cannot mount %s: %s", type, strerror(-r));
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return err_set(e, -r, "cannot mount %s: %s (%s)", type, line + 2, strerror(-r));
}

/* source: the first column of /proc/mounts. */
static int create(const char *type, const char *source, const struct mount_option *options,
		  size_t n, uint64_t attrs, struct err *e)
{
	auto_fd int fs = sys_fsopen(type, 0);
	int r;

	if (fs < 0)
		return err_set(e, -fs, "cannot mount %s: %s", type, strerror(-fs));
	r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0);
	if (r < 0)
		return explain(fs, type, r, e);
	for (size_t i = 0; i < n; i++) {
		r = sys_fsconfig(fs, options[i].value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
				 options[i].key, options[i].value, 0);
		if (r < 0 && !options[i].optional)
			return explain(fs, type, r, e);
	}
	r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r < 0)
		return explain(fs, type, r, e);
	r = sys_fsmount(fs, 0, (unsigned)attrs);
	return r < 0 ? explain(fs, type, r, e) : r;
}

int mountfd_new(const char *type, const struct mount_option *options, size_t n, uint64_t attrs,
		struct err *e)
{
	return create(type, type, options, n, attrs, e);
}

/* Words that mount(8) and mount(2) keep from the file system. */
static const struct {
	const char *word;
	uint64_t attr;
} words[] = {
	{"ro", MOUNT_ATTR_RDONLY},
	{"nosuid", MOUNT_ATTR_NOSUID},
	{"nodev", MOUNT_ATTR_NODEV},
	{"noexec", MOUNT_ATTR_NOEXEC},
	{"noatime", MOUNT_ATTR_NOATIME},
	{"nodiratime", MOUNT_ATTR_NODIRATIME},
	{"strictatime", MOUNT_ATTR_STRICTATIME},
	{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW},
	{"rw", 0},
	{"suid", 0},
	{"dev", 0},
	{"exec", 0},
	{"relatime", 0},
	{"diratime", 0},
	{"symfollow", 0},
	{"defaults", 0},
	{"auto", 0},
	{"noauto", 0},
	{"nofail", 0},
	{"_netdev", 0},
	{"bind", 0},
	{"rbind", 0},
};

static bool take_word(struct span word, uint64_t *attrs)
{
	for (size_t i = 0; i < countof(words); i++) {
		if (span_is(word, words[i].word)) {
			*attrs |= words[i].attr;
			return true;
		}
	}
	return !word.n;
}

uint64_t mountfd_words(const char *options)
{
	struct span rest = span_of(options ? options : ""), word;
	uint64_t attrs = 0;

	while (rest.n) {
		span_cut(&rest, ',', &word);
		take_word(word, &attrs);
	}
	return attrs;
}

int mountfd_device(const char *type, const char *device, const char *options, struct err *e)
{
	struct span rest = span_of(options ? options : ""), word, key;
	VEC(struct mount_option) list = {0};
	auto_arena a = {0};
	uint64_t attrs = 0;
	int r;

	while (rest.n) {
		span_cut(&rest, ',', &word);
		if (take_word(word, &attrs))
			continue;
		bool has_value = span_cut(&word, '=', &key);

		*vec_push(&a, &list) = (struct mount_option){span_dup(&a, key),
							     has_value ? span_dup(&a, word) : NULL};
	}
	if (attrs & MOUNT_ATTR_RDONLY)
		*vec_push(&a, &list) = (struct mount_option){"ro", NULL};
	r = create(type, device, list.v, list.n, attrs, e);
	return r < 0 ? err_wrap(e, "-t %s -o %s %s", type, options ? options : "", device) : r;
}

int mountfd_clone(int dirfd, const char *path, bool recursive)
{
	return sys_open_tree(dirfd, path,
			     OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0) |
				     (*path ? 0 : AT_EMPTY_PATH));
}

int mountfd_attrs(int fd, uint64_t set, uint64_t propagation, bool recursive)
{
	struct mount_attr attr = {.attr_set = set, .propagation = propagation};

	return sys_mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr);
}

int mountfd_map(int fd, int userns, bool recursive)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)userns};

	return sys_mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr);
}

int mountfd_put(int fd, int target)
{
	return sys_move_mount(fd, "", target, "",
			      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}
