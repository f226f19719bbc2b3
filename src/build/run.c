/*
 * RUN: a container on the stage's layers, whose overlay upper becomes the next layer.
 *
 * Places that mounts need (/proc, /etc/hosts, a cache's target) are made in a layer of their own
 * between the stage and the upper. So they are in no image, nothing has to be cleaned up after the
 * command, and a command that swaps such a directory for a link has no one to mislead.
 *
 * The default network is the host's: package registries must be reachable, and nothing listens.
 */
#include "base/file.h"
#include "base/overlay.h"
#include "base/sys.h"
#include "base/tree.h"
#include "base/trust.h"
#include "build/mounts.h"
#include "build/path.h"
#include "build/platform.h"
#include "build/room.h"
#include "runtime/rights.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { LOG_KEPT = 16384 };

static const char *const proxies[] = {
	"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY",
	"ftp_proxy",  "NO_PROXY",   "no_proxy",    "ALL_PROXY",   "all_proxy",
};

/* ---- key ---- */

int run_key(struct stage_run *st, const struct step *s, struct key *k, struct err *e)
{
	const struct build_request *req = st->b->req;
	int r = 0;

	key_text(k, "do", "run");
	key_list(k, "argv", &s->argv);
	key_list(k, "env", &s->env);
	key_text(k, "cwd", s->cwd);
	key_text(k, "user", s->user);
	key_text(k, "network", s->network);
	key_number(k, "insecure", s->insecure || req->privileged);
	key_text(k, "script", s->script);
	key_number(k, "epoch", st->b->graph.epoch_s);
	key_number(k, "shm", req->shm_size);
	vec_each(h, &req->extra_hosts)
		key_text(k, h->key, h->value);
	vec_each(m, &s->mounts) {
		r = r ? r : mounts_key(st->b, m, k, e);
	}
	return r;
}

/* ---- the container ---- */

static void random_id(struct arena *a, const char **out)
{
	uint8_t bytes[32];
	auto_buf b = {};

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		abort();
	for (size_t i = 0; i < sizeof(bytes); i++)
		buf_printf(&b, "%02x", bytes[i]);
	*out = buf_take(a, &b);
}

static int place(int root, const char *path, bool dir, struct err *e)
{
	char name[256];
	auto_fd int fd = -1;
	int r;

	fd = tree_open(root, path, O_PATH, 0);
	if (fd >= 0)
		return 0;
	if (dir) {
		fd = tree_mkdirs(root, path, 0755);
		return fd < 0 ? err_set(e, -fd, "cannot make %s: %s", path, strerror(-fd)) : 0;
	}
	auto_fd int parent = tree_parent(root, path, 0755, name);

	r = parent < 0 ? parent : sys_open(parent, name, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644);
	if (r >= 0)
		close(r);
	return r < 0 ? err_set(e, -r, "cannot make %s: %s", path, strerror(-r)) : 0;
}

/* The layer of mount points, put on top of the stage's. */
static int make_places(struct stage_run *st, const struct step *s, struct running *run,
		       struct err *e)
{
	static const char *const dirs[] = {"/proc", "/sys", "/dev"};
	struct arena *a = st->b->a;
	char *scratch;
	int r = execute_scratch(st->b, &scratch, e);

	if (r < 0)
		return r;
	auto_fd int root = overlay_open(a, &st->dirs, arena_printf(a, "%s/upper", scratch),
					arena_printf(a, "%s/work", scratch), 0, e);

	if (root < 0)
		return root;
	for (size_t i = 0; r == 0 && i < countof(dirs); i++)
		r = place(root, dirs[i], true, e);
	vec_each(m, &run->spec.mounts)
		if (r == 0 && !text_starts(m->target, "/dev/"))
			r = place(root, m->target, mounts_is_dir(m), e);
	*vec_push(a, &run->spec.layers) = arena_printf(a, "%s/upper", scratch);
	for (size_t i = 0; i < st->dirs.n; i++)
		*vec_push(a, &run->spec.layers) = st->dirs.v[i];
	return r;
}

/* Read-only, as BuildKit has them: what a command wrote there would be lost. */
static int bind_file(struct builder *b, struct running *run, const char *target, const char *text,
		     struct err *e)
{
	const char *path = arena_printf(b->a, "%s/%s", run->scratch, path_last(target));

	*vec_push(b->a, &run->spec.mounts) = (struct mount_spec){
		.kind = MNT_BIND,
		.source = path,
		.source_fd = -1,
		.target = target,
		.read_only = true,
	};
	return file_replace(AT_FDCWD, path, text, strlen(text), 0644, FILE_FAST, e);
}

/* /etc/hostname stays the image's, there is no /.dockerenv: a build writes images. */
static int etc_files(struct builder *b, struct running *run, struct err *e)
{
	auto_buf hosts = {};
	struct span resolv;
	struct err ignored;
	int r;

	buf_str(&hosts, "127.0.0.1\tlocalhost buildkitsandbox\n::1\tlocalhost ip6-localhost "
			"ip6-loopback\n");
	vec_each(h, &b->req->extra_hosts)
		buf_printf(&hosts, "%s\t%s\n",
			   !strcmp(h->value, "host-gateway") ? "127.0.0.1" : h->value, h->key);
	if (file_read(b->a, AT_FDCWD, "/etc/resolv.conf", 65536, &resolv, &ignored) < 0)
		resolv = (struct span){"", 0};
	r = bind_file(b, run, "/etc/hosts", hosts.p, e);
	return r < 0 ? r : bind_file(b, run, "/etc/resolv.conf", span_dup(b->a, resolv), e);
}

static void environment(struct builder *b, const struct step *s, struct container_spec *spec)
{
	for (size_t i = 0; i < s->env.n; i++)
		*vec_push(b->a, &spec->envp) = s->env.v[i];
	for (size_t i = 0; i < countof(proxies); i++) {
		const char *value = pairs_get(&b->req->args, proxies[i]);

		if (value && !config_env(&s->env, proxies[i]))
			*vec_push(b->a, &spec->envp) =
				arena_printf(b->a, "%s=%s", proxies[i], value);
	}
}

/* In neither the key nor the image: whose proxy looks into TLS does not change what is built. */
static void trust(struct builder *b, const struct step *s, struct container_spec *spec)
{
	const char *bundle = trust_bundle(b->a);

	if (!bundle)
		return;
	*vec_push(b->a, &spec->mounts) = (struct mount_spec){
		.kind = MNT_BIND,
		.source = bundle,
		.source_fd = -1,
		.target = TRUST_TARGET,
		.read_only = true,
	};
	for (const char *const *v = trust_variables; *v; v++) {
		if (!config_env(&s->env, *v))
			*vec_push(b->a, &spec->envp) = arena_printf(b->a, "%s=" TRUST_TARGET, *v);
	}
}

static int ulimits(struct builder *b, struct container_spec *spec, struct err *e)
{
	static const struct {
		const char *name;
		int resource;
	} names[] = {{"nofile", RLIMIT_NOFILE},
		     {"nproc", RLIMIT_NPROC},
		     {"core", RLIMIT_CORE},
		     {"memlock", RLIMIT_MEMLOCK},
		     {"stack", RLIMIT_STACK},
		     {"fsize", RLIMIT_FSIZE},
		     {"data", RLIMIT_DATA},
		     {"cpu", RLIMIT_CPU},
		     {"rss", RLIMIT_RSS},
		     {"locks", RLIMIT_LOCKS},
		     {"sigpending", RLIMIT_SIGPENDING},
		     {"msgqueue", RLIMIT_MSGQUEUE},
		     {"nice", RLIMIT_NICE},
		     {"rtprio", RLIMIT_RTPRIO},
		     {"rttime", RLIMIT_RTTIME}};

	vec_each(u, &b->req->ulimits) {
		size_t i = 0;

		while (i < countof(names) && strcmp(names[i].name, u->name))
			i++;
		if (i == countof(names))
			return err_set(e, EINVAL, "unknown ulimit \"%s\"", u->name);
		*vec_push(b->a, &spec->rlimits) = (struct rlimit_spec){
			names[i].resource, (uint64_t)u->soft, (uint64_t)u->hard};
	}
	return 0;
}

static int network(struct builder *b, const struct step *s, struct container_spec *spec,
		   struct err *e)
{
	const char *n = s->network ? s->network : "default";

	spec->net = (struct ns_choice){NS_HOST, -1};
	if (!strcmp(n, "none"))
		spec->net.mode = NS_NEW;
	else if (!strcmp(n, "host") && !b->req->host_network) {
		err_set(e, EPERM, "RUN --network=host is not allowed");
		return err_hint(e, "allow it with --allow network.host");
	} else if (strcmp(n, "default") && strcmp(n, "host"))
		return err_set(e, EINVAL, "the network \"%s\" cannot be used in a build", n);
	return 0;
}

/* A file of ours rather than MNT_DATA, whose tmpfs runs no programs. */
static int add_script(struct builder *b, const struct step *s, struct running *run, struct err *e)
{
	const char *path = arena_printf(b->a, "%s/script", run->scratch);

	*vec_push(b->a, &run->spec.mounts) = (struct mount_spec){
		.kind = MNT_BIND,
		.source = path,
		.source_fd = -1,
		.target = arena_printf(b->a, "/dev/pipes/%s", path_last(s->script_name)),
		.read_only = true,
	};
	return file_replace(AT_FDCWD, path, s->script, strlen(s->script), 0755, FILE_FAST, e);
}

static int can_run(struct stage_run *st, struct err *e)
{
	const char *of = st->stage->config.architecture;

	return of && *of ? platform_runs(st->b->a, arena_printf(st->b->a, "linux/%s", of), e) : 0;
}

static int make_spec(struct stage_run *st, const struct step *s, struct running *run, struct err *e)
{
	struct builder *b = st->b;
	struct container_spec *spec = &run->spec;
	int r;

	random_id(b->a, &spec->id);
	spec->name = arena_printf(b->a, "%s %d/%d", st->info.stage, st->info.in_stage, st->info.of);
	spec->dir = arena_printf(b->a, "%s/run", run->scratch);
	spec->upper = arena_printf(b->a, "%s/upper", run->scratch);
	spec->work = arena_printf(b->a, "%s/work", run->scratch);
	spec->argv = s->argv;
	spec->cwd = s->cwd;
	spec->user = s->user && *s->user ? s->user : NULL;
	spec->hostname = "buildkitsandbox";
	spec->unmarked = true;
	spec->privileged = s->insecure || b->req->privileged;
	spec->caps = rights_default();
	spec->shm_size = b->req->shm_size;
	spec->cgroup_path = arena_printf(b->a, "berth/build/%s", spec->id);
	spec->limits.swappiness = -1;
	spec->limits.pids = -1;
	spec->gate_fd = -1;
	spec->pid.fd = spec->ipc.fd = spec->uts.fd = spec->cgroup.fd = spec->userns.fd = -1;
	spec->userns.mode = NS_HOST;
	if (s->insecure && !b->req->insecure && !b->req->privileged) {
		err_set(e, EPERM, "RUN --security=insecure is not allowed");
		return err_hint(e, "allow it with --allow security.insecure");
	}
	environment(b, s, spec);
	trust(b, s, spec);
	r = can_run(st, e);
	r = r ? r : network(b, s, spec, e);
	if (r == 0)
		r = ulimits(b, spec, e);
	if (r == 0)
		r = file_mkdirs(spec->dir, 0700, e);
	if (r == 0)
		r = etc_files(b, run, e);
	vec_each(m, &s->mounts) {
		r = r ? r : mounts_add(b, m, run, e);
	}
	if (r == 0 && s->script)
		r = add_script(b, s, run, e);
	return r < 0 ? r : make_places(st, s, run, e);
}

/* ---- while it runs ---- */

static void pass_on(struct running *run, const char *p, size_t n)
{
	struct build_progress *progress = run->of->b->req->progress;

	if (progress && progress->output)
		progress->output(progress, &run->of->info, p, n);
	buf_add(&run->log, p, n);
	if (run->log.n > 2 * LOG_KEPT) {
		memmove(run->log.p, run->log.p + run->log.n - LOG_KEPT, LOG_KEPT);
		run->log.n = LOG_KEPT;
		run->log.p[LOG_KEPT] = '\0';
	}
}

static void drain(struct running *run)
{
	char part[16384];
	ssize_t n;

	while ((n = sys_read(run->out.fd, part, sizeof(part))) > 0)
		pass_on(run, part, (size_t)n);
	if (n == 0)
		loop_unwatch(&run->out);
}

static int on_output(struct watch *w, uint32_t events)
{
	drain(container_of(w, struct running, out));
	return 0;
}

void run_drop(struct running *run)
{
	struct err ignored;
	int status;

	if (run->launched) {
		/* The first process takes its pid namespace, and so all others, with it. */
		sys_pidfd_signal(run->launch.pidfd, SIGKILL);
		sys_pidfd_wait(run->launch.pidfd, WEXITED, &status);
		loop_unwatch(&run->exited);
		close(run->launch.pidfd);
		close(run->launch.sync_fd);
	}
	loop_unwatch(&run->out);
	if (run->out.fd >= 0)
		close(run->out.fd);
	vec_each(fd, &run->fds)
		close(*fd);
	if (launch_cleanup(&run->spec, &ignored) < 0)
		ignored.code = 0; /* what is left lies in scratch, which is removed */
	buf_done(&run->log);
	run->of->running = NULL;
}

static int failed(struct running *run, const struct step *s, int status, struct err *e)
{
	auto_buf command = {};
	size_t from = run->log.n > 300 ? run->log.n - 300 : 0;

	for (size_t i = 0; i < s->argv.n; i++)
		buf_printf(&command, "%s%s", i ? " " : "", s->argv.v[i]);
	if (WIFSIGNALED(status))
		err_set(e, ECHILD, "process \"%.200s\" was killed by signal %d (%s)", command.p,
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		err_set(e, ECHILD,
			"process \"%.200s\" did not complete successfully: exit code: %d",
			command.p, WEXITSTATUS(status));
	if (run->log.n && !run->of->b->req->progress)
		err_hint(e, "it printed: %s", run->log.p + from);
	return -ECHILD;
}

static int finish(struct stage_run *st, struct running *run, int status, struct err *e)
{
	const struct step *s = &st->stage->steps.v[st->next];
	const char *upper = run->spec.upper;
	int r = status ? failed(run, s, status, e) : 0;

	run->launched = false;
	loop_unwatch(&run->exited);
	close(run->launch.pidfd);
	close(run->launch.sync_fd);
	run_drop(run);
	if (r == 0)
		r = execute_adopt(st, upper, e);
	if (r < 0) {
		err_wrap(e, "%s", s->title);
		err_at(e, "%s:%d", st->b->file.name, s->line);
	}
	return r;
}

static int on_exit_(struct watch *w, uint32_t events)
{
	struct running *run = container_of(w, struct running, exited);
	struct stage_run *st = run->of;
	struct builder *b = st->b;
	int status = 0, r = sys_pidfd_wait(run->launch.pidfd, WEXITED, &status);

	if (r < 0)
		status = 1;
	drain(run);
	r = finish(st, run, status, b->e);
	if (r < 0)
		b->site->failed = r;
	else
		st->next++;
	execute_end_step(st, r < 0 ? BUILD_FAILED : BUILD_DONE);
	return 0;
}

static int begin(struct stage_run *st, struct running *run, struct err *e)
{
	auto_fd int null = sys_open(AT_FDCWD, "/dev/null", O_RDONLY, 0);
	int pipe[2], r = sys_pipe(pipe, 0);

	if (r < 0 || null < 0)
		return err_set(e, EMFILE, "cannot make a pipe: %s", strerror(EMFILE));
	auto_fd int in = pipe[1];

	run->spec.stdio[0] = null;
	run->spec.stdio[1] = run->spec.stdio[2] = in;
	fcntl(pipe[0], F_SETFL, O_NONBLOCK);
	loop_watch(st->b->site->loop, &run->out, pipe[0], EPOLLIN, on_output);
	r = launch_begin(&run->spec, &run->launch, e);
	if (r < 0)
		return r;
	run->launched = true;
	r = launch_wait(&run->launch, e);
	if (r < 0)
		return r;
	return loop_watch(st->b->site->loop, &run->exited, run->launch.pidfd, EPOLLIN, on_exit_);
}

int run_begin(struct stage_run *st, const struct step *s, struct err *e)
{
	struct running *run = arena_new(st->b->a, struct running);
	int r;

	run->of = st;
	run->out.fd = -1;
	st->running = run;
	r = mounts_reserve(st->b, s, run, e);
	if (r == 0)
		r = execute_scratch(st->b, &run->scratch, e);
	if (r == 0)
		r = make_spec(st, s, run, e);
	if (r == 0)
		r = begin(st, run, e);
	if (r)
		run_drop(run);
	return r;
}
