/*
 * What a build reads: the context (a directory, a tar on standard input or from a server, a git
 * repository), the Dockerfile, the ignore file, further contexts by name.
 */
#pragma once
#include "build/room.h"

int context_open(struct builder *b, struct err *e) must_check;
