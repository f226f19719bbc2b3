#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

static void *sure(void *p)
{
	if (!p)
		abort();
	return p;
}

void *mem_new(size_t size)
{
	return sure(calloc(1, size));
}

void *mem_array(size_t n, size_t size)
{
	return sure(calloc(n, size));
}

void *mem_room(size_t size)
{
	return sure(malloc(size));
}

void *mem_grow(void *p, size_t size)
{
	return sure(realloc(p, size));
}

char *mem_text(const char *s)
{
	return sure(strdup(s));
}

char *mem_textn(const char *s, size_t n)
{
	return sure(strndup(s, n));
}
