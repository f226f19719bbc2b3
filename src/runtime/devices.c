#include "runtime/devices.h"
#include "base/sys.h"
#include "runtime/inside.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 8 };

static void add(struct arena *a, struct device_nodes *out, const char *target,
		const char *permissions, const struct stat *st)
{
	*vec_push(a, out) = (struct device_node){target,      permissions, st->st_mode,
						 st->st_rdev, st->st_uid,  st->st_gid};
}

/* Links and the pseudo file systems of /dev stay out. */
static int walk(struct arena *a, const char *source, const struct device_node *like, int depth,
		struct device_nodes *out, struct err *e)
{
	int fd = sys_open(AT_FDCWD, source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;
	struct stat st, top;
	int r = 0;

	if (!d || fstat(fd, &top) < 0)
		return err_set(e, ENODEV, "device directory %s: %s", source, strerror(errno));
	while (!r && (ent = readdir(d))) {
		struct device_node below = *like;

		if (ent->d_name[0] == '.' || fstatat(fd, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		/* The host's is nobody's, as with docker; who has a terminal has one of his own. */
		if (!strcmp(like->target, "/dev") && !strcmp(ent->d_name, "console"))
			continue;
		below.target = arena_printf(a, "%s/%s", like->target, ent->d_name);
		if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			add(a, out, below.target, like->permissions, &st);
		else if (S_ISDIR(st.st_mode) && depth < MAX_DEPTH && st.st_dev == top.st_dev)
			r = walk(a, arena_printf(a, "%s/%s", source, ent->d_name), &below,
				 depth + 1, out, e);
	}
	closedir(d);
	return r;
}

static int find_one(struct arena *a, const struct device_spec *d, struct device_nodes *out,
		    struct err *e)
{
	const struct device_node like = {.target = d->target,
					 .permissions = d->permissions ? d->permissions : "rwm"};
	struct stat st;

	if (stat(d->source, &st) < 0)
		return err_set(e, errno, "device %s: %s", d->source, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return walk(a, d->source, &like, 0, out, e);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, ENODEV, "%s is not a device", d->source);
	add(a, out, d->target, like.permissions, &st);
	return 0;
}

int devices_find(struct arena *a, const struct container_spec *s, struct device_nodes *out,
		 struct err *e)
{
	const struct device_node all = {.target = "/dev"};
	int r = s->privileged ? walk(a, "/dev", &all, 0, out, e) : 0;

	for (size_t i = 0; !r && i < s->devices.n; i++)
		r = find_one(a, &s->devices.v[i], out, e);
	return r;
}

/* The name may be taken by the same device, as /dev/null is in every container. */
static int check_taken(int dir, const char *name, const struct device_node *node, struct err *e)
{
	struct stat st;

	/* Of all the host's devices the container's own stay as they are (/dev/ptmx, a link). */
	if (!node->permissions)
		return 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "%s: %s", node->target, strerror(errno));
	if ((st.st_mode & S_IFMT) != (node->mode & S_IFMT) || st.st_rdev != node->number)
		return err_set(e, EEXIST, "%s exists in the image and is something else",
			       node->target);
	return 0;
}

int devices_make(struct arena *a, int root, const struct device_node *node, struct err *e)
{
	const char *slash = strrchr(node->target, '/');
	char *parent = arena_strndup(a, node->target, (size_t)(slash ? slash - node->target : 0));
	const char *name = slash ? slash + 1 : node->target;
	auto_fd int dir = inside_make(root, *parent ? parent : "/", INSIDE_DIR, 0755);

	if (dir < 0)
		return err_set(e, -dir, "%s: %s", node->target, strerror(-dir));
	if (mknodat(dir, name, node->mode, node->number) < 0)
		return errno == EEXIST ? check_taken(dir, name, node, e)
				       : err_set(e, errno, "%s: %s", node->target, strerror(errno));
	if (fchownat(dir, name, node->uid, node->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "%s: %s", node->target, strerror(errno));
	return 0;
}
