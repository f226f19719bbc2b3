#include "runtime/rights.h"
#include "base/mem.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* By number, as the kernel has them since 5.9; own, since libcap would be one library more. */
static const char *const names[] = {"CAP_CHOWN",
				    "CAP_DAC_OVERRIDE",
				    "CAP_DAC_READ_SEARCH",
				    "CAP_FOWNER",
				    "CAP_FSETID",
				    "CAP_KILL",
				    "CAP_SETGID",
				    "CAP_SETUID",
				    "CAP_SETPCAP",
				    "CAP_LINUX_IMMUTABLE",
				    "CAP_NET_BIND_SERVICE",
				    "CAP_NET_BROADCAST",
				    "CAP_NET_ADMIN",
				    "CAP_NET_RAW",
				    "CAP_IPC_LOCK",
				    "CAP_IPC_OWNER",
				    "CAP_SYS_MODULE",
				    "CAP_SYS_RAWIO",
				    "CAP_SYS_CHROOT",
				    "CAP_SYS_PTRACE",
				    "CAP_SYS_PACCT",
				    "CAP_SYS_ADMIN",
				    "CAP_SYS_BOOT",
				    "CAP_SYS_NICE",
				    "CAP_SYS_RESOURCE",
				    "CAP_SYS_TIME",
				    "CAP_SYS_TTY_CONFIG",
				    "CAP_MKNOD",
				    "CAP_LEASE",
				    "CAP_AUDIT_WRITE",
				    "CAP_AUDIT_CONTROL",
				    "CAP_SETFCAP",
				    "CAP_MAC_OVERRIDE",
				    "CAP_MAC_ADMIN",
				    "CAP_SYSLOG",
				    "CAP_WAKE_ALARM",
				    "CAP_BLOCK_SUSPEND",
				    "CAP_AUDIT_READ",
				    "CAP_PERFMON",
				    "CAP_BPF",
				    "CAP_CHECKPOINT_RESTORE"};

int rights_number(const char *name)
{
	if (!strncasecmp(name, "CAP_", 4))
		name += 4;
	for (size_t i = 0; i < countof(names); i++) {
		if (!strcasecmp(names[i] + 4, name))
			return (int)i;
	}
	return -EINVAL;
}

uint64_t rights_default(void)
{
	static const int set[] = {CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FOWNER,           CAP_FSETID,
				  CAP_KILL,    CAP_SETGID,       CAP_SETUID,           CAP_SETPCAP,
				  CAP_NET_RAW, CAP_SYS_CHROOT,   CAP_NET_BIND_SERVICE, CAP_MKNOD,
				  CAP_SETFCAP, CAP_AUDIT_WRITE};
	uint64_t bits = 0;

	for (size_t i = 0; i < countof(set); i++)
		bits |= UINT64_C(1) << set[i];
	return bits;
}

static uint64_t own_bounding(void)
{
	uint64_t bits = 0;

	for (int i = 0; i < 64; i++) {
		int has = prctl(PR_CAPBSET_READ, i);

		if (has < 0)
			break;
		bits |= (uint64_t)has << i;
	}
	return bits;
}

static int drop_bounding(uint64_t keep, struct err *e)
{
	for (int i = 0; i < 64; i++) {
		if (keep >> i & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, i) < 0) {
			if (errno == EINVAL)
				return 0; /* past the kernel's last */
			return err_set(e, errno, "cannot drop capability %d: %s", i,
				       strerror(errno));
		}
	}
	return 0;
}

/*
 * The primary group is among the supplementary ones too, as docker has it since CVE-2022-36109: a
 * set-group-id program would otherwise be a way to lose a group that a mode denies.
 */
static int set_groups(const struct user *u)
{
	auto_free gid_t *all = mem_array(u->n_groups + 1, sizeof(*all));
	size_t n = 0;

	all[n++] = u->gid;
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] != u->gid)
			all[n++] = u->groups[i];
	return setgroups(n, all);
}

static int become(const struct user *u, struct err *e)
{
	if (set_groups(u) < 0)
		return err_set(e, errno, "cannot set the groups: %s", strerror(errno));
	if (setresgid(u->gid, u->gid, u->gid) < 0)
		return err_set(e, errno, "cannot become group %u: %s", u->gid, strerror(errno));
	if (setresuid(u->uid, u->uid, u->uid) < 0)
		return err_set(e, errno, "cannot become user %u: %s", u->uid, strerror(errno));
	return 0;
}

static int install(const struct filter *f, struct err *e)
{
	int r = f->n ? sys_seccomp(f->code, f->n) : 0;

	return r < 0 ? err_set(e, -r, "cannot load the seccomp filter: %s", strerror(-r)) : 0;
}

/*
 * Without no_new_privs only CAP_SYS_ADMIN may install a filter, so it goes first, and what follows
 * passes through it; with no_new_privs it goes last. Inheritable and ambient sets stay empty: with
 * inheritable ones a file capability in the image would be gained by any user (CVE-2022-24769).
 */
int rights_take(const struct rights *r, struct err *e)
{
	uint64_t caps = r->caps & own_bounding();
	int done;

	if (r->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "cannot set no_new_privs: %s", strerror(errno));
	if (!r->no_new_privs && install(r->filter, e) < 0)
		return -e->code;
	done = drop_bounding(caps, e);
	if (done < 0)
		return done;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_set(e, errno, "cannot clear ambient capabilities: %s", strerror(errno));
	done = become(r->user, e);
	if (done < 0)
		return done;
	caps = r->user->uid ? 0 : caps;
	done = sys_capset(caps, caps, 0);
	if (done < 0)
		return err_set(e, -done, "cannot set capabilities: %s", strerror(-done));
	return r->no_new_privs ? install(r->filter, e) : 0;
}

int rights_oom(const struct container_spec *s, struct err *e)
{
	auto_fd int fd = -1;
	char text[16];
	int r;

	if (!s->oom_score_adj_given)
		return 0;
	fd = sys_open(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY, 0);
	snprintf(text, sizeof(text), "%d", s->oom_score_adj);
	r = fd < 0 ? fd : sys_write_all(fd, text, strlen(text));
	return r < 0 ? err_set(e, -r, "cannot set oom_score_adj to %s: %s", text, strerror(-r)) : 0;
}

int rights_limits(const struct container_spec *s, struct err *e)
{
	vec_each(l, &s->rlimits) {
		const struct rlimit limit = {l->soft, l->hard};

		if (setrlimit(l->resource, &limit) < 0) {
			err_set(e, errno, "cannot set ulimit %d to %llu:%llu: %s", l->resource,
				(unsigned long long)l->soft, (unsigned long long)l->hard,
				strerror(errno));
			return err_hint(e, "a hard limit above berth's own needs CAP_SYS_RESOURCE");
		}
	}
	return 0;
}
