/* `build --call=targets|outline`: what a Dockerfile offers, told as docker does. */
#pragma once
#include "build/build.h"

struct cli;

int build_call_targets(struct cli *c, const struct build_request *q, struct err *e) must_check;
int build_call_outline(struct cli *c, const struct build_request *q, struct err *e) must_check;
