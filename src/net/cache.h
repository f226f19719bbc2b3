/* Answers of other servers for as long as they said: a table of fixed size, newest wins. */
#pragma once
#include "net/dns.h"

struct cache;

struct cache *cache_new(void);
void cache_free(struct cache *c);
void cache_put(struct cache *c, struct span key, const uint8_t *p, size_t n, uint32_t ttl);
/* Copies the answer, its TTLs counted down, to out; the length, or 0. */
size_t cache_get(struct cache *c, struct span key, uint8_t *out, size_t room);
