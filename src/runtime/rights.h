/* What a process of a container may do: capability sets, no_new_privs, seccomp filter, limits. */
#pragma once
#include "base/err.h"
#include "runtime/spec.h"
#include "runtime/users.h"

/* A BPF program, the caller's memory; n == 0: none. */
struct filter {
	const void *code;
	size_t n; /* instructions */
};

struct rights {
	uint64_t caps; /* bounding; effective and permitted for uid 0 */
	bool no_new_privs;
	const struct filter *filter;
	const struct user *user;
};

/* Becomes the user with exactly these rights; the order matters, see the .c file. */
int rights_take(const struct rights *r, struct err *e) must_check;
int rights_oom(const struct container_spec *s,
	       struct err *e) must_check; /* needs the host's /proc */
int rights_limits(const struct container_spec *s, struct err *e) must_check;
/* "NET_ADMIN", "CAP_NET_ADMIN" or "cap_net_admin" to its number, or -EINVAL. */
int rights_number(const char *name);
/* Docker's fourteen. */
uint64_t rights_default(void);
