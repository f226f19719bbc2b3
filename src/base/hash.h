/*
 * SHA-256 of small things (service definitions, names), by libmd: 50 KB that every command may
 * load. Bulk data (layers) goes through image/ streams, which load OpenSSL's faster one.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { HASH_HEX = 65 };

char *hash_sha256(const void *p, size_t n, char hex[static HASH_HEX]);

/* FNV-1a: whether our own text is the one of last time; nothing that a stranger chooses. */
static inline uint64_t hash_quick(const void *p, size_t n)
{
	const unsigned char *c = p;
	uint64_t h = 14695981039346656037u;

	while (n--)
		h = (h ^ *c++) * 1099511628211u;
	return h;
}
