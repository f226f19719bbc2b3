/* enable, disable, boot: projects that come back when the machine does. */
#include "base/sys.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "ops/startup.h"
#include "supervise/client.h"
#include "supervise/status.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct boot {
	const char *init;
	bool stop;
};

/* A machine that is prepared from outside: its root directory. */
static const char *prefix(void)
{
	const char *v = getenv("BERTH_PREFIX");

	return v ? v : "";
}

static int project_of(struct cli *c, int argc, char **argv, const char **out, struct err *e)
{
	if (argc) {
		*out = argv[0];
		return 0;
	}
	return cli_project_name(c, out, e);
}

static enum startup_kind wanted_kind(const struct boot *b)
{
	for (int k = 0; b->init && k < STARTUP_KINDS; k++) {
		if (!strcmp(b->init, startup_name((enum startup_kind)k)))
			return (enum startup_kind)k;
	}
	return startup_detect(prefix());
}

static int enable_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	enum startup_kind kind = wanted_kind(opts);
	char program[4096], *path;
	const char *project;
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	int r = project_of(c, argc, argv, &project, e);

	if (r < 0)
		return r;
	if (access(status_project_file(&c->arena, project), F_OK) < 0) {
		err_set(e, ENOENT, "there is no project \"%s\"", project);
		return err_hint(e, "\"berth up -d\" first: what runs is what comes back");
	}
	if (n < 0)
		return err_set(e, errno, "/proc/self/exe: %s", strerror(errno));
	program[n] = '\0';
	if (c->global.dry_run)
		return 0;
	r = startup_enable(project, e);
	if (!r)
		r = startup_install(&c->arena, kind, prefix(), program, &path, e);
	if (!r)
		printf("%s starts with the machine (%s: %s)\n", project, startup_name(kind), path);
	return r;
}

static int disable_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct strings left = {0};
	const char *project;
	int r = project_of(c, argc, argv, &project, e);

	if (r < 0 || c->global.dry_run)
		return r;
	r = startup_disable(project, e);
	if (!r)
		r = startup_enabled(&c->arena, &left, e);
	if (!r && !left.n)
		r = startup_remove(prefix(), e);
	if (!r)
		printf("%s does not start with the machine\n", project);
	return r;
}

/* The supervisor's start is all it takes: it sees that the host was away. */
static int bring_back(struct cli *c, const char *project, struct err *e)
{
	auto_client *client = NULL;
	auto_json *ping = json_pack("{s:s}", "do", "ping");
	int code, r;

	if (access(status_project_file(&c->arena, project), F_OK) < 0) {
		printf("%s is down\n", project);
		return 0;
	}
	printf("%s\n", project);
	if (c->global.dry_run)
		return 0;
	r = client_open(project, CLIENT_START, &client, e);
	if (!r)
		r = client_call(client, ping, NULL, 0, NULL, NULL, &code, e);
	return r;
}

/* Asks the supervisor to stop everything and to leave; *pidfd becomes readable when it has. */
static int ask_to_leave(const char *project, int *pidfd)
{
	pid_t pid;

	*pidfd = -1;
	if (!status_supervised(project, &pid))
		return 0;
	*pidfd = sys_pidfd_open(pid);
	if (*pidfd < 0)
		return 0;
	printf("%s\n", project);
	return sys_pidfd_signal(*pidfd, SIGTERM);
}

static int stop_all(struct cli *c, struct err *e)
{
	struct strings all = {0};
	int r = status_projects(&c->arena, &all, e), *pidfds;

	if (r < 0 || c->global.dry_run)
		return r;
	pidfds = arena_alloc(&c->arena, (all.n + 1) * sizeof(*pidfds));
	for (size_t k = 0; k < all.n; k++)
		(void)!ask_to_leave(all.v[k], &pidfds[k]);
	for (size_t k = 0; k < all.n; k++) {
		struct pollfd p = {.fd = pidfds[k], .events = POLLIN};

		if (p.fd < 0)
			continue;
		while (poll(&p, 1, -1) < 0 && errno == EINTR)
			;
		close(p.fd);
	}
	return 0;
}

static int boot_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct boot *b = opts;
	struct strings all = {0};
	int failed = 0, r;

	if (b->stop)
		return stop_all(c, e);
	r = startup_enabled(&c->arena, &all, e);
	if (r < 0)
		return r;
	vec_each(p, &all) {
		struct err why = {0};

		if (bring_back(c, *p, &why) < 0) {
			fprintf(stderr, "%s: %s\n", *p, why.why);
			failed = 1;
		}
	}
	return failed;
}

/* clang-format off */
static const struct opt enable_opts[] = {
	{0, "init", OPT_WORD, offsetof(struct boot, init), "systemd|openrc|rc", "what starts the machine, instead of what is found"},
	{0},
};
static const struct opt boot_opts[] = {
	{0, "stop", OPT_FLAG, offsetof(struct boot, stop), NULL, "the machine goes down: stop every project, to come back"},
	{0},
};
/* clang-format on */

const struct command enable_command = {
	.name = "enable",
	.args = "[PROJECT]",
	.brief = "Bring a project back when the machine starts",
	.more = "What ran before comes back in order of dependency, as its restart policies say:\n"
		"`always` even what a person had stopped, `unless-stopped` and `on-failure` only "
		"what\n"
		"ran, `no` only where one of the others depends on it. A project that is down "
		"stays\n"
		"down. Writes a systemd unit, an OpenRC script or a line of /etc/rc.local, below\n"
		"$BERTH_PREFIX where that is set.",
	.opts = enable_opts,
	.size = sizeof(struct boot),
	.max = 1,
	.run = enable_run,
	.group = GROUP_OTHER,
	.world = WORLD_COMPOSE,
};

const struct command disable_command = {
	.name = "disable",
	.args = "[PROJECT]",
	.brief = "Let a project stay away when the machine starts",
	.max = 1,
	.run = disable_run,
	.group = GROUP_OTHER,
	.world = WORLD_COMPOSE,
};

const struct command boot_command = {
	.name = "boot",
	.brief = "What the machine runs at its start: brings the enabled projects back",
	.opts = boot_opts,
	.size = sizeof(struct boot),
	.max = 0,
	.run = boot_run,
	.group = GROUP_OTHER,
	.world = WORLD_COMPOSE,
};
