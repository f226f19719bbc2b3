/* The compressing and decompressing sinks of base/stream. */
#include "base/dl.h"
#include "base/inflate_fast.h"
#include "base/inflate_rare.h"
#include "base/mem.h"
#include "base/stream.h"
#include <errno.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { OUT_SIZE = 256 << 10, ZSTD_WINDOW_LOG_MAX = 27 };

struct zlib_table {
	int (*inflate_init)(z_streamp, int, const char *, int);
	int (*inflate)(z_streamp, int);
	int (*inflate_reset)(z_streamp);
	int (*inflate_end)(z_streamp);
	int (*deflate_init)(z_streamp, int, int, int, int, int, const char *, int);
	int (*deflate)(z_streamp, int);
	int (*deflate_end)(z_streamp);
};

static const struct dl_symbol zlib_symbols[] = {
	{"inflateInit2_", offsetof(struct zlib_table, inflate_init)},
	{"inflate", offsetof(struct zlib_table, inflate)},
	{"inflateReset", offsetof(struct zlib_table, inflate_reset)},
	{"inflateEnd", offsetof(struct zlib_table, inflate_end)},
	{"deflateInit2_", offsetof(struct zlib_table, deflate_init)},
	{"deflate", offsetof(struct zlib_table, deflate)},
	{"deflateEnd", offsetof(struct zlib_table, deflate_end)},
	{0},
};

struct zstd_table {
	ZSTD_DCtx *(*dctx_new)(void);
	size_t (*dctx_free)(ZSTD_DCtx *);
	size_t (*dctx_set)(ZSTD_DCtx *, ZSTD_dParameter, int);
	size_t (*inflate)(ZSTD_DCtx *, ZSTD_outBuffer *, ZSTD_inBuffer *);
	ZSTD_CCtx *(*cctx_new)(void);
	size_t (*cctx_free)(ZSTD_CCtx *);
	size_t (*cctx_set)(ZSTD_CCtx *, ZSTD_cParameter, int);
	size_t (*deflate)(ZSTD_CCtx *, ZSTD_outBuffer *, ZSTD_inBuffer *, ZSTD_EndDirective);
	unsigned (*is_error)(size_t);
	const char *(*error_name)(size_t);
};

static const struct dl_symbol zstd_symbols[] = {
	{"ZSTD_createDCtx", offsetof(struct zstd_table, dctx_new)},
	{"ZSTD_freeDCtx", offsetof(struct zstd_table, dctx_free)},
	{"ZSTD_DCtx_setParameter", offsetof(struct zstd_table, dctx_set)},
	{"ZSTD_decompressStream", offsetof(struct zstd_table, inflate)},
	{"ZSTD_createCCtx", offsetof(struct zstd_table, cctx_new)},
	{"ZSTD_freeCCtx", offsetof(struct zstd_table, cctx_free)},
	{"ZSTD_CCtx_setParameter", offsetof(struct zstd_table, cctx_set)},
	{"ZSTD_compressStream2", offsetof(struct zstd_table, deflate)},
	{"ZSTD_isError", offsetof(struct zstd_table, is_error)},
	{"ZSTD_getErrorName", offsetof(struct zstd_table, error_name)},
	{0},
};

struct inflater {
	struct zlib_table z;
	struct zstd_table zstd;
	z_stream stream;
	bool stream_open;
	ZSTD_DCtx *dctx;
	struct rare *rare;
	struct fast *fast;
	uint8_t out[OUT_SIZE];
};

struct deflate_state {
	struct zlib_table z;
	struct zstd_table zstd;
	z_stream stream;
	bool stream_open;
	ZSTD_CCtx *cctx;
	uint8_t out[OUT_SIZE];
};

static int bad_gzip(const z_stream *z, int r, struct err *e)
{
	return err_set(e, EINVAL, "not valid gzip data: %s",
		       z->msg ? z->msg : (r == Z_BUF_ERROR ? "cut short" : "damaged"));
}

static int gunzip(struct inflate_sink *s, const void *p, size_t n, struct err *e)
{
	struct inflater *st = s->state;
	z_stream *z = &st->stream;
	int r;

	z->next_in = (Bytef *)(uintptr_t)p;
	z->avail_in = (uInt)n;
	while (z->avail_in || !z->avail_out) {
		if (s->between && !z->avail_in)
			break;
		if (s->between && st->z.inflate_reset(z) != Z_OK)
			return bad_gzip(z, Z_STREAM_ERROR, e);
		s->between = false;
		z->next_out = st->out;
		z->avail_out = OUT_SIZE;
		r = st->z.inflate(z, Z_NO_FLUSH);
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
			return bad_gzip(z, r, e);
		s->between = r == Z_STREAM_END;
		if (sink_write(s->sink.next, st->out, OUT_SIZE - z->avail_out, e) < 0)
			return -e->code;
		if (r == Z_BUF_ERROR)
			break;
	}
	return 0;
}

static int unzstd(struct inflate_sink *s, const void *p, size_t n, struct err *e)
{
	struct inflater *st = s->state;
	ZSTD_inBuffer in = {p, n, 0};
	ZSTD_outBuffer out = {st->out, OUT_SIZE, 0};
	size_t r;

	do {
		out.pos = 0;
		r = st->zstd.inflate(st->dctx, &out, &in);
		if (st->zstd.is_error(r))
			return err_set(e, EINVAL, "not valid zstd data: %s",
				       st->zstd.error_name(r));
		s->between = !r;
		if (sink_write(s->sink.next, st->out, out.pos, e) < 0)
			return -e->code;
	} while (in.pos < in.size || out.pos == OUT_SIZE);
	return 0;
}

static int inflate_feed(struct inflate_sink *s, const void *p, size_t n, struct err *e)
{
	switch (s->found) {
	case COMPRESSION_GZIP:
		return s->state->fast
			       ? fast_feed(s->state->fast, s->sink.next, p, n, &s->between, e)
			       : gunzip(s, p, n, e);
	case COMPRESSION_ZSTD:
		return unzstd(s, p, n, e);
	case COMPRESSION_XZ:
	case COMPRESSION_BZIP2:
		return rare_feed(s->state->rare, s->sink.next, p, n, &s->between, e);
	case COMPRESSION_NONE:
		break;
	}
	return sink_write(s->sink.next, p, n, e);
}

static int gzip_begin(struct inflate_sink *s, struct err *e)
{
	struct inflater *st = s->state;

	st->fast = s->by_zlib ? NULL : fast_new();
	if (st->fast)
		return 0;
	if (dl_load("libz.so.1", zlib_symbols, &st->z, e) < 0)
		return -ENOENT;
	if (st->z.inflate_init(&st->stream, 15 + 16, ZLIB_VERSION, sizeof(z_stream)) != Z_OK)
		return err_set(e, EIO, "zlib cannot start");
	st->stream_open = true;
	return 0;
}

static int inflate_begin(struct inflate_sink *s, struct err *e)
{
	static const uint8_t zstd_magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
	struct inflater *st = s->state = mem_new(sizeof(*st));

	s->begun = true;
	if (s->n_head >= 2 && s->head[0] == 0x1f && s->head[1] == 0x8b) {
		s->found = COMPRESSION_GZIP;
		if (gzip_begin(s, e) < 0)
			return -e->code;
	} else if (s->n_head == 4 && !memcmp(s->head, zstd_magic, 4)) {
		s->found = COMPRESSION_ZSTD;
		if (dl_load("libzstd.so.1", zstd_symbols, &st->zstd, e) < 0)
			return -ENOENT;
		st->dctx = st->zstd.dctx_new();
		if (!st->dctx)
			abort();
		st->zstd.dctx_set(st->dctx, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
	} else if (s->n_head == 4 && !memcmp(s->head,
					     "\xfd"
					     "7zX",
					     4)) {
		s->found = COMPRESSION_XZ;
	} else if (s->n_head == 4 && !memcmp(s->head, "BZh", 3) && s->head[3] > '0' &&
		   s->head[3] <= '9') {
		s->found = COMPRESSION_BZIP2;
	}
	if (s->found >= COMPRESSION_XZ && rare_new(s->found, &st->rare, e) < 0)
		return -e->code;
	return inflate_feed(s, s->head, s->n_head, e);
}

static int inflate_write(struct sink *sink, const void *p, size_t n, struct err *e)
{
	struct inflate_sink *s = (struct inflate_sink *)sink;
	size_t take;
	int r;

	if (!s->begun) {
		take = sizeof(s->head) - s->n_head;
		take = take < n ? take : n;
		memcpy(s->head + s->n_head, p, take);
		s->n_head += take;
		if (s->n_head < sizeof(s->head))
			return 0;
		r = inflate_begin(s, e);
		if (r < 0 || take == n)
			return r;
		p = (const char *)p + take;
		n -= take;
	}
	return inflate_feed(s, p, n, e);
}

static int inflate_end_sink(struct sink *sink, struct err *e)
{
	struct inflate_sink *s = (struct inflate_sink *)sink;

	if (!s->begun && inflate_begin(s, e) < 0)
		return -e->code;
	if (s->found == COMPRESSION_XZ &&
	    rare_feed(s->state->rare, sink->next, NULL, 0, &s->between, e) < 0)
		return -e->code;
	if (s->found != COMPRESSION_NONE && !s->between)
		return err_set(e, EINVAL, "the compressed data is cut short");
	return sink_end(sink->next, e);
}

void inflate_sink_init(struct inflate_sink *s, struct sink *next)
{
	*s = (struct inflate_sink){{.write = inflate_write, .end = inflate_end_sink, .next = next}};
}

void inflate_sink_done(struct inflate_sink *s)
{
	if (!s->state)
		return;
	if (s->state->stream_open)
		s->state->z.inflate_end(&s->state->stream);
	if (s->state->dctx)
		s->state->zstd.dctx_free(s->state->dctx);
	rare_free(s->state->rare);
	fast_free(s->state->fast);
	free(s->state);
	s->state = NULL;
}

static int gzip_some(struct deflate_sink *s, int flush, struct err *e)
{
	struct deflate_state *st = s->state;
	z_stream *z = &st->stream;

	do {
		z->next_out = st->out;
		z->avail_out = OUT_SIZE;
		if (st->z.deflate(z, flush) == Z_STREAM_ERROR)
			return err_set(e, EIO, "zlib cannot compress");
		if (sink_write(s->sink.next, st->out, OUT_SIZE - z->avail_out, e) < 0)
			return -e->code;
	} while (!z->avail_out);
	return 0;
}

static int zstd_some(struct deflate_sink *s, const void *p, size_t n, ZSTD_EndDirective how,
		     struct err *e)
{
	struct deflate_state *st = s->state;
	ZSTD_inBuffer in = {p, n, 0};
	ZSTD_outBuffer out = {st->out, OUT_SIZE, 0};
	size_t r;

	do {
		out.pos = 0;
		r = st->zstd.deflate(st->cctx, &out, &in, how);
		if (st->zstd.is_error(r))
			return err_set(e, EIO, "zstd cannot compress: %s", st->zstd.error_name(r));
		if (sink_write(s->sink.next, st->out, out.pos, e) < 0)
			return -e->code;
	} while (how == ZSTD_e_end ? r != 0 : in.pos < in.size);
	return 0;
}

static int deflate_write(struct sink *sink, const void *p, size_t n, struct err *e)
{
	struct deflate_sink *s = (struct deflate_sink *)sink;

	if (s->how == COMPRESSION_ZSTD)
		return zstd_some(s, p, n, ZSTD_e_continue, e);
	s->state->stream.next_in = (Bytef *)(uintptr_t)p;
	s->state->stream.avail_in = (uInt)n;
	return gzip_some(s, Z_NO_FLUSH, e);
}

static int deflate_end_sink(struct sink *sink, struct err *e)
{
	struct deflate_sink *s = (struct deflate_sink *)sink;
	int r = s->how == COMPRESSION_ZSTD ? zstd_some(s, NULL, 0, ZSTD_e_end, e)
					   : gzip_some(s, Z_FINISH, e);

	return r < 0 ? r : sink_end(sink->next, e);
}

static int deflate_open(struct deflate_sink *s, int level, struct err *e)
{
	struct deflate_state *st = s->state;

	if (s->how == COMPRESSION_ZSTD) {
		if (dl_load("libzstd.so.1", zstd_symbols, &st->zstd, e) < 0)
			return -ENOENT;
		st->cctx = st->zstd.cctx_new();
		if (!st->cctx)
			abort();
		st->zstd.cctx_set(st->cctx, ZSTD_c_compressionLevel, level ? level : 3);
		st->zstd.cctx_set(st->cctx, ZSTD_c_checksumFlag, 1);
		return 0;
	}
	if (dl_load("libz.so.1", zlib_symbols, &st->z, e) < 0)
		return -ENOENT;
	if (st->z.deflate_init(&st->stream, level ? level : Z_DEFAULT_COMPRESSION, Z_DEFLATED,
			       15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
			       sizeof(z_stream)) != Z_OK)
		return err_set(e, EIO, "zlib cannot start");
	st->stream_open = true;
	return 0;
}

int deflate_sink_init(struct deflate_sink *s, struct sink *next, enum compression how, int level,
		      struct err *e)
{
	*s = (struct deflate_sink){{.write = deflate_write, .end = deflate_end_sink, .next = next},
				   .how = how,
				   .state = mem_new(sizeof(struct deflate_state))};
	return deflate_open(s, level, e);
}

void deflate_sink_done(struct deflate_sink *s)
{
	if (!s->state)
		return;
	if (s->state->stream_open)
		s->state->z.deflate_end(&s->state->stream);
	if (s->state->cctx)
		s->state->zstd.cctx_free(s->state->cctx);
	free(s->state);
	s->state = NULL;
}
