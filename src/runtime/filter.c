#include "runtime/filter.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/paths.h"
#include "runtime/seccomp_rules.h"
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "seccomp_default.inc"

enum { PROFILE_LIMIT = 4 << 20, CODE_LIMIT = 4096 * sizeof(struct sock_filter) };

/* Raised when the table or the compiler changes: old files in the cache are then not found. */
#define CACHE_VERSION "1-" BERTH_VERSION

struct source {
	struct span json; /* n == 0: our own table */
	uint64_t caps;
};

static int compile(struct arena *a, const struct source *from, struct filter *out, struct err *e)
{
	struct seccomp_rules rules;

	if (!from->json.n)
		seccomp_default_rules(a, from->caps, &rules);
	else if (seccomp_profile_rules(a, from->json, from->caps, &rules, e) < 0)
		return -e->code;
	return seccomp_compile(a, &rules, out, e);
}

static const char *cache_name(struct arena *a, const struct source *from, struct err *e)
{
	auto_buf key = {0};
	char hex[HASH_HEX];
	char *dir;

	if (paths_make(a, paths_root(), "seccomp", &dir, e) < 0)
		return NULL;
	buf_printf(&key, "%s %llx ", CACHE_VERSION, (unsigned long long)from->caps);
	buf_add(&key, from->json.p ? from->json.p : "", from->json.n);
	return arena_printf(a, "%s/%s.bpf", dir, hash_sha256(key.p, key.n, hex));
}

/* Compiling takes libseccomp 5 to 10 ms: once for each profile and capability set. */
static int cached(struct arena *a, const struct source *from, struct filter *out, struct err *e)
{
	const char *name = cache_name(a, from, e);
	struct span code;
	struct err ignored;
	int r;

	if (!name)
		return -e->code;
	if (!file_read(a, AT_FDCWD, name, CODE_LIMIT, &code, &ignored) && code.n &&
	    code.n % sizeof(struct sock_filter) == 0) {
		*out = (struct filter){code.p, code.n / sizeof(struct sock_filter)};
		return 0;
	}
	r = compile(a, from, out, e);
	if (r < 0)
		return r;
	return file_replace(AT_FDCWD, name, out->code, out->n * sizeof(struct sock_filter), 0600,
			    FILE_FAST, e);
}

int filter_choose(struct arena *a, const struct container_spec *s, struct filter *out,
		  struct err *e)
{
	struct source from = {.caps = s->caps};
	int r = 0;

	*out = (struct filter){0};
	if (s->privileged || s->seccomp_unconfined)
		return 0;
	if (!s->seccomp_file && s->caps == rights_default()) {
		*out = (struct filter){default_code, countof(default_code)};
		return 0;
	}
	if (s->seccomp_file)
		r = file_read(a, AT_FDCWD, s->seccomp_file, PROFILE_LIMIT, &from.json, e);
	if (!r)
		r = cached(a, &from, out, e);
	return r < 0 ? err_wrap(e, "prepare the seccomp filter") : 0;
}
