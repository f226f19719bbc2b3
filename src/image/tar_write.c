#include "base/mem.h"
#include "image/tar.h"
#include <stdio.h>
#include <string.h>

struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct ustar) == TAR_BLOCK_SIZE, "a tar header is 512 bytes");

bool tar_keeps_xattr(const char *name)
{
	if (text_starts(name, "user."))
		return !text_starts(name, "user.overlay.");
	return !strcmp(name, "security.capability") || !strcmp(name, "system.posix_acl_access") ||
	       !strcmp(name, "system.posix_acl_default");
}

/* n - 1 octal digits and a NUL; false where the value needs more. */
static bool octal(char *to, size_t n, uint64_t v)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%0*llo", (int)n - 1, (unsigned long long)v);

	if (len > (int)n - 1) {
		memset(to, '0', n - 1);
		return false;
	}
	memcpy(to, text, n - 1);
	return true;
}

/* "%d %s=%s\n": the length counts its own digits. */
static void record(struct buf *pax, const char *key, const void *value, size_t n)
{
	size_t body = strlen(key) + n + 3, len = body + 1;
	char digits[24];

	for (;;) {
		size_t want = body + (size_t)snprintf(digits, sizeof(digits), "%zu", len);

		if (want == len)
			break;
		len = want;
	}
	buf_printf(pax, "%s %s=", digits, key);
	buf_add(pax, value, n);
	buf_char(pax, '\n');
}

static void record_number(struct buf *pax, const char *key, int64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld", (long long)v);

	record(pax, key, text, (size_t)n);
}

static void set_sum(struct ustar *h)
{
	const uint8_t *p = (const uint8_t *)h;
	unsigned sum = 0;

	memset(h->sum, ' ', sizeof(h->sum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += p[i];
	snprintf(h->sum, sizeof(h->sum), "%06o", sum);
	h->sum[7] = ' ';
}

static void fill_header(struct ustar *h, const struct tar_entry *t, struct buf *pax)
{
	size_t n_name = strlen(t->name), n_link = strlen(t->link);

	memset(h, 0, sizeof(*h));
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	h->type = (char)t->type;
	memcpy(h->name, t->name, n_name < sizeof(h->name) ? n_name : sizeof(h->name));
	memcpy(h->link, t->link, n_link < sizeof(h->link) ? n_link : sizeof(h->link));
	octal(h->mode, sizeof(h->mode), t->mode);
	if (n_link > sizeof(h->link))
		record(pax, "linkpath", t->link, n_link);
	if (n_name > sizeof(h->name))
		record(pax, "path", t->name, n_name);
	if (!octal(h->uid, sizeof(h->uid), t->uid))
		record_number(pax, "uid", t->uid);
	if (!octal(h->gid, sizeof(h->gid), t->gid))
		record_number(pax, "gid", t->gid);
	if (!octal(h->size, sizeof(h->size), (uint64_t)t->size))
		record_number(pax, "size", t->size);
	if (t->mtime_s < 0 || !octal(h->mtime, sizeof(h->mtime), (uint64_t)t->mtime_s)) {
		memset(h->mtime, '0', sizeof(h->mtime) - 1);
		record_number(pax, "mtime", t->mtime_s);
	}
	if (t->type == TAR_CHAR || t->type == TAR_BLOCK) {
		octal(h->major, sizeof(h->major), t->dev_major);
		octal(h->minor, sizeof(h->minor), t->dev_minor);
	}
	for (size_t i = 0; i < t->n_xattrs; i++) {
		char key[320];

		snprintf(key, sizeof(key), "SCHILY.xattr.%s", t->xattrs[i].name);
		record(pax, key, t->xattrs[i].value.p, t->xattrs[i].value.n);
	}
	set_sum(h);
}

int tar_write_padding(struct sink *s, int64_t size, struct err *e)
{
	static const char zeros[TAR_BLOCK_SIZE];

	return sink_write(s, zeros, (size_t)(-size & (TAR_BLOCK_SIZE - 1)), e);
}

static int write_pax(struct sink *s, const struct buf *pax, struct err *e)
{
	struct ustar h = {.name = "PaxHeaders/0", .type = 'x', .magic = "ustar"};
	int r;

	memcpy(h.version, "00", 2);
	octal(h.mode, sizeof(h.mode), 0644);
	octal(h.uid, sizeof(h.uid), 0);
	octal(h.gid, sizeof(h.gid), 0);
	octal(h.size, sizeof(h.size), pax->n);
	octal(h.mtime, sizeof(h.mtime), 0);
	set_sum(&h);
	r = sink_write(s, &h, sizeof(h), e);
	if (!r)
		r = sink_write(s, pax->p, pax->n, e);
	return r ? r : tar_write_padding(s, (int64_t)pax->n, e);
}

int tar_write_header(struct sink *s, const struct tar_entry *t, struct err *e)
{
	auto_buf pax = {0};
	struct ustar h;
	int r = 0;

	fill_header(&h, t, &pax);
	if (pax.n)
		r = write_pax(s, &pax, e);
	return r ? r : sink_write(s, &h, sizeof(h), e);
}

int tar_write_file(struct sink *s, const char *name, const void *p, size_t n, struct err *e)
{
	auto_free struct tar_entry *t = mem_new(sizeof(*t));
	int r;

	t->type = TAR_FILE;
	t->mode = 0644;
	t->size = (int64_t)n;
	snprintf(t->name, sizeof(t->name), "%s", name);
	r = tar_write_header(s, t, e);
	if (!r)
		r = sink_write(s, p, n, e);
	return r ? r : tar_write_padding(s, (int64_t)n, e);
}

int tar_write_end(struct sink *s, struct err *e)
{
	static const char zeros[2 * TAR_BLOCK_SIZE];

	return sink_write(s, zeros, sizeof(zeros), e);
}
