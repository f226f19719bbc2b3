/* info: the machine and what berth has on it, with docker's names. */
#include "base/json.h"
#include "base/paths.h"
#include "base/vec.h"
#include "base/when.h"
#include "cli/cli.h"
#include "cli/template.h"
#include "image/store.h"
#include "runtime/cgroup.h"
#include "supervise/status.h"
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

struct info {
	const char *format;
};

static int count(struct cli *c, json_t *j, struct err *e)
{
	struct strings projects = {0};
	int64_t all = 0, by_state[STATE_DEAD + 1] = {0};
	int r = status_projects(&c->arena, &projects, e);

	vec_each(p, &projects) {
		struct statuses list = {0};

		if (r < 0)
			break;
		r = status_read(&c->arena, *p, &list, e);
		all += (int64_t)list.n;
		vec_each(s, &list)
			by_state[s->state]++;
	}
	json_object_set_new(j, "Containers", json_integer(all));
	json_object_set_new(j, "ContainersRunning",
			    json_integer(by_state[STATE_RUNNING] + by_state[STATE_STOPPING]));
	json_object_set_new(j, "ContainersPaused", json_integer(by_state[STATE_PAUSED]));
	json_object_set_new(j, "ContainersStopped",
			    json_integer(all - by_state[STATE_RUNNING] - by_state[STATE_STOPPING] -
					 by_state[STATE_PAUSED]));
	return r;
}

static json_t *machine(void)
{
	static const char *const versions[] = {"2", "1", "1"};
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	struct utsname u;

	uname(&u);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s}", "Name",
			 u.nodename, "OSType", "linux", "KernelVersion", u.release, "Architecture",
			 u.machine, "Driver", "overlay2", "CgroupVersion",
			 versions[cgroup_layout()], "NCPU",
			 (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "MemTotal",
			 (json_int_t)pages * page, "DockerRootDir", paths_root(), "ServerVersion",
			 BERTH_VERSION, "LoggingDriver", "json-file");
}

static void print_text(const json_t *j)
{
	static const struct {
		const char *title, *key;
	} lines[] = {{"Containers", "Containers"},
		     {" Running", "ContainersRunning"},
		     {" Paused", "ContainersPaused"},
		     {" Stopped", "ContainersStopped"},
		     {"Images", "Images"},
		     {"Server Version", "ServerVersion"},
		     {"Storage Driver", "Driver"},
		     {"Logging Driver", "LoggingDriver"},
		     {"Cgroup Version", "CgroupVersion"},
		     {"Kernel Version", "KernelVersion"},
		     {"OSType", "OSType"},
		     {"Architecture", "Architecture"},
		     {"CPUs", "NCPU"},
		     {"Name", "Name"},
		     {"Docker Root Dir", "DockerRootDir"}};
	char size[24];

	for (size_t k = 0; k < countof(lines); k++) {
		const json_t *v = json_object_get(j, lines[k].key);

		if (json_is_integer(v))
			printf("%s: %lld\n", lines[k].title, (long long)json_integer_value(v));
		else
			printf("%s: %s\n", lines[k].title, json_string_value(v));
	}
	printf("Total Memory: %s\n", size_binary(json_int_or(j, "MemTotal", 0), size));
}

static int info_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct info *o = opts;
	auto_json *j = machine();
	struct images images = {0};
	auto_buf out = {0};
	int r = store_list(&c->arena, &images, e);

	json_object_set_new(j, "Images", json_integer((json_int_t)images.n));
	if (r >= 0)
		r = count(c, j, e);
	if (r < 0)
		return r;
	if (!o->format) {
		print_text(j);
		return 0;
	}
	if (!strcmp(o->format, "json")) {
		json_dumpf(j, stdout, JSON_COMPACT);
		putchar('\n');
		return 0;
	}
	r = template_print(&out, template_unescape(&c->arena, o->format), j, e);
	if (r >= 0)
		puts(out.n ? out.p : "");
	return r;
}

/* clang-format off */
static const struct opt info_opts[] = {
	{'f', "format", OPT_STR, offsetof(struct info, format), "FORMAT", "json, or a template such as '{{.NCPU}}'"},
	{0},
};
/* clang-format on */

const struct command info_command = {
	.name = "info",
	.args = "",
	.brief = "Show what this machine has and what berth has on it",
	.opts = info_opts,
	.size = sizeof(struct info),
	.max = 0,
	.run = info_run,
	.group = GROUP_OTHER,
	.world = WORLD_DOCKER,
};
