/*
 * Files with holes, in the four forms that GNU tar writes: the old GNU header (type S,
 * blocks of more map behind it), pax 0.0 (a record a number), 0.1 (all numbers in one record) and
 * 1.0 (the map in text before the data). All become one list of pieces: what is stored, and where
 * in the file it belongs.
 */
#include "image/tar_inner.h"

enum { PIECES_MAX = 1 << 16 };
/* clang-format off */
enum { /* offsets in an old GNU header, and in the blocks behind it */
	AT_MAP = 386, AT_MORE = 482, AT_REAL = 483, MAP_ROWS = 4,
	AT_MORE_BEHIND = 504, ROWS_BEHIND = 21, ROW = 24,
};
/* clang-format on */

void tar_sparse_begin(struct tar_reader *t)
{
	struct tar_sparse *s = &t->sparse;

	s->given = s->map_in_data = s->half = false;
	s->size = -1;
	s->pieces.n = s->name.n = 0;
}

static size_t count(const struct tar_sparse *s)
{
	return s->pieces.n / sizeof(struct tar_piece);
}

static int add(struct tar_reader *t, int64_t at, int64_t n, struct err *e)
{
	const struct tar_piece p = {at, n};

	if (at < 0 || n < 0)
		return tar_bad(t, e, "its map of holes is not made of numbers");
	if (count(&t->sparse) == PIECES_MAX)
		return tar_bad(t, e, "it has more than 65536 holes");
	buf_add(&t->sparse.pieces, (const char *)&p, sizeof(p));
	return 0;
}

/* Offsets and lengths come alternately. */
static int add_number(struct tar_reader *t, int64_t v, struct err *e)
{
	struct tar_sparse *s = &t->sparse;

	s->half = !s->half;
	if (!s->half)
		return add(t, s->at, v, e);
	s->at = v;
	return 0;
}

static int read_list(struct tar_reader *t, struct span list, struct err *e)
{
	struct span one;
	bool more = list.n > 0;
	int r = 0;

	t->sparse.pieces.n = 0;
	t->sparse.half = false;
	while (!r && more) {
		more = span_cut(&list, ',', &one);
		r = add_number(t, tar_decimal(one), e);
	}
	return r;
}

int tar_sparse_record(struct tar_reader *t, struct span key, struct span value, struct err *e)
{
	struct tar_sparse *s = &t->sparse;

	s->given = true;
	if (span_is(key, "GNU.sparse.map"))
		return read_list(t, value, e);
	if (span_is(key, "GNU.sparse.offset") || span_is(key, "GNU.sparse.numbytes")) {
		if (s->half != span_is(key, "GNU.sparse.numbytes"))
			return tar_bad(t, e, "its map of holes is out of order");
		return add_number(t, tar_decimal(value), e);
	}
	if (span_is(key, "GNU.sparse.size") || span_is(key, "GNU.sparse.realsize")) {
		s->size = tar_decimal(value);
		return s->size < 0 ? tar_bad(t, e, "its size is not a number") : 0;
	}
	if (span_is(key, "GNU.sparse.name")) {
		s->name.n = 0;
		buf_add(&s->name, value.p, value.n);
	}
	if (span_is(key, "GNU.sparse.major"))
		s->map_in_data = span_is(value, "1");
	return 0;
}

static int read_rows(struct tar_reader *t, const uint8_t *p, int rows, struct err *e)
{
	int r = 0;

	for (; !r && rows-- && *p; p += ROW)
		r = add(t, tar_number(p, 12), tar_number(p + 12, 12), e);
	return r;
}

static int read_header(struct tar_reader *t, const uint8_t *h, struct err *e)
{
	uint8_t more[TAR_BLOCK_SIZE];
	bool again = h[AT_MORE];
	int r;

	t->sparse.size = tar_number(h + AT_REAL, 12);
	r = read_rows(t, h + AT_MAP, MAP_ROWS, e);
	while (!r && again) {
		r = tar_get(t, more, sizeof(more), e);
		if (r == TAR_END)
			return tar_bad(t, e, "cut short");
		again = more[AT_MORE_BEHIND];
		if (!r)
			r = read_rows(t, more, ROWS_BEHIND, e);
	}
	return r;
}

/* A line of the map of form 1.0: the first is how many pieces follow, two lines each. */
static int read_line(struct tar_reader *t, struct span line, int64_t *rows, struct err *e)
{
	int64_t v = tar_decimal(line);

	if (*rows >= 0)
		return add_number(t, v, e);
	if (v < 0 || v > PIECES_MAX)
		return tar_bad(t, e, "its map of holes is malformed");
	*rows = v;
	return 0;
}

static int read_data(struct tar_reader *t, struct err *e)
{
	char block[TAR_BLOCK_SIZE], line[24];
	size_t n = 0;
	int64_t rows = -1;
	int r;

	while (rows < 0 || (int64_t)count(&t->sparse) < rows) {
		if (t->left < TAR_BLOCK_SIZE)
			return tar_bad(t, e, "its map of holes is malformed");
		r = tar_get(t, block, sizeof(block), e);
		if (r)
			return r < 0 ? r : tar_bad(t, e, "cut short");
		t->left -= TAR_BLOCK_SIZE;
		for (size_t i = 0; i < sizeof(block); i++) {
			if (rows >= 0 && (int64_t)count(&t->sparse) == rows)
				break;
			if (block[i] != '\n' && n == sizeof(line))
				return tar_bad(t, e, "its map of holes is malformed");
			if (block[i] != '\n') {
				line[n++] = block[i];
				continue;
			}
			r = read_line(t, (struct span){line, n}, &rows, e);
			n = 0;
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* In order, apart, inside the file, and together what is stored. */
static int check(struct tar_reader *t, struct err *e)
{
	const struct tar_piece *p = (const void *)t->sparse.pieces.p;
	int64_t end = 0, stored = 0;

	for (size_t i = 0; i < count(&t->sparse); i++) {
		if (p[i].at < end || p[i].n > t->sparse.size - p[i].at)
			return tar_bad(t, e, "its map of holes does not fit the file");
		end = p[i].at + p[i].n;
		stored += p[i].n;
	}
	return stored == t->left ? 0 : tar_bad(t, e, "its map of holes does not fit its data");
}

int tar_sparse_map(struct tar_reader *t, const uint8_t *h, struct err *e)
{
	struct tar_sparse *s = &t->sparse;
	bool old = h[TAR_AT_TYPE] == 'S';
	int r = 0;

	if (!s->given && !old)
		return 0;
	if (old)
		r = read_header(t, h, e);
	else if (s->map_in_data)
		r = read_data(t, e);
	if (!r && (t->entry.type != TAR_FILE || s->size < 0 || s->half))
		return tar_bad(t, e, "it is sparse without a size or a whole map");
	if (!r)
		r = check(t, e);
	if (!r && s->name.n)
		r = tar_set_name(t, t->entry.name, (struct span){s->name.p, s->name.n}, e);
	if (r < 0)
		return r;
	s->given = true;
	t->entry.size = s->size;
	return 0;
}
