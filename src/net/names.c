#include "net/names.h"
#include "base/mem.h"
#include "net/ip.h"
#include <string.h>

/* An endpoint with its copy of everything. */
struct entry {
	struct arena arena;
	struct resolver_record rec;
	bool foreign;
	uint64_t mark;        /* of what its owner gave */
	struct strings words; /* lower case: each name, and each with ".network" */
};

struct slot {
	const char *word;
	struct entry *entry;
};

/* The table of words is made anew by the first question after a change. */
struct names {
	struct entry **entries;
	size_t n, cap;
	struct slot *slots; /* open addressing; size is a power of two */
	size_t size;
	bool stale;
	void (*on_virtual)(void *arg);
	void *arg;
};

struct names *names_new(void)
{
	struct names *n = mem_new(sizeof(*n));

	return n;
}

static void entry_free(struct entry *x)
{
	struct arena a = x->arena;

	arena_free(&a);
}

void names_free(struct names *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->n; i++)
		entry_free(n->entries[i]);
	free(n->entries);
	free(n->slots);
	free(n);
}

/* "demo_default" of "web-1.demo_default". */
static const char *network_name(const struct resolver_record *rec)
{
	size_t n = strlen(rec->key);
	const char *dot;

	if (!rec->ptr_name)
		return NULL;
	if (!strncmp(rec->ptr_name, rec->key, n) && rec->ptr_name[n] == '.')
		return rec->ptr_name + n + 1;
	dot = strrchr(rec->ptr_name, '.');
	return dot ? dot + 1 : NULL;
}

static struct entry *copy(const struct resolver_record *rec)
{
	struct arena a = {0};
	struct entry *x = arena_new(&a, struct entry);
	const char *network = network_name(rec);

	x->rec = *rec;
	x->rec.network = arena_strndup(&a, rec->network, strlen(rec->network));
	x->rec.key = arena_strndup(&a, rec->key, strlen(rec->key));
	x->rec.ptr_name =
		rec->ptr_name ? arena_strndup(&a, rec->ptr_name, strlen(rec->ptr_name)) : NULL;
	x->rec.names = (struct strings){0};
	x->rec.ports.v = NULL;
	x->rec.ports.n = x->rec.ports.cap = 0;
	vec_each(port, &rec->ports) {
		*vec_push(&a, &x->rec.ports) = (struct resolver_port){
			port->port, arena_printf(&a, "%s", port->protocol),
			port->name ? arena_printf(&a, "%s", port->name) : NULL};
	}
	x->rec.targets.v = NULL;
	x->rec.targets.n = x->rec.targets.cap = 0;
	vec_each(ip, &rec->targets)
		*vec_push(&a, &x->rec.targets) = *ip;
	vec_each(name, &rec->names) {
		const char *word = text_lower(&a, *name);

		if (strings_have(&x->words, word))
			continue;
		*vec_push(&a, &x->words) = word;
		if (network)
			*vec_push(&a, &x->words) =
				text_lower(&a, arena_printf(&a, "%s.%s", word, network));
	}
	x->arena = a;
	return x;
}

static struct entry **find_entry(struct names *n, const char *network, const char *key)
{
	for (size_t i = 0; i < n->n; i++) {
		if (!strcmp(n->entries[i]->rec.key, key) &&
		    !strcmp(n->entries[i]->rec.network, network))
			return &n->entries[i];
	}
	return NULL;
}

/* Heard of before it holds: whoever hears looks later. */
static void tell(struct names *n)
{
	if (n->on_virtual)
		n->on_virtual(n->arg);
}

static void set(struct names *n, const struct resolver_record *rec)
{
	struct entry **old = find_entry(n, rec->network, rec->key);

	n->stale = true;
	if (rec->is_virtual || (old && (*old)->rec.is_virtual))
		tell(n);
	if (old) {
		entry_free(*old);
		*old = copy(rec);
		return;
	}
	if (n->n == n->cap) {
		n->cap = n->cap ? 2 * n->cap : 16;
		n->entries = mem_grow(n->entries, n->cap * sizeof(*n->entries));
	}
	n->entries[n->n++] = copy(rec);
}

static void drop_at(struct names *n, size_t i)
{
	if (n->entries[i]->rec.is_virtual)
		tell(n);
	entry_free(n->entries[i]);
	memmove(n->entries + i, n->entries + i + 1, (n->n - i - 1) * sizeof(*n->entries));
	n->n--;
	n->stale = true;
}

bool names_own(struct names *n, const char *network, const char *key)
{
	struct entry **old = find_entry(n, network, key);

	return old && !(*old)->foreign;
}

bool names_set(struct names *n, const struct resolver_record *rec, uint64_t mark)
{
	struct entry **old = find_entry(n, rec->network, rec->key);

	if (old && !(*old)->foreign && (*old)->mark == mark)
		return false;
	set(n, rec);
	(*find_entry(n, rec->network, rec->key))->mark = mark;
	return true;
}

void names_set_foreign(struct names *n, const struct resolver_record *rec)
{
	struct entry **old = find_entry(n, rec->network, rec->key);

	if (old && !(*old)->foreign)
		return;
	set(n, rec);
	(*find_entry(n, rec->network, rec->key))->foreign = true;
}

void names_drop_foreign(struct names *n, const char *network, const char *key)
{
	for (size_t i = n->n; i--;) {
		const struct entry *x = n->entries[i];

		if (x->foreign && !strcmp(x->rec.network, network) &&
		    (!key || !strcmp(x->rec.key, key)))
			drop_at(n, i);
	}
}

void names_drop(struct names *n, const char *network, const char *key)
{
	struct entry **old = find_entry(n, network, key);

	if (old)
		drop_at(n, (size_t)(old - n->entries));
}

static size_t hash(const char *s)
{
	size_t h = 1469598103934665603u;

	while (*s)
		h = (h ^ (unsigned char)*s++) * 1099511628211u;
	return h ^ h >> 29;
}

static void rebuild(struct names *n)
{
	size_t words = 0, at;

	for (size_t i = 0; i < n->n; i++)
		words += n->entries[i]->words.n;
	free(n->slots);
	for (n->size = 64; n->size < 2 * words; n->size *= 2)
		;
	n->slots = mem_array(n->size, sizeof(*n->slots));
	for (size_t i = 0; i < n->n; i++) {
		vec_each(word, &n->entries[i]->words) {
			for (at = hash(*word) & (n->size - 1); n->slots[at].word;
			     at = (at + 1) & (n->size - 1))
				;
			n->slots[at] = (struct slot){*word, n->entries[i]};
		}
	}
	n->stale = false;
}

size_t names_find(struct names *n, const struct strings *networks, const char *name,
		  const struct resolver_record *out[static NAMES_MAX])
{
	const struct resolver_record *found[NAMES_MAX];
	size_t best = networks->n, all = 0, ready = 0;

	if (n->stale || !n->slots)
		rebuild(n);
	for (size_t at = hash(name) & (n->size - 1); n->slots[at].word;
	     at = (at + 1) & (n->size - 1)) {
		const struct resolver_record *rec = &n->slots[at].entry->rec;
		size_t rank = 0;

		if (strcmp(n->slots[at].word, name))
			continue;
		while (rank < networks->n && strcmp(networks->v[rank], rec->network))
			rank++;
		if (rank >= networks->n || rank > best || all == NAMES_MAX)
			continue;
		if (rank < best)
			all = ready = 0;
		best = rank;
		found[all++] = rec;
		ready += rec->ready;
	}
	size_t kept = 0;

	for (size_t i = 0; i < all; i++) {
		if (found[i]->ready || !ready)
			out[kept++] = found[i];
	}
	return kept;
}

const struct resolver_record *names_reverse(struct names *n, const struct strings *networks,
					    const struct ip_addr *ip)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct resolver_record *rec = &n->entries[i]->rec;

		if ((ip_equal(&rec->ip4, ip) || ip_equal(&rec->ip6, ip)) &&
		    strings_have(networks, rec->network))
			return rec;
	}
	return NULL;
}

void names_on_virtual(struct names *n, void (*fn)(void *arg), void *arg)
{
	n->on_virtual = fn;
	n->arg = arg;
}

void names_virtual(struct arena *a, const struct names *n, const struct strings *networks,
		   struct names_list *out)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct resolver_record *rec = &n->entries[i]->rec;

		if (rec->is_virtual && strings_have(networks, rec->network))
			*vec_push(a, out) = rec;
	}
}
