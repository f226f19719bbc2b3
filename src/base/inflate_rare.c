#include "base/inflate_rare.h"
#include "base/dl.h"
#include "base/mem.h"
#include <bzlib.h>
#include <errno.h>
#include <lzma.h>

enum { OUT_SIZE = 256 << 10 };
static const uint64_t xz_memory = 128 << 20; /* xz -9 wants 65 MiB */

struct xz_table {
	lzma_ret (*start)(lzma_stream *, uint64_t, uint32_t);
	lzma_ret (*code)(lzma_stream *, lzma_action);
	void (*end)(lzma_stream *);
};

static const struct dl_symbol xz_symbols[] = {
	{"lzma_stream_decoder", offsetof(struct xz_table, start)},
	{"lzma_code", offsetof(struct xz_table, code)},
	{"lzma_end", offsetof(struct xz_table, end)},
	{0},
};

struct bzip2_table {
	int (*start)(bz_stream *, int, int);
	int (*code)(bz_stream *);
	int (*end)(bz_stream *);
};

static const struct dl_symbol bzip2_symbols[] = {
	{"BZ2_bzDecompressInit", offsetof(struct bzip2_table, start)},
	{"BZ2_bzDecompress", offsetof(struct bzip2_table, code)},
	{"BZ2_bzDecompressEnd", offsetof(struct bzip2_table, end)},
	{0},
};

struct rare {
	enum compression how;
	struct xz_table xz;
	struct bzip2_table bzip2;
	lzma_stream xz_stream;
	bz_stream bzip2_stream;
	bool open;
	uint8_t out[OUT_SIZE];
};

static int open_xz(struct rare *r, struct err *e)
{
	if (dl_load("liblzma.so.5", xz_symbols, &r->xz, e) < 0)
		return -ENOENT;
	if (r->xz.start(&r->xz_stream, xz_memory, LZMA_CONCATENATED) != LZMA_OK)
		return err_set(e, EIO, "liblzma cannot start");
	r->open = true;
	return 0;
}

static int open_bzip2(struct rare *r, struct err *e)
{
	if (!r->bzip2.start && dl_load("libbz2.so.1.0", bzip2_symbols, &r->bzip2, e) < 0)
		return -ENOENT;
	if (r->bzip2.start(&r->bzip2_stream, 0, 0) != BZ_OK)
		return err_set(e, EIO, "libbz2 cannot start");
	r->open = true;
	return 0;
}

int rare_new(enum compression how, struct rare **out, struct err *e)
{
	struct rare *r = mem_new(sizeof(*r));
	int code;

	r->how = how;
	code = how == COMPRESSION_XZ ? open_xz(r, e) : open_bzip2(r, e);
	*out = r;
	return code;
}

static int unxz(struct rare *r, struct sink *next, lzma_action action, bool *between, struct err *e)
{
	lzma_stream *x = &r->xz_stream;
	lzma_ret code;

	do {
		x->next_out = r->out;
		x->avail_out = OUT_SIZE;
		code = r->xz.code(x, action);
		if (code != LZMA_OK && code != LZMA_STREAM_END && code != LZMA_BUF_ERROR)
			return err_set(e, EINVAL, "not valid xz data: %s",
				       code == LZMA_MEMLIMIT_ERROR ? "it needs more than 128 MiB"
								   : "damaged");
		if (sink_write(next, r->out, OUT_SIZE - x->avail_out, e) < 0)
			return -e->code;
		/* Several streams count as one: only the end of the data tells that it is whole. */
		*between = code == LZMA_STREAM_END;
	} while (code == LZMA_OK && (x->avail_in || !x->avail_out));
	return 0;
}

static int bunzip(struct rare *r, struct sink *next, bool *between, struct err *e)
{
	bz_stream *b = &r->bzip2_stream;
	int code = BZ_OK;

	do {
		if (*between && !b->avail_in)
			break;
		if (!r->open && open_bzip2(r, e) < 0)
			return -e->code;
		b->next_out = (char *)r->out;
		b->avail_out = OUT_SIZE;
		code = r->bzip2.code(b);
		if (code != BZ_OK && code != BZ_STREAM_END)
			return err_set(e, EINVAL, "not valid bzip2 data: damaged");
		if (sink_write(next, r->out, OUT_SIZE - b->avail_out, e) < 0)
			return -e->code;
		*between = code == BZ_STREAM_END;
		if (*between) {
			r->bzip2.end(b);
			r->open = false;
		}
	} while (b->avail_in || !b->avail_out);
	return 0;
}

int rare_feed(struct rare *r, struct sink *next, const void *p, size_t n, bool *between,
	      struct err *e)
{
	if (r->how == COMPRESSION_XZ) {
		r->xz_stream.next_in = p;
		r->xz_stream.avail_in = n;
		return unxz(r, next, p ? LZMA_RUN : LZMA_FINISH, between, e);
	}
	if (!p)
		return 0;
	r->bzip2_stream.next_in = (char *)(uintptr_t)p;
	r->bzip2_stream.avail_in = (unsigned)n;
	return bunzip(r, next, between, e);
}

void rare_free(struct rare *r)
{
	if (r && r->open && r->how == COMPRESSION_XZ)
		r->xz.end(&r->xz_stream);
	else if (r && r->open)
		r->bzip2.end(&r->bzip2_stream);
	free(r);
}
