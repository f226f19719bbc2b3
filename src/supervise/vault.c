#include "supervise/vault.h"
#include "base/dl.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/sys.h"
#include "base/vec.h"
#include "base/when.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { KEY = 32, NONCE = 12, TAG = 16, HEAD_MAX = 1 << 16, NAME_MAX_ = 64 };
struct sealed { /* what follows the line of JSON */
	unsigned char nonce[NONCE], tag[TAG];
	unsigned char text[];
};

struct crypto {
	EVP_CIPHER_CTX *(*ctx_new)(void);
	void (*ctx_free)(EVP_CIPHER_CTX *);
	const EVP_CIPHER *(*aes)(void);
	int (*init)(EVP_CIPHER_CTX *, const EVP_CIPHER *, ENGINE *, const unsigned char *,
		    const unsigned char *, int);
	int (*update)(EVP_CIPHER_CTX *, unsigned char *, int *, const unsigned char *, int);
	int (*final)(EVP_CIPHER_CTX *, unsigned char *, int *);
	int (*ctrl)(EVP_CIPHER_CTX *, int, int, void *);
};
static const struct dl_symbol symbols[] = {
	{"EVP_CIPHER_CTX_new", offsetof(struct crypto, ctx_new)},
	{"EVP_CIPHER_CTX_free", offsetof(struct crypto, ctx_free)},
	{"EVP_aes_256_gcm", offsetof(struct crypto, aes)},
	{"EVP_CipherInit_ex", offsetof(struct crypto, init)},
	{"EVP_CipherUpdate", offsetof(struct crypto, update)},
	{"EVP_CipherFinal_ex", offsetof(struct crypto, final)},
	{"EVP_CIPHER_CTX_ctrl", offsetof(struct crypto, ctrl)},
	{0},
};

/* Both ways, one function: `s` has the nonce, and the tag where it is opened. */
static int crypt_with(const struct crypto *lib, EVP_CIPHER_CTX *x, bool seal,
		      const unsigned char *key, struct span head, struct sealed *s,
		      struct span from, unsigned char *to)
{
	int n;

	return lib->init(x, lib->aes(), NULL, key, s->nonce, seal) &&
	       lib->update(x, NULL, &n, (const unsigned char *)head.p, (int)head.n) &&
	       lib->update(x, to, &n, (const unsigned char *)from.p, (int)from.n) &&
	       (seal || lib->ctrl(x, EVP_CTRL_GCM_SET_TAG, TAG, s->tag)) &&
	       lib->final(x, to + n, &n) &&
	       (!seal || lib->ctrl(x, EVP_CTRL_GCM_GET_TAG, TAG, s->tag));
}

static int random_bytes(void *out, size_t n, struct err *e)
{
	int r = sys_random(out, n);

	return r < 0 ? err_set(e, -r, "no random bytes: %s", strerror(-r)) : 0;
}

/* Whoever comes first makes it; a killed maker leaves none or a whole one. */
static int key_of(unsigned char key[static KEY], struct err *e)
{
	auto_arena a = {0};
	auto_fd int lock = -1;
	struct span text;
	char *dir, *file;
	int r = paths_make(&a, paths_root(), "keys", &dir, e);

	if (r < 0)
		return r;
	file = arena_printf(&a, "%s/secrets", dir);
	r = file_lock(AT_FDCWD, arena_printf(&a, "%s/.lock", dir), FILE_LOCK_WAIT, &lock, e);
	if (!r && access(file, F_OK) < 0) {
		r = random_bytes(key, KEY, e);
		return r ? r : file_replace(AT_FDCWD, file, key, KEY, 0400, FILE_DURABLE, e);
	}
	if (!r)
		r = file_read(&a, AT_FDCWD, file, 4096, &text, e);
	if (!r && text.n != KEY)
		r = err_set(e, EINVAL, "%s is not a key of %d bytes", file, KEY);
	if (r < 0)
		return r;
	memcpy(key, text.p, KEY);
	explicit_bzero((char *)text.p, text.n);
	return 0;
}

static int crypt_by_key(bool seal, struct span head, struct sealed *s, struct span from,
			unsigned char *to, struct err *e)
{
	unsigned char key[KEY];
	struct crypto lib;
	EVP_CIPHER_CTX *x;
	int r = dl_load("libcrypto.so.3", symbols, &lib, e);

	if (!r)
		r = key_of(key, e);
	if (r < 0)
		return r;
	x = lib.ctx_new();
	if (!x || !crypt_with(&lib, x, seal, key, head, s, from, to))
		r = err_set(e, EBADMSG,
			    seal ? "OpenSSL cannot encrypt"
				 : "it was changed, or the key is another");
	explicit_bzero(key, sizeof(key));
	if (x)
		lib.ctx_free(x);
	return r;
}

static int check_name(const char *name, struct err *e)
{
	size_t n = strlen(name);

	if (n && n <= NAME_MAX_ && name[0] != '.' && name[0] != '-' &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n)
		return 0;
	return err_set(e, EINVAL,
		       "\"%s\" cannot name a secret: 1 to %d letters, digits, \"-\", \"_\", \".\"",
		       name, NAME_MAX_);
}

static int place(struct arena *a, const char *name, char **out, struct err *e)
{
	char *dir;
	int r = check_name(name, e);

	if (!r)
		r = paths_make(a, paths_root(), "secrets", &dir, e);
	if (!r)
		*out = arena_printf(a, "%s/%s", dir, name);
	return r;
}

static int make_id(struct arena *a, char **out, struct err *e)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char raw[25];
	int r = random_bytes(raw, sizeof(raw), e);

	*out = arena_alloc(a, sizeof(raw) + 1);
	for (size_t i = 0; i < sizeof(raw); i++)
		(*out)[i] = digits[raw[i] & 31];
	return r;
}

static json_t *entry_json(const struct vault_entry *v)
{
	json_t *labels = json_object();

	vec_each(l, &v->labels)
		json_object_set_new(labels, l->key, json_string(l->value ? l->value : ""));
	return json_pack("{s:s, s:s, s:I, s:o}", "id", v->id, "name", v->name, "created",
			 (json_int_t)v->created_ns, "labels", labels);
}

int vault_put(struct arena *a, const char *name, struct span content, const struct pairs *labels,
	      bool replace, char **id, struct err *e)
{
	struct vault_entry v = {.name = name, .created_ns = when_wall_ns()}, old;
	auto_json *head = NULL;
	auto_buf file = {0};
	struct sealed *s;
	char *path;
	size_t size = sizeof(*s) + content.n;
	int r = place(a, name, &path, e);

	if (r < 0)
		return r;
	if (content.n > VAULT_MAX)
		return err_set(e, EFBIG, "a secret has at most %d bytes, this one has %zu",
			       VAULT_MAX, content.n);
	if (labels)
		v.labels = *labels;
	r = vault_find(a, name, &old, e);
	if (!r && !replace)
		return err_set(e, EEXIST, "secret \"%s\" exists already", name);
	if (r < 0 && r != -ENOENT)
		return r;
	r = make_id(a, id, e);
	if (r < 0)
		return r;
	v.id = *id;
	s = arena_alloc(a, size);
	head = entry_json(&v);
	auto_free char *line = json_dumps(head, JSON_COMPACT | JSON_SORT_KEYS);
	r = random_bytes(s->nonce, NONCE, e);
	if (!r)
		r = crypt_by_key(true, span_of(line), s, content, s->text, e);
	buf_printf(&file, "%s\n", line);
	buf_add(&file, s, size);
	return r ? r : file_replace(AT_FDCWD, path, file.p, file.n, 0600, FILE_DURABLE, e);
}

static int read_head(struct arena *a, struct span line, struct vault_entry *out, struct err *e)
{
	auto_json *j = NULL;
	const char *key;
	json_t *value;
	int r = json_read(line.p, line.n, &j, e);

	if (r < 0)
		return r;
	*out = (struct vault_entry){.id = arena_printf(a, "%s", json_string_or(j, "id", "")),
				    .name = arena_printf(a, "%s", json_string_or(j, "name", "")),
				    .created_ns =
					    json_integer_value(json_object_get(j, "created"))};
	json_object_foreach(json_object_get(j, "labels"), key, value)
	{
		*vec_push(a, &out->labels) = (struct pair){
			arena_printf(a, "%s", key),
			arena_printf(a, "%s",
				     json_is_string(value) ? json_string_value(value) : "")};
	}
	return 0;
}

/* The line and what follows it. */
static int read_entry(struct arena *a, const char *name, struct span *head, struct span *rest,
		      struct vault_entry *out, struct err *e)
{
	char *path;
	int r = place(a, name, &path, e);

	if (!r && access(path, F_OK) < 0 && errno == ENOENT)
		return err_set(e, ENOENT, "no such secret: %s", name);
	if (!r)
		r = file_read(a, AT_FDCWD, path, HEAD_MAX + sizeof(struct sealed) + VAULT_MAX, rest,
			      e);
	if (r < 0)
		return r;
	if (!span_cut(rest, '\n', head) || rest->n < sizeof(struct sealed))
		return err_set(e, EBADMSG, "%s is torn", path);
	r = read_head(a, *head, out, e);
	if (!r && strcmp(out->name, name) != 0)
		r = err_set(e, EBADMSG, "%s is the secret \"%s\"", path, out->name);
	return r;
}

int vault_find(struct arena *a, const char *name, struct vault_entry *out, struct err *e)
{
	struct span head, rest;

	return read_entry(a, name, &head, &rest, out, e);
}

int vault_get(struct arena *a, const char *name, struct span *out, struct err *e)
{
	struct span head, rest, sealed;
	struct vault_entry v;
	struct sealed *s;
	unsigned char *plain;
	int r = read_entry(a, name, &head, &rest, &v, e);

	if (r < 0)
		return r;
	s = arena_alloc(a, rest.n);
	memcpy(s, rest.p, rest.n);
	sealed = (struct span){(const char *)s->text, rest.n - sizeof(*s)};
	plain = arena_alloc(a, sealed.n + 1);
	r = crypt_by_key(false, head, s, sealed, plain, e);
	if (r < 0)
		return err_wrap(e, "secret \"%s\" cannot be opened", name);
	*out = (struct span){(const char *)plain, sealed.n};
	return 0;
}

static int by_name(const void *x, const void *y)
{
	const struct vault_entry *a = x, *b = y;

	return strcmp(a->name, b->name);
}

int vault_list(struct arena *a, struct vault_entries *out, struct err *e)
{
	struct dirent *ent;
	struct err ignored;
	char *dir;
	DIR *d;
	int r = paths_make(a, paths_root(), "secrets", &dir, e);

	if (r < 0)
		return r;
	d = opendir(dir);
	if (!d)
		return err_set(e, errno, "%s: %s", dir, strerror(errno));
	*out = (struct vault_entries){0};
	while ((ent = readdir(d))) {
		struct vault_entry v;

		/* what a killed writer left has a name that no secret can have */
		if (!check_name(ent->d_name, &ignored) && !vault_find(a, ent->d_name, &v, &ignored))
			*vec_push(a, out) = v;
	}
	closedir(d);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_name);
	return 0;
}

int vault_remove(const char *name, struct err *e)
{
	auto_arena a = {0};
	char *path;
	int r = place(&a, name, &path, e);

	if (r < 0)
		return r;
	if (unlink(path) == 0)
		return 0;
	return errno == ENOENT ? err_set(e, ENOENT, "no such secret: %s", name)
			       : err_set(e, errno, "%s: %s", path, strerror(errno));
}

int vault_digest(struct span content, char hex[static 65], struct err *e)
{
	auto_buf b = {0};
	unsigned char key[KEY];
	int r = key_of(key, e);

	if (r < 0)
		return r;
	buf_add(&b, key, KEY);
	buf_add(&b, content.p, content.n);
	hash_sha256(b.p, b.n, hex);
	explicit_bzero(key, KEY);
	explicit_bzero(b.p, b.n);
	return 0;
}
