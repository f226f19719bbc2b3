/*
 * Where the hierarchies are, and the life of one group in all of them. What the limits are called
 * is in cgroup_limits.c, devices in cgroup_device.c.
 */
#include "runtime/cgroup.h"
#include "base/file.h"
#include "base/sys.h"
#include "runtime/cgroup_room.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define ROOT "/sys/fs/cgroup"

/* v1 controllers that a container gets a group in. cpu, cpuacct, cpuset and memory must all be
 * there: Java believes in none of its limits else. freezer only where v2 is not. */
static const char *const v1_names[] = {"memory", "cpu",     "cpuacct", "cpuset",
				       "pids",   "devices", "blkio",   "freezer"};

enum cgroup_layout cgroup_layout(void)
{
	struct statfs fs;

	if (!statfs(ROOT, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
		return CGROUP_V2;
	if (!statfs(ROOT "/unified", &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
		return CGROUP_HYBRID;
	return CGROUP_V1;
}

void cgroup_trees(struct cgroup_trees *out)
{
	enum cgroup_layout layout = cgroup_layout();
	char dir[64];
	struct stat st, first;

	*out = (struct cgroup_trees){.layout = layout};
	if (layout == CGROUP_V2)
		out->v[out->n++] = (struct cgroup_tree){"", ROOT};
	if (layout == CGROUP_HYBRID)
		out->v[out->n++] = (struct cgroup_tree){"", ROOT "/unified"};
	if (layout == CGROUP_V2 || stat(ROOT, &first) < 0)
		return;
	for (size_t i = 0; i < countof(v1_names); i++) {
		if (layout == CGROUP_HYBRID && !strcmp(v1_names[i], "freezer"))
			continue;
		snprintf(dir, sizeof(dir), ROOT "/%s", v1_names[i]);
		if (stat(dir, &st) < 0 || st.st_dev == first.st_dev)
			continue; /* not mounted */
		out->v[out->n].controller = v1_names[i];
		snprintf(out->v[out->n++].dir, sizeof(dir), "%s", dir);
	}
}

const struct cgroup_tree *cgroup_tree(const struct cgroup_trees *t, const char *controller)
{
	for (size_t i = 0; i < t->n; i++) {
		if (!strcmp(t->v[i].controller, controller))
			return &t->v[i];
	}
	return NULL;
}

int cgroup_file(const struct cgroup_tree *t, const char *path, const char *file, int flags)
{
	char name[PATH_MAX];

	if (snprintf(name, sizeof(name), "%s/%s/%s", t->dir, path, file) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	return sys_open(AT_FDCWD, name, flags | O_NOFOLLOW, 0);
}

int cgroup_write(const struct cgroup_tree *t, const char *path, const char *file, const char *text)
{
	auto_fd int fd = cgroup_file(t, path, file, O_WRONLY);

	return fd < 0 ? fd : sys_write_all(fd, text, strlen(text));
}

ssize_t cgroup_read(const struct cgroup_tree *t, const char *path, const char *file, char *out,
		    size_t size)
{
	auto_fd int fd = cgroup_file(t, path, file, O_RDONLY);
	int n = fd < 0 ? fd : sys_read_full(fd, out, size - 1);

	out[n > 0 ? n : 0] = '\0';
	return n;
}

/*
 * v2: a group that hands controllers down has no processes of its own, but for the hierarchy's
 * root. In a container what looks like the root is not it, for it has a type: its processes, ours
 * too, move to a child. First, because "cpu" could be handed down with them and would make a
 * threaded group of it.
 */
static void make_room(const struct cgroup_tree *t)
{
	char pids[1 << 16], *save = NULL;
	char full[PATH_MAX];

	if (cgroup_read(t, "", "cgroup.type", pids, sizeof(pids)) <= 0 ||
	    cgroup_read(t, "", "cgroup.procs", pids, sizeof(pids)) <= 0)
		return;
	snprintf(full, sizeof(full), "%s/init", t->dir);
	if (mkdir(full, 0755) < 0 && errno != EEXIST)
		return;
	for (char *p = strtok_r(pids, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
		cgroup_write(t, "init", "cgroup.procs", p);
}

/* v2: children have only the controllers that every ancestor hands down. */
static void hand_down(const struct cgroup_tree *t, const char *path)
{
	static const char *const wanted[] = {"+cpu", "+memory", "+pids", "+io", "+cpuset"};
	char control[256];

	if (cgroup_read(t, path, "cgroup.controllers", control, sizeof(control)) <= 1)
		return; /* none, as in a hybrid layout */
	if (!*path)
		make_room(t);
	for (size_t i = 0; i < countof(wanted); i++) {
		if (strstr(control, wanted[i] + 1))
			cgroup_write(t, path, "cgroup.subtree_control", wanted[i]);
	}
}

/*
 * v1 cpuset: a fresh group is empty and admits nobody. -ENOENT where the one above is empty itself:
 * another project removed it and a third has just made it anew.
 */
static int fill_cpuset(const struct cgroup_tree *t, const char *path, const char *parent)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	char text[1024];

	for (size_t i = 0; i < countof(files); i++) {
		if (cgroup_read(t, path, files[i], text, sizeof(text)) > 1)
			continue;
		if (cgroup_read(t, parent, files[i], text, sizeof(text)) <= 1)
			return -ENOENT;
		cgroup_write(t, path, files[i], text);
	}
	return 0;
}

static int make_once(const struct cgroup_tree *t, const char *path, struct err *e)
{
	char part[PATH_MAX], parent[PATH_MAX] = "", full[PATH_MAX];
	size_t n = strlen(path);

	for (size_t i = 1; i <= n; i++) {
		if (path[i] && path[i] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (snprintf(full, sizeof(full), "%s/%s", t->dir, part) >= (int)sizeof(full))
			return err_set(e, ENAMETOOLONG, "cgroup %s: the name is too long", path);
		if (!*t->controller)
			hand_down(t, parent);
		if (mkdir(full, 0755) < 0 && errno != EEXIST)
			return err_set(e, errno, "cannot make cgroup %s: %s", full,
				       strerror(errno));
		if (!strcmp(t->controller, "cpuset") && fill_cpuset(t, part, parent) < 0)
			return err_set(e, ENOENT, "cgroup %s: the one above has no processors",
				       full);
		memcpy(parent, part, sizeof(parent));
	}
	return 0;
}

/* A sibling's start has made everything above: true where only the last part was missing. */
static bool make_leaf(const struct cgroup_tree *t, const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX], full[PATH_MAX];

	snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - path) : 0, path);
	if (snprintf(full, sizeof(full), "%s/%s", t->dir, path) >= (int)sizeof(full))
		return false;
	if (mkdir(full, 0755) < 0)
		return false;
	if (!*t->controller)
		hand_down(t, parent);
	return strcmp(t->controller, "cpuset") != 0 || !fill_cpuset(t, path, parent);
}

/* Another project's last container may remove a parent between two steps of ours. */
static int make_in(const struct cgroup_tree *t, const char *path, struct err *e)
{
	int r = make_leaf(t, path) ? 0 : -ENOENT;

	for (int tries = 0; r == -ENOENT && tries < 100; tries++)
		r = make_once(t, path, e);
	return r;
}

static bool strict_path(const char *path)
{
	return *path && *path != '/' && !strstr(path, "..") && !strstr(path, "//");
}

/* Calls fn for the group and all below it, leaves first. */
static int each_group(const struct cgroup_tree *t, const char *path,
		      int (*fn)(const struct cgroup_tree *t, const char *path, void *arg),
		      void *arg)
{
	int fd = cgroup_file(t, path, ".", O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char below[PATH_MAX];
	struct dirent *ent;
	int r = 0;

	if (!d)
		return fd < 0 ? fd : -errno;
	while (!r && (ent = readdir(d))) {
		if (ent->d_type != DT_DIR || ent->d_name[0] == '.')
			continue;
		if (snprintf(below, sizeof(below), "%s/%s", path, ent->d_name) < (int)sizeof(below))
			r = each_group(t, below, fn, arg);
	}
	closedir(d);
	r = r == -ENOENT ? 0 : r;
	return r ? r : fn(t, path, arg);
}

static int remove_one(const struct cgroup_tree *t, const char *path, void *arg)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s/%s", t->dir, path);
	return rmdir(full) < 0 && errno != ENOENT ? -errno : 0;
}

/* The empty groups above that are ours, so that the last container leaves nothing behind. */
static void remove_parents(const struct cgroup_tree *t, const char *path)
{
	char full[PATH_MAX];
	size_t top = strlen(t->dir);

	if (!text_starts(path, "berth/"))
		return;
	snprintf(full, sizeof(full), "%s/%s", t->dir, path);
	for (char *slash = strrchr(full, '/'); slash > full + top; slash = strrchr(full, '/')) {
		*slash = '\0';
		if (rmdir(full) < 0)
			return;
	}
}

static int remove_all(const struct cgroup_trees *trees, const char *path)
{
	int r, worst = 0;

	for (size_t i = 0; i < trees->n; i++) {
		r = each_group(&trees->v[i], path, remove_one, NULL);
		if (r < 0 && r != -ENOENT)
			worst = r;
		remove_parents(&trees->v[i], path);
	}
	return worst;
}

int cgroup_make_first(const char *path, struct err *e)
{
	struct cgroup_trees trees;
	const struct cgroup_tree *t;
	int r;

	if (!strict_path(path))
		return err_set(e, EINVAL, "\"%s\" cannot be the name of a cgroup", path);
	cgroup_trees(&trees);
	t = cgroup_tree(&trees, "");
	r = t ? make_in(t, path, e) : 0;
	if (r < 0)
		remove_all(&trees, path);
	return r;
}

int cgroup_make(const char *path, const struct cgroup_limits *limits, bool privileged,
		struct err *e)
{
	struct cgroup_trees trees;
	int r = 0;

	if (!strict_path(path))
		return err_set(e, EINVAL, "\"%s\" cannot be the name of a cgroup", path);
	cgroup_trees(&trees);
	for (size_t i = 0; !r && i < trees.n; i++)
		r = make_in(&trees.v[i], path, e);
	if (!r)
		r = cgroup_limit(&trees, path, limits, e);
	if (!r)
		r = cgroup_devices(&trees, path, limits, privileged, e);
	if (r < 0)
		remove_all(&trees, path);
	return r;
}

/* The tree that names all of a container's processes: v2 where there is one. */
static const struct cgroup_tree *roll(const struct cgroup_trees *t)
{
	const struct cgroup_tree *tree = cgroup_tree(t, "");

	return tree ? tree : cgroup_tree(t, "pids");
}

int cgroup_make_sub(const char *path, struct err *e)
{
	struct cgroup_trees trees;
	char full[PATH_MAX];

	cgroup_trees(&trees);
	if (!roll(&trees) || !strict_path(path))
		return err_set(e, EINVAL, "\"%s\" cannot be the name of a cgroup", path);
	snprintf(full, sizeof(full), "%s/%s", roll(&trees)->dir, path);
	if (!mkdir(full, 0755) || (errno == EEXIST && !rmdir(full) && !mkdir(full, 0755)))
		return cgroup_tree(&trees, "") ? 0 : CGROUP_OLD;
	if (errno != EBUSY)
		return err_set(e, errno, "cannot make cgroup %s: %s", full, strerror(errno));
	return CGROUP_OLD;
}

int cgroup_enter(const char *path, pid_t pid, struct err *e)
{
	struct cgroup_trees trees;
	char text[16];
	int r;

	snprintf(text, sizeof(text), "%d", (int)pid);
	cgroup_trees(&trees);
	for (size_t i = 0; i < trees.n; i++) {
		r = cgroup_write(&trees.v[i], path, "cgroup.procs", text);
		if (r < 0 && r != -ENOENT)
			return err_set(e, -r, "cannot enter cgroup %s/%s: %s", trees.v[i].dir, path,
				       strerror(-r));
	}
	return 0;
}

/*
 * A process that moves its own single thread by "tasks" is spared the lock that "cgroup.procs"
 * takes, and with it an RCU grace period: 8 to 15 ms as measured (6.18, 2 cores).
 */
int cgroup_enter_v1(const char *path, struct err *e)
{
	struct cgroup_trees trees;
	int r;

	cgroup_trees(&trees);
	for (size_t i = 0; i < trees.n; i++) {
		if (!*trees.v[i].controller)
			continue;
		r = cgroup_write(&trees.v[i], path, "tasks", "0");
		if (r < 0 && r != -ENOENT)
			return err_set(e, -r, "cannot enter cgroup %s/%s: %s", trees.v[i].dir, path,
				       strerror(-r));
	}
	return 0;
}

/* A line of /proc/self/cgroup, "4:memory:/user.slice/x": the hierarchies that limit, and systemd's
 * own, which it kills by. */
static void leave(const char *line)
{
	const char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
	bool unified = path == names + 1;
	char file[PATH_MAX];
	int fd;

	if (!path || !strcmp(path, ":/\n"))
		return;
	names++;
	if (text_starts(names, "name="))
		names += strlen("name=");
	if (unified)
		snprintf(file, sizeof(file), "%s/cgroup.procs",
			 cgroup_layout() == CGROUP_V2 ? ROOT : ROOT "/unified");
	else /* "tasks" for the reason above */
		snprintf(file, sizeof(file), ROOT "/%.*s/tasks", (int)(path - names), names);
	fd = sys_open(AT_FDCWD, file, O_WRONLY, 0);
	if (fd < 0)
		return;
	(void)!sys_write_all(fd, "0", 1);
	close(fd);
}

void cgroup_leave(void)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX];

	while (f && fgets(line, sizeof(line), f))
		leave(line);
	if (f)
		fclose(f);
}

int cgroup_fd(const char *path)
{
	struct cgroup_trees trees;
	const struct cgroup_tree *t;

	cgroup_trees(&trees);
	t = cgroup_tree(&trees, "");
	return t ? cgroup_file(t, path, ".", O_RDONLY | O_DIRECTORY) : -1;
}

static int set_frozen(const struct cgroup_trees *trees, const char *path, bool frozen)
{
	const struct cgroup_tree *t = cgroup_tree(trees, "");

	if (t)
		return cgroup_write(t, path, "cgroup.freeze", frozen ? "1" : "0");
	t = cgroup_tree(trees, "freezer");
	return t ? cgroup_write(t, path, "freezer.state", frozen ? "FROZEN" : "THAWED") : -ENOENT;
}

int cgroup_freeze(const char *path, bool frozen, struct err *e)
{
	struct cgroup_trees trees;
	int r;

	cgroup_trees(&trees);
	r = set_frozen(&trees, path, frozen);
	if (r < 0)
		return err_set(e, -r, "cannot %s cgroup %s: %s", frozen ? "freeze" : "thaw", path,
			       strerror(-r));
	return 0;
}

struct pid_list {
	struct arena *a;
	VEC(pid_t) pids;
};

static int read_pids(const struct cgroup_tree *t, const char *path, struct pid_list *out)
{
	auto_fd int fd = cgroup_file(t, path, "cgroup.procs", O_RDONLY);
	auto_arena scratch = {0};
	struct span text, line;
	struct err ignored;
	uint64_t pid;
	int r = fd < 0 ? fd : file_read_fd(&scratch, fd, 64 << 20, &text, &ignored);

	while (!r && text.n) {
		span_cut(&text, '\n', &line);
		if (line.n && !text_to_u64(span_dup(&scratch, line), &pid) && pid)
			*vec_push(out->a, &out->pids) = (pid_t)pid;
	}
	return r;
}

static int add_pids(const struct cgroup_tree *t, const char *path, void *arg)
{
	return read_pids(t, path, arg);
}

int cgroup_pids(struct arena *a, const char *path, pid_t **out, size_t *n, struct err *e)
{
	struct pid_list list = {.a = a};
	struct cgroup_trees trees;
	int r;

	cgroup_trees(&trees);
	r = roll(&trees) ? each_group(roll(&trees), path, add_pids, &list) : -ENOENT;
	if (r < 0)
		return err_set(e, -r, "cannot list the processes of cgroup %s: %s", path,
			       strerror(-r));
	*out = list.pids.v;
	*n = list.pids.n;
	return 0;
}

static int kill_pids(const struct cgroup_tree *t, const char *path, void *arg)
{
	auto_arena a = {0};
	struct pid_list list = {.a = &a};
	int r = read_pids(t, path, &list);

	/* A pid read here may die and be reused before kill(2) only while it is unreaped: the group
	 * is frozen on v1, and where the kernel has cgroup.kill this is not used at all. */
	vec_each(pid, &list.pids)
		kill(*pid, SIGKILL);
	*(size_t *)arg += list.pids.n;
	return r;
}

int cgroup_kill(const char *path, struct err *e)
{
	struct cgroup_trees trees;
	const struct cgroup_tree *t;
	size_t killed = 0;
	char none[2];
	int r = 0;

	cgroup_trees(&trees);
	t = cgroup_tree(&trees, "");
	if (t) {
		/* The kernel kills frozen processes too. */
		r = cgroup_write(t, path, "cgroup.kill", "1");
		if (!r ||
		    (r == -ENOENT && cgroup_read(t, path, "cgroup.procs", none, sizeof(none)) < 0))
			return 0;
	}
	t = roll(&trees);
	if (!t)
		return err_set(e, ENOENT, "no cgroup hierarchy lists the processes of %s", path);
	set_frozen(&trees, path, true);
	r = each_group(t, path, kill_pids, &killed);
	set_frozen(&trees, path, false);
	if (r < 0 && r != -ENOENT)
		return err_set(e, -r, "cannot kill cgroup %s: %s", path, strerror(-r));
	return 0;
}

int cgroup_remove(const char *path, struct err *e)
{
	struct cgroup_trees trees;
	int worst;

	if (!strict_path(path))
		return err_set(e, EINVAL, "\"%s\" cannot be the name of a cgroup", path);
	cgroup_trees(&trees);
	worst = remove_all(&trees, path);
	if (worst == -EBUSY)
		return err_set(e, EBUSY, "cgroup %s still has processes", path);
	return worst < 0 ? err_set(e, -worst, "cannot remove cgroup %s: %s", path, strerror(-worst))
			 : 0;
}
