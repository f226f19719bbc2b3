#include "supervise/guardian.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/sys.h"
#include "base/when.h"
#include "runtime/cgroup.h"
#include "runtime/state.h"
#include "supervise/daemon.h"
#include "supervise/status.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

/*
 * Theory: the supervisor is forked from this process without execve, so it inherits every kept
 * descriptor under the number in its slot and shares the pages of the program. Containers are
 * cloned with CLONE_PARENT and become children of this process. An exit is appended to the file
 * `exits` before it is reaped: a pid names a process until then, so {pid, start time} is unique.
 */
struct guardian {
	const char *project;
	int listen, sock, signals, exits;
	pid_t supervisor;
	int64_t born_ns, wait_ns; /* of the supervisor; pause before the next one */
	struct guard_slot *slots;
	bool ended;
	int code;
};

enum { LISTEN_FD = 3 };

static void keep(struct guardian *g, const char *name, int fd)
{
	struct guard_slot *vacant = NULL;

	for (struct guard_slot *s = g->slots; s < g->slots + GUARD_MAX; s++) {
		if (s->fd >= 0 && !strcmp(s->name, name)) {
			close(s->fd);
			s->fd = -1;
		}
		if (s->fd < 0 && !vacant)
			vacant = s;
		if (s->fd < 0 && !s->name[0])
			break; /* never used from here on */
	}
	if (fd < 0)
		return;
	if (!vacant) {
		close(fd);
		return;
	}
	vacant->fd = fd;
	snprintf(vacant->name, sizeof(vacant->name), "%s", name);
}

static void trim(struct guardian *g, const char *msg, ssize_t n)
{
	uint64_t done;

	if (n < (ssize_t)sizeof(done))
		return;
	memcpy(&done, msg, sizeof(done));
	if (lseek(g->exits, 0, SEEK_END) == (off_t)done && !ftruncate(g->exits, 0))
		lseek(g->exits, 0, SEEK_SET);
}

/* -EAGAIN: nothing more; 0: hung up. */
static ssize_t hear(struct guardian *g)
{
	char msg[128];
	int fd = -1;
	size_t n_fds = 1;
	ssize_t n = sys_recv_fds(g->sock, msg, sizeof(msg) - 1, &fd, &n_fds);

	if (n <= 0)
		return n;
	msg[n] = '\0';
	if (*msg == 'K' && n_fds)
		keep(g, msg + 1, take_fd(&fd));
	else if (*msg == 'D')
		keep(g, msg + 1, -1);
	else if (*msg == 'T')
		trim(g, msg + 1, n - 1);
	if (n_fds && fd >= 0)
		close(fd);
	return n;
}

/* Of the file that both hold: the supervisor had left but for its last steps, or another pair is
 * there by now. */
static bool is_there(const struct guardian *g, bool *ours)
{
	char path[PATH_MAX];
	struct stat mine, there;

	snprintf(path, sizeof(path), "%s/projects/%s/exits", paths_run(), g->project);
	if (stat(path, &there) < 0)
		return false;
	*ours = !fstat(g->exits, &mine) && mine.st_ino == there.st_ino;
	return true;
}

/*
 * What its removal had not come to. Whoever is about to start holds the lock, and takes it over. A
 * supervisor that only goes down with the host leaves its socket, and what comes back needs.
 */
static void remove_rest(const struct guardian *g)
{
	auto_arena a = {0};
	char *dir = arena_printf(&a, "%s/projects/%s", paths_run(), g->project);
	auto_fd int lock = -1;
	bool ours = true;
	struct err e;

	if (access(dir, F_OK) < 0 || !access(status_control_path(&a, g->project), F_OK) ||
	    file_lock(AT_FDCWD, arena_printf(&a, "%s/start.lock", dir), FILE_LOCK_TRY, &lock, &e) <
		    0 ||
	    (is_there(g, &ours) && !ours))
		return;
	if (file_remove_tree(AT_FDCWD, dir, &e) < 0)
		log_err(LOG_WARN_, &e);
}

static void end(struct guardian *g)
{
	remove_rest(g);
	g->ended = true;
}

static int spawn(struct guardian *g)
{
	bool ours = false;
	int pair[2];

	if (!is_there(g, &ours) || !ours) {
		end(g);
		return 0;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	g->born_ns = when_mono_ns();
	g->supervisor = fork();
	if (g->supervisor < 0) {
		close(pair[0]);
		close(pair[1]);
		return -errno;
	}
	if (!g->supervisor) {
		close(pair[0]);
		close(g->signals);
		close(g->exits);
		prctl(PR_SET_CHILD_SUBREAPER, 0);
		_exit(supervisor_main(&(struct handover){.project = g->project,
							 .listen = g->listen,
							 .guardian = pair[1],
							 .slots = g->slots,
							 .n = GUARD_MAX}));
	}
	close(pair[1]);
	g->sock = pair[0];
	return 0;
}

static void supervisor_died(struct guardian *g, int status)
{
	int64_t lived = when_mono_ns() - g->born_ns;

	while (hear(g) > 0)
		;
	close(g->sock);
	g->sock = -1;
	g->supervisor = 0;
	if (WIFEXITED(status) && !WEXITSTATUS(status)) {
		end(g);
		return;
	}
	if (lived > 10 * NS_PER_SEC)
		g->wait_ns = 0;
	else
		g->wait_ns = g->wait_ns ? g->wait_ns * 2 : 10 * NS_PER_MSEC;
	if (g->wait_ns > NS_PER_SEC)
		g->wait_ns = NS_PER_SEC;
	log_warn("supervisor ended with status %#x, a new one starts", (unsigned)status);
}

static void reap(struct guardian *g)
{
	siginfo_t info;
	struct exit_record rec;
	int status;

	for (;;) {
		memset(&info, 0, sizeof(info));
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || !info.si_pid)
			return;
		rec = (struct exit_record){.pid = info.si_pid, .at_ns = when_wall_ns()};
		(void)state_start_time(info.si_pid, &rec.start_time);
		if (info.si_code == CLD_EXITED)
			rec.status = (info.si_status & 0xff) << 8;
		else
			rec.status = info.si_status & 0x7f;
		if (info.si_pid != g->supervisor)
			(void)!write(g->exits, &rec, sizeof(rec));
		if (waitpid(info.si_pid, &status, 0) < 0)
			return;
		if (info.si_pid == g->supervisor)
			supervisor_died(g, status);
		else if (g->sock >= 0)
			(void)!send(g->sock, "X", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

static void on_signals(struct guardian *g)
{
	struct signalfd_siginfo info;

	while (read(g->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTERM && g->supervisor)
			kill(g->supervisor, SIGTERM);
		else if (info.ssi_signo == SIGTERM)
			g->ended = true;
	}
	reap(g);
}

static int turn(struct guardian *g)
{
	struct pollfd fds[] = {{.fd = g->signals, .events = POLLIN},
			       {.fd = g->sock, .events = POLLIN}};
	int64_t due = g->born_ns + g->wait_ns - when_mono_ns();
	int timeout = -1, r;

	if (!g->supervisor)
		timeout = due > 0 ? (int)(due / NS_PER_MSEC) + 1 : 0;
	r = poll(fds, 2, timeout);
	if (r < 0 && errno != EINTR)
		return -errno;
	if (r > 0 && fds[1].revents & POLLIN) {
		while (hear(g) > 0)
			;
	}
	on_signals(g);
	if (!g->supervisor && !g->ended && g->born_ns + g->wait_ns <= when_mono_ns())
		return spawn(g);
	return 0;
}

/* When memory is short, what is restarted goes before what restarts it. */
static void outlive_containers(void)
{
	int fd = sys_open(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY, 0);

	if (fd < 0)
		return;
	(void)!sys_write_all(fd, "-500", 4); /* refused without CAP_SYS_RESOURCE */
	close(fd);
}

static int prepare(struct guardian *g, struct err *e)
{
	auto_arena a = {0};
	char *dir;
	sigset_t set;
	int r = paths_make(&a, paths_run(), arena_printf(&a, "projects/%s", g->project), &dir, e);

	if (r < 0)
		return r;
	g->exits = sys_open(AT_FDCWD, arena_printf(&a, "%s/exits", dir),
			    O_RDWR | O_CREAT | O_APPEND, 0600);
	if (g->exits < 0)
		return err_set(e, -g->exits, "%s/exits: %s", dir, strerror(-g->exits));
	g->slots = mem_array(GUARD_MAX, sizeof(*g->slots));
	for (size_t i = 0; i < GUARD_MAX; i++)
		g->slots[i].fd = -1;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_SETMASK, &set, NULL);
	g->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	cgroup_leave();
	outlive_containers();
	fcntl(LISTEN_FD, F_SETFD, FD_CLOEXEC);
	return 0;
}

/* From a killed guardian, through the supervisor that now is this process. */
static void inherit(struct guardian *g, char **words)
{
	int fd;

	for (; words[0] && words[1] && sscanf(words[0], "%d", &fd) == 1; words += 2) {
		if (!fcntl(fd, F_SETFD, FD_CLOEXEC))
			keep(g, words[1], fd);
	}
}

int guardian_main(int argc, char **argv)
{
	struct guardian g = {.listen = LISTEN_FD, .sock = -1};
	struct err e = {0};
	int r;

	if (argc < 3)
		return 2;
	g.project = argv[2];
	prctl(PR_SET_NAME, "berth-guardian");
	log_open(STDERR_FILENO, LOG_INFO_);
	r = prepare(&g, &e);
	if (r < 0) {
		log_err(LOG_ERROR_, &e);
		return 1;
	}
	inherit(&g, argv + 3);
	r = spawn(&g);
	while (!r && !g.ended)
		r = turn(&g);
	return r < 0 ? 1 : g.code;
}

static int tell(int sock, char what, const char *name, int fd)
{
	char msg[GUARD_NAME + 2];
	int n = snprintf(msg, sizeof(msg), "%c%s", what, name);

	if (n >= (int)sizeof(msg))
		return -ENAMETOOLONG;
	n = sys_send_fds(sock, msg, (size_t)n, &fd, fd >= 0 ? 1 : 0);
	return n < 0 ? n : 0;
}

int guardian_keep(int sock, const char *name, int fd)
{
	return tell(sock, 'K', name, fd);
}

int guardian_drop(int sock, const char *name)
{
	return tell(sock, 'D', name, -1);
}

int guardian_trim(int sock, uint64_t read_so_far)
{
	char msg[1 + sizeof(read_so_far)] = "T";
	int n;

	memcpy(msg + 1, &read_so_far, sizeof(read_so_far));
	n = sys_send_fds(sock, msg, sizeof(msg), NULL, 0);
	return n < 0 ? n : 0;
}
