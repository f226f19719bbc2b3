/* The chart of the last start: for timeline and up --timeline. */
#pragma once
#include "cli/cli.h"

int timeline_print(struct cli *c, const char *project, struct err *e) must_check;
