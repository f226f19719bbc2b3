#include "base/file.h"
#include "base/sys.h"
#include "net/publish.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

/*
 * A reservation is bound but does not listen: packets reach containers before they reach it, and
 * where no container is ready the kernel answers as for a closed port.
 */

struct kind {
	const char *protocol;
	int type, number;
	const char *table; /* in /proc/net */
};

static const struct kind *kind_of(const char *protocol)
{
	static const struct kind kinds[] = {
		{"tcp", SOCK_STREAM, IPPROTO_TCP, "tcp"},
		{"udp", SOCK_DGRAM, IPPROTO_UDP, "udp"},
		{"sctp", SOCK_STREAM, IPPROTO_SCTP, NULL},
	};

	for (size_t i = 0; i < countof(kinds); i++) {
		if (!strcmp(kinds[i].protocol, protocol))
			return &kinds[i];
	}
	return NULL;
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Family 0 becomes one IPv6 socket that also takes IPv4. */
static int bind_in(const struct kind *k, int family, const struct ip_addr *ip, uint16_t *port)
{
	auto_fd int fd = socket(family, k->type | SOCK_CLOEXEC, k->number);
	int v6only = ip->family == AF_INET6;
	union address at = {.any.sa_family = (sa_family_t)family};
	socklen_t n = sizeof(at);

	if (fd < 0)
		return -errno;
	if (family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
		at.v6.sin6_port = htons(*port);
		if (ip->family)
			at.v6.sin6_addr = ip->v6;
	} else {
		at.v4.sin_port = htons(*port);
		if (ip->family)
			at.v4.sin_addr = ip->v4;
	}
	if (bind(fd, &at.any, family == AF_INET6 ? sizeof(at.v6) : sizeof(at.v4)) < 0)
		return -errno;
	if (getsockname(fd, &at.any, &n) < 0)
		return -errno;
	*port = ntohs(family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
	return take_fd(&fd);
}

static int bind_one(const struct kind *k, const struct ip_addr *ip, uint16_t *port)
{
	int fd;

	if (ip->family)
		return bind_in(k, ip->family, ip, port);
	fd = bind_in(k, AF_INET6, ip, port);
	/* A kernel without IPv6, or without its addresses. */
	if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)
		fd = bind_in(k, AF_INET, ip, port);
	/* The kernel may carry SCTP for containers without offering its sockets here. */
	if (fd == -EPROTONOSUPPORT || fd == -ESOCKTNOSUPPORT)
		fd = sys_memfd("sctp-port", MFD_CLOEXEC);
	return fd;
}

/* Inode of a socket bound to the port, from /proc/net/tcp and its kin. */
static unsigned long inode_in(const char *table, uint16_t port)
{
	auto_arena a = {0};
	struct span text, row;
	unsigned long inode;
	unsigned local;
	struct err none;

	if (file_read(&a, AT_FDCWD, table, 16 << 20, &text, &none) < 0)
		return 0;
	while (text.n) {
		span_cut(&text, '\n', &row);
		char *s = span_dup(&a, row);

		if (sscanf(s, " %*d: %*[0-9A-Fa-f]:%x %*s %*x %*s %*s %*s %*u %*u %lu", &local,
			   &inode) == 2 &&
		    local == port && inode)
			return inode;
	}
	return 0;
}

static bool holds(const char *pid, unsigned long inode)
{
	char dir[64], wanted[64], target[64], entry[320];
	struct dirent *ent;
	bool found = false;
	ssize_t n;
	DIR *d;

	snprintf(dir, sizeof(dir), "/proc/%.20s/fd", pid);
	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	d = opendir(dir);
	while (d && !found && (ent = readdir(d))) {
		snprintf(entry, sizeof(entry), "%s/%s", dir, ent->d_name);
		n = readlink(entry, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		found = !strcmp(target, wanted);
	}
	if (d)
		closedir(d);
	return found;
}

/* "nginx (pid 123)", or "". */
static void name_holder(unsigned long inode, char *out, size_t room)
{
	auto_arena a = {0};
	struct span name;
	struct dirent *ent;
	struct err none;
	DIR *d = inode ? opendir("/proc") : NULL;

	out[0] = '\0';
	while (d && !out[0] && (ent = readdir(d))) {
		if (ent->d_name[0] < '0' || ent->d_name[0] > '9' || !holds(ent->d_name, inode))
			continue;
		if (!file_read(&a, AT_FDCWD, arena_printf(&a, "/proc/%s/comm", ent->d_name), 256,
			       &name, &none))
			snprintf(out, room, "%.*s (pid %.10s)", (int)strcspn(name.p, "\n"), name.p,
				 ent->d_name);
	}
	if (d)
		closedir(d);
}

static int explain(const struct kind *k, const struct ip_addr *ip, uint16_t port, int error,
		   struct err *e)
{
	char at[64] = "", holder[128] = "";
	auto_arena a = {0};
	unsigned long inode;

	ip_print(ip, false, at);
	if (error == EADDRNOTAVAIL)
		return err_set(e, error, "%s is not an address of this host", at);
	if (error != EADDRINUSE)
		return err_set(e, error, "cannot publish %s port %u: %s", k->protocol, port,
			       strerror(error));
	if (k->table) {
		inode = inode_in(arena_printf(&a, "/proc/net/%s", k->table), port);
		if (!inode)
			inode = inode_in(arena_printf(&a, "/proc/net/%s6", k->table), port);
		name_holder(inode, holder, sizeof(holder));
	}
	err_set(e, error, "%s port %u%s%s is in use%s%s", k->protocol, port, *at ? " on " : "", at,
		*holder ? " by " : "", holder);
	return err_hint(e, "stop that program, or publish another port");
}

int publish_reserve_range(const char *protocol, const struct ip_addr *host_ip, uint16_t first,
			  uint16_t last, uint16_t *out_port, int *out_fd, struct err *e)
{
	static const struct ip_addr any;
	const struct kind *k = kind_of(protocol);
	const struct ip_addr *ip = host_ip ? host_ip : &any;
	int fd = -EINVAL;

	if (!k)
		return err_set(e, EINVAL, "\"%s\" is not a protocol that can be published",
			       protocol);
	for (unsigned port = first; port <= last; port++) {
		*out_port = (uint16_t)port;
		fd = bind_one(k, ip, out_port);
		if (fd != -EADDRINUSE)
			break;
	}
	if (fd < 0)
		return explain(k, ip, first, -fd, e);
	*out_fd = fd;
	return 0;
}

int publish_reserve(const char *protocol, const struct ip_addr *host_ip, uint16_t port, int *out_fd,
		    struct err *e)
{
	uint16_t got;

	return publish_reserve_range(protocol, host_ip, port, port, &got, out_fd, e);
}
