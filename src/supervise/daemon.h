/* Becoming a project's supervisor: what the guardian hands over, and the loop until the end. */
#pragma once
#include "supervise/guardian.h"
#include <stddef.h>

struct handover {
	const char *project;
	int listen, guardian;
	const struct guard_slot *slots;
	size_t n;
};

/* Exit code: 0 ends the guardian too, anything else asks for a new supervisor. */
int supervisor_main(const struct handover *h);
