#include "runtime/quota.h"
#include "base/attr.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

enum { BLOCK = 1024 }; /* if_dqblk counts in blocks of it */

static int unable(const char *dir, const char *why, struct err *e)
{
	err_set(e, ENOTSUP, "a limit for %s: %s", dir, why);
	return err_hint(e, "ext4 or xfs, mounted with prjquota, under BERTH_ROOT has one");
}

/* A limit that is written down and not enforced would be a lie. */
static int check_enforced(int fd, const char *dir, struct err *e)
{
	struct fs_quota_statv state = {.qs_version = FS_QSTATV_VERSION1};
	int r = sys_quotactl_fd(fd, QCMD(Q_XGETQSTATV, PRJQUOTA), 0, &state);

	if (r == -ENOSYS && !(state.qs_flags & FS_QUOTA_PDQ_ENFD))
		return unable(dir, "the file system counts no projects", e);
	if (r < 0)
		return unable(dir, strerror(-r), e);
	if (!(state.qs_flags & FS_QUOTA_PDQ_ENFD))
		return unable(dir, "the file system is not mounted with prjquota", e);
	return 0;
}

/* What is made in a directory belongs to its project: the flag makes it so for all that comes. */
static int join_project(int fd, const char *dir, unsigned id, struct err *e)
{
	struct fsxattr x;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &x) < 0)
		return unable(dir, strerror(errno), e);
	x.fsx_projid = id;
	x.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	if (ioctl(fd, FS_IOC_FSSETXATTR, &x) < 0)
		return unable(dir, strerror(errno), e);
	return 0;
}

static int set_limit(int fd, const char *dir, unsigned id, uint64_t bytes, struct err *e)
{
	struct if_dqblk limit = {.dqb_bhardlimit = bytes / BLOCK,
				 .dqb_bsoftlimit = bytes / BLOCK,
				 .dqb_valid = QIF_BLIMITS};
	int r = sys_quotactl_fd(fd, QCMD(Q_SETQUOTA, PRJQUOTA), id, &limit);

	return r < 0 ? unable(dir, strerror(-r), e) : 0;
}

int quota_limit(const char *upper, const char *work, uint64_t bytes, struct err *e)
{
	auto_fd int u = sys_open(AT_FDCWD, upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	auto_fd int w = sys_open(AT_FDCWD, work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	struct stat st;
	unsigned id;
	int r;

	if (u < 0 || w < 0 || fstat(u, &st) < 0)
		return err_set(e, ENOENT, "%s, %s: not there", upper, work);
	/* Nobody else has this inode while the container is there, so nobody has the number; the
	 * high bit keeps clear of those that an administrator gives. */
	id = 0x40000000u | (unsigned)(st.st_ino & 0x3fffffff);
	r = check_enforced(u, upper, e);
	if (!r)
		r = join_project(u, upper, id, e);
	if (!r)
		r = join_project(w, work, id, e);
	return r ? r : set_limit(u, upper, id, bytes, e);
}
