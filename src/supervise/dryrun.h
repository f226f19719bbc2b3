/* The plan of a request without a supervisor: for --dry-run, which starts and writes nothing. */
#pragma once
#include "base/json.h"
#include "plan/plan.h"

/* What differs from the definitions that containers and networks were made by, as far as known. */
void dryrun_find_changes(struct arena *a, const struct project *p, struct observed *seen);
/* req: as control.h has it, "do" being the goal. */
int dryrun_plan(struct arena *a, const struct project *p, const json_t *req, struct plan *out,
		struct err *e) must_check;
