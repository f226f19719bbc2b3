#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static inline int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

int sys_open(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd;

	do {
		fd = openat(dirfd, path, flags | O_CLOEXEC, mode);
	} while (fd < 0 && errno == EINTR);
	return result(fd);
}

int sys_openat2(int dirfd, const char *path, uint64_t flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
	long r;

	do {
		r = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		/* EAGAIN: a rename raced with RESOLVE_IN_ROOT; the kernel asks for another try. */
	} while (r < 0 && (errno == EINTR || errno == EAGAIN));
	return result(r);
}

ssize_t sys_read(int fd, void *p, size_t n)
{
	ssize_t r;

	do {
		r = read(fd, p, n);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

int sys_read_full(int fd, void *p, size_t n)
{
	size_t done = 0;
	ssize_t r = 1;

	while (done < n && r > 0) {
		r = sys_read(fd, (char *)p + done, n - done);
		if (r < 0)
			return (int)r;
		done += (size_t)r;
	}
	return (int)done;
}

int sys_write_all(int fd, const void *p, size_t n)
{
	size_t done = 0;
	ssize_t r;

	while (done < n) {
		r = write(fd, (const char *)p + done, n - done);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0)
			done += (size_t)r;
	}
	return 0;
}

int sys_pipe(int fds[2], int flags)
{
	return result(pipe2(fds, flags | O_CLOEXEC));
}

int sys_dup_above(int fd, int floor)
{
	return result(fcntl(fd, F_DUPFD_CLOEXEC, floor));
}

int sys_clone3(struct clone_args *args, size_t size)
{
	return result(syscall(SYS_clone3, args, size));
}

int sys_pidfd_open(pid_t pid)
{
	return result(syscall(SYS_pidfd_open, pid, 0));
}

int sys_pidfd_signal(int pidfd, int sig)
{
	return result(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0));
}

int sys_pidfd_wait(int pidfd, int options, int *status)
{
	siginfo_t info = {0};
	int r;

	do {
		r = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, options | WEXITED);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (!info.si_pid)
		return -EAGAIN;
	*status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status & 0x7f;
	return 0;
}

int sys_close_from(int first, unsigned flags)
{
	return result(syscall(SYS_close_range, first, ~0U, flags));
}

int sys_close_range(int first, int last)
{
	return result(syscall(SYS_close_range, first, last, 0));
}

int sys_memfd(const char *name, unsigned flags)
{
	return result(memfd_create(name, flags | MFD_CLOEXEC));
}

enum { MAX_FDS = 8 };

union control {
	char space[CMSG_SPACE(sizeof(int) * MAX_FDS)];
	struct cmsghdr align;
};

int sys_send_fds(int sock, const void *p, size_t n, const int *fds, size_t n_fds)
{
	struct iovec iov = {(void *)(uintptr_t)p, n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control = {0};
	struct cmsghdr *c;
	ssize_t r;

	if (n_fds > MAX_FDS)
		return -EINVAL;
	if (n_fds) {
		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&msg);
		*c = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
				      .cmsg_type = SCM_RIGHTS,
				      .cmsg_len = CMSG_LEN(sizeof(int) * n_fds)};
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	do {
		r = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : (int)r;
}

ssize_t sys_recv_fds(int sock, void *p, size_t n, int *fds, size_t *n_fds)
{
	struct iovec iov = {p, n};
	union control control = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.space,
			     .msg_controllen = sizeof(control.space)};
	size_t got = 0, count;
	int fd;
	ssize_t r;

	do {
		r = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (got < *n_fds)
				fds[got++] = fd;
			else
				close(fd);
		}
	}
	*n_fds = got;
	return r;
}

int sys_fsopen(const char *fs, unsigned flags)
{
	return result(syscall(SYS_fsopen, fs, flags | FSOPEN_CLOEXEC));
}

int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux)
{
	return result(syscall(SYS_fsconfig, fd, cmd, key, value, aux));
}

int sys_fsmount(int fd, unsigned flags, unsigned attrs)
{
	return result(syscall(SYS_fsmount, fd, flags | FSMOUNT_CLOEXEC, attrs));
}

int sys_open_tree(int dirfd, const char *path, unsigned flags)
{
	return result(syscall(SYS_open_tree, dirfd, path, flags | OPEN_TREE_CLOEXEC));
}

int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags)
{
	return result(syscall(SYS_move_mount, from, from_path, to, to_path, flags));
}

int sys_mount_setattr(int dirfd, const char *path, unsigned flags, struct mount_attr *attr)
{
	return result(syscall(SYS_mount_setattr, dirfd, path, flags, attr, sizeof(*attr)));
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	return result(syscall(SYS_pivot_root, new_root, put_old));
}

int sys_bpf_device_program(const struct bpf_insn *insns, size_t n)
{
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
			       .insns = (uintptr_t)insns,
			       .insn_cnt = (unsigned)n,
			       .license = (uintptr_t) "GPL"};

	return result(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
}

int sys_bpf_attach_device(int cgroup_fd, int prog_fd)
{
	union bpf_attr attr = {.target_fd = (unsigned)cgroup_fd,
			       .attach_bpf_fd = (unsigned)prog_fd,
			       .attach_type = BPF_CGROUP_DEVICE};

	return result(syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)));
}

int sys_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
		{(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
		 (uint32_t)(inheritable >> 32)},
	};

	return result(syscall(SYS_capset, &head, data));
}

int sys_cap_permitted(uint64_t *permitted)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	int r = result(syscall(SYS_capget, &head, data));

	*permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return r;
}

int sys_seccomp(const void *filters, size_t n)
{
	struct sock_fprog prog = {(unsigned short)n, (struct sock_filter *)(uintptr_t)filters};

	return result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
}

int sys_execveat(int fd, const char *path, char *const *argv, char *const *envp, int flags)
{
	return result(syscall(SYS_execveat, fd, path, argv, envp, flags));
}

int sys_keyring_new_session(void)
{
	return result(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
}

int sys_quotactl_fd(int fd, unsigned cmd, unsigned id, void *addr)
{
#ifndef SYS_quotactl_fd
	enum { SYS_quotactl_fd = 443 }; /* the same on every architecture; older headers lack it */
#endif
	return syscall(SYS_quotactl_fd, fd, cmd, id, addr) < 0 ? -errno : 0;
}

int sys_random(void *out, size_t n)
{
	char *p = out;

	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno != EINTR)
			return -errno;
		p += got < 0 ? 0 : got;
		n -= got < 0 ? 0 : (size_t)got;
	}
	return 0;
}
