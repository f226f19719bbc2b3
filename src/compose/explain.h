/* `config --explain NAME|PATH`: where a value comes from. */
#pragma once
#include "compose/load.h"

/* A variable ("TAG") or a path in the model ("services.web.environment.TAG"). */
int explain(const struct project *p, const char *what, struct buf *out, struct err *e) must_check;
