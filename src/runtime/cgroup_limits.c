/*
 * Limits and counters as rows {attribute, v1 file, v2 file, format}. A limit that was asked for and
 * that this kernel cannot keep is an error, never a shrug.
 */
#include "runtime/cgroup_room.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum format {
	POSITIVE,   /* written where > 0 */
	SHARES,     /* v2: the weight that keeps the proportion */
	QUOTA,      /* v2: "quota period" in one file */
	SWAP,       /* total with memory; v2: without */
	PIDS,       /* 0: default, -1: max */
	SWAPPINESS, /* v1 only; -1: leave */
	OOM_OFF,    /* v1 only */
	WORD,       /* text */
	WEIGHT,     /* 10..1000; v2 io.weight 1..10000 */
	DEVICES,    /* v1 "maj:min n" per line; v2 `key` in io.max */
};

struct row {
	size_t off;
	const char *controller, *v1, *v2, *key;
	enum format format;
	const char *word; /* Compose's, for messages */
};

#define AT(member) offsetof(struct cgroup_limits, member)
/* clang-format off */
static const struct row rows[] = {
	{AT(memory),           "memory", "memory.limit_in_bytes",       "memory.max",  NULL, POSITIVE,   "mem_limit"},
	{AT(memory_swap),      "memory", "memory.memsw.limit_in_bytes", "memory.swap.max", NULL, SWAP,   "memswap_limit"},
	{AT(memory_low),       "memory", "memory.soft_limit_in_bytes",  "memory.low",  NULL, POSITIVE,   "mem_reservation"},
	{AT(swappiness),       "memory", "memory.swappiness",           NULL,          NULL, SWAPPINESS, "mem_swappiness"},
	{AT(oom_kill_disable), "memory", "memory.oom_control",          NULL,          NULL, OOM_OFF,    "oom_kill_disable"},
	{AT(pids),             "pids",   "pids.max",                    "pids.max",    NULL, PIDS,       "pids_limit"},
	{AT(cpu_period_us),    "cpu",    "cpu.cfs_period_us",           NULL,          NULL, POSITIVE,   "cpu_period"},
	{AT(cpu_quota_us),     "cpu",    "cpu.cfs_quota_us",            "cpu.max",     NULL, QUOTA,      "cpus"},
	{AT(cpu_shares),       "cpu",    "cpu.shares",                  "cpu.weight",  NULL, SHARES,     "cpu_shares"},
	{AT(cpu_rt_period_us), "cpu",    "cpu.rt_period_us",            NULL,          NULL, POSITIVE,   "cpu_rt_period"},
	{AT(cpu_rt_runtime_us),"cpu",    "cpu.rt_runtime_us",           NULL,          NULL, POSITIVE,   "cpu_rt_runtime"},
	{AT(cpuset),           "cpuset", "cpuset.cpus",                 "cpuset.cpus", NULL, WORD,       "cpuset"},
	{AT(cpuset_mems),      "cpuset", "cpuset.mems",                 "cpuset.mems", NULL, WORD,       "cpuset_mems"},
	{AT(io_weight),        "blkio",  "blkio.bfq.weight",            "io.weight",   NULL, WEIGHT,     "blkio_config.weight"},
	{AT(io_weight_device), "blkio",  "blkio.bfq.weight_device",     "io.weight",   "",   DEVICES,    "blkio_config.weight_device"},
	{AT(io_read_bps),      "blkio",  "blkio.throttle.read_bps_device",   "io.max", "rbps=",  DEVICES, "blkio_config.device_read_bps"},
	{AT(io_write_bps),     "blkio",  "blkio.throttle.write_bps_device",  "io.max", "wbps=",  DEVICES, "blkio_config.device_write_bps"},
	{AT(io_read_iops),     "blkio",  "blkio.throttle.read_iops_device",  "io.max", "riops=", DEVICES, "blkio_config.device_read_iops"},
	{AT(io_write_iops),    "blkio",  "blkio.throttle.write_iops_device", "io.max", "wiops=", DEVICES, "blkio_config.device_write_iops"},
};
/* clang-format on */

enum { DEFAULT_PIDS = 2048, DEFAULT_PERIOD_US = 100000 };
typedef VEC(struct io_limit) io_limits;

static const void *at(const struct cgroup_limits *l, const struct row *row)
{
	return (const char *)l + row->off;
}

static int64_t number_at(const struct cgroup_limits *l, const struct row *row)
{
	int64_t n;

	memcpy(&n, at(l, row), sizeof(n));
	return n;
}

/* Total of memory and swap as docker decides it: twice the memory where only that is given. */
static int64_t swap_total(const struct cgroup_limits *l)
{
	return l->memory_swap ? l->memory_swap : 2 * l->memory;
}

static bool say_swap(const struct cgroup_limits *l, bool v2, char *out, size_t size)
{
	int64_t total = swap_total(l);

	if (!total)
		return false;
	if (total < 0)
		snprintf(out, size, v2 ? "max" : "-1");
	else
		snprintf(out, size, "%lld", (long long)(v2 ? total - l->memory : total));
	return true;
}

static bool say_shares(int64_t n, bool v2, char *out, size_t size)
{
	if (n <= 0)
		return false;
	if (v2)
		n = n < 2 ? 1 : n > 262144 ? 10000 : 1 + ((n - 2) * 9999) / 262142;
	snprintf(out, size, "%lld", (long long)n);
	return true;
}

static bool say_quota(const struct cgroup_limits *l, bool v2, char *out, size_t size)
{
	int64_t period = l->cpu_period_us > 0 ? l->cpu_period_us : DEFAULT_PERIOD_US;

	if (!l->cpu_quota_us)
		return false;
	if (!v2)
		snprintf(out, size, "%lld", (long long)l->cpu_quota_us);
	else if (l->cpu_quota_us < 0)
		snprintf(out, size, "max %lld", (long long)period);
	else
		snprintf(out, size, "%lld %lld", (long long)l->cpu_quota_us, (long long)period);
	return true;
}

static bool say_number(int64_t n, bool wanted, char *out, size_t size)
{
	if (wanted)
		snprintf(out, size, "%lld", (long long)n);
	return wanted;
}

static bool say_pids(int64_t n, char *out, size_t size)
{
	if (n < 0)
		snprintf(out, size, "max");
	else
		snprintf(out, size, "%lld", (long long)(n ? n : DEFAULT_PIDS));
	return true;
}

/* The text to write, or false where the row is not asked for. */
static bool say(const struct cgroup_limits *l, const struct row *row, bool v2, char *out,
		size_t size)
{
	const char *word;
	int64_t n = row->format == WORD || row->format == OOM_OFF || row->format == DEVICES
			    ? 0
			    : number_at(l, row);

	switch (row->format) {
	case POSITIVE:
		return say_number(n, n > 0, out, size);
	case SWAPPINESS:
		return say_number(n, n >= 0, out, size);
	case WEIGHT:
		return say_number(v2 ? n * 10 : n, n > 0, out, size);
	case SHARES:
		return say_shares(n, v2, out, size);
	case QUOTA:
		return say_quota(l, v2, out, size);
	case SWAP:
		return say_swap(l, v2, out, size);
	case PIDS:
		return say_pids(n, out, size);
	case OOM_OFF:
		return say_number(1, l->oom_kill_disable, out, size);
	case WORD:
		memcpy(&word, at(l, row), sizeof(word));
		return word && snprintf(out, size, "%s", word) < (int)size;
	case DEVICES:
		break;
	}
	return false;
}

static int complain(const struct row *row, const char *text, const char *file, int r, struct err *e)
{
	if (r == -ENOENT || r == -EOPNOTSUPP)
		return err_set(e, ENOTSUP, "%s: this kernel cannot limit it (no %s)", row->word,
			       file);
	return err_set(e, -r, "%s: the kernel refuses \"%s\" for %s: %s", row->word, text, file,
		       strerror(-r));
}

struct target {
	const struct cgroup_trees *trees;
	const struct cgroup_tree *tree;
	const char *path;
	bool v2;
};

static int write_devices(const struct target *t, const struct row *row,
			 const struct cgroup_limits *l, struct err *e)
{
	const io_limits *list = at(l, row);
	const char *file = t->v2 ? row->v2 : row->v1;
	char text[96];
	int r;

	vec_each(limit, list) {
		snprintf(text, sizeof(text), "%lld:%lld %s%lld", (long long)limit->major,
			 (long long)limit->minor, t->v2 ? row->key : "", (long long)limit->value);
		r = t->tree ? cgroup_write(t->tree, t->path, file, text) : -ENOENT;
		if (r < 0)
			return complain(row, text, file, r, e);
	}
	return 0;
}

/* Defaults that a kernel without the controller, or without swap accounting, may ignore. */
static bool is_default(const struct row *row, const struct cgroup_limits *l)
{
	return (row->format == PIDS && l->pids <= 0) ||
	       (row->format == SWAP && l->memory_swap <= 0);
}

static int write_row(const struct target *t, const struct row *row, const struct cgroup_limits *l,
		     struct err *e)
{
	const char *file = t->v2 ? row->v2 : row->v1;
	char text[256];
	int r;

	if (row->format == DEVICES)
		return write_devices(t, row, l, e);
	if (t->v2 && row->off == AT(cpu_period_us))
		return 0; /* goes with the quota */
	if (!say(l, row, t->v2, text, sizeof(text)))
		return 0;
	r = t->tree && file ? cgroup_write(t->tree, t->path, file, text) : -ENOENT;
	/* v1: memory may not pass the old total; a raised total must go first. */
	if (r == -EINVAL && row->off == AT(memory)) {
		char total[32];

		say_swap(l, t->v2, total, sizeof(total));
		cgroup_write(t->tree, t->path, "memory.memsw.limit_in_bytes", total);
		r = cgroup_write(t->tree, t->path, file, text);
	}
	if (r == -ENOENT && is_default(row, l))
		return 0;
	return r < 0 ? complain(row, text, file ? file : row->v1, r, e) : 0;
}

int cgroup_limit(const struct cgroup_trees *trees, const char *path, const struct cgroup_limits *l,
		 struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < countof(rows); i++) {
		struct target t = {.trees = trees, .path = path, .v2 = trees->layout == CGROUP_V2};

		t.tree = cgroup_tree(trees, t.v2 ? "" : rows[i].controller);
		r = write_row(&t, &rows[i], l, e);
	}
	return r;
}

/* Counters: `key` is the word in front of the number, NULL where the file is one number. */
struct counter {
	size_t off;
	const char *controller, *v1, *v1_key, *v2, *v2_key;
	unsigned v1_times, v2_times; /* to our unit */
};
#define OF(member) offsetof(struct cgroup_stats, member)
/* clang-format off */
static const struct counter counters[] = {
	{OF(cpu_ns),       "cpuacct", "cpuacct.usage",         NULL, "cpu.stat", "usage_usec", 1, 1000},
	{OF(memory),       "memory",  "memory.usage_in_bytes", NULL, "memory.current", NULL, 1, 1},
	{OF(memory_limit), "memory",  "memory.limit_in_bytes", NULL, "memory.max", NULL, 1, 1},
	{OF(pids),         "pids",    "pids.current",          NULL, "pids.current", NULL, 1, 1},
	{OF(pids_limit),   "pids",    "pids.max",              NULL, "pids.max", NULL, 1, 1},
	{OF(oom_kills),    "memory",  "memory.oom_control",    "oom_kill", "memory.events", "oom_kill", 1, 1},
	{OF(throttled_ns), "cpu",     "cpu.stat", "throttled_time", "cpu.stat", "throttled_usec", 1, 1000},
	{OF(throttled_periods), "cpu","cpu.stat", "nr_throttled", "cpu.stat", "nr_throttled", 1, 1},
	{OF(periods),      "cpu",     "cpu.stat", "nr_periods",   "cpu.stat", "nr_periods", 1, 1},
};
/* clang-format on */

static uint64_t find_number(const char *text, const char *key)
{
	unsigned long long n = 0;
	size_t len = key ? strlen(key) : 0;

	while (key && *text && (strncmp(text, key, len) != 0 || text[len] != ' ')) {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	if (!*text || sscanf(text + len, "%llu", &n) != 1)
		return 0; /* "max", or absent */
	return n;
}

/* Sums "8:0 Read 4096" (v1) and "8:0 rbytes=4096 wbytes=0" (v2) over all devices. */
static void add_io(const char *text, const char *word, uint64_t *sum)
{
	unsigned long long n;

	for (const char *p = text; (p = strstr(p, word)); p += strlen(word)) {
		if (sscanf(p + strlen(word), "%llu", &n) == 1)
			*sum += n;
	}
}

static void read_io(const struct cgroup_trees *trees, const char *path, struct cgroup_stats *out)
{
	bool v2 = trees->layout == CGROUP_V2;
	const struct cgroup_tree *t = cgroup_tree(trees, v2 ? "" : "blkio");
	char text[8192];

	if (!t || cgroup_read(t, path, v2 ? "io.stat" : "blkio.throttle.io_service_bytes_recursive",
			      text, sizeof(text)) <= 0)
		return;
	add_io(text, v2 ? "rbytes=" : " Read ", &out->io_read);
	add_io(text, v2 ? "wbytes=" : " Write ", &out->io_written);
}

int cgroup_stats(const char *path, struct cgroup_stats *out, struct err *e)
{
	struct cgroup_trees trees;
	const struct cgroup_tree *t;
	char text[4096];
	uint64_t n;
	size_t found = 0;
	bool v2;

	cgroup_trees(&trees);
	v2 = trees.layout == CGROUP_V2;
	*out = (struct cgroup_stats){0};
	for (size_t i = 0; i < countof(counters); i++) {
		const struct counter *c = &counters[i];

		t = cgroup_tree(&trees, v2 ? "" : c->controller);
		if (!t || cgroup_read(t, path, v2 ? c->v2 : c->v1, text, sizeof(text)) < 0)
			continue;
		found++;
		n = find_number(text, v2 ? c->v2_key : c->v1_key) *
		    (v2 ? c->v2_times : c->v1_times);
		memcpy((char *)out + c->off, &n, sizeof(n));
	}
	if (!found)
		return err_set(e, ENOENT, "cgroup %s is gone", path);
	if (out->memory_limit > INT64_MAX / 2)
		out->memory_limit = 0; /* v1 says "none" as a very large number */
	read_io(&trees, path, out);
	return 0;
}
