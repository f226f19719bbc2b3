/* Blanks as Dockerfile's parser has them: Unicode's white space, so also U+00A0 and U+3000. */
#pragma once
#include "base/text.h"

size_t blank_at(const char *p, const char *end); /* bytes of the blank at p; 0: none */
struct span blank_trim_left(struct span s);
struct span blank_trim(struct span s);
