#include "base/inflate_fast.h"
#include <errno.h>

#ifdef HAVE_ISAL
#include "base/dl.h"
#include "base/mem.h"
#include <isa-l/igzip_lib.h>

enum { OUT_SIZE = 256 << 10 };

struct isal_table {
	void (*reset)(struct inflate_state *);
	void (*init)(struct inflate_state *);
	int (*inflate)(struct inflate_state *);
};

static const struct dl_symbol isal_symbols[] = {
	{"isal_inflate_reset", offsetof(struct isal_table, reset)},
	{"isal_inflate_init", offsetof(struct isal_table, init)},
	{"isal_inflate", offsetof(struct isal_table, inflate)},
	{0},
};

struct fast {
	struct isal_table lib;
	struct inflate_state z;
	uint8_t out[OUT_SIZE];
};

static void start_member(struct fast *f)
{
	f->lib.reset(&f->z);
	f->z.crc_flag = ISAL_GZIP;
}

struct fast *fast_new(void)
{
	struct isal_table lib;
	struct err none;
	struct fast *f;

	if (dl_load("libisal.so.2", isal_symbols, &lib, &none) < 0)
		return NULL;
	f = mem_new(sizeof(*f));
	f->lib = lib;
	lib.init(&f->z);
	start_member(f);
	return f;
}

int fast_feed(struct fast *f, struct sink *next, const void *p, size_t n, bool *between,
	      struct err *e)
{
	struct inflate_state *z = &f->z;
	int r;

	z->next_in = (uint8_t *)(uintptr_t)p;
	z->avail_in = (uint32_t)n;
	do {
		if (*between && !z->avail_in)
			break;
		if (*between)
			start_member(f);
		z->next_out = f->out;
		z->avail_out = OUT_SIZE;
		r = f->lib.inflate(z);
		if (r != ISAL_DECOMP_OK && r != ISAL_END_INPUT)
			return err_set(e, EINVAL, "not valid gzip data: %s",
				       r == ISAL_INCORRECT_CHECKSUM ? "the checksum is wrong"
								    : "damaged");
		*between = z->block_state == ISAL_BLOCK_FINISH;
		if (sink_write(next, f->out, OUT_SIZE - z->avail_out, e) < 0)
			return -e->code;
	} while (z->avail_in || !z->avail_out);
	return 0;
}

void fast_free(struct fast *f)
{
	free(f);
}

#else

struct fast *fast_new(void)
{
	return NULL;
}

int fast_feed(struct fast *f, struct sink *next, const void *p, size_t n, bool *between,
	      struct err *e)
{
	return err_set(e, ENOSYS, "made without ISA-L");
}

void fast_free(struct fast *f)
{
}
#endif
