/* Rules between the places they come from (our table, a JSON profile) and libseccomp. */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include "runtime/rights.h"
#include <seccomp.h>

struct seccomp_rule {
	const char *name;
	uint32_t action;
	struct scmp_arg_cmp args[6];
	unsigned n_args;
};

struct seccomp_rules {
	uint32_t otherwise; /* SCMP_ACT_* */
	bool known_only;    /* numbers newer than our table answer ENOSYS */
	bool sub_arches;    /* 32-bit programs of this machine too */
	VEC(struct seccomp_rule) v;
};

/* Docker's list for a capability set (seccomp_table.c). */
void seccomp_default_rules(struct arena *a, uint64_t caps, struct seccomp_rules *out);
/* A profile in docker's or the OCI's JSON. */
int seccomp_profile_rules(struct arena *a, struct span json, uint64_t caps,
			  struct seccomp_rules *out, struct err *e) must_check;
/* Loads libseccomp; the result is an array of struct sock_filter. */
int seccomp_compile(struct arena *a, const struct seccomp_rules *rules, struct filter *out,
		    struct err *e) must_check;
