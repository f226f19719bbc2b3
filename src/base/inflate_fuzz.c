/* Compressed data from anywhere: what zlib takes the faster library takes too, to the same bytes.
 */
#include "base/stream.h"
#include <string.h>

enum { OUT_MAX = 4 << 20 };

static int inflate(bool zlib, const uint8_t *data, size_t size, size_t step, struct buf *out)
{
	struct inflate_sink in;
	struct limit_sink limit;
	struct buf_sink b;
	struct err e;
	int r = 0;

	buf_sink_init(&b, out);
	limit_sink_init(&limit, &b.sink, OUT_MAX, "it");
	inflate_sink_init(&in, &limit.sink);
	in.by_zlib = zlib;
	for (size_t i = 0; !r && i < size; i += step)
		r = sink_write(&in.sink, data + i, i + step < size ? step : size - i, &e);
	if (!r)
		r = sink_end(&in.sink, &e);
	inflate_sink_done(&in);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_buf one = {0}, other = {0}, pieces = {0};
	int r = inflate(true, data, size, size + 1, &one);
	int fast = inflate(false, data, size, size + 1, &other);
	int slow = inflate(false, data, size, size % 7 + 1, &pieces);

	if (fast != slow || (!fast && (other.n != pieces.n || memcmp(other.p, pieces.p, other.n))))
		__builtin_trap();
	if (!r && (fast || one.n != other.n || (one.n && memcmp(one.p, other.p, one.n))))
		__builtin_trap();
	return 0;
}
