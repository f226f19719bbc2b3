/* Before containers can be made: every image that services need is here, pulled or built. */
#pragma once
#include "cli/cli.h"

struct images_options {
	const char *pull; /* always, missing, never, build, or NULL: the services' own policy */
	bool build, no_build, quiet_pull, quiet_build, no_deps;
};

/* services: the ones named (empty: all) and, unless no_deps, what they depend on. */
int images_ready(struct cli *c, struct project *p, const struct strings *services,
		 const struct images_options *o, struct err *e) must_check;
/* The services named and their dependencies; all where none is named. */
void services_wanted(struct cli *c, const struct project *p, const struct strings *named,
		     bool no_deps, struct strings *out);
const char *service_image(struct arena *a, const struct project *p, const struct service *s);
