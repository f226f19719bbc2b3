/* build --print: the builds of services as docker's bake file has them, on standard output. */
#pragma once
#include "build/build.h"

struct build_named {
	const char *service;
	struct build_request request;
};
struct builds_named {
	struct build_named *v;
	size_t n, cap;
};
void build_print(struct arena *a, const struct builds_named *builds);
