/*
 * Byte streams that chain, pushed from the source: each sink does its part and writes to the next.
 *   socket -> sha256 -> tee -> file
 *                         `-> inflate -> limit -> sha256 -> pipe
 * Sinks are embedded in their owner and set up by their init function; done() frees what they hold
 * and may be called at any time, more than once. end() says that no more comes: each sink checks
 * that what it saw was whole, flushes, and ends the next. The libraries are loaded on
 * first use.
 */
#pragma once
#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"

struct sink {
	int (*write)(struct sink *s, const void *p, size_t n, struct err *e);
	int (*end)(struct sink *s, struct err *e);
	struct sink *next; /* NULL: the last */
};

int sink_write(struct sink *s, const void *p, size_t n, struct err *e) must_check;
int sink_end(struct sink *s, struct err *e) must_check;

struct fd_sink {
	struct sink sink;
	int fd; /* the caller's; -1: nowhere */
};
void fd_sink_init(struct fd_sink *s, int fd);

struct buf_sink {
	struct sink sink;
	struct buf *buf;
};
void buf_sink_init(struct buf_sink *s, struct buf *buf);

/* Counts and hashes what passes; next may be NULL. hex is set by end(). */
struct sha256_sink {
	struct sink sink;
	void *ctx;
	struct crypto_table *lib;
	int64_t bytes;
	char hex[HASH_HEX];
};
int sha256_sink_init(struct sha256_sink *s, struct sink *next, struct err *e) must_check;
void sha256_sink_done(struct sha256_sink *s);

struct tee_sink {
	struct sink sink;
	struct sink *also;
};
void tee_sink_init(struct tee_sink *s, struct sink *next, struct sink *also);

/* Fails once more than `limit` bytes passed; `what` names them in the message. */
struct limit_sink {
	struct sink sink;
	int64_t left, limit;
	const char *what;
};
void limit_sink_init(struct limit_sink *s, struct sink *next, int64_t limit, const char *what);

enum compression {
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
	COMPRESSION_ZSTD,
	COMPRESSION_XZ, /* these two only to read */
	COMPRESSION_BZIP2
};

/* Tells by the first bytes what comes: gzip (several members too), zstd, xz, bzip2, or anything
 * else as is. */
struct inflate_sink {
	struct sink sink;
	enum compression found;
	bool begun, between; /* between: a member or frame is complete */
	bool by_zlib;        /* gzip is never left to a faster library */
	uint8_t head[4];
	size_t n_head;
	struct inflater *state;
};
void inflate_sink_init(struct inflate_sink *s, struct sink *next);
void inflate_sink_done(struct inflate_sink *s);

/* Compresses; level 0 is the library's usual one. Output has no time stamp: reproducible. */
struct deflate_sink {
	struct sink sink;
	enum compression how;
	struct deflate_state *state;
};
int deflate_sink_init(struct deflate_sink *s, struct sink *next, enum compression how, int level,
		      struct err *e) must_check;
void deflate_sink_done(struct deflate_sink *s);
