/*
 * System calls that libc lacks or that need EINTR, CLOEXEC or -errno. The only file with
 * syscall(2). Everything returns -errno on failure (they cannot know what it meant) and every
 * descriptor is O_CLOEXEC at birth.
 */
#pragma once
#include "base/attr.h"
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

int sys_open(int dirfd, const char *path, int flags, mode_t mode);
/* resolve: RESOLVE_* of openat2(2), Linux 5.6. */
int sys_openat2(int dirfd, const char *path, uint64_t flags, mode_t mode, uint64_t resolve);
ssize_t sys_read(int fd, void *p, size_t n);        /* one read, EINTR hidden */
int sys_read_full(int fd, void *p, size_t n);       /* bytes read; short only at the end */
int sys_write_all(int fd, const void *p, size_t n); /* 0 */
int sys_pipe(int fds[2], int flags);
int sys_dup_above(int fd, int floor); /* F_DUPFD_CLOEXEC */

int sys_clone3(struct clone_args *args, size_t size); /* pid, 0 in the child */
int sys_pidfd_open(pid_t pid);
int sys_pidfd_signal(int pidfd, int sig);
/* Reaps the child behind a pidfd; 0 with *status as waitpid has it, or -ECHILD where not ours. */
int sys_pidfd_wait(int pidfd, int options, int *status);
int sys_close_from(int first, unsigned flags); /* close_range(first, ~0, flags) */
int sys_close_range(int first, int last);
int sys_memfd(const char *name, unsigned flags);

/* Sends up to 8 descriptors beside the bytes; receives likewise (*n_fds: room, then count). */
int sys_send_fds(int sock, const void *p, size_t n, const int *fds, size_t n_fds);
ssize_t sys_recv_fds(int sock, void *p, size_t n, int *fds, size_t *n_fds);

/* The new mount interface, Linux 5.2; mount_setattr 5.12. */
int sys_fsopen(const char *fs, unsigned flags);
int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux);
int sys_fsmount(int fd, unsigned flags, unsigned attrs);
int sys_open_tree(int dirfd, const char *path, unsigned flags);
int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags);
struct mount_attr;
int sys_mount_setattr(int dirfd, const char *path, unsigned flags, struct mount_attr *attr);
int sys_pivot_root(const char *new_root, const char *put_old);

/* A BPF_PROG_TYPE_CGROUP_DEVICE program of n instructions, and its place in a v2 group. */
struct bpf_insn;
int sys_bpf_device_program(const struct bpf_insn *insns, size_t n);
int sys_bpf_attach_device(int cgroup_fd, int prog_fd);
int sys_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int sys_cap_permitted(uint64_t *permitted);
/* SECCOMP_SET_MODE_FILTER with a struct sock_filter array. */
int sys_seccomp(const void *filters, size_t n);
int sys_execveat(int fd, const char *path, char *const *argv, char *const *envp, int flags);
/* With a session keyring of its own a container sees no other's keys. */
int sys_keyring_new_session(void);
/* Quotas of the file system that a descriptor lies on, Linux 5.14. */
int sys_quotactl_fd(int fd, unsigned cmd, unsigned id, void *addr);
int sys_random(void *out, size_t n); /* getrandom(2), the whole of it */
