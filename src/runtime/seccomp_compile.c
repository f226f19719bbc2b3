#include "base/dl.h"
#include "base/file.h"
#include "base/sys.h"
#include "runtime/seccomp_rules.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

struct lib {
	scmp_filter_ctx (*init)(uint32_t action);
	void (*release)(scmp_filter_ctx ctx);
	int (*arch_add)(scmp_filter_ctx ctx, uint32_t arch);
	uint32_t (*arch_native)(void);
	int (*attr_set)(scmp_filter_ctx ctx, enum scmp_filter_attr attr, uint32_t value);
	int (*resolve)(const char *name);
	int (*rule_add)(scmp_filter_ctx ctx, uint32_t action, int nr, unsigned n,
			const struct scmp_arg_cmp *args);
	int (*export)(scmp_filter_ctx ctx, int fd);
};

#define ROW(name, member)                                                                          \
	{                                                                                          \
		name, offsetof(struct lib, member)                                                 \
	}
static const struct dl_symbol symbols[] = {
	ROW("seccomp_init", init),
	ROW("seccomp_release", release),
	ROW("seccomp_arch_add", arch_add),
	ROW("seccomp_arch_native", arch_native),
	ROW("seccomp_attr_set", attr_set),
	ROW("seccomp_syscall_resolve_name", resolve),
	ROW("seccomp_rule_add_array", rule_add),
	ROW("seccomp_export_bpf", export),
	{NULL, 0},
};

/* Calls newer than libseccomp 2.5.4 knows; from 403 on a number is the same on every machine. */
static const unsigned young_calls[] = {
	451 /* cachestat */,
	452 /* fchmodat2 */,
	453 /* map_shadow_stack */,
	454 /* futex_wake */,
	455 /* futex_wait */,
	456 /* futex_requeue */,
	457 /* statmount */,
	458 /* listmount */,
	462 /* mseal */,
	463 /* setxattrat */,
	464 /* getxattrat */,
	465 /* listxattrat */,
	466 /* removexattrat */
};
enum { FIRST_YOUNG = 451, LAST_KNOWN = 466, PROLOGUE_MAX = 32, X32_BIT = 0x40000000 };

/* Before libseccomp's own program: what is young, and what nobody knew when this was written. */
static size_t prologue(struct sock_filter *out)
{
	size_t n = 0, calls = countof(young_calls);

	out[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						offsetof(struct seccomp_data, nr));
	out[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~X32_BIT);
	out[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_YOUNG, 0,
						(unsigned char)(calls + 4));
	out[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, LAST_KNOWN,
						(unsigned char)(calls + 2), 0);
	for (size_t i = 0; i < calls; i++)
		out[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, young_calls[i],
							(unsigned char)(calls - i), 0);
	out[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 2, 0, 0);
	out[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	out[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	return n;
}

static int add_rules(const struct lib *lib, scmp_filter_ctx ctx, const struct seccomp_rules *rules,
		     struct err *e)
{
	vec_each(rule, &rules->v) {
		int nr = lib->resolve(rule->name), r;

		if (nr == __NR_SCMP_ERROR || rule->action == rules->otherwise)
			continue; /* a call of another machine, or younger than the library */
		r = lib->rule_add(ctx, rule->action, nr, rule->n_args, rule->args);
		if (r < 0)
			return err_set(e, -r, "seccomp rule for %s: %s", rule->name, strerror(-r));
	}
	return 0;
}

static int add_arches(const struct lib *lib, scmp_filter_ctx ctx)
{
	static const struct {
		uint32_t native, sub[2];
	} rows[] = {{SCMP_ARCH_X86_64, {SCMP_ARCH_X86, SCMP_ARCH_X32}},
		    {SCMP_ARCH_AARCH64, {SCMP_ARCH_ARM, 0}},
		    {SCMP_ARCH_S390X, {SCMP_ARCH_S390, 0}}};
	int r = 0;

	for (size_t i = 0; i < countof(rows); i++) {
		for (size_t j = 0; rows[i].native == lib->arch_native() && j < 2; j++) {
			if (rows[i].sub[j] && !r)
				r = lib->arch_add(ctx, rows[i].sub[j]);
		}
	}
	return r;
}

static int export(struct arena *a, const struct lib *lib, scmp_filter_ctx ctx, bool known_only,
		  struct filter *out, struct err *e)
{
	auto_fd int fd = sys_memfd("seccomp", 0);
	struct sock_filter *code;
	struct span bytes;
	size_t n = 0;
	int r = fd < 0 ? fd : lib->export(ctx, fd);

	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, r < 0 ? -r : errno, "libseccomp cannot export the filter");
	if (file_read_fd(a, fd, 1 << 20, &bytes, e) < 0)
		return -e->code;
	code = arena_alloc(a, bytes.n + PROLOGUE_MAX * sizeof(*code));
	if (known_only)
		n = prologue(code);
	memcpy(code + n, bytes.p, bytes.n);
	*out = (struct filter){code, n + bytes.n / sizeof(*code)};
	return 0;
}

int seccomp_compile(struct arena *a, const struct seccomp_rules *rules, struct filter *out,
		    struct err *e)
{
	struct lib lib;
	scmp_filter_ctx ctx;
	int r;

	if (dl_load("libseccomp.so.2", symbols, &lib, e) < 0)
		return -e->code;
	ctx = lib.init(rules->otherwise);
	if (!ctx)
		return err_set(e, EINVAL, "libseccomp refuses the default action");
	lib.attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	lib.attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree; older ones make a list */
	r = rules->sub_arches ? add_arches(&lib, ctx) : 0;
	if (r < 0 && r != -EEXIST)
		err_set(e, -r, "libseccomp: %s", strerror(-r));
	else
		r = add_rules(&lib, ctx, rules, e);
	if (!r)
		r = export(a, &lib, ctx, rules->known_only, out, e);
	lib.release(ctx);
	return r;
}
