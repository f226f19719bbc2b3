/*
 * Which device numbers a container may use: lines for the v1 controller, a small BPF program on
 * v2. Both are made from the same list of rules, the last match of which decides.
 */
#include "base/mem.h"
#include "base/sys.h"
#include "runtime/cgroup_room.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

/* mknod of anything, use of these only (security notes: /dev/net/tun is docker's too). */
static const struct device_rule defaults[] = {
	{true, 'c', -1, -1, "m"}, {true, 'b', -1, -1, "m"},    {true, 'c', 1, 3, "rwm"},
	{true, 'c', 1, 5, "rwm"}, {true, 'c', 1, 7, "rwm"},    {true, 'c', 1, 8, "rwm"},
	{true, 'c', 1, 9, "rwm"}, {true, 'c', 5, 0, "rwm"},    {true, 'c', 5, 1, "rwm"},
	{true, 'c', 5, 2, "rwm"}, {true, 'c', 136, -1, "rwm"}, {true, 'c', 10, 200, "rwm"},
};

static int write_v1(int fd, const struct device_rule *rule)
{
	char major[24] = "*", minor[24] = "*", text[80];

	if (rule->major >= 0)
		snprintf(major, sizeof(major), "%lld", (long long)rule->major);
	if (rule->minor >= 0)
		snprintf(minor, sizeof(minor), "%lld", (long long)rule->minor);
	if (rule->type == 'a')
		snprintf(text, sizeof(text), "a");
	else
		snprintf(text, sizeof(text), "%c %s:%s %s", rule->type, major, minor,
			 rule->permissions);
	return sys_write_all(fd, text, strlen(text));
}

static int limit_v1(const struct cgroup_tree *t, const char *path, const struct cgroup_limits *l,
		    struct err *e)
{
	auto_fd int deny = cgroup_file(t, path, "devices.deny", O_WRONLY);
	auto_fd int allow = cgroup_file(t, path, "devices.allow", O_WRONLY);
	int r = deny < 0 ? deny : allow < 0 ? allow : sys_write_all(deny, "a", 1);

	/* One rule a write. */
	for (size_t i = 0; !r && i < countof(defaults); i++)
		r = write_v1(allow, &defaults[i]);
	for (size_t i = 0; !r && i < l->devices.n; i++)
		r = write_v1(l->devices.v[i].allow ? allow : deny, &l->devices.v[i]);
	if (r < 0)
		return err_set(e, -r, "cannot set the device rules of cgroup %s: %s", path,
			       strerror(-r));
	return 0;
}

enum { MAX_RULES = 512, PER_RULE = 8 };

struct program {
	struct bpf_insn v[MAX_RULES * PER_RULE + 16];
	size_t n;
};

static void put(struct program *p, struct bpf_insn insn)
{
	p->v[p->n++] = insn;
}

#define LOAD(dst, off)        ((struct bpf_insn){BPF_LDX | BPF_MEM | BPF_W, dst, BPF_REG_1, off, 0})
#define OP_IMM(op, dst, imm)  ((struct bpf_insn){BPF_ALU | (op) | BPF_K, dst, 0, 0, imm})
#define OP_REG(op, dst, src)  ((struct bpf_insn){BPF_ALU | (op) | BPF_X, dst, src, 0, 0})
#define JUMP_IMM(op, r, i, o) ((struct bpf_insn){BPF_JMP32 | (op) | BPF_K, r, 0, o, i})
#define JUMP_REG(op, a, b, o) ((struct bpf_insn){BPF_JMP32 | (op) | BPF_X, a, b, o, 0})
#define SET_IMM(dst, imm)     ((struct bpf_insn){BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm})
#define LEAVE                 ((struct bpf_insn){BPF_JMP | BPF_EXIT, 0, 0, 0, 0})

static int access_bits(const char *permissions)
{
	int bits = 0;

	for (const char *c = permissions ? permissions : "rwm"; *c; c++)
		bits |= *c == 'r'   ? BPF_DEVCG_ACC_READ
			: *c == 'w' ? BPF_DEVCG_ACC_WRITE
				    : BPF_DEVCG_ACC_MKNOD;
	return bits;
}

/* r2 type, r3 access, r4 major, r5 minor. Falls past its own end where it does not match. */
static void put_rule(struct program *p, const struct device_rule *rule)
{
	size_t from = p->n;
	int bits = rule->type == 'a' ? 7 : access_bits(rule->permissions);

	if (rule->type != 'a')
		put(p, JUMP_IMM(BPF_JNE, BPF_REG_2,
				rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, 0));
	if (bits != 7) {
		/* Allowed: every wanted bit is in the rule. Denied: any wanted bit is. */
		put(p, OP_REG(BPF_MOV, BPF_REG_1, BPF_REG_3));
		put(p, OP_IMM(BPF_AND, BPF_REG_1, bits));
		put(p, rule->allow ? JUMP_REG(BPF_JNE, BPF_REG_1, BPF_REG_3, 0)
				   : JUMP_IMM(BPF_JEQ, BPF_REG_1, 0, 0));
	}
	if (rule->type != 'a' && rule->major >= 0)
		put(p, JUMP_IMM(BPF_JNE, BPF_REG_4, (int)rule->major, 0));
	if (rule->type != 'a' && rule->minor >= 0)
		put(p, JUMP_IMM(BPF_JNE, BPF_REG_5, (int)rule->minor, 0));
	put(p, SET_IMM(BPF_REG_0, rule->allow));
	put(p, LEAVE);
	for (size_t i = from; i < p->n; i++) {
		if (BPF_CLASS(p->v[i].code) == BPF_JMP32)
			p->v[i].off = (short)(p->n - i - 1);
	}
}

static void build(struct program *p, const struct cgroup_limits *l)
{
	put(p, LOAD(BPF_REG_2, 0));
	put(p, OP_REG(BPF_MOV, BPF_REG_3, BPF_REG_2));
	put(p, OP_IMM(BPF_AND, BPF_REG_2, 0xffff));
	put(p, OP_IMM(BPF_RSH, BPF_REG_3, 16));
	put(p, LOAD(BPF_REG_4, 4));
	put(p, LOAD(BPF_REG_5, 8));
	for (size_t i = l->devices.n; i-- > 0;)
		put_rule(p, &l->devices.v[i]);
	for (size_t i = countof(defaults); i-- > 0;)
		put_rule(p, &defaults[i]);
	put(p, SET_IMM(BPF_REG_0, 0));
	put(p, LEAVE);
}

static int limit_v2(const struct cgroup_tree *t, const char *path, const struct cgroup_limits *l,
		    struct err *e)
{
	auto_fd int group = cgroup_file(t, path, ".", O_RDONLY | O_DIRECTORY);
	auto_free struct program *p = mem_new(sizeof(*p));
	auto_fd int prog = -1;
	int r;

	if (l->devices.n > MAX_RULES - countof(defaults))
		return err_set(e, E2BIG, "more than %d device rules", MAX_RULES);
	build(p, l);
	prog = sys_bpf_device_program(p->v, p->n);
	r = prog < 0 ? prog : group < 0 ? group : sys_bpf_attach_device(group, prog);
	if (r < 0)
		return err_set(e, -r, "cannot set the device rules of cgroup %s: %s", path,
			       strerror(-r));
	return 0;
}

int cgroup_devices(const struct cgroup_trees *trees, const char *path,
		   const struct cgroup_limits *l, bool privileged, struct err *e)
{
	const struct cgroup_tree *v1 = cgroup_tree(trees, "devices");
	const struct cgroup_tree *v2 = cgroup_tree(trees, "");

	if (privileged)
		return 0;
	if (v1)
		return limit_v1(v1, path, l, e);
	if (v2)
		return limit_v2(v2, path, l, e);
	return err_set(e, ENOTSUP, "this kernel has no device control for containers");
}
