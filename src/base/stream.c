#include "base/stream.h"
#include "base/dl.h"
#include "base/mem.h"
#include "base/sys.h"
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

int sink_write(struct sink *s, const void *p, size_t n, struct err *e)
{
	return n ? s->write(s, p, n, e) : 0;
}

int sink_end(struct sink *s, struct err *e)
{
	return s->end(s, e);
}

static int end_next(struct sink *s, struct err *e)
{
	return s->next ? s->next->end(s->next, e) : 0;
}

static int fd_write(struct sink *s, const void *p, size_t n, struct err *e)
{
	int fd = ((struct fd_sink *)s)->fd;
	int r = fd < 0 ? 0 : sys_write_all(fd, p, n);

	return r < 0 ? err_set(e, -r, "cannot write: %s", strerror(-r)) : 0;
}

void fd_sink_init(struct fd_sink *s, int fd)
{
	*s = (struct fd_sink){{.write = fd_write, .end = end_next}, .fd = fd};
}

static int buf_write(struct sink *s, const void *p, size_t n, struct err *e)
{
	buf_add(((struct buf_sink *)s)->buf, p, n);
	return 0;
}

void buf_sink_init(struct buf_sink *s, struct buf *buf)
{
	*s = (struct buf_sink){{.write = buf_write, .end = end_next}, .buf = buf};
}

struct crypto_table {
	EVP_MD_CTX *(*ctx_new)(void);
	void (*ctx_free)(EVP_MD_CTX *);
	const EVP_MD *(*sha256)(void);
	int (*init)(EVP_MD_CTX *, const EVP_MD *, ENGINE *);
	int (*update)(EVP_MD_CTX *, const void *, size_t);
	int (*final)(EVP_MD_CTX *, unsigned char *, unsigned *);
};

static const struct dl_symbol crypto_symbols[] = {
	{"EVP_MD_CTX_new", offsetof(struct crypto_table, ctx_new)},
	{"EVP_MD_CTX_free", offsetof(struct crypto_table, ctx_free)},
	{"EVP_sha256", offsetof(struct crypto_table, sha256)},
	{"EVP_DigestInit_ex", offsetof(struct crypto_table, init)},
	{"EVP_DigestUpdate", offsetof(struct crypto_table, update)},
	{"EVP_DigestFinal_ex", offsetof(struct crypto_table, final)},
	{0},
};

static int sha256_write(struct sink *s, const void *p, size_t n, struct err *e)
{
	struct sha256_sink *h = (struct sha256_sink *)s;

	if (!h->lib->update(h->ctx, p, n))
		return err_set(e, EIO, "OpenSSL cannot hash");
	h->bytes += (int64_t)n;
	return s->next ? s->next->write(s->next, p, n, e) : 0;
}

static int sha256_end(struct sink *s, struct err *e)
{
	static const char digits[] = "0123456789abcdef";
	struct sha256_sink *h = (struct sha256_sink *)s;
	unsigned char sum[32];
	unsigned n = 0;

	if (!h->lib->final(h->ctx, sum, &n) || n != sizeof(sum))
		return err_set(e, EIO, "OpenSSL cannot hash");
	for (size_t i = 0; i < sizeof(sum); i++) {
		h->hex[2 * i] = digits[sum[i] >> 4];
		h->hex[2 * i + 1] = digits[sum[i] & 15];
	}
	h->hex[HASH_HEX - 1] = '\0';
	return end_next(s, e);
}

int sha256_sink_init(struct sha256_sink *s, struct sink *next, struct err *e)
{
	*s = (struct sha256_sink){{.write = sha256_write, .end = sha256_end, .next = next}};
	s->lib = mem_new(sizeof(*s->lib));
	if (dl_load("libcrypto.so.3", crypto_symbols, s->lib, e) < 0) {
		sha256_sink_done(s);
		return -ENOENT;
	}
	s->ctx = s->lib->ctx_new();
	if (!s->ctx || !s->lib->init(s->ctx, s->lib->sha256(), NULL)) {
		sha256_sink_done(s);
		return err_set(e, EIO, "OpenSSL cannot hash");
	}
	return 0;
}

void sha256_sink_done(struct sha256_sink *s)
{
	if (s->ctx)
		s->lib->ctx_free(s->ctx);
	free(s->lib);
	s->ctx = NULL;
	s->lib = NULL;
}

static int tee_write(struct sink *s, const void *p, size_t n, struct err *e)
{
	struct sink *also = ((struct tee_sink *)s)->also;
	int r = s->next->write(s->next, p, n, e);

	return r < 0 ? r : also->write(also, p, n, e);
}

static int tee_end(struct sink *s, struct err *e)
{
	int r = end_next(s, e);

	return r < 0 ? r : sink_end(((struct tee_sink *)s)->also, e);
}

void tee_sink_init(struct tee_sink *s, struct sink *next, struct sink *also)
{
	*s = (struct tee_sink){{.write = tee_write, .end = tee_end, .next = next}, .also = also};
}

static int limit_write(struct sink *s, const void *p, size_t n, struct err *e)
{
	struct limit_sink *l = (struct limit_sink *)s;

	if ((int64_t)n > l->left)
		return err_set(e, EFBIG, "%s: more than %lld bytes", l->what, (long long)l->limit);
	l->left -= (int64_t)n;
	return s->next->write(s->next, p, n, e);
}

void limit_sink_init(struct limit_sink *s, struct sink *next, int64_t limit, const char *what)
{
	*s = (struct limit_sink){{.write = limit_write, .end = end_next, .next = next},
				 .left = limit,
				 .limit = limit,
				 .what = what};
}
