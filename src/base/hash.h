/*
 * SHA-256 of small things (service definitions, names), by libmd: 50 KB that every command may
 * load. Bulk data (layers) goes through image/ streams, which load OpenSSL's faster one.
 */
#pragma once
#include <stddef.h>

enum { HASH_HEX = 65 };

char *hash_sha256(const void *p, size_t n, char hex[static HASH_HEX]);
