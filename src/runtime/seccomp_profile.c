/* Profiles from files: docker's JSON and the OCI runtime's, which differ in who decides by arch. */
#include "base/json.h"
#include "runtime/seccomp_rules.h"
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

struct reader {
	struct arena *a;
	uint64_t caps;
	struct seccomp_rules *out;
	unsigned kernel_major, kernel_minor;
};

static const struct {
	const char *name;
	uint32_t action;
	bool takes_errno;
} actions[] = {
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
	{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true},
	{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG},
	{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
	{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true},
};

static const struct {
	const char *name;
	enum scmp_compare op;
} ops[] = {
	{"SCMP_CMP_NE", SCMP_CMP_NE},
	{"SCMP_CMP_LT", SCMP_CMP_LT},
	{"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_EQ", SCMP_CMP_EQ},
	{"SCMP_CMP_GE", SCMP_CMP_GE},
	{"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

static const char arch[] =
#if defined(__x86_64__)
	"amd64";
#elif defined(__aarch64__)
	"arm64";
#elif defined(__riscv)
	"riscv64";
#elif defined(__powerpc64__)
	"ppc64le";
#elif defined(__s390x__)
	"s390x";
#else
	"other";
#endif

static int read_action(const char *word, int64_t code, uint32_t *out, struct err *e)
{
	for (size_t i = 0; word && i < countof(actions); i++) {
		if (strcmp(actions[i].name, word) != 0)
			continue;
		*out = actions[i].action | (actions[i].takes_errno ? (uint32_t)code & 0xffff : 0);
		return 0;
	}
	return err_set(e, EINVAL, "unknown action \"%s\"", word ? word : "");
}

static bool names_arch(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *word = json_string_value(json_array_get(list, i));

		if (word && !strcmp(word, arch))
			return true;
	}
	return false;
}

static bool has_caps(const json_t *list, uint64_t caps, bool all)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *word = json_string_value(json_array_get(list, i));
		int number = word ? rights_number(word) : -1;
		bool has = number >= 0 && caps >> number & 1;

		if (has != all)
			return has;
	}
	return all;
}

static bool kernel_is(const struct reader *r, const char *least)
{
	unsigned major = 0, minor = 0;

	if (!least || sscanf(least, "%u.%u", &major, &minor) < 1)
		return true;
	return r->kernel_major > major || (r->kernel_major == major && r->kernel_minor >= minor);
}

static bool applies(const struct reader *r, const json_t *call)
{
	const json_t *in = json_object_get(call, "includes"),
		     *out = json_object_get(call, "excludes");
	const json_t *arches = json_object_get(in, "arches");
	const char *young = json_string_or(out, "minKernel", NULL);

	if (json_array_size(arches) && !names_arch(arches))
		return false;
	if (!has_caps(json_object_get(in, "caps"), r->caps, true) ||
	    !kernel_is(r, json_string_or(in, "minKernel", NULL)))
		return false;
	return !names_arch(json_object_get(out, "arches")) &&
	       !has_caps(json_object_get(out, "caps"), r->caps, false) &&
	       !(young && kernel_is(r, young));
}

static int read_arg(const json_t *arg, struct scmp_arg_cmp *out, struct err *e)
{
	const char *op = json_string_or(arg, "op", "");
	int64_t index = json_int_or(arg, "index", -1);
	uint64_t value = (uint64_t)json_int_or(arg, "value", 0);
	uint64_t two = (uint64_t)json_int_or(arg, "valueTwo", 0);

	for (size_t i = 0; i < countof(ops); i++) {
		if (strcmp(ops[i].name, op) != 0 || index < 0 || index > 5)
			continue;
		*out = (struct scmp_arg_cmp){(unsigned)index, ops[i].op, value, two};
		return 0;
	}
	return err_set(e, EINVAL, "an argument's index or op (\"%s\") is wrong", op);
}

/* Several conditions on one argument are alternatives (docker's reading), on different ones all. */
static int add_rule(struct reader *r, const char *name, uint32_t action, const json_t *args,
		    struct err *e)
{
	struct seccomp_rule rule = {.name = name, .action = action};
	unsigned seen = 0;
	bool again = false;
	int bad = 0;

	if (json_array_size(args) > 6)
		return err_set(e, EINVAL, "%s has more than six conditions", name);
	for (size_t i = 0; !bad && i < json_array_size(args); i++) {
		bad = read_arg(json_array_get(args, i), &rule.args[i], e);
		again |= !bad && seen >> rule.args[i].arg & 1;
		seen |= bad ? 0 : 1u << rule.args[i].arg;
	}
	if (bad)
		return bad;
	rule.n_args = again ? 1 : (unsigned)json_array_size(args);
	*vec_push(r->a, &r->out->v) = rule;
	for (size_t i = 1; again && i < json_array_size(args); i++) {
		struct scmp_arg_cmp one = rule.args[i];

		*vec_push(r->a, &r->out->v) = (struct seccomp_rule){
			.name = name, .action = action, .n_args = 1, .args = {one}};
	}
	return 0;
}

static int read_call(struct reader *r, const json_t *call, struct err *e)
{
	const json_t *names = json_object_get(call, "names"), *args = json_object_get(call, "args");
	const char *single = json_string_or(call, "name", NULL), *name;
	uint32_t action;
	int bad;

	if (!applies(r, call))
		return 0;
	bad = read_action(json_string_or(call, "action", NULL),
			  json_int_or(call, "errnoRet", EPERM), &action, e);
	if (!bad && single)
		bad = add_rule(r, arena_strndup(r->a, single, strlen(single)), action, args, e);
	for (size_t i = 0; !bad && i < json_array_size(names); i++) {
		name = json_string_value(json_array_get(names, i));
		bad = name ? add_rule(r, arena_strndup(r->a, name, strlen(name)), action, args, e)
			   : err_set(e, EINVAL, "a name is not text");
	}
	return bad;
}

static void read_kernel(struct reader *r)
{
	struct utsname u;

	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &r->kernel_major, &r->kernel_minor) != 2)
		r->kernel_major = r->kernel_minor = 0;
}

int seccomp_profile_rules(struct arena *a, struct span json, uint64_t caps,
			  struct seccomp_rules *out, struct err *e)
{
	struct reader r = {.a = a, .caps = caps, .out = out};
	auto_json *j = NULL;
	const json_t *calls;
	int bad = json_read(json.p, json.n, &j, e);

	*out = (struct seccomp_rules){0};
	read_kernel(&r);
	if (!bad)
		bad = read_action(json_string_or(j, "defaultAction", NULL),
				  json_int_or(j, "defaultErrnoRet", EPERM), &out->otherwise, e);
	if (bad)
		return err_wrap(e, "read the profile");
	out->sub_arches = json_array_size(json_object_get(j, "archMap")) ||
			  json_array_size(json_object_get(j, "architectures")) > 1;
	calls = json_object_get(j, "syscalls");
	for (size_t i = 0; !bad && i < json_array_size(calls); i++) {
		bad = read_call(&r, json_array_get(calls, i), e);
		if (bad)
			return err_wrap(e, "syscalls[%zu]", i);
	}
	return 0;
}
