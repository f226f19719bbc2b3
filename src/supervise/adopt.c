#include "supervise/adopt.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sys.h"
#include "base/when.h"
#include "net/network.h"
#include "runtime/cgroup.h"
#include "runtime/launch.h"
#include "runtime/state.h"
#include "supervise/apply.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* pidfd_info of Linux 6.13; the exit code since 6.15. Older headers lack it. */
struct exit_info {
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;
};
#define GET_EXIT_INFO _IOWR(0xFF, 11, struct exit_info)
enum { INFO_EXIT = 1 << 3, UNKNOWN_EXIT = 9 /* as if killed: 137 */ };

/*
 * On a busy machine a short life may be over, and reaped, before its start time could be read: then
 * it has none, and its number alone tells.
 */
static bool is_of(const struct exit_record *rec, const struct instance *i)
{
	return rec->pid == i->st.pid && (rec->start_time == i->st.start_time || !i->st.start_time);
}

static struct instance *by_process(struct supervisor *s, const struct exit_record *rec)
{
	for (struct instance *i = s->instances; i; i = i->next) {
		if (is_of(rec, i))
			return i;
	}
	return NULL;
}

void adopt_exits(struct supervisor *s)
{
	struct exit_record rec;
	struct stat st;

	while (pread(s->exits, &rec, sizeof(rec), (off_t)s->exits_read) == sizeof(rec)) {
		struct instance *i = by_process(s, &rec);

		s->exits_read += sizeof(rec);
		if (i)
			instance_ended(i, (int)rec.status, rec.at_ns);
	}
	if (fstat(s->exits, &st) < 0)
		return;
	if ((uint64_t)st.st_size < s->exits_read) /* the guardian has trimmed it */
		s->exits_read = 0;
	else if (s->exits_read >= 1024 * sizeof(rec) && (uint64_t)st.st_size == s->exits_read)
		(void)guardian_trim(s->guardian, s->exits_read);
}

static int ask_again(struct timer *t)
{
	struct instance *i = container_of(t, struct instance, good);
	struct exit_info info = {.mask = INFO_EXIT};
	int status = UNKNOWN_EXIT;

	if (i->launch.pidfd < 0)
		return 0;
	if (!ioctl(i->launch.pidfd, GET_EXIT_INFO, &info) && info.mask & INFO_EXIT)
		status = info.exit_code;
	else if (++i->asked < 20) { /* dead, but its parent has not reaped it yet */
		loop_timer_in(i->of->loop, &i->good, 10 * NS_PER_MSEC, ask_again);
		return 0;
	}
	instance_ended(i, status, 0);
	return 0;
}

static int on_exited(struct watch *w, uint32_t events)
{
	struct instance *i = container_of(w, struct instance, exited);

	loop_unwatch(w);
	i->asked = 0;
	return ask_again(&i->good);
}

/* Probes and hooks died with the supervisor that had begun them, or hang without a reader. */
static void end_tasks(struct instance *i)
{
	static const char *const subs[] = {"health", "hook"};
	auto_arena a = {0};
	struct err ignored;

	for (size_t k = 0; k < countof(subs); k++) {
		char *group = arena_printf(&a, "%s/%s", i->st.cgroup, subs[k]);

		(void)!(cgroup_kill(group, &ignored) < 0);
		(void)!(cgroup_remove(group, &ignored) < 0);
	}
}

static void take_over_net(struct instance *i)
{
	struct err e = {0};
	int r;

	if (!i->st.netns)
		return;
	r = netns_open(i->st.netns, &i->netns, &e);
	if (r == -ENOENT && i->life == DOWN)
		return; /* it never started */
	vec_each(n, &i->st.networks) {
		struct net *net;

		if (!r && nets_find(i->of, n->key, &net, &e) < 0)
			log_err(LOG_WARN_, &e);
	}
	/* One whose networks are not written down was on its way to them. */
	i->wired = !r && (i->st.networks.n || !i->svc || !i->svc->networks.n);
	if (!r && i->st.networks.n)
		r = nets_serve(i, &e);
	if (r < 0)
		log_err(LOG_WARN_, &e);
}

static void take_stdin(struct instance *i)
{
	auto_arena a = {0};
	struct err e = {0};
	struct stat st = {0};

	if (!i->st.stdin_open || i->st.tty)
		return;
	(void)!stat(arena_printf(&a, "/proc/%lld/fd/0", (long long)i->st.pid), &st);
	if (pipe_adopt(i, "in", st.st_ino, &i->stdin_fd, &e) < 0)
		log_err(LOG_WARN_, &e);
}

static int take_over(struct instance *i, int pidfd)
{
	struct err e = {0};
	bool stopping = i->st.state == STATE_STOPPING;
	int r;

	i->launch.pidfd = pidfd;
	i->launch.pid = (pid_t)i->st.pid;
	i->life = i->st.state == STATE_PAUSED ? PAUSED : UP;
	i->starts = 1;
	i->began_ns = when_mono_ns() - (when_wall_ns() - i->st.started_ns);
	end_tasks(i);
	take_over_net(i);
	i->logs.tty = i->st.tty ? supervisor_take(i->of, i->st.name, "tty") : -1;
	take_stdin(i);
	if (logs_attach(i, true, &e) < 0)
		log_err(LOG_ERROR_, &e);
	if (i->svc && ports_reserve(i, &e) < 0)
		log_err(LOG_WARN_, &e);
	if (state_parent((pid_t)i->st.pid) != getppid()) {
		r = loop_watch(i->of->loop, &i->exited, pidfd, EPOLLIN, on_exited);
		if (r < 0)
			log_warn("%s: watch of its process: %s", i->st.name, strerror(-r));
	}
	instance_resume_health(i);
	if (i->st.retired_ns)
		instance_retire(i);
	nets_announce(i);
	if (stopping)
		instance_event(i, WANT_DOWN);
	return 0;
}

/* Its process is gone and nobody saw it end, or it never got so far. */
static void came_to_an_end(struct instance *i)
{
	struct err e = {0};

	instance_empty_cgroup(i);
	if (logs_attach(i, true, &e) < 0)
		log_err(LOG_WARN_, &e);
	i->life = i->st.state == STATE_STOPPING ? STOPPING : UP;
	i->starts = i->st.started_ns ? 1 : 0;
	i->began_ns = when_mono_ns();
	instance_ended(i, UNKNOWN_EXIT, 0);
}

static bool saw_exit(struct supervisor *s, struct instance *i)
{
	struct exit_record rec;

	for (off_t at = 0; pread(s->exits, &rec, sizeof(rec), at) == sizeof(rec);
	     at += sizeof(rec)) {
		if (!is_of(&rec, i))
			continue;
		if (logs_attach(i, true, &(struct err){0}) < 0)
			log_warn("%s: its last output is lost", i->st.name);
		i->life = i->st.state == STATE_STOPPING ? STOPPING : UP;
		i->starts = 1;
		i->began_ns = when_mono_ns() - (rec.at_ns - i->st.started_ns);
		instance_ended(i, (int)rec.status, rec.at_ns);
		return true;
	}
	return false;
}

static void resume(struct supervisor *s, struct instance *i)
{
	bool other_boot = !i->st.boot_id || strcmp(i->st.boot_id, s->boot_id);
	enum status_state was = i->st.state;
	struct pollfd gone = {.events = POLLIN};
	int pidfd = -1;

	i->st.boot_id = s->boot_id;
	if (was == STATE_CREATED || was == STATE_EXITED || was == STATE_DEAD) {
		i->life = DOWN;
		if (i->st.netns && !other_boot)
			take_over_net(i);
		boot_look(i, other_boot);
		return;
	}
	if (was == STATE_RESTARTING && !other_boot) {
		i->life = WAITING;
		take_over_net(i);
		instance_wait_on(i);
		return;
	}
	if (!other_boot && i->st.pid > 0)
		pidfd = state_adopt((pid_t)i->st.pid, i->st.start_time);
	if (pidfd >= 0 && was == STATE_STARTING) {
		/* Its set-up cannot be followed any more: begun anew. */
		sys_pidfd_signal(pidfd, SIGKILL);
		gone.fd = pidfd;
		(void)!poll(&gone, 1, 3000);
		close(pidfd);
		pidfd = -1;
	} else if (pidfd >= 0) {
		take_over(i, pidfd);
		return;
	}
	if (was == STATE_STARTING || other_boot)
		instance_empty_cgroup(i);
	if (!other_boot)
		take_over_net(i);
	if (i->st.pid > 0 && !other_boot && was != STATE_STARTING && saw_exit(s, i))
		return;
	if (was == STATE_STARTING || other_boot) {
		struct err ignored;

		instance_empty_cgroup(i);
		(void)!(launch_cleanup_paths(i->st.run_dir, i->st.cgroup, &ignored) < 0);
		boot_found(i, was);
		return;
	}
	came_to_an_end(i);
}

void adopt_sweep(struct supervisor *s)
{
	auto_arena a = {0};
	char *dir = arena_printf(&a, "%s/containers", s->root_dir);
	struct err e;
	struct stat st;

	if (s->forget && (stat(status_project_file(&a, s->name), &st) < 0 ||
			  st.st_mtim.tv_sec * NS_PER_SEC + st.st_mtim.tv_nsec == s->loaded_ns)) {
		if (file_remove_tree(AT_FDCWD, s->root_dir, &e) < 0)
			log_err(LOG_WARN_, &e);
		return;
	}
	if (file_remove_tree(AT_FDCWD, dir, &e) < 0)
		log_err(LOG_WARN_, &e);
}

/* Its state is gone, but not what it was: nobody would look after that, and its heir is in its way.
 */
static void end_stranger(struct supervisor *s, const char *name)
{
	auto_arena a = {0};
	char *dir = arena_printf(&a, "%s/c/%s", s->run_dir, name);
	struct container_spec spec;
	struct pollfd gone = {.events = POLLIN};
	struct err e;
	uint64_t start;
	pid_t pid;

	if (state_read(&a, arena_printf(&a, "%s/runtime.json", dir), &spec, &pid, &start, &e) < 0)
		return;
	gone.fd = state_adopt(pid, start);
	if (gone.fd >= 0) {
		log_warn("%s: its state is lost, it is ended", name);
		if (cgroup_kill(spec.cgroup_path, &e) < 0)
			log_err(LOG_WARN_, &e);
		(void)!poll(&gone, 1, 3000);
		close(gone.fd);
	}
	if (launch_cleanup_paths(dir, spec.cgroup_path, &e) < 0)
		log_err(LOG_WARN_, &e);
}

/* A power cut can tear a state file. What the container had written stays, for a person. */
static void put_aside(struct supervisor *s, const char *name, const char *dir)
{
	auto_arena a = {0};
	char *lost = arena_printf(&a, "%s/lost", s->root_dir);
	char *to = arena_printf(&a, "%s/%s-%lld", lost, name, (long long)when_wall_ns());

	(void)!mkdir(lost, 0700);
	if (rename(dir, to) < 0)
		log_error("%s: %s", dir, strerror(errno));
	else
		log_warn("%s is kept as %s; another container takes its place", name, to);
	s->torn = true;
}

static void add(struct supervisor *s, const char *name)
{
	auto_arena a = {0};
	struct err e = {0};
	struct stat sb;
	char *dir = arena_printf(&a, "%s/containers/%s", s->root_dir, name);

	if (stat(arena_printf(&a, "%s/state.json", dir), &sb) < 0) {
		/* A creation or a removal that was cut off, or somebody has removed the file. */
		end_stranger(s, name);
		if (remains_remove(s, dir, &e) < 0)
			log_err(LOG_WARN_, &e);
		return;
	}
	if (instance_adopt(s, name, &e) < 0) {
		log_err(LOG_ERROR_, &e);
		end_stranger(s, name);
		put_aside(s, name, dir);
	}
}

int adopt_all(struct supervisor *s, struct err *e)
{
	auto_arena a = {0};
	struct err why = {0};
	DIR *d;
	struct dirent *ent;

	if (!access(status_project_file(&a, s->name), F_OK) && supervisor_load(s, &why) < 0)
		log_err(LOG_ERROR_, &why);
	d = opendir(arena_printf(&a, "%s/containers", s->root_dir));
	while (d && (ent = readdir(d))) {
		if (ent->d_name[0] != '.')
			add(s, ent->d_name);
	}
	if (d)
		closedir(d);
	/* Half-made processes are copies of the dead supervisor and hold its sockets. */
	for (struct instance *i = s->instances; i; i = i->next) {
		if (i->st.state == STATE_STARTING)
			instance_empty_cgroup(i);
	}
	for (struct instance *i = s->instances; i; i = i->next)
		resume(s, i);
	s->exits_read = 0;
	adopt_exits(s);
	remains_resume(s);
	for (struct instance *i = s->instances; i; i = i->next) {
		if (i->life == DOWN &&
		    i->st.auto_remove) /* what came between its end and its removal */
			loop_later(s->loop, &i->gone, instance_gone);
	}
	if (s->instances)
		ports_apply_later(s);
	boot_bring_back(s);
	return 0;
}
