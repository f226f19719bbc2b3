/* Device nodes for a container: looked up on the host before anything of the image is there. */
#pragma once
#include "base/err.h"
#include "runtime/spec.h"
#include <sys/types.h>

struct device_node {
	const char *target;      /* inside */
	const char *permissions; /* for the cgroup; NULL: no rule of its own */
	mode_t mode;
	dev_t number;
	uid_t uid;
	gid_t gid;
};
struct device_nodes {
	struct device_node *v;
	size_t n, cap;
};

/* What spec->devices asks for, directories walked; all of the host's where privileged. */
int devices_find(struct arena *a, const struct container_spec *s, struct device_nodes *out,
		 struct err *e) must_check;
/* Makes one inside the root, parents too; uid and gid are of the host. */
int devices_make(struct arena *a, int root, const struct device_node *node,
		 struct err *e) must_check;
