#include "supervise/daemon.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/sys.h"
#include "base/when.h"
#include "compose/load.h"
#include "net/publish.h"
#include "net/resolver.h"
#include "runtime/cgroup.h"
#include "runtime/state.h"
#include "supervise/adopt.h"
#include "supervise/apply.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

int supervisor_take(struct supervisor *s, const char *of, const char *what)
{
	auto_arena a = {0};
	char *name = arena_printf(&a, "%s:%s", of, what);

	for (size_t k = 0; k < s->handover->n; k++) {
		struct guard_slot *slot = (struct guard_slot *)(uintptr_t)&s->handover->slots[k];

		if (slot->fd < 0 && !slot->name[0])
			break;
		if (slot->fd >= 0 && !strcmp(slot->name, name))
			return take_fd(&slot->fd);
	}
	return -1;
}

/* Names longer than a slot takes are hashed by their owner's id elsewhere; here they are refused
 * and the descriptor then lives with the supervisor alone. */
void supervisor_keep(struct supervisor *s, const char *of, const char *what, int fd)
{
	auto_arena a = {0};
	char *name = arena_printf(&a, "%s:%s", of, what);
	int r = guardian_keep(s->guardian, name, fd);

	if (r < 0)
		log_warn("the guardian does not keep %s: %s", name, strerror(-r));
}

void supervisor_drop(struct supervisor *s, const char *of, const char *what)
{
	auto_arena a = {0};
	auto_fd int mine = supervisor_take(s, of, what);

	(void)mine;
	(void)guardian_drop(s->guardian, arena_printf(&a, "%s:%s", of, what));
}

static void rebind(struct supervisor *s)
{
	for (struct instance *i = s->instances; i; i = i->next) {
		if (!i->st.one_off || !i->own.chunks)
			i->svc = project_service(s->project, i->st.service);
	}
}

int supervisor_load(struct supervisor *s, struct err *e)
{
	auto_arena a = {0};
	int fresh = s->project ? !s->def : s->def;
	struct project *p;
	struct stat st;
	int r = project_load_saved(&s->defs[fresh], status_project_file(&a, s->name), &p, e);

	if (r < 0) {
		arena_free(&s->defs[fresh]);
		return err_wrap(e, "project \"%s\"", s->name);
	}
	nets_forget(s);
	s->project = p;
	rebind(s);
	if (fresh != s->def)
		arena_free(&s->defs[s->def]);
	s->def = fresh;
	if (!stat(status_project_file(&a, s->name), &st))
		s->loaded_ns = st.st_mtim.tv_sec * NS_PER_SEC + st.st_mtim.tv_nsec;
	return 0;
}

int supervisor_copy_service(struct supervisor *s, struct arena *own, const char *name,
			    struct service **out, struct err *e)
{
	auto_arena a = {0};
	struct project *p;
	int r = project_load_saved(own, status_project_file(&a, s->name), &p, e);

	*out = r < 0 ? NULL : project_service(p, name);
	if (!r && !*out)
		r = err_set(e, ENOENT, "no such service: %s", name);
	if (r < 0)
		arena_free(own);
	return r;
}

static char *pid_path(const struct supervisor *s, struct arena *a)
{
	return arena_printf(a, "%s/supervisor.pid", s->run_dir);
}

static int on_kick(struct later *later)
{
	struct supervisor *s = container_of(later, struct supervisor, kick);
	auto_arena a = {0};
	int r = job_turn_all(s);

	hold_release(s);
	if (s->leaving) {
		bool all_down = true;

		for (struct instance *i = s->instances; i; i = i->next)
			all_down &= i->life == DOWN;
		if (all_down && !s->jobs) {
			unlink(pid_path(s, &a)); /* it was not killed: nobody is to mend it */
			loop_stop(s->loop, 0);
		}
	} else if (s->ending) {
		supervisor_leave(s, NULL);
	}
	return r;
}

void supervisor_kick(struct supervisor *s)
{
	loop_later(s->loop, &s->kick, on_kick);
}

void supervisor_leave(struct supervisor *s, const struct conn *last)
{
	auto_arena a = {0};
	auto_fd int lock = -1;
	struct err e;

	if (s->left || !supervisor_is_idle(s) || s->conns != last || (last && last->next))
		return;
	if (file_lock(AT_FDCWD, arena_printf(&a, "%s/start.lock", s->run_dir), FILE_LOCK_TRY, &lock,
		      &e) < 0)
		return; /* somebody is about to connect; the end of that connection asks again */
	s->listener.fn(&s->listener, EPOLLIN);
	if (s->conns != last)
		return;
	s->left = true;
	unlink(status_control_path(&a, s->name));
	loop_unwatch(&s->listener);
	nets_prune_stuck(s);
	if (publish_remove(s->name, &e) < 0)
		log_err(LOG_WARN_, &e);
	(void)!(cgroup_remove(arena_printf(&a, "berth/%s", s->name), &e) < 0);
	adopt_sweep(s);
	if (file_remove_tree(AT_FDCWD, s->run_dir, &e) < 0)
		log_err(LOG_WARN_, &e);
	loop_stop(s->loop, 0);
}

static int on_signal(void *arg, int sig, pid_t from)
{
	struct supervisor *s = arg;

	if (sig == SIGHUP || s->leaving)
		return 0;
	s->leaving = true;
	boot_shut_down(s);
	return 0;
}

/*
 * The guardian was killed: this process takes its place and forks a new supervisor. Pipes are found
 * again inside the containers; a terminal whose master nobody holds hangs up on its container.
 */
static void replace_guardian(struct supervisor *s)
{
	auto_arena a = {0};
	struct strings argv = {0};

	log_warn("the guardian is gone, a new one starts");
	fcntl(s->handover->listen, F_SETFD, 0);
	*vec_push(&a, &argv) = "berth";
	*vec_push(&a, &argv) = GUARDIAN_WORD;
	*vec_push(&a, &argv) = s->name;
	for (struct instance *i = s->instances; i; i = i->next) {
		if (i->logs.tty < 0)
			continue;
		fcntl(i->logs.tty, F_SETFD, 0);
		*vec_push(&a, &argv) = arena_printf(&a, "%d", i->logs.tty);
		*vec_push(&a, &argv) = arena_printf(&a, "%s:tty", i->st.name);
	}
	*vec_push(&a, &argv) = NULL;
	execv("/proc/self/exe", (char **)(uintptr_t)argv.v);
	_exit(1);
}

static int on_guardian(struct watch *w, uint32_t events)
{
	struct supervisor *s = container_of(w, struct supervisor, guardian_watch);
	char msg[8];
	ssize_t n = recv(w->fd, msg, sizeof(msg), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno == ECONNRESET))
		replace_guardian(s);
	adopt_exits(s);
	return 0;
}

static bool is_called(pid_t pid, const char *name)
{
	auto_arena a = {0};
	struct span text;
	struct err ignored;

	return !file_read(&a, AT_FDCWD, arena_printf(&a, "/proc/%d/comm", (int)pid), 64, &text,
			  &ignored) &&
	       text.n == strlen(name) + 1 && !memcmp(text.p, name, text.n - 1);
}

/*
 * A pair that nobody can reach any more, because its socket was removed: by a person, or by itself
 * before it was killed in the middle of leaving.
 */
static void end_predecessor(struct supervisor *s)
{
	auto_arena a = {0};
	struct span text;
	struct err ignored;
	long long pid;
	unsigned long long start;
	auto_fd int pidfd = -1;
	pid_t parent;

	if (file_read(&a, AT_FDCWD, pid_path(s, &a), 64, &text, &ignored) < 0 ||
	    sscanf(span_dup(&a, text), "%lld %llu", &pid, &start) != 2)
		return;
	pidfd = state_adopt((pid_t)pid, start);
	parent = pidfd < 0 ? 0 : state_parent((pid_t)pid);
	if (parent == getppid() || !is_called((pid_t)pid, "berth-super") ||
	    !is_called(parent, "berth-guardian"))
		return;
	log_warn("an unreachable supervisor (process %lld) is ended", pid);
	/* Neither may find the other dead first: it would replace it. */
	(void)!kill(parent, SIGSTOP);
	(void)!sys_pidfd_signal(pidfd, SIGSTOP);
	(void)!kill(parent, SIGKILL);
	(void)!sys_pidfd_signal(pidfd, SIGKILL);
	/* Its end comes when it is scheduled, which a busy machine puts off; until then it takes
	 * from the logs' pipes what is read here too. */
	(void)!poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, 10000);
}

static int write_pid(struct supervisor *s, struct err *e)
{
	auto_arena a = {0};
	uint64_t start = 0;
	char *text;

	(void)state_start_time(getpid(), &start);
	text = arena_printf(&a, "%d %lu\n", (int)getpid(), start);
	return file_replace(AT_FDCWD, pid_path(s, &a), text, strlen(text), 0600, FILE_FAST, e);
}

static const char *boot_id(struct arena *a)
{
	struct span text;
	struct err ignored;

	if (file_read(a, AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, &ignored) < 0)
		return "unknown";
	return span_dup(a, span_trim((struct span){text.p, text.n ? text.n - 1 : 0}));
}

static int prepare(struct supervisor *s, struct err *e)
{
	sigset_t set;
	char *dir;
	int r = paths_make(&s->arena, paths_root(),
			   arena_printf(&s->arena, "projects/%s/containers", s->name), &dir, e);

	if (!r)
		r = paths_make(&s->arena, paths_run(),
			       arena_printf(&s->arena, "projects/%s/netns", s->name), &dir, e);
	if (r < 0)
		return r;
	s->root_dir = status_project_dir(&s->arena, s->name);
	s->run_dir = status_project_run_dir(&s->arena, s->name);
	s->boot_id = boot_id(&s->arena);
	s->exits = sys_open(AT_FDCWD, arena_printf(&s->arena, "%s/exits", s->run_dir), O_RDONLY, 0);
	if (s->exits < 0)
		return err_set(e, -s->exits, "%s/exits: %s", s->run_dir, strerror(-s->exits));
	r = loop_new(&s->loop, e);
	if (!r) {
		end_predecessor(s);
		r = write_pid(s, e);
	}
	if (r < 0)
		return r;
	events_open(s);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	r = loop_signals(s->loop, &set, on_signal, s);
	if (r < 0)
		return err_set(e, -r, "signals: %s", strerror(-r));
	signal(SIGPIPE, SIG_IGN);
	secrets_load(s);
	return resolver_new(s->loop, &s->resolver, e);
}

static int on_lonely(struct timer *t)
{
	struct supervisor *s = container_of(t, struct supervisor, lonely);

	s->ending = true;
	for (struct instance *i = s->instances; i; i = i->next) {
		if (i->life == DOWN && i->st.auto_remove && i->st.takes_project)
			loop_later(s->loop, &i->gone, instance_gone);
	}
	supervisor_kick(s);
	return 0;
}

void supervisor_linger(struct supervisor *s)
{
	s->ending = false;
	loop_timer_in(s->loop, &s->lonely, 5 * NS_PER_SEC, on_lonely);
}

int supervisor_main(const struct handover *h)
{
	struct supervisor *s = mem_new(sizeof(*s));
	struct err e = {0};
	int r;

	prctl(PR_SET_NAME, "berth-super");
	s->name = h->project;
	s->handover = h;
	s->guardian = h->guardian;
	s->journal = -1;
	r = prepare(s, &e);
	if (!r)
		r = loop_watch(s->loop, &s->guardian_watch, h->guardian, EPOLLIN, on_guardian);
	if (!r)
		r = adopt_all(s, &e);
	if (!r)
		r = control_open(s, h->listen, &e);
	if (r < 0) {
		log_err(LOG_ERROR_, &e);
		return 1;
	}
	supervisor_linger(s);
	supervisor_kick(s);
	r = loop_run(s->loop, &e);
	if (r < 0)
		log_err(LOG_ERROR_, &e);
	return r < 0 ? 1 : r;
}
