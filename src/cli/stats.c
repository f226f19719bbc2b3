/* top and stats: what the processes of containers do, read from /proc and the control groups. */
#include "base/file.h"
#include "base/vec.h"
#include "base/when.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "cli/target.h"
#include "runtime/cgroup.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <time.h>

/* docker's columns; compose says before them whose process it is. */
static const struct column top_columns[] = {{"SERVICE", "Service"},
					    {"#", "Number"},
					    {"UID", "UID"},
					    {"PID", "PID"},
					    {"PPID", "PPID"},
					    {"C", "C"},
					    {"STIME", "STIME"},
					    {"TTY", "TTY"},
					    {"TIME", "TIME"},
					    {"CMD", "CMD"},
					    {0}};

static char *command_line(struct arena *a, int64_t pid)
{
	struct span text;
	struct err ignored;
	char *line;

	if (file_read(a, AT_FDCWD, arena_printf(a, "/proc/%lld/cmdline", (long long)pid), 1 << 16,
		      &text, &ignored) < 0)
		return NULL;
	line = span_dup(a, text);
	for (size_t i = 0; i + 1 < text.n; i++)
		line[i] = line[i] ? line[i] : ' ';
	return line;
}

struct process {
	char name[64], state;
	long long ppid, tty, utime, stime;
	unsigned long long start;
};

/* /proc/PID/stat, proc(5); the name may hold blanks and parentheses, the last ')' ends it. */
static int read_process(struct arena *a, int64_t pid, struct process *out)
{
	struct span text;
	struct err ignored;
	char *line, *open, *close;

	if (file_read(a, AT_FDCWD, arena_printf(a, "/proc/%lld/stat", (long long)pid), 4096, &text,
		      &ignored) < 0)
		return -ESRCH;
	line = span_dup(a, text);
	open = strchr(line, '(');
	close = strrchr(line, ')');
	if (!open || !close ||
	    sscanf(close + 2,
		   "%c %lld %*d %*d %lld %*d %*u %*u %*u %*u %*u %lld %lld %*d %*d %*d %*d %*d %*d "
		   "%llu",
		   &out->state, &out->ppid, &out->tty, &out->utime, &out->stime, &out->start) != 6)
		return -ESRCH;
	snprintf(out->name, sizeof(out->name), "%.*s", (int)(close - open - 1), open + 1);
	return 0;
}

static char *owner(struct arena *a, int64_t pid)
{
	struct span text;
	struct err ignored;
	const char *line;
	unsigned uid = 0;
	struct passwd *pw;

	if (file_read(a, AT_FDCWD, arena_printf(a, "/proc/%lld/status", (long long)pid), 1 << 16,
		      &text, &ignored) < 0)
		return arena_printf(a, "?");
	line = strstr(span_dup(a, text), "\nUid:");
	if (line)
		sscanf(line + 5, "%u", &uid);
	pw = getpwuid(uid);
	return pw ? arena_printf(a, "%s", pw->pw_name) : arena_printf(a, "%u", uid);
}

static char *start_clock(struct arena *a, unsigned long long start_ticks)
{
	int64_t hz = sysconf(_SC_CLK_TCK);
	struct timespec boot;
	time_t at;
	struct tm tm;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	at = time(NULL) - (time_t)(boot.tv_sec - (int64_t)start_ticks / hz);
	localtime_r(&at, &tm);
	return arena_printf(a, "%02d:%02d", tm.tm_hour, tm.tm_min);
}

static json_t *top_row(struct arena *a, int64_t pid)
{
	int64_t hz = sysconf(_SC_CLK_TCK), seconds;
	struct process p = {0};
	const char *cmd;

	if (read_process(a, pid, &p) < 0)
		return NULL;
	cmd = command_line(a, pid);
	seconds = (p.utime + p.stime) / hz;
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "UID", owner(a, pid), "PID",
			 arena_printf(a, "%lld", (long long)pid), "PPID",
			 arena_printf(a, "%lld", p.ppid), "C", "0", "STIME",
			 start_clock(a, p.start), "TTY", p.tty ? "pts" : "?", "TIME",
			 arena_printf(a, "%02lld:%02lld:%02lld", (long long)(seconds / 3600),
				      (long long)(seconds / 60 % 60), (long long)(seconds % 60)),
			 "CMD", cmd && *cmd ? cmd : arena_printf(a, "[%s]", p.name));
}

static int top_one(struct arena *a, const struct status *s, json_t *rows, struct err *e)
{
	pid_t *pids;
	size_t n;
	int r = cgroup_pids(a, s->cgroup, &pids, &n, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		json_t *row = top_row(a, pids[i]);

		if (!row)
			continue;
		json_object_set_new(row, "Service", json_string(s->service ? s->service : ""));
		json_object_set_new(row, "Number",
				    json_string(arena_printf(a, "%lld", (long long)s->number)));
		json_array_append_new(rows, row);
	}
	return 0;
}

static int top_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct column *columns = top_columns + (c->world == WORLD_DOCKER ? 2 : 0);
	auto_json *rows = json_array();
	struct targets ts;
	int r = target_find(c, argc, argv, &ts, e);

	if (r < 0)
		return r;
	vec_each(t, &ts) {
		vec_each(s, &t->containers) {
			if (r >= 0 && target_is_up(s) && s->cgroup)
				r = top_one(&c->arena, s, rows, e);
		}
	}
	return r < 0 ? r : table_print(stdout, NULL, columns, rows, TABLE_LINES, e);
}

const struct command top_command = {
	.name = "top",
	.args = "[SERVICE...]",
	.brief = "Show the processes of containers",
	.max = -1,
	.run = top_run,
	.group = GROUP_LOOK,
};

struct stats {
	bool all, no_stream, no_trunc;
	const char *format;
};

struct sample {
	const char *name;
	int64_t at_ns;
	struct cgroup_stats now;
};
struct samples {
	struct sample *v;
	size_t n, cap;
};

static void net_bytes(struct arena *a, int64_t pid, uint64_t *in, uint64_t *out)
{
	struct span text, line, name;
	struct err ignored;

	*in = *out = 0;
	if (file_read(a, AT_FDCWD, arena_printf(a, "/proc/%lld/net/dev", (long long)pid), 1 << 16,
		      &text, &ignored) < 0)
		return;
	while (text.n) {
		unsigned long long rx, tx;

		span_cut(&text, '\n', &line);
		line = span_trim(line);
		if (!span_cut(&line, ':', &name) || span_is(name, "lo"))
			continue;
		if (sscanf(span_dup(a, line), "%llu %*u %*u %*u %*u %*u %*u %*u %llu", &rx, &tx) ==
		    2) {
			*in += rx;
			*out += tx;
		}
	}
}

static double cpu_percent(const struct samples *before, const struct sample *s)
{
	vec_each(b, before) {
		if (!strcmp(b->name, s->name) && s->at_ns > b->at_ns &&
		    s->now.cpu_ns >= b->now.cpu_ns)
			return 100.0 * (double)(s->now.cpu_ns - b->now.cpu_ns) /
			       (double)(s->at_ns - b->at_ns);
	}
	return 0;
}

static uint64_t host_memory(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static json_t *stats_row(struct arena *a, const struct status *s, const struct sample *now,
			 const struct samples *before, bool no_trunc)
{
	const struct cgroup_stats *g = &now->now;
	uint64_t limit = g->memory_limit && g->memory_limit < host_memory() ? g->memory_limit
									    : host_memory();
	char used[24], most[24], in[24], out[24], read[24], written[24];
	uint64_t rx, tx;

	net_bytes(a, s->pid, &rx, &tx);
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Container", s->id ? s->id : "",
		"Name", s->name, "ID", arena_strndup(a, s->id ? s->id : "", no_trunc ? 64 : 12),
		"CPUPerc", arena_printf(a, "%.2f%%", cpu_percent(before, now)), "MemUsage",
		arena_printf(a, "%s / %s", size_binary((int64_t)g->memory, used),
			     size_binary((int64_t)limit, most)),
		"MemPerc", arena_printf(a, "%.2f%%", 100.0 * (double)g->memory / (double)limit),
		"NetIO",
		arena_printf(a, "%s / %s", size_human((int64_t)rx, in),
			     size_human((int64_t)tx, out)),
		"BlockIO",
		arena_printf(a, "%s / %s", size_human((int64_t)g->io_read, read),
			     size_human((int64_t)g->io_written, written)),
		"PIDs", arena_printf(a, "%llu", (unsigned long long)g->pids));
}

static int take_samples(struct cli *c, struct arena *a, const struct targets *ts,
			struct samples *out)
{
	vec_each(t, ts) {
		vec_each(s, &t->containers) {
			struct sample one = {.name = s->name, .at_ns = when_mono_ns()};
			struct err ignored;

			if (!target_is_up(s) || !s->cgroup ||
			    cgroup_stats(s->cgroup, &one.now, &ignored) < 0)
				continue;
			*vec_push(a, out) = one;
		}
	}
	return 0;
}

static int print_stats(struct cli *c, const struct stats *o, const struct targets *ts,
		       const struct samples *before, const struct samples *now, struct err *e)
{
	static const struct column columns[] = {{"CONTAINER ID", "ID"},
						{"NAME", "Name"},
						{"CPU %", "CPUPerc"},
						{"MEM USAGE / LIMIT", "MemUsage"},
						{"MEM %", "MemPerc"},
						{"NET I/O", "NetIO"},
						{"BLOCK I/O", "BlockIO"},
						{"PIDS", "PIDs"},
						{0}};
	auto_json *rows = json_array();
	auto_arena a = {0};

	vec_each(t, ts) {
		vec_each(s, &t->containers) {
			const struct sample *mine = &(const struct sample){.name = s->name};
			bool found = false;

			vec_each(n, now) {
				if (!strcmp(n->name, s->name)) {
					mine = n;
					found = true;
				}
			}
			if (found || o->all)
				json_array_append_new(rows,
						      stats_row(&a, s, mine, before, o->no_trunc));
		}
	}
	return table_print(stdout, o->format, columns, rows, TABLE_LINES, e);
}

static int stats_turn(struct cli *c, const struct stats *o, int argc, char **argv, struct arena *a,
		      struct samples *before, struct err *e)
{
	struct samples now = {0};
	struct targets ts;
	int r = c->world == WORLD_DOCKER && !argc ? target_all(c, &ts, e)
						  : target_find(c, argc, argv, &ts, e);

	if (r < 0)
		return r;
	if (!before->n) {
		/* A share of the processor needs two looks. */
		take_samples(c, a, &ts, before);
		poll(NULL, 0, 500);
	}
	take_samples(c, a, &ts, &now);
	if (!o->no_stream && isatty(STDOUT_FILENO))
		fputs("\033[H\033[J", stdout);
	r = print_stats(c, o, &ts, before, &now, e);
	fflush(stdout);
	*before = now;
	return r;
}

static int stats_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct stats *o = opts;
	struct arena old = {0};
	struct samples before = {0};
	int r;

	do {
		struct arena fresh = {0};

		r = stats_turn(c, o, argc, argv, &fresh, &before, e);
		arena_free(&old);
		old = fresh;
		if (r >= 0 && !o->no_stream)
			poll(NULL, 0, 1000);
	} while (r >= 0 && !o->no_stream);
	arena_free(&old);
	return r;
}

/* clang-format off */
static const struct opt stats_opts[] = {
	{'a', "all",       OPT_FLAG, offsetof(struct stats, all),       NULL,     "stopped containers too"},
	{0,   "format",    OPT_STR,  offsetof(struct stats, format),    "FORMAT", "table, json, or a template"},
	{0,   "no-stream", OPT_FLAG, offsetof(struct stats, no_stream), NULL,     "one look"},
	{0,   "no-trunc",  OPT_FLAG, offsetof(struct stats, no_trunc),  NULL,     "whole ids"},
	{0},
};
/* clang-format on */

const struct command stats_command = {
	.name = "stats",
	.args = "[SERVICE...]",
	.brief = "Show what containers use: processor, memory, network, disk",
	.opts = stats_opts,
	.size = sizeof(struct stats),
	.max = -1,
	.run = stats_run,
	.group = GROUP_LOOK,
};
