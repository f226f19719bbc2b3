#include "base/stream.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { N = 700000 };

static char *noise(void)
{
	static char p[N];

	for (size_t i = 0; i < N; i++)
		p[i] = (char)((i * 2654435761u) >> (i % 24));
	return p;
}

static int deflated(enum compression how, struct buf *out, struct err *e)
{
	struct deflate_sink d;
	struct buf_sink b;
	int r;

	buf_sink_init(&b, out);
	r = deflate_sink_init(&d, &b.sink, how, 0, e);
	for (size_t i = 0; !r && i < N; i += 1000)
		r = sink_write(&d.sink, noise() + i, 1000, e);
	if (!r)
		r = sink_end(&d.sink, e);
	deflate_sink_done(&d);
	return r;
}

static int inflated_by(bool zlib, const char *p, size_t n, size_t step, struct buf *out,
		       struct err *e)
{
	struct inflate_sink in;
	struct buf_sink b;
	int r = 0;

	buf_sink_init(&b, out);
	inflate_sink_init(&in, &b.sink);
	in.by_zlib = zlib;
	for (size_t i = 0; !r && i < n; i += step)
		r = sink_write(&in.sink, p + i, i + step < n ? step : n - i, e);
	if (!r)
		r = sink_end(&in.sink, e);
	inflate_sink_done(&in);
	return r;
}

/* Twice: by zlib, and by the faster library where there is one. They must agree. */
static int inflated(const char *p, size_t n, size_t step, struct buf *out, struct err *e)
{
	auto_buf again = {0};
	struct err other;
	size_t before = out->n;
	int r = inflated_by(true, p, n, step, out, e);

	assert_int_equal(inflated_by(false, p, n, step, &again, &other), r);
	if (r == 0) {
		assert_int_equal(again.n, out->n - before);
		assert_memory_equal(again.p ? again.p : "", out->p ? out->p + before : "", again.n);
	}
	return r;
}

static void comes_back_whole(void **state)
{
	static const enum compression hows[] = {COMPRESSION_GZIP, COMPRESSION_ZSTD};
	static const size_t steps[] = {1, 4096, N};
	struct err e;

	for (size_t h = 0; h < countof(hows); h++) {
		for (size_t s = 0; s < countof(steps); s++) {
			auto_buf small = {0}, large = {0};

			assert_int_equal(deflated(hows[h], &small, &e), 0);
			assert_int_equal(inflated(small.p, small.n, steps[s], &large, &e), 0);
			assert_int_equal(large.n, N);
			assert_memory_equal(large.p, noise(), N);
		}
	}
}

static void two_members_are_one_stream(void **state)
{
	auto_buf small = {0}, large = {0};
	struct err e;
	size_t n;

	assert_int_equal(deflated(COMPRESSION_GZIP, &small, &e), 0);
	n = small.n;
	assert_int_equal(deflated(COMPRESSION_GZIP, &small, &e), 0);
	assert_int_equal(small.n, 2 * n);
	for (size_t step = 1; step < n; step += step * 3 + 1) {
		large.n = 0;
		assert_int_equal(inflated(small.p, small.n, step, &large, &e), 0);
		assert_int_equal(large.n, 2 * N);
	}
}

static void damage_is_told(void **state)
{
	static const enum compression hows[] = {COMPRESSION_GZIP, COMPRESSION_ZSTD};
	struct err e;

	for (size_t h = 0; h < countof(hows); h++) {
		auto_buf small = {0}, out = {0};

		assert_int_equal(deflated(hows[h], &small, &e), 0);
		assert_int_equal(inflated(small.p, small.n - 1, 4096, &out, &e), -EINVAL);
		buf_str(&small, "garbage after the end");
		assert_int_equal(inflated(small.p, small.n, 4096, &out, &e), -EINVAL);
		small.p[small.n / 2] ^= 0x55;
		assert_int_equal(inflated(small.p, small.n, 4096, &out, &e), -EINVAL);
	}
}

/* "hello", as the programs xz and bzip2 write it. */
static const uint8_t xz_hello[] = {
	0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02,
	0x00, 0x21, 0x01, 0x16, 0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00,
	0x04, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x00, 0x00, 0x00, 0x00, 0xb1, 0x37, 0xb9,
	0xdb, 0xe5, 0xda, 0x1e, 0x9b, 0x00, 0x01, 0x1d, 0x05, 0xb8, 0x2d, 0x80, 0xaf,
	0x1f, 0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a,
};
static const uint8_t bzip2_hello[] = {
	0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0x19, 0x31, 0x65, 0x3d,
	0x00, 0x00, 0x00, 0x81, 0x00, 0x02, 0x44, 0xa0, 0x00, 0x21, 0x9a, 0x68, 0x33, 0x4d,
	0x07, 0x33, 0x8b, 0xb9, 0x22, 0x9c, 0x28, 0x48, 0x0c, 0x98, 0xb2, 0x9e, 0x80,
};

static void xz_and_bzip2_are_read(void **state)
{
	static const struct {
		const uint8_t *p;
		size_t n;
	} rows[] = {{xz_hello, sizeof(xz_hello)}, {bzip2_hello, sizeof(bzip2_hello)}};
	struct err e;

	for (size_t i = 0; i < countof(rows); i++) {
		auto_buf twice = {0};

		for (int n = 0; n < 2; n++)
			buf_add(&twice, rows[i].p, rows[i].n);
		for (size_t step = 1; step <= twice.n; step += 6) {
			auto_buf out = {0};

			assert_int_equal(inflated(twice.p, twice.n, step, &out, &e), 0);
			assert_string_equal(out.p, "hellohello");
		}
		for (size_t n = 5; n < rows[i].n; n++) {
			auto_buf out = {0};

			assert_int_equal(inflated(twice.p, n, 7, &out, &e), -EINVAL);
		}
		auto_buf none = {0};

		twice.p[rows[i].n / 2] ^= 0x55;
		assert_int_equal(inflated(twice.p, twice.n, 9, &none, &e), -EINVAL);
	}
}

static void plain_passes_and_short_too(void **state)
{
	auto_buf out = {0};
	struct err e;

	assert_int_equal(inflated("ab", 2, 1, &out, &e), 0);
	assert_string_equal(out.p, "ab");
	assert_int_equal(inflated("", 0, 1, &out, &e), 0);
	assert_int_equal(inflated("plain text", 10, 3, &out, &e), 0);
	assert_string_equal(out.p, "abplain text");
}

static void hashes_limits_and_tees(void **state)
{
	auto_buf one = {0}, two = {0};
	struct buf_sink b1, b2;
	struct tee_sink tee;
	struct limit_sink limit;
	struct sha256_sink sha;
	struct err e;

	buf_sink_init(&b1, &one);
	buf_sink_init(&b2, &two);
	tee_sink_init(&tee, &b1.sink, &b2.sink);
	limit_sink_init(&limit, &tee.sink, 3, "the test");
	assert_int_equal(sha256_sink_init(&sha, &limit.sink, &e), 0);
	assert_int_equal(sink_write(&sha.sink, "ab", 2, &e), 0);
	assert_int_equal(sink_write(&sha.sink, "c", 1, &e), 0);
	assert_int_equal(sink_end(&sha.sink, &e), 0);
	assert_string_equal(sha.hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(sha.bytes, 3);
	assert_string_equal(one.p, "abc");
	assert_string_equal(two.p, "abc");
	assert_int_equal(sink_write(&limit.sink, "d", 1, &e), -EFBIG);
	sha256_sink_done(&sha);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_whole),
		cmocka_unit_test(two_members_are_one_stream),
		cmocka_unit_test(damage_is_told),
		cmocka_unit_test(xz_and_bzip2_are_read),
		cmocka_unit_test(plain_passes_and_short_too),
		cmocka_unit_test(hashes_limits_and_tees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
