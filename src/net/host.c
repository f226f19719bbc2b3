#include "net/host.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/sys.h"
#include "net/link.h"
#include "net/netns.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define MARKER "forwarding-by-berth"

static bool sysctl_is(const char *path, char wanted)
{
	auto_fd int fd = sys_open(AT_FDCWD, path, O_RDONLY, 0);
	char now = 0;

	return fd >= 0 && sys_read(fd, &now, 1) == 1 && now == wanted;
}

static const char *marker_path(struct arena *a)
{
	return arena_printf(a, "%s/net/%s", paths_run(), MARKER);
}

bool host_has_ipv6(void)
{
	return sysctl_is("/proc/sys/net/ipv6/conf/all/disable_ipv6", '0') &&
	       sysctl_is("/proc/sys/net/ipv6/conf/default/disable_ipv6", '0');
}

bool host_forwards_for_us(void)
{
	auto_arena a = {0};

	return access(marker_path(&a), F_OK) == 0;
}

/* Written before the switch is thrown: a router that nobody asked for must never be forgotten. */
static int remember(struct err *e)
{
	auto_arena a = {0};
	char *dir;

	if (paths_make(&a, paths_run(), "net", &dir, e) < 0)
		return -e->code;
	return file_replace(AT_FDCWD, marker_path(&a), "1\n", 2, 0600, FILE_FAST, e);
}

static int switch_on(const char *name, struct err *e)
{
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	if (!sysctl_is(path, '0'))
		return 0; /* on, or a kernel without the family */
	if (remember(e) < 0)
		return -e->code;
	r = netns_sysctl("1", "%s", name);
	if (r < 0)
		return err_set(e, -r, "cannot turn on %s: %s", name, strerror(-r));
	return 0;
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
	int r = 0;

	if (n->internal)
		return 0;
	if (n->subnet4.family)
		r = switch_on("ipv4/ip_forward", e);
	if (!r && n->subnet6.family && sysctl_is("/proc/sys/net/ipv6/conf/all/forwarding", '0')) {
		keep_advertisements();
		r = switch_on("ipv6/conf/all/forwarding", e);
	}
	return r;
}
