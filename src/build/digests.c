#include "build/digests.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/stream.h"
#include "base/sys.h"
#include "base/when.h"
#include <fcntl.h>
#include <sha2.h>
#include <string.h>

/* One row on disk: this, then the path. Host byte order: the file never leaves the machine. */
struct row_head {
	int64_t size, mtime_ns, ctime_ns;
	uint64_t inode;
	uint8_t sum[32];
	uint32_t path_n;
};

static const char magic[8] = "berthdg1";
enum { FILE_LIMIT = 256 << 20, PATH_LIMIT = 65536 };
static const int64_t racy_ns = 100 * NS_PER_MSEC;
/* Loading OpenSSL costs what libmd needs for this much. */
static const int64_t big_file = 1 << 20;

static int64_t stamp(struct timespec t)
{
	return t.tv_sec * NS_PER_SEC + t.tv_nsec;
}

static void read_rows(struct digests *d, struct span s)
{
	struct row_head h;

	if (s.n < sizeof(magic) || memcmp(s.p, magic, sizeof(magic)))
		return;
	s.p += sizeof(magic);
	s.n -= sizeof(magic);
	while (s.n >= sizeof(h)) {
		memcpy(&h, s.p, sizeof(h));
		s.p += sizeof(h);
		s.n -= sizeof(h);
		if (h.path_n > PATH_LIMIT || h.path_n + 1u > s.n || s.p[h.path_n])
			return;
		struct digest_row *r = vec_push(d->a, &d->old);

		*r = (struct digest_row){h.size, h.mtime_ns, h.ctime_ns, h.inode, s.p};
		memcpy(r->sum, h.sum, sizeof(r->sum));
		s.p += h.path_n + 1;
		s.n -= h.path_n + 1;
	}
}

void digests_load(struct arena *a, const char *name, struct digests *out)
{
	char hex[HASH_HEX], *dir;
	struct span s;
	struct err ignored;

	*out = (struct digests){.a = a};
	if (paths_make(a, paths_root(), "build/contexts", &dir, &ignored) < 0)
		return;
	out->file = arena_printf(a, "%s/%s", dir, hash_sha256(name, strlen(name), hex));
	if (file_read(a, AT_FDCWD, out->file, FILE_LIMIT, &s, &ignored) == 0)
		read_rows(out, s);
}

bool digests_known(const struct digests *d, const char *path, const struct stat *st,
		   uint8_t sum[32])
{
	size_t low = 0, high = d ? d->old.n : 0;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct digest_row *r = &d->old.v[mid];
		int c = strcmp(path, r->path);

		if (c == 0) {
			if (r->size != st->st_size || r->mtime_ns != stamp(st->st_mtim) ||
			    r->ctime_ns != stamp(st->st_ctim) || r->inode != st->st_ino)
				return false;
			memcpy(sum, r->sum, 32);
			return true;
		}
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return false;
}

static void from_hex(const char *hex, uint8_t sum[32])
{
	for (int i = 0; i < 64; i++) {
		unsigned v = (unsigned)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);

		sum[i / 2] = (uint8_t)(i % 2 ? sum[i / 2] | v : v << 4);
	}
}

static int hash_big(int fd, uint8_t sum[32], struct err *e)
{
	struct sha256_sink sink;
	char part[65536];
	ssize_t n;
	int r = sha256_sink_init(&sink, NULL, e);

	while (r == 0 && (n = sys_read(fd, part, sizeof(part))) != 0) {
		if (n < 0)
			r = err_set(e, (int)-n, "read: %s", strerror((int)-n));
		else
			r = sink_write(&sink.sink, part, (size_t)n, e);
	}
	if (r == 0)
		r = sink_end(&sink.sink, e);
	if (r == 0)
		from_hex(sink.hex, sum);
	sha256_sink_done(&sink);
	return r;
}

static int hash_fd(int fd, int64_t size, uint8_t sum[32], struct err *e)
{
	char part[65536];
	SHA2_CTX ctx;
	ssize_t n;

	if (size >= big_file)
		return hash_big(fd, sum, e);
	SHA256Init(&ctx);
	while ((n = sys_read(fd, part, sizeof(part))) > 0)
		SHA256Update(&ctx, (const uint8_t *)part, (size_t)n);
	if (n < 0)
		return err_set(e, (int)-n, "read: %s", strerror((int)-n));
	SHA256Final(sum, &ctx);
	return 0;
}

int digests_of(struct digests *d, const char *path, int fd, const struct stat *st, uint8_t sum[32],
	       struct err *e)
{
	int r = hash_fd(fd, st->st_size, sum, e);

	if (r < 0)
		return err_wrap(e, "hash %s", path);
	if (!d)
		return 0;
	d->files_read++;
	if (stamp(st->st_ctim) > when_wall_ns() - racy_ns)
		return 0;
	struct digest_row *row = vec_push(d->a, &d->fresh);

	*row = (struct digest_row){st->st_size, stamp(st->st_mtim), stamp(st->st_ctim), st->st_ino,
				   arena_printf(d->a, "%s", path)};
	memcpy(row->sum, sum, 32);
	return 0;
}

static int by_path(const void *x, const void *y)
{
	return strcmp(((const struct digest_row *)x)->path, ((const struct digest_row *)y)->path);
}

static void put(struct buf *b, const struct digest_row *r)
{
	struct row_head h = {.size = r->size,
			     .mtime_ns = r->mtime_ns,
			     .ctime_ns = r->ctime_ns,
			     .inode = r->inode,
			     .path_n = (uint32_t)strlen(r->path)};

	memcpy(h.sum, r->sum, sizeof(h.sum));
	buf_add(b, &h, sizeof(h));
	buf_add(b, r->path, h.path_n + 1);
}

void digests_save(struct digests *d)
{
	auto_buf b = {};
	struct err ignored;
	size_t i = 0, k = 0;

	if (!d->fresh.n || !d->file)
		return;
	qsort(d->fresh.v, d->fresh.n, sizeof(*d->fresh.v), by_path);
	buf_add(&b, magic, sizeof(magic));
	while (i < d->old.n || k < d->fresh.n) {
		int c = i == d->old.n     ? 1
			: k == d->fresh.n ? -1
					  : strcmp(d->old.v[i].path, d->fresh.v[k].path);
		const struct digest_row *r = c < 0 ? &d->old.v[i] : &d->fresh.v[k];

		put(&b, r);
		i += c <= 0;
		k += c >= 0;
		while (k && k < d->fresh.n && !strcmp(d->fresh.v[k].path, r->path))
			k++;
	}
	if (file_replace(AT_FDCWD, d->file, b.p, b.n, 0600, FILE_FAST, &ignored) < 0)
		return;
	d->old.n = 0;
	d->fresh.n = 0;
}
