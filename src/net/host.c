#include "net/host.h"
#include "base/paths.h"
#include "base/sys.h"
#include "net/netns.h"
#include "net/rtnl.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* What is turned on for all of the host, and the file below BERTH_RUN/net that says it was us. */
static const struct forwarding {
	const char *sysctl, *marker;
} FORWARDING[] = {
	{"ipv4/ip_forward", "forwards-ipv4"},
	{"ipv6/conf/all/forwarding", "forwards-ipv6"},
};
enum { V4, V6, FAMILIES };

static bool sysctl_is(const char *path, char wanted)
{
	auto_fd int fd = sys_open(AT_FDCWD, path, O_RDONLY, 0);
	char now = 0;

	return fd >= 0 && sys_read(fd, &now, 1) == 1 && now == wanted;
}

static bool is_on(const struct forwarding *f)
{
	auto_arena a = {0};

	return !sysctl_is(arena_printf(&a, "/proc/sys/net/%s", f->sysctl), '0');
}

static char *marker_path(struct arena *a, const struct forwarding *f)
{
	return arena_printf(a, "%s/net/%s", paths_run(), f->marker);
}

static bool by_us(const struct forwarding *f)
{
	auto_arena a = {0};

	return access(marker_path(&a, f), F_OK) == 0;
}

bool host_has_ipv6(void)
{
	return sysctl_is("/proc/sys/net/ipv6/conf/all/disable_ipv6", '0') &&
	       sysctl_is("/proc/sys/net/ipv6/conf/default/disable_ipv6", '0');
}

bool host_forwards_for_us(void)
{
	return by_us(&FORWARDING[V4]) || by_us(&FORWARDING[V6]);
}

/* One at a time: a last network that goes must not turn off what a first one has just asked for. */
static int lock_switches(int *fd, struct err *e)
{
	auto_arena a = {0};
	char *dir;

	if (paths_make(&a, paths_run(), "net", &dir, e) < 0)
		return -e->code;
	*fd = sys_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
	if (*fd < 0 || flock(*fd, LOCK_EX) < 0)
		return err_set(e, errno, "cannot lock %s: %s", dir, strerror(errno));
	return 0;
}

/* Remembered before the switch is thrown: a router that nobody asked for must never be forgotten.
 * That the marker exists is all it says: made in one step, a kill leaves none half made.
 */
static int switch_on(const struct forwarding *f, struct err *e)
{
	auto_arena a = {0};
	const char *path = marker_path(&a, f);
	auto_fd int fd = sys_open(AT_FDCWD, path, O_WRONLY | O_CREAT, 0600);
	int r;

	if (fd < 0)
		return err_set(e, -fd, "cannot write %s: %s", path, strerror(-fd));
	r = netns_sysctl("1", "%s", f->sysctl);
	return r < 0 ? err_set(e, -r, "cannot turn on %s: %s", f->sysctl, strerror(-r)) : 0;
}

/*
 * A router ignores router advertisements, and the host must keep the address and the route that it
 * has from them. What "all" says does not reach interfaces that exist.
 */
static void keep_advertisements(void)
{
	DIR *d = opendir("/proc/sys/net/ipv6/conf");
	struct dirent *ent;

	while (d && (ent = readdir(d))) {
		char path[320];

		snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", ent->d_name);
		if (ent->d_name[0] != '.' && sysctl_is(path, '1'))
			(void)netns_sysctl("2", "ipv6/conf/%s/accept_ra", ent->d_name);
	}
	if (d)
		closedir(d);
}

int host_forwarding(const struct net_spec *n, struct err *e)
{
	const bool wants[FAMILIES] = {!n->internal && n->subnet4.family,
				      !n->internal && n->subnet6.family};
	auto_fd int lock = -1;

	if (!wants[V4] && !wants[V6])
		return 0;
	if (lock_switches(&lock, e) < 0)
		return -e->code;
	for (int i = 0; i < FAMILIES; i++) {
		if (!wants[i] || is_on(&FORWARDING[i]))
			continue;
		if (i == V6)
			keep_advertisements();
		if (switch_on(&FORWARDING[i], e) < 0)
			return -e->code;
	}
	return 0;
}

/* Kinds of interface that do not say that somebody forwards. */
static bool is_harmless(const char *kind)
{
	static const char *const kinds[] = {"veth", "dummy", "ifb", "vlan", "bond", "team"};

	for (size_t i = 0; i < countof(kinds); i++) {
		if (!strcmp(kind, kinds[i]))
			return true;
	}
	return false;
}

static int note_user(const struct nlmsghdr *h, void *used)
{
	const struct nlattr *attr, *in;

	mnl_attr_for_each(attr, h, sizeof(struct ifinfomsg))
	{
		if (mnl_attr_get_type(attr) != IFLA_LINKINFO)
			continue;
		mnl_attr_for_each_nested(in, attr)
		{
			if (mnl_attr_get_type(in) == IFLA_INFO_KIND)
				*(bool *)used |= !is_harmless(mnl_attr_get_str(in));
		}
	}
	return 0;
}

int host_forwarding_rest(struct err *e)
{
	struct ifinfomsg ask = {0};
	auto_rtnl r = {.fd = -1};
	auto_fd int lock = -1;
	auto_arena a = {0};
	bool used = false;

	if (!host_forwards_for_us())
		return 0;
	if (lock_switches(&lock, e) < 0 || rtnl_open(&r, -1, e) < 0 ||
	    rtnl_dump(&r, RTM_GETLINK, &ask, sizeof(ask), note_user, &used, e) < 0)
		return -e->code;
	for (int i = 0; i < FAMILIES && !used; i++) {
		if (!by_us(&FORWARDING[i]))
			continue;
		(void)netns_sysctl("0", "%s", FORWARDING[i].sysctl);
		(void)unlink(marker_path(&a, &FORWARDING[i]));
	}
	return 0;
}
