/*
 * What a container may call, by the capabilities it has: docker's default (moby 28), with AF_ALG
 * refused beside AF_VSOCK as its later releases do. Anything else answers EPERM, and numbers newer
 * than this table ENOSYS, so that C libraries fall back.
 */
#include "runtime/seccomp_rules.h"
#include <errno.h>
#include <linux/capability.h>

enum { ALWAYS = -1 };

static const struct {
	int needs; /* a capability, or ALWAYS */
	const char *names;
} allowed[] = {
	{ALWAYS,
	 "accept accept4 access adjtimex alarm bind brk capget capset chdir chmod chown chown32 "
	 "clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
	 "clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect "
	 "copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old "
	 "epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit "
	 "exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir "
	 "fchmod fchmodat fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr "
	 "flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync "
	 "ftruncate ftruncate64 futex futex_time64 futex_waitv futimesat getcpu getcwd getdents "
	 "getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 "
	 "getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid "
	 "getresgid32 getresuid getresuid32 getrlimit get_robust_list getrusage getsid getsockname "
	 "getsockopt get_thread_area gettid gettimeofday getuid getuid32 getxattr "
	 "inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel ioctl io_destroy "
	 "io_getevents io_pgetevents io_pgetevents_time64 ioprio_get ioprio_set io_setup io_submit "
	 "ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown "
	 "lchown32 "
	 "lgetxattr link linkat listen listxattr llistxattr _llseek lremovexattr lseek lsetxattr "
	 "lstat lstat64 madvise membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod "
	 "mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open "
	 "mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap "
	 "msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep "
	 "newfstatat _newselect open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 "
	 "pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 "
	 "prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read "
	 "readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg "
	 "remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir rseq "
	 "rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
	 "rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity sched_getattr "
	 "sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler "
	 "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr "
	 "sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop "
	 "semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto setfsgid "
	 "setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid "
	 "setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid "
	 "setreuid32 setrlimit set_robust_list setsid setsockopt set_thread_area set_tid_address "
	 "setuid setuid32 setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd "
	 "signalfd4 "
	 "sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statx "
	 "symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create "
	 "timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
	 "timer_settime64 "
	 "timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times "
	 "tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat utime utimensat "
	 "utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev "
	 "process_vm_readv process_vm_writev ptrace"},
#if defined(__x86_64__) || defined(__i386__)
	{ALWAYS, "arch_prctl modify_ldt"},
#elif defined(__aarch64__) || defined(__arm__)
	{ALWAYS,
	 "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls"},
#elif defined(__riscv)
	{ALWAYS, "riscv_flush_icache"},
#elif defined(__powerpc64__)
	{ALWAYS, "sync_file_range2 swapcontext"},
#endif
	{CAP_DAC_READ_SEARCH, "open_by_handle_at"},
	{CAP_SYS_ADMIN,
	 "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie "
	 "mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd "
	 "setdomainname sethostname setns syslog umount umount2 unshare"},
	{CAP_SYS_BOOT, "reboot"},
	{CAP_SYS_CHROOT, "chroot"},
	{CAP_SYS_MODULE, "delete_module init_module finit_module"},
	{CAP_SYS_PACCT, "acct"},
	{CAP_SYS_PTRACE, "kcmp pidfd_getfd process_madvise"},
	{CAP_SYS_RAWIO, "iopl ioperm"},
	{CAP_SYS_TIME, "settimeofday stime clock_settime clock_settime64"},
	{CAP_SYS_TTY_CONFIG, "vhangup"},
	{CAP_SYS_NICE, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
	{CAP_SYSLOG, "syslog"},
	{CAP_BPF, "bpf"},
	{CAP_PERFMON, "perf_event_open"},
};

/* Allowed with one value of the first argument. Families are listed one by one where they lie
 * beside a refused one: the kernel looks at 32 bits only, a "greater than" here at 64. */
static const struct {
	const char *name;
	enum scmp_compare op;
	uint64_t value, mask;
} by_argument[] = {
	{"socket", SCMP_CMP_LT, 38, 0}, /* 38: AF_ALG */
	{"socket", SCMP_CMP_EQ, 39, 0}, /* 40: AF_VSOCK */
	{"socket", SCMP_CMP_EQ, 41, 0},           {"socket", SCMP_CMP_EQ, 42, 0},
	{"socket", SCMP_CMP_EQ, 43, 0},           {"socket", SCMP_CMP_EQ, 44, 0},
	{"socket", SCMP_CMP_EQ, 45, 0},           {"personality", SCMP_CMP_EQ, 0, 0},
	{"personality", SCMP_CMP_EQ, 8, 0},       {"personality", SCMP_CMP_EQ, 0x20000, 0},
	{"personality", SCMP_CMP_EQ, 0x20008, 0}, {"personality", SCMP_CMP_EQ, 0xffffffff, 0},
};

#define CLONE_NEW_ANY 0x7e020000 /* every CLONE_NEW* that clone(2) takes */

static struct seccomp_rule *add(struct arena *a, struct seccomp_rules *out, const char *name)
{
	struct seccomp_rule *rule = vec_push(a, &out->v);

	*rule = (struct seccomp_rule){.name = name, .action = SCMP_ACT_ALLOW};
	return rule;
}

static void add_names(struct arena *a, struct seccomp_rules *out, const char *names)
{
	struct span rest = span_of(names), word;
	bool more = true;

	while (more) {
		more = span_cut(&rest, ' ', &word);
		if (word.n)
			add(a, out, span_dup(a, word));
	}
}

void seccomp_default_rules(struct arena *a, uint64_t caps, struct seccomp_rules *out)
{
	bool admin = caps >> CAP_SYS_ADMIN & 1;
	struct seccomp_rule *rule;

	*out = (struct seccomp_rules){
		.otherwise = SCMP_ACT_ERRNO(EPERM), .known_only = true, .sub_arches = true};
	for (size_t i = 0; i < countof(allowed); i++) {
		if (allowed[i].needs == ALWAYS || caps >> allowed[i].needs & 1)
			add_names(a, out, allowed[i].names);
	}
	for (size_t i = 0; i < countof(by_argument); i++) {
		rule = add(a, out, by_argument[i].name);
		rule->n_args = 1;
		rule->args[0] =
			(struct scmp_arg_cmp){0, by_argument[i].op, by_argument[i].value, 0};
	}
	if (admin)
		return;
	rule = add(a, out, "clone");
	rule->n_args = 1;
#ifdef __s390__
	rule->args[0] = (struct scmp_arg_cmp){1, SCMP_CMP_MASKED_EQ, CLONE_NEW_ANY, 0};
#else
	rule->args[0] = (struct scmp_arg_cmp){0, SCMP_CMP_MASKED_EQ, CLONE_NEW_ANY, 0};
#endif
	/* Its flags are behind a pointer, where no filter can look: fall back to clone. */
	add(a, out, "clone3")->action = SCMP_ACT_ERRNO(ENOSYS);
}
