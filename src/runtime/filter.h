/*
 * System call filters. The default is docker's allow-list kept as a table of our own
 * (seccomp_table.c), compiled to BPF when berth is built; for other capability sets and for
 * profiles from files it is compiled once with libseccomp and kept below BERTH_ROOT.
 */
#pragma once
#include "base/err.h"
#include "runtime/rights.h"
#include "runtime/spec.h"

/* The filter that a container of this spec gets; memory in the arena or constant. */
int filter_choose(struct arena *a, const struct container_spec *s, struct filter *out,
		  struct err *e) must_check;
