/*
 * What the words after a command mean. In compose's world they are services of one project; in
 * docker's they are containers of any project, by name or by the beginning of their id. Where no
 * service has that name a container's name is understood in both.
 */
#pragma once
#include "base/json.h"
#include "cli/cli.h"
#include "supervise/status.h"

struct target {
	const char *project;
	struct strings services, names; /* what was asked; both empty: everything */
	struct statuses containers;     /* the ones that fit */
};
struct targets {
	struct target *v;
	size_t n, cap;
};

int target_find(struct cli *c, int argc, char **argv, struct targets *out,
		struct err *e) must_check;
/* The same; without words the services that a profile switches off now are left alone. */
int target_find_active(struct cli *c, int argc, char **argv, struct targets *out,
		       struct err *e) must_check;
/* Every container there is, of all projects. */
int target_all(struct cli *c, struct targets *out, struct err *e) must_check;
/* "services" and "containers" of a request. */
void target_put(const struct target *t, json_t *msg);
/* One running container: of a service (index 0: the lowest number) or by its own name. */
int target_one(struct cli *c, const char *word, int index, struct status *out,
	       struct err *e) must_check;
bool target_is_up(const struct status *s); /* has a process */
