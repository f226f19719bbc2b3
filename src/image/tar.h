/*
 * Tar as layers carry it: ustar, GNU long names, pax. Own code, because a layer comes from a
 * stranger: every header is checked, memory is flat, what has no place in a layer (unknown types,
 * negative ids, times that are not numbers) is refused with a reason. Plain tar only: base/stream
 * inflates.
 */
#pragma once
#include "base/err.h"
#include "base/stream.h"
#include "base/text.h"
#include <limits.h>

enum tar_type {
	TAR_FILE = '0',
	TAR_HARD_LINK = '1',
	TAR_SYMLINK = '2',
	TAR_CHAR = '3',
	TAR_BLOCK = '4',
	TAR_DIR = '5',
	TAR_FIFO = '6'
};

enum { TAR_AT_TYPE = 156 }; /* in a header */
enum { TAR_BLOCK_SIZE = 512, TAR_XATTRS_MAX = 64, TAR_BUFFER = 1 << 20, TAR_EXTRA_MAX = 1 << 20 };

struct tar_xattr {
	const char *name; /* ended by NUL */
	struct span value;
};

struct tar_entry {
	enum tar_type type;
	char name[PATH_MAX], link[PATH_MAX];
	uint32_t mode, uid, gid, dev_major, dev_minor; /* mode: 07777 only */
	int64_t size, mtime_s;
	long mtime_ns;
	struct tar_xattr xattrs[TAR_XATTRS_MAX]; /* until the next tar_next() */
	size_t n_xattrs;
};

/* Of a file with holes: what is stored, in order. */
struct tar_piece {
	int64_t at, n;
};

struct tar_sparse {
	bool given, map_in_data, half; /* half: an offset waits for its length */
	int64_t size, at;
	struct buf pieces, name; /* pieces: of struct tar_piece */
};

struct tar_reader {
	int fd; /* the caller's */
	uint8_t *buf;
	size_t at, n;
	int64_t left, padding; /* of the entry's data */
	int64_t entries;
	struct buf pax, long_name, long_link;
	struct tar_sparse sparse;
	bool ended;
	bool no_splice;
	struct tar_entry entry;
};

enum { TAR_END = 1 };

void tar_reader_init(struct tar_reader *t, int fd);
void tar_reader_done(struct tar_reader *t);
/* The next entry in t->entry, or TAR_END. Data of the entry before is skipped. */
int tar_next(struct tar_reader *t, struct err *e) must_check;
/* Moves the entry's data on; the whole of it. Holes are left in the file. */
int tar_to_fd(struct tar_reader *t, int fd, struct err *e) must_check;
/* Reads what follows the end marker, so that the writer of a pipe can finish. */
int tar_drain(struct tar_reader *t, struct err *e) must_check;

/* The attributes that a layer may carry; overlayfs' own and labels of this host stay out. */
bool tar_keeps_xattr(const char *name);

/* Writing: header (pax records only where ustar cannot say it), then data through the sink. */
int tar_write_header(struct sink *s, const struct tar_entry *t, struct err *e) must_check;
int tar_write_padding(struct sink *s, int64_t size, struct err *e) must_check;
int tar_write_file(struct sink *s, const char *name, const void *p, size_t n,
		   struct err *e) must_check;
int tar_write_end(struct sink *s, struct err *e) must_check;
