/* doctor: can this machine run containers, and what is missing. Each row is one question. */
#include "base/file.h"
#include "base/paths.h"
#include "base/sys.h"
#include "base/when.h"
#include "cli/cli.h"
#include "runtime/cgroup.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/xattr.h>

enum verdict { GOOD, POOR, BAD };

struct finding {
	enum verdict verdict;
	char text[512], hint[256];
};

static void say(struct finding *f, enum verdict v, const char *text, const char *hint)
{
	f->verdict = v;
	snprintf(f->text, sizeof(f->text), "%s", text);
	snprintf(f->hint, sizeof(f->hint), "%s", v == GOOD ? "" : hint);
}

static void check_root(struct finding *f)
{
	say(f, geteuid() ? BAD : GOOD, geteuid() ? "not root" : "root", "run berth with sudo");
}

static void check_kernel(struct finding *f)
{
	struct utsname u;
	int major = 0, minor = 0;

	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	say(f, major > 5 || (major == 5 && minor >= 12) ? GOOD : BAD, u.release,
	    "Linux 5.12 or newer is needed (mount_setattr, openat2, pidfd)");
}

static void check_cgroups(struct finding *f)
{
	static const char *const names[] = {"v2", "v1", "hybrid (v1 controllers, v2 tree)"};
	enum cgroup_layout layout = cgroup_layout();

	say(f, layout == CGROUP_V2 ? GOOD : POOR, names[layout],
	    "works; on v1 a container's processes are killed one by one, and memory.low is "
	    "missing");
}

static void check_overlay(struct finding *f)
{
	auto_fd int fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);

	say(f, fs < 0 ? BAD : GOOD, fs < 0 ? "the kernel has no overlayfs" : "overlayfs",
	    "modprobe overlay");
}

static void check_storage(struct finding *f)
{
	const char *root = paths_root();
	struct statvfs s;
	char text[256], free_text[24];
	int64_t left;
	struct err e;

	if (file_mkdirs(root, 0700, &e) < 0 || statvfs(root, &s) < 0) {
		say(f, BAD, e.why, "set BERTH_ROOT to a directory that can be written");
		return;
	}
	left = (int64_t)(s.f_bavail * s.f_frsize);
	snprintf(text, sizeof(text), "%s: %s free", root, size_human(left, free_text));
	say(f, left < (1ll << 30) ? POOR : GOOD, text, "berth system prune makes room");
}

/* An overlay's upper directory needs trusted.* attributes. */
static void check_upper(struct finding *f)
{
	const char *root = paths_root();
	int r = setxattr(root, "trusted.berth.test", "y", 1, 0);

	if (!r)
		removexattr(root, "trusted.berth.test");
	say(f, r ? BAD : GOOD,
	    r ? "no trusted.* attributes below BERTH_ROOT" : "extended attributes",
	    "put BERTH_ROOT on ext4, xfs or btrfs");
}

static void check_library(struct finding *f, const char *soname, const char *hint)
{
	void *lib = dlopen(soname, RTLD_LAZY);

	say(f, lib ? GOOD : BAD, soname, hint);
	if (lib)
		dlclose(lib);
}

static void check_nftables(struct finding *f)
{
	check_library(f, "libnftables.so.1", "apt-get install libnftables1");
}

static void check_curl(struct finding *f)
{
	check_library(f, "libcurl.so.4", "apt-get install libcurl4");
}

static void check_seccomp(struct finding *f)
{
	bool has = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;

	say(f, has ? GOOD : BAD, has ? "system call filters" : "no seccomp in the kernel",
	    "containers run without a filter of system calls");
}

static void check_forward(struct finding *f)
{
	auto_arena a = {0};
	struct span text;
	struct err e;
	bool on = file_read(&a, AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", 16, &text, &e) >= 0 &&
		  text.n && text.p[0] == '1';

	say(f, on ? GOOD : POOR, on ? "forwarding is on" : "forwarding is off",
	    "berth switches it on with the first network");
}

static void check_bridge(struct finding *f)
{
	bool loaded = !access("/sys/module/bridge", F_OK);

	say(f, loaded ? GOOD : POOR, loaded ? "bridge" : "the bridge module is not loaded",
	    "the kernel loads it with the first bridge; if not: modprobe bridge");
}

static const struct {
	const char *name;
	void (*check)(struct finding *f);
} checks[] = {
	{"user", check_root},
	{"kernel", check_kernel},
	{"control groups", check_cgroups},
	{"file system", check_overlay},
	{"storage", check_storage},
	{"attributes", check_upper},
	{"seccomp", check_seccomp},
	{"bridges", check_bridge},
	{"ip_forward", check_forward},
	{"nftables", check_nftables},
	{"downloads", check_curl},
};

static int doctor_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const char *const words[] = {"ok", "note", "MISSING"};
	static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};
	int bad = 0;

	for (size_t i = 0; i < countof(checks); i++) {
		struct finding f = {0};

		checks[i].check(&f);
		bad += f.verdict == BAD;
		printf("%-15s %s%-7s%s %s\n", checks[i].name,
		       c->colour_out ? colours[f.verdict] : "", words[f.verdict],
		       c->colour_out ? "\033[0m" : "", f.text);
		if (f.hint[0])
			printf("%-15s         %s\n", "", f.hint);
	}
	return bad ? 1 : 0;
}

const struct command doctor_command = {
	.name = "doctor",
	.brief = "Check whether this machine has what berth needs",
	.run = doctor_run,
	.group = GROUP_OTHER,
};
