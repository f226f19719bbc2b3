/* One joined line of a Dockerfile to an instruction: keyword, flags, arguments. */
#pragma once
#include "build/dockerfile.h"

int line_parse(struct arena *a, struct span line, char escape, struct instruction *out,
	       struct err *e) must_check;
