/*
 * Memory with a life of its own, for free(); what lives as long as a command, a project or a
 * request is in an arena. Never NULL: where there is no memory the process aborts, as arenas do,
 * for its state is on disk and it is started again.
 */
#pragma once
#include <stddef.h>

void *mem_new(size_t size); /* zeroed */
void *mem_array(size_t n, size_t size);
void *mem_room(size_t size); /* for bytes to come: not zeroed */
void *mem_grow(void *p, size_t size);
char *mem_text(const char *s);
char *mem_textn(const char *s, size_t n);
