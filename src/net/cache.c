#include "net/cache.h"
#include "base/mem.h"
#include "base/when.h"
#include <string.h>

enum { CACHE_SLOTS = 1024, CACHE_PACKET = 4096 };

struct slot {
	char *key;
	uint8_t *p;
	size_t key_n, n;
	int64_t since_ns, until_ns;
};

struct cache {
	struct slot slots[CACHE_SLOTS];
};

struct cache *cache_new(void)
{
	struct cache *c = mem_new(sizeof(*c));

	return c;
}

static void empty(struct slot *s)
{
	free(s->key);
	free(s->p);
	*s = (struct slot){0};
}

void cache_free(struct cache *c)
{
	for (size_t i = 0; c && i < CACHE_SLOTS; i++)
		empty(&c->slots[i]);
	free(c);
}

static struct slot *slot_of(struct cache *c, struct span key)
{
	size_t h = 1469598103934665603u;

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 1099511628211u;
	return &c->slots[(h ^ h >> 29) % CACHE_SLOTS];
}

void cache_put(struct cache *c, struct span key, const uint8_t *p, size_t n, uint32_t ttl)
{
	struct slot *s = slot_of(c, key);

	if (!ttl || n > CACHE_PACKET)
		return;
	empty(s);
	s->key = mem_room(key.n);
	s->p = mem_room(n);
	memcpy(s->key, key.p, s->key_n = key.n);
	memcpy(s->p, p, s->n = n);
	s->since_ns = when_mono_ns();
	s->until_ns = s->since_ns + ttl * NS_PER_SEC;
}

size_t cache_get(struct cache *c, struct span key, uint8_t *out, size_t room)
{
	struct slot *s = slot_of(c, key);
	int64_t now = when_mono_ns();

	if (!s->p || s->key_n != key.n || memcmp(s->key, key.p, key.n) || s->n > room)
		return 0;
	if (now >= s->until_ns) {
		empty(s);
		return 0;
	}
	memcpy(out, s->p, s->n);
	dns_age(out, s->n, (uint32_t)((now - s->since_ns) / NS_PER_SEC));
	return s->n;
}
