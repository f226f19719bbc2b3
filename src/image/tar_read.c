#include "base/mem.h"
#include "base/sys.h"
#include "image/tar_inner.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* clang-format off */
enum { /* offsets of ustar's fields */
	AT_NAME = 0, AT_MODE = 100, AT_UID = 108, AT_GID = 116, AT_SIZE = 124, AT_MTIME = 136,
	AT_SUM = 148, AT_LINK = 157, AT_MAGIC = 257, AT_MAJOR = 329, AT_MINOR = 337,
	AT_PREFIX = 345,
};
/* clang-format on */
static const int64_t time_limit = INT64_C(1) << 50;

void tar_reader_init(struct tar_reader *t, int fd)
{
	memset(t, 0, sizeof(*t));
	t->fd = fd;
	t->buf = mem_room(TAR_BUFFER);
}

void tar_reader_done(struct tar_reader *t)
{
	free(t->buf);
	t->buf = NULL;
	buf_done(&t->pax);
	buf_done(&t->long_name);
	buf_done(&t->long_link);
	buf_done(&t->sparse.pieces);
	buf_done(&t->sparse.name);
}

int tar_bad(struct tar_reader *t, struct err *e, const char *why)
{
	auto_buf name = {0};

	buf_terminal(&name, t->entry.name, strnlen(t->entry.name, 80));
	if (!name.n)
		return err_set(e, EINVAL, "not a valid tar: entry %lld: %s", (long long)t->entries,
			       why);
	return err_set(e, EINVAL, "not a valid tar: entry %lld (%s): %s", (long long)t->entries,
		       name.p, why);
}

/* Makes sure that at least one byte is buffered; 0 at the end of the file. */
static ssize_t fill(struct tar_reader *t, struct err *e)
{
	ssize_t n;

	if (t->at < t->n)
		return (ssize_t)(t->n - t->at);
	n = sys_read(t->fd, t->buf, TAR_BUFFER);
	if (n < 0)
		return err_set(e, (int)-n, "cannot read the tar: %s", strerror((int)-n));
	t->at = 0;
	t->n = (size_t)n;
	return n;
}

int tar_get(struct tar_reader *t, void *out, size_t n, struct err *e)
{
	size_t done = 0, take;
	ssize_t have;

	while (done < n) {
		have = fill(t, e);
		if (have < 0)
			return (int)have;
		if (!have)
			return done ? tar_bad(t, e, "cut short") : TAR_END;
		take = (size_t)have < n - done ? (size_t)have : n - done;
		memcpy((char *)out + done, t->buf + t->at, take);
		t->at += take;
		done += take;
	}
	return 0;
}

static int skip(struct tar_reader *t, int64_t n, struct err *e)
{
	ssize_t have;

	while (n) {
		have = fill(t, e);
		if (have < 0)
			return (int)have;
		if (!have)
			return tar_bad(t, e, "cut short");
		have = have < n ? have : (ssize_t)n;
		t->at += (size_t)have;
		n -= have;
	}
	return 0;
}

int64_t tar_number(const uint8_t *p, size_t n)
{
	int64_t v = 0;
	size_t i = 0;

	if (p[0] & 0x80) {
		if (p[0] & 0x40)
			return -1;
		v = p[0] & 0x3f;
		for (i = 1; i < n; i++) {
			if (v > (INT64_MAX >> 8))
				return -1;
			v = v << 8 | p[i];
		}
		return v;
	}
	while (i < n && (p[i] == ' ' || !p[i]))
		i++;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		v = v << 3 | (p[i] - '0');
	for (; i < n; i++) {
		if (p[i] && p[i] != ' ')
			return -1;
	}
	return v;
}

static bool sum_is_right(const uint8_t *h)
{
	int64_t want = tar_number(h + AT_SUM, 8), plain = 0, with_sign = 0;

	for (size_t i = 0; i < TAR_BLOCK_SIZE; i++) {
		uint8_t c = i >= AT_SUM && i < AT_SUM + 8 ? ' ' : h[i];

		plain += c;
		with_sign += (int8_t)c;
	}
	return want == plain || want == with_sign;
}

static bool is_zero(const uint8_t *h)
{
	return !h[0] && !memcmp(h, h + 1, TAR_BLOCK_SIZE - 1);
}

/* The data of an L, K or x entry. */
static int extra(struct tar_reader *t, int64_t size, struct buf *out, struct err *e)
{
	char part[4096];
	int64_t left = size;
	size_t n;
	int r = 0;

	if (size > TAR_EXTRA_MAX)
		return tar_bad(t, e, "its extended header is larger than 1 MiB");
	out->n = 0;
	while (!r && left) {
		n = left < (int64_t)sizeof(part) ? (size_t)left : sizeof(part);
		r = tar_get(t, part, n, e);
		if (!r)
			buf_add(out, part, n);
		left -= (int64_t)n;
	}
	if (!r)
		r = skip(t, -size & (TAR_BLOCK_SIZE - 1), e);
	return r == TAR_END ? tar_bad(t, e, "cut short") : r;
}

int tar_set_name(struct tar_reader *t, char *to, struct span s, struct err *e)
{
	if (s.n >= PATH_MAX)
		return tar_bad(t, e, "its name is longer than 4095 bytes");
	if (memchr(s.p, '\0', s.n))
		return tar_bad(t, e, "its name holds a NUL byte");
	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	return 0;
}

int64_t tar_decimal(struct span s)
{
	int64_t v = 0;

	if (!s.n || s.n > 18)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (!isdigit((unsigned char)s.p[i]))
			return -1;
		v = v * 10 + (s.p[i] - '0');
	}
	return v;
}

/* "-12.5": the fraction counts forward from the floor. */
static int pax_time(struct tar_reader *t, struct span s, struct err *e)
{
	struct span whole;
	bool negative = s.n && s.p[0] == '-';
	long ns = 0, scale = 100000000;

	if (negative)
		s = (struct span){s.p + 1, s.n - 1};
	if (!span_cut(&s, '.', &whole)) {
		whole = s;
		s.n = 0;
	}
	t->entry.mtime_s = tar_decimal(whole);
	for (size_t i = 0; i < s.n; i++, scale /= 10) {
		if (!isdigit((unsigned char)s.p[i]))
			return tar_bad(t, e, "its time is not a number");
		ns += (s.p[i] - '0') * scale;
	}
	if (t->entry.mtime_s < 0 || t->entry.mtime_s > time_limit)
		return tar_bad(t, e, "its time is not a number in range");
	if (negative)
		t->entry.mtime_s = -t->entry.mtime_s - (ns ? 1 : 0);
	t->entry.mtime_ns = negative && ns ? 1000000000 - ns : ns;
	return 0;
}

static int pax_id(struct tar_reader *t, struct span value, uint32_t *out, struct err *e)
{
	int64_t v = tar_decimal(value);

	if (v < 0 || v >= UINT32_MAX)
		return tar_bad(t, e, "its owner is not a number below 2^32-1");
	*out = (uint32_t)v;
	return 0;
}

static int pax_xattr(struct tar_reader *t, struct span key, struct span value, struct err *e)
{
	struct tar_entry *x = &t->entry;

	if (x->n_xattrs == TAR_XATTRS_MAX)
		return tar_bad(t, e, "it has more than 64 extended attributes");
	/* The '=' behind the key becomes its end. */
	((char *)(uintptr_t)key.p)[key.n] = '\0';
	if (strlen(key.p) != key.n)
		return tar_bad(t, e, "an attribute's name holds a NUL byte");
	x->xattrs[x->n_xattrs++] = (struct tar_xattr){key.p, value};
	return 0;
}

static int pax_record(struct tar_reader *t, struct span key, struct span value, struct err *e)
{
	static const char xattr[] = "SCHILY.xattr.";
	const size_t n = sizeof(xattr) - 1;

	if (key.n > n && !memcmp(key.p, xattr, n))
		return pax_xattr(t, (struct span){key.p + n, key.n - n}, value, e);
	if (key.n > 10 && !memcmp(key.p, "GNU.sparse", 10))
		return tar_sparse_record(t, key, value, e);
	if (!value.n)
		return 0; /* takes an earlier value back: ustar's stands */
	if (span_is(key, "path"))
		return tar_set_name(t, t->entry.name, value, e);
	if (span_is(key, "linkpath"))
		return tar_set_name(t, t->entry.link, value, e);
	if (span_is(key, "mtime"))
		return pax_time(t, value, e);
	if (span_is(key, "uid"))
		return pax_id(t, value, &t->entry.uid, e);
	if (span_is(key, "gid"))
		return pax_id(t, value, &t->entry.gid, e);
	if (span_is(key, "size")) {
		t->entry.size = tar_decimal(value);
		if (t->entry.size < 0)
			return tar_bad(t, e, "its size is not a number");
	}
	return 0; /* atime, ctime, uname, comment: nothing that a layer needs */
}

/* "25 ctime=1084839148.1212\n" */
static int pax_records(struct tar_reader *t, struct err *e)
{
	struct span rest = {t->pax.p, t->pax.n}, line, key, digits;
	int64_t len;
	int r = 0;

	while (!r && rest.n) {
		line = rest;
		if (!span_cut(&line, ' ', &digits))
			return tar_bad(t, e, "its pax header is malformed");
		len = tar_decimal(digits);
		if (len < (int64_t)digits.n + 3 || len > (int64_t)rest.n || rest.p[len - 1] != '\n')
			return tar_bad(t, e, "its pax header is malformed");
		line.n = (size_t)len - digits.n - 2;
		rest = (struct span){rest.p + len, rest.n - (size_t)len};
		if (!span_cut(&line, '=', &key) || !key.n)
			return tar_bad(t, e, "its pax header is malformed");
		r = pax_record(t, key, line, e);
	}
	return r;
}

static int plain_names(struct tar_reader *t, const uint8_t *h, struct err *e)
{
	const char *prefix = (const char *)h + AT_PREFIX, *name = (const char *)h;
	size_t n = strnlen(name, 100), n_prefix = strnlen(prefix, 155);
	struct tar_entry *x = &t->entry;
	bool ustar = !memcmp(h + AT_MAGIC, "ustar", 6);

	if (!ustar)
		n_prefix = 0;
	memcpy(x->name, prefix, n_prefix);
	if (n_prefix)
		x->name[n_prefix++] = '/';
	memcpy(x->name + n_prefix, name, n);
	x->name[n_prefix + n] = '\0';
	n = strnlen((const char *)h + AT_LINK, 100);
	memcpy(x->link, h + AT_LINK, n);
	x->link[n] = '\0';
	return 0;
}

/* GNU long names, then pax: what is said last stands. */
static int long_names(struct tar_reader *t, struct err *e)
{
	struct span s;
	int r = 0;

	if (t->long_name.n) {
		s = (struct span){t->long_name.p, strnlen(t->long_name.p, t->long_name.n)};
		r = tar_set_name(t, t->entry.name, s, e);
	}
	if (!r && t->long_link.n) {
		s = (struct span){t->long_link.p, strnlen(t->long_link.p, t->long_link.n)};
		r = tar_set_name(t, t->entry.link, s, e);
	}
	return r ? r : pax_records(t, e);
}

static int check_type(struct tar_reader *t, uint8_t type, struct err *e)
{
	struct tar_entry *x = &t->entry;
	size_t n = strlen(x->name);

	if (type == '\0' || type == '7' || type == 'S')
		type = '0';
	if (type == '0' && n && x->name[n - 1] == '/')
		type = '5';
	if (type < '0' || type > '6')
		return tar_bad(t, e, "its type is unknown");
	x->type = type;
	if (type != '0')
		x->size = 0; /* some writers repeat the target's size on links */
	return 0;
}

static int decode(struct tar_reader *t, const uint8_t *h, struct err *e)
{
	struct tar_entry *x = &t->entry;
	int64_t mode = tar_number(h + AT_MODE, 8), uid = tar_number(h + AT_UID, 8);
	int64_t gid = tar_number(h + AT_GID, 8), major = tar_number(h + AT_MAJOR, 8);
	int64_t minor = tar_number(h + AT_MINOR, 8);
	bool device = h[TAR_AT_TYPE] == TAR_CHAR || h[TAR_AT_TYPE] == TAR_BLOCK;
	int r;

	x->n_xattrs = 0;
	x->size = tar_number(h + AT_SIZE, 12);
	x->mtime_s = tar_number(h + AT_MTIME, 12);
	x->mtime_ns = 0;
	if (mode < 0 || uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return tar_bad(t, e, "its mode or owner is not a number in range");
	if (x->mtime_s > time_limit)
		return tar_bad(t, e, "its time is not a number in range");
	if (x->mtime_s < 0)
		x->mtime_s = 0; /* before 1970, in base 256 */
	if (device && (major < 0 || minor < 0 || major > 4095 || minor > 1048575))
		return tar_bad(t, e, "its device number is out of range");
	x->mode = (uint32_t)mode & 07777;
	x->uid = (uint32_t)uid;
	x->gid = (uint32_t)gid;
	x->dev_major = device ? (uint32_t)major : 0;
	x->dev_minor = device ? (uint32_t)minor : 0;
	r = plain_names(t, h, e);
	if (!r)
		r = long_names(t, e);
	if (!r)
		r = check_type(t, h[TAR_AT_TYPE], e);
	if (!r && x->size < 0)
		return tar_bad(t, e, "its size is not a number");
	return r;
}

/* Reads headers up to one that is an entry of its own. */
static int headers(struct tar_reader *t, uint8_t *h, struct err *e)
{
	struct buf *into;
	auto_buf ignored = {0};
	int64_t size;
	int r;

	for (;;) {
		r = tar_get(t, h, TAR_BLOCK_SIZE, e);
		if (r)
			return r;
		if (is_zero(h))
			return TAR_END;
		if (!sum_is_right(h))
			return tar_bad(t, e, "a header's checksum is wrong");
		size = tar_number(h + AT_SIZE, 12);
		into = h[TAR_AT_TYPE] == 'L'   ? &t->long_name
		       : h[TAR_AT_TYPE] == 'K' ? &t->long_link
		       : h[TAR_AT_TYPE] == 'x' ? &t->pax
		       : h[TAR_AT_TYPE] == 'g' ? &ignored
					       : NULL;
		if (!into)
			return 0;
		if (size < 0)
			return tar_bad(t, e, "its size is not a number");
		r = extra(t, size, into, e);
		if (r)
			return r;
	}
}

int tar_next(struct tar_reader *t, struct err *e)
{
	uint8_t h[TAR_BLOCK_SIZE];
	int r;

	if (t->ended)
		return TAR_END;
	r = skip(t, t->left + t->padding, e);
	if (r < 0)
		return r;
	t->left = t->padding = 0;
	t->pax.n = t->long_name.n = t->long_link.n = 0;
	tar_sparse_begin(t);
	t->entry.name[0] = '\0';
	t->entries++;
	r = headers(t, h, e);
	if (r == TAR_END && (t->pax.n || t->long_name.n || t->long_link.n))
		return tar_bad(t, e, "cut short");
	t->ended = r == TAR_END;
	if (!r)
		r = decode(t, h, e);
	if (!r) {
		if (t->entry.size > INT64_MAX - TAR_BLOCK_SIZE)
			return tar_bad(t, e, "its size is out of range");
		t->left = t->entry.size;
		t->padding = -t->entry.size & (TAR_BLOCK_SIZE - 1);
		r = tar_sparse_map(t, h, e);
	}
	return r;
}

/* Pipe to file without passing through here; the buffer is empty. Bytes moved, or 0: cannot. */
static ssize_t move_pages(struct tar_reader *t, int fd, int64_t bytes)
{
	ssize_t n;

	if (t->no_splice || t->at < t->n || bytes < 65536)
		return 0;
	do {
		n = splice(t->fd, NULL, fd, NULL, (size_t)(bytes < (1 << 20) ? bytes : 1 << 20),
			   SPLICE_F_MOVE);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EINVAL)
		t->no_splice = true;
	return n < 0 ? 0 : n;
}

/* The next n bytes of the entry's data. */
static int move_bytes(struct tar_reader *t, int fd, int64_t bytes, struct err *e)
{
	struct fd_sink s;
	ssize_t n, have;
	int r;

	fd_sink_init(&s, fd);
	while (bytes) {
		n = move_pages(t, fd, bytes);
		if (!n) {
			have = fill(t, e);
			if (have < 0)
				return (int)have;
			if (!have)
				return tar_bad(t, e, "cut short");
			n = have < bytes ? have : (ssize_t)bytes;
			r = sink_write(&s.sink, t->buf + t->at, (size_t)n, e);
			if (r < 0)
				return r;
			t->at += (size_t)n;
		}
		bytes -= n;
		t->left -= n;
	}
	return 0;
}

static int move_pieces(struct tar_reader *t, int fd, struct err *e)
{
	const struct tar_piece *p = (const void *)t->sparse.pieces.p;
	int r = 0;

	for (size_t i = 0; !r && i < t->sparse.pieces.n / sizeof(*p); i++) {
		if (lseek(fd, p[i].at, SEEK_SET) < 0)
			return err_set(e, errno, "cannot seek: %s", strerror(errno));
		r = move_bytes(t, fd, p[i].n, e);
	}
	if (!r && ftruncate(fd, t->entry.size) < 0)
		r = err_set(e, errno, "cannot make the hole at its end: %s", strerror(errno));
	return r;
}

int tar_to_fd(struct tar_reader *t, int fd, struct err *e)
{
	return t->sparse.given ? move_pieces(t, fd, e) : move_bytes(t, fd, t->left, e);
}

int tar_drain(struct tar_reader *t, struct err *e)
{
	ssize_t n;

	do {
		t->at = t->n;
		n = fill(t, e);
	} while (n > 0);
	return (int)n;
}
