/*
 * Between clone3 and execve: what the steps of a starting container share. Everything here runs in
 * the child, which ends with execve or _exit; memory is never given back.
 */
#pragma once
#include "base/err.h"
#include "runtime/cgroup_room.h"
#include "runtime/devices.h"
#include "runtime/launch.h"
#include "runtime/rights.h"
#include "runtime/spec.h"
#include "runtime/users.h"
#include <limits.h>

struct child {
	const struct container_spec *spec;
	struct arena *a;
	int sync;     /* a struct err goes in, or nothing: closed by execve */
	int root;     /* the container's root mount */
	int null;     /* the host's /dev/null, verified before anything of the image is there */
	int proc;     /* root of the container's own procfs */
	int dev;      /* root of its /dev */
	int pts;      /* root of its devpts */
	int cwd;      /* O_PATH, inside */
	int init;     /* memfd of the reaper, or -1 */
	int userns;   /* joined last, or -1 */
	int *sources; /* per spec->mounts: a detached tree */
	int etc[3];   /* hosts, hostname, resolv.conf */
	struct user user;
	struct filter filter;
	const char *profile;       /* of AppArmor, or NULL */
	struct cgroup_trees trees; /* found before the switch */
	struct device_nodes devices;
};

struct step {
	const char *name; /* "cannot start: NAME: why" */
	int (*fn)(struct child *c, struct err *e);
};

/* Runs the steps; on failure sends the err and exits with docker's code. */
void child_run(struct child *c, const struct step *steps, size_t n);
_Noreturn void child_fail(struct child *c, struct err *e);
/* stdio onto 0..2; everything else but `keep` closed. */
int child_descriptors(const int stdio[3], const int *keep, size_t n_keep, struct err *e) must_check;
/* Looks argv[0] up in PATH, inside; returns only with the reason. */
/* The same in two halves. */
int child_find(const char *name, const char *const *envp, char path[static PATH_MAX],
	       struct err *e) must_check;
int child_explain(const char *path, int code, struct err *e);
int child_exec(const char *const *argv, const char *const *envp, struct err *e) must_check;

/* rootfs.c */
int rootfs_private(struct child *c, struct err *e) must_check;
int rootfs_create(struct child *c, struct err *e) must_check;
int rootfs_attach(struct child *c, struct err *e) must_check;
int rootfs_system(struct child *c, struct err *e) must_check;
int rootfs_devices(struct child *c, struct err *e) must_check;
int rootfs_etc(struct child *c, struct err *e) must_check;
int rootfs_hide(struct child *c, struct err *e) must_check;
int rootfs_enter(struct child *c, struct err *e) must_check;
/* mounts.c */
int mounts_devices(struct child *c, struct err *e) must_check;
int mounts_sources(struct child *c, struct err *e) must_check;
int mounts_data(struct child *c, struct err *e) must_check;
int mounts_attach(struct child *c, struct err *e) must_check;
/* tty.c */
int tty_child(struct child *c, struct err *e) must_check;
/* launch.c, for exec too. pid 0 in the child; pid_ns -1: the caller's. */
int launch_clone_in(int pid_ns, uint64_t flags, int cgroup, bool clone_parent, int *pidfd,
		    struct err *e) must_check;
int launch_sync(int out[2], struct err *e) must_check;
